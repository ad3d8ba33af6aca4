#include "protocol/swarmui/answers.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/bytes.h"
#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::swarmui {
namespace {

namespace json = boost::json;
using namespace comfyui;

constexpr std::size_t kModelsMax = 5000;
constexpr std::size_t kParameterBytesMax = 60;
constexpr int kSettingsDepthMax = 6;

struct Meaning {
  std::string_view words;
  ErrorCode code;
  std::string_view param;
  std::string_view detail;
};

// The first that fits.
constexpr auto kMeanings = std::to_array<Meaning>({
    {"out of memory", ErrorCode::load_failed, "oom", "the engine ran out of memory"},
    {"outofmemory", ErrorCode::load_failed, "oom", "the engine ran out of memory"},
    {"allocation on device", ErrorCode::load_failed, "oom", "the engine ran out of memory"},
    {"generation session interrupted", ErrorCode::conflict, "interrupted",
     "the run was interrupted"},
    {"invalid value for parameter model", ErrorCode::unknown_model, "",
     "the engine does not know the model"},
    {"invalid model value", ErrorCode::unknown_model, "", "the engine does not know the model"},
    {"model not found", ErrorCode::unknown_model, "", "the engine does not know the model"},
    {"model failed to load", ErrorCode::load_failed, "", "the engine could not load the model"},
    {"failed to load the model", ErrorCode::load_failed, "", "no backend could load the model"},
    {"all backends failed to load model", ErrorCode::load_failed, "",
     "no backend could load the model"},
    {"no backends available", ErrorCode::backend_down, "no_backends", "no backend is running"},
    {"no backends match", ErrorCode::bad_request, "no_backends", "no backend can do what is asked"},
    {"all backends are occupied", ErrorCode::backend_down, "occupied", "all backends are occupied"},
    {"no backend has responded", ErrorCode::backend_down, "occupied", "no backend responds"},
    {"do not have permission", ErrorCode::backend_down, "refused", "the engine does not allow it"},
    {"unauthorized", ErrorCode::backend_down, "refused", "the engine does not allow it"},
});

constexpr auto kErrorIds = std::to_array<Meaning>({
    {"invalid_session_id", ErrorCode::backend_down, "session", "the session is not known any more"},
    {"bad_permissions", ErrorCode::backend_down, "refused", "the engine does not allow it"},
    {"bad_route", ErrorCode::backend_down, "route", "the engine does not have this route"},
    {"ratelimit", ErrorCode::backend_down, "occupied", "the engine limits our requests"},
});

std::string lower(std::string_view text) {
  std::string small(text.substr(0, 4096));
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

Error as_error(const Meaning& meaning) {
  return {meaning.code, std::string(meaning.detail), std::string(meaning.param), {}};
}

// "Invalid value for parameter Steps: …", "Missing required parameter 'images'": its name.
std::optional<std::string> parameter_in(const std::string& words) {
  for (const std::string_view before :
       {"invalid value for parameter ", "missing required parameter '"}) {
    const std::size_t at = words.find(before);
    if (at == std::string::npos) continue;
    std::string name;
    for (const char c : std::string_view(words).substr(at + before.size())) {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != ' ') break;
      name += c;
      if (name.size() >= kParameterBytesMax) break;
    }
    return name;
  }
  return std::nullopt;
}

Result<json::object> answer_of(int status, std::string_view body) {
  auto answer = parse_object(body);
  if (!answer) {
    const bool locked = status == 401 || status == 403;
    return fail(ErrorCode::backend_down, "the engine answered " + std::to_string(status),
                locked ? "refused" : "");
  }
  const auto words = text_in(*answer, "error");
  const auto id = text_in(*answer, "error_id");
  if (words || id) return fail(error_of(id.value_or(""), words.value_or("")));
  if (status < 200 || status > 299) {
    return fail(ErrorCode::backend_down, "the engine answered " + std::to_string(status));
  }
  return *std::move(answer);
}

const json::value* find_setting(const json::object& settings, std::string_view wanted, int depth) {
  for (const auto& pair : settings) {
    const json::object* setting = pair.value().if_object();
    if (setting == nullptr) continue;
    const json::value* value = value_in(*setting, "value");
    if (value != nullptr && lower({pair.key().data(), pair.key().size()}) == wanted) return value;
    const json::object* group = value == nullptr ? setting : value->if_object();
    if (group == nullptr || depth == 0) continue;
    if (const json::value* found = find_setting(*group, wanted, depth - 1)) return found;
  }
  return nullptr;
}

}  // namespace

