#include "protocol/openai/answers.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <utility>

#include "protocol/json_access.h"

namespace stoker::protocol::openai {
namespace {

namespace json = boost::json;

std::unexpected<Error> not_understood(std::string_view what) {
  return fail(ErrorCode::internal, "the engine's answer is not understood: " + std::string(what));
}

ListedModel listed_model(const json::object& entry) {
  ListedModel model{.id = text_field(entry, "id"), .owner = text_field(entry, "owned_by")};
  model.has_context = find_field(entry, "max_model_len") != nullptr;
  const json::value* const status = find_field(entry, "status");
  if (status != nullptr && status->is_object()) {
    model.status = text_field(status->get_object(), "value");
    model.failed = true_field(status->get_object(), "failed");
  }
  return model;
}

}  // namespace

Result<std::vector<ListedModel>> parse_models(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object || !object->contains("data")) return not_understood("models");
  std::vector<ListedModel> models;
  if (find_field(*object, "data") == nullptr) return models;
  const json::array* const list = find_list(*object, "data");
  if (list == nullptr) return not_understood("models");
  for (const json::value& value : *list) {
    if (models.size() == kListedMax) break;
    const json::object* const entry = value.if_object();
    if (entry == nullptr || text_field(*entry, "id").empty()) return not_understood("models");
    models.push_back(listed_model(*entry));
  }
  return models;
}

std::optional<LlamaProps> parse_props(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object) return std::nullopt;
  LlamaProps props{.build = short_words(text_field(*object, "build_info"), 80),
                   .slots = whole_field(*object, "total_slots").value_or(0),
                   .sleeping = true_field(*object, "is_sleeping"),
                   .router = text_field(*object, "role") == "router"};
  const bool known = props.router || object->contains("total_slots") ||
                     object->contains("default_generation_settings");
  if (!known) return std::nullopt;
  return props;
}

Result<std::size_t> count_busy_slots(std::string_view body) {
  const auto value = parse_json(body);
  if (!value || !value->is_array()) return not_understood("slots");
  const auto busy = [](const json::value& slot) {
    return slot.is_object() && true_field(slot.get_object(), "is_processing");
  };
  return static_cast<std::size_t>(std::ranges::count_if(value->get_array(), busy));
}

std::optional<std::string> parse_version(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object) return std::nullopt;
  std::string version = short_words(text_field(*object, "version"), 80);
  if (version.empty()) return std::nullopt;
  return version;
}

Result<bool> parse_is_sleeping(std::string_view body) {
  const auto object = parse_json_object(body);
  const json::value* const value = object ? find_field(*object, "is_sleeping") : nullptr;
  if (value == nullptr || !value->is_bool()) return not_understood("is_sleeping");
  return value->get_bool();
}

Result<bool> parse_monitor(std::string_view body) {
  constexpr std::int64_t kBusy = 1;
  constexpr std::int64_t kReady = 2;
  const auto object = parse_json_object(body);
  if (!object) return not_understood("monitor");
  const auto state = whole_field(*object, "state");
  // Without a state it tells of a process, and there is one.
  if (!state) return !object->empty() && find_field(*object, "error") == nullptr;
  return *state == kBusy || *state == kReady;
}

std::optional<std::vector<StudioModel>> parse_studio_models(std::string_view body) {
  const auto object = parse_json_object(body);
  const json::array* const list = object ? find_list(*object, "models") : nullptr;
  if (list == nullptr) return std::nullopt;
  std::vector<StudioModel> models;
  for (const json::value& value : *list) {
    if (models.size() == kListedMax) break;
    const json::object* const entry = value.if_object();
    if (entry == nullptr || text_field(*entry, "key").empty()) return std::nullopt;
    StudioModel model{.key = text_field(*entry, "key")};
    const std::int64_t bytes = whole_field(*entry, "size_bytes").value_or(0);
    model.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes));
    const json::array* const instances = find_list(*entry, "loaded_instances");
    if (instances != nullptr) {
      for (const json::value& instance : *instances) {
        if (!instance.is_object()) continue;
        model.instances.push_back(text_field(instance.get_object(), "id"));
      }
    }
    models.push_back(std::move(model));
  }
  return models;
}

bool is_plain_object(std::string_view body) {
  const auto object = parse_json_object(body);
  return object && find_field(*object, "error") == nullptr;
}

}  // namespace stoker::protocol::openai