Error error_of(std::string_view error_id, std::string_view words) {
  for (const Meaning& meaning : kErrorIds) {
    if (error_id == meaning.words) return as_error(meaning);
  }
  const std::string text = lower(words);
  for (const Meaning& meaning : kMeanings) {
    if (text.contains(meaning.words)) return as_error(meaning);
  }
  if (const auto name = parameter_in(text)) {
    return {ErrorCode::bad_request, "the engine refuses a parameter", *name, {}};
  }
  return {ErrorCode::internal, "the engine reports an error", "engine_error", {}};
}

std::optional<Error> error_in(int status, std::string_view body) {
  const auto answer = answer_of(status, body);
  return answer ? std::nullopt : std::optional(answer.error());
}

Result<Session> parse_session(int status, std::string_view body) {
  const auto answer = answer_of(status, body);
  if (!answer) return fail(answer.error());
  const auto id = text_in(*answer, "session_id");
  if (!id || id->empty()) return fail(ErrorCode::backend_down, "the engine gives no session");
  return Session{.id = std::string(*id),
                 .version = std::string(text_in(*answer, "version").value_or("").substr(0, 40))};
}

Result<void> parse_done(int status, std::string_view body) {
  const auto answer = answer_of(status, body);
  if (!answer) return fail(answer.error());
  if (flag_in(*answer, "result") == false || flag_in(*answer, "success") == false) {
    return fail(ErrorCode::backend_down, "no backend was there for it", "no_backends");
  }
  return {};
}

Result<std::vector<ListedModel>> parse_models(int status, std::string_view body) {
  const auto answer = answer_of(status, body);
  if (!answer) return fail(answer.error());
  const json::array* files = array_in(*answer, "files");
  if (files == nullptr) return fail(ErrorCode::backend_down, "the engine lists no models");
  std::vector<ListedModel> models;
  for (const json::value& each : *files) {
    const json::object* file = each.if_object();
    const auto name = file == nullptr ? std::nullopt : text_in(*file, "name");
    if (!name || models.size() >= kModelsMax) continue;
    models.push_back(
        {.name = std::string(*name), .loaded = flag_in(*file, "loaded").value_or(false)});
  }
  return models;
}

const ListedModel* resolve(const std::vector<ListedModel>& models, std::string_view name) {
  const auto exact = std::ranges::find(models, name, &ListedModel::name);
  if (exact != models.end()) return &*exact;
  const std::string wanted = plain_model_name(name);
  const auto same = std::ranges::find_if(
      models, [&](const ListedModel& model) { return plain_model_name(model.name) == wanted; });
  return same == models.end() ? nullptr : &*same;
}

Result<std::vector<ListedBackend>> parse_backends(int status, std::string_view body) {
  const auto answer = answer_of(status, body);
  if (!answer) return fail(answer.error());
  std::vector<ListedBackend> backends;
  for (const auto& pair : *answer) {
    const json::object* backend = pair.value().if_object();
    if (backend == nullptr || !text_in(*backend, "status")) continue;
    backends.push_back({.id = std::string(pair.key()),
                        .type = std::string(text_in(*backend, "type").value_or("").substr(0, 60)),
                        .status = std::string(text_in(*backend, "status")->substr(0, 30)),
                        .loads_models = flag_in(*backend, "can_load_models").value_or(true),
                        .max_usages = count_in(*backend, "max_usages").value_or(1)});
  }
  return backends;
}

Result<Status> parse_status(int status, std::string_view body) {
  const auto answer = answer_of(status, body);
  if (!answer) return fail(answer.error());
  Status told;
  if (const json::object* counters = object_in(*answer, "status")) {
    told.waiting = count_in(*counters, "waiting_gens").value_or(0);
    told.live = count_in(*counters, "live_gens").value_or(0);
  }
  if (const json::object* backends = object_in(*answer, "backend_status")) {
    told.backends = text_in(*backends, "status").value_or("").substr(0, 30);
  }
  return told;
}

Result<std::optional<std::int64_t>> parse_card_use(int status, std::string_view body) {
  const auto answer = answer_of(status, body);
  if (!answer) return fail(answer.error());
  const json::object* cards = object_in(*answer, "gpus");
  if (cards == nullptr) return std::optional<std::int64_t>();
  std::uint64_t bytes = 0;
  for (const auto& pair : *cards) {
    const json::object* card = pair.value().if_object();
    if (card != nullptr) bytes += count_in(*card, "used_memory").value_or(0);
  }
  return std::optional(static_cast<std::int64_t>(bytes / kBytesPerMiB));
}

std::optional<double> clears_after_minutes(std::string_view body) {
  const auto answer = parse_object(body);
  const json::object* settings = answer ? object_in(*answer, "settings") : nullptr;
  if (settings == nullptr) return std::nullopt;
  const json::value* value = find_setting(*settings, "clearvramafterminutes", kSettingsDepthMax);
  return value == nullptr ? std::nullopt : number_of(*value);
}

}  // namespace stoker::protocol::swarmui
