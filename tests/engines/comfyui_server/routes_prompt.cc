// POST /prompt and what follows a prompt: queue, interrupt, free, history.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "tests/engines/comfyui_server/routes.h"

namespace stoker::engines::comfyui {
namespace {

constexpr std::array kSecrets = {"auth_token_comfy_org", "api_key_comfy_org"};

std::string mint(std::uint64_t number) {
  std::array<char, 40> id{};
  std::snprintf(id.data(), id.size(), "00000000-0000-4000-8000-%012llx",
                static_cast<unsigned long long>(number));
  return id.data();
}

// What Python's str() makes of a value.
std::string python_text(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null()) return "None";
  if (value.is_bool()) return value.get_bool() ? "True" : "False";
  return json::serialize(value);
}

// What Python takes for true; absent is false.
bool is_true(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  if (value->is_number()) return value->to_number<double>() != 0;
  return !value->is_string() || !value->get_string().empty();
}

std::vector<std::string> ids_in(const json::object& request, std::string_view name) {
  std::vector<std::string> ids;
  const json::value* list = request.if_contains(name);
  if (list == nullptr || !list->is_array()) return ids;
  for (const json::value& id : list->get_array()) ids.push_back(python_text(id));
  return ids;
}

// What Python cannot iterate over.
bool wrong_list(const json::object& request, std::string_view name) {
  const json::value* list = request.if_contains(name);
  return list != nullptr && !list->is_array();
}

json::object error_of(std::string_view type, std::string_view message, std::string_view details) {
  return {
      {"type", type}, {"message", message}, {"details", details}, {"extra_info", json::object()}};
}

}  // namespace

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (hyphen ? text[i] != '-' : !digit) return false;
  }
  return true;
}

Reply Routes::get_prompt(const Asked&) {
  return Reply::of_json(state_.status());
}

Reply Routes::refuse_prompt(json::object error, json::object node_errors) {
  ++state_.counts.refused;
  return Reply::of_json(
      json::object{{"error", std::move(error)}, {"node_errors", std::move(node_errors)}}, 400);
}

std::optional<QueueItem> Routes::numbered(const json::object& request) {
  QueueItem item;
  if (const json::value* number = request.if_contains("number")) {
    if (!number->is_number()) return std::nullopt;
    item.number = number->to_number<double>();
    item.shown_number = item.number;
    return item;
  }
  const std::int64_t counter = state_.next_number++;
  const std::int64_t own = is_true(request, "front") ? -counter : counter;
  item.number = static_cast<double>(own);
  item.shown_number = own;
  return item;
}

std::optional<std::string> Routes::prompt_id_of(const json::object& request) {
  const json::value* given = request.if_contains("prompt_id");
  if (given == nullptr) return mint(++state_.minted);
  if (!state_.recent()) return python_text(*given);
  if (given->is_null()) return mint(++state_.minted);
  if (given->is_string() && is_uuid(given->get_string())) return std::string(given->get_string());
  return std::nullopt;
}

Reply Routes::post_prompt(const Asked& asked) {
  const auto request = asked.json_object();
  if (!request) return Reply::crash();
  auto item = numbered(*request);
  if (!item) return Reply::crash();
  const json::value* prompt = request->if_contains("prompt");
  if (prompt == nullptr) {
    return refuse_prompt(error_of("no_prompt", "No prompt provided", "No prompt provided"));
  }
  if (!prompt->is_object()) return Reply::crash();
  const auto id = prompt_id_of(*request);
  if (!id) {
    return refuse_prompt(
        error_of("invalid_prompt_id", "prompt_id must be a valid UUID", "prompt_id"));
  }
  ValidationSubject subject{.table = state_.table,
                            .folders = state_.folders(),
                            .era = state_.options.era,
                            .has_picture = [this](std::string_view name) {
                              return state_.files.find(annotated_place(name, "input")) != nullptr;
                            }};
  const json::value* targets = request->if_contains("partial_execution_targets");
  if (targets != nullptr && targets->is_array())
    subject.targets = ids_in(*request, "partial_execution_targets");
  Verdict verdict = validate(prompt->get_object(), subject);
  if (verdict.error) return refuse_prompt(*verdict.error, verdict.node_errors);

  item->id = *id;
  item->prompt = prompt->get_object();
  item->outputs = verdict.outputs;
  const json::value* extra = request->if_contains("extra_data");
  if (extra != nullptr && extra->is_object()) item->extra_data = extra->get_object();
  if (const json::value* client_id = request->if_contains("client_id"))
    item->extra_data["client_id"] = *client_id;
  if (state_.recent()) item->extra_data["create_time"] = state_.now_ms();
  for (const char* secret : kSecrets) {
    const json::value* value = item->extra_data.if_contains(secret);
    if (value == nullptr) continue;
    item->secrets[secret] = *value;
    item->extra_data.erase(secret);
  }
  const json::object answer{{"prompt_id", item->id},
                            {"number", item->shown_number},
                            {"node_errors", verdict.node_errors}};
  const bool accepted = state_.queue.push(std::move(*item));
  ++state_.counts.accepted;
  state_.counts.most_queued = std::max(state_.counts.most_queued, state_.queue_remaining());
  if (accepted) state_.broadcast_status();
  worker_.wake();
  return accepted ? Reply::of_json(answer) : Reply::crash();
}

Reply Routes::get_queue(const Asked&) {
  json::array running;
  json::array pending;
  const auto shown = [this](const QueueItem& item) {
    return state_.recent() ? item.tuple() : item.tuple_with_secrets();
  };
  if (state_.running) running.push_back(shown(state_.running->item));
  for (const auto& late : state_.late) running.push_back(shown(late.item));
  for (const QueueItem& item : state_.queue.heap()) pending.push_back(shown(item));
  return Reply::of_json(json::object{{"queue_running", running}, {"queue_pending", pending}});
}

void Routes::delete_pending(const json::object& request) {
  for (const std::string& id : ids_in(request, "delete")) {
    if (state_.queue.remove(id)) state_.broadcast_status();
  }
}

Reply Routes::post_queue(const Asked& asked) {
  const auto request = asked.json_object();
  if (!request || wrong_list(*request, "delete")) return Reply::crash();
  if (is_true(*request, "clear")) {
    state_.queue.clear();
    state_.broadcast_status();
  }
  delete_pending(*request);
  return Reply::empty();
}

Reply Routes::interrupt(const Asked& asked) {
  ++state_.counts.interrupts;
  const json::object request = asked.json_object().value_or(json::object());
  const json::value* id = request.if_contains("prompt_id");
  const bool by_id =
      state_.options.interrupts_by_id && id != nullptr && !id->is_null() && *id != json::value("");
  const bool hits = !by_id || (state_.running && state_.running->item.id == python_text(*id));
  if (hits) worker_.interrupt();
  return Reply::empty();
}

Reply Routes::free(const Asked& asked) {
  const auto request = asked.json_object();
  if (!request) return Reply::crash();
  state_.unload_models = is_true(*request, "unload_models") || state_.unload_models;
  state_.free_memory = is_true(*request, "free_memory") || state_.free_memory;
  worker_.wake();
  return Reply::empty();
}

// One more request that a late entry is not shown to.
void Routes::reveal_late_entries() {
  std::erase_if(state_.late, [this](State::LateEntry& late) {
    if (late.requests > 0) {
      --late.requests;
      return false;
    }
    state_.history.add(late.item.id, std::move(late.entry));
    return true;
  });
}

Reply Routes::get_history(const Asked& asked) {
  reveal_late_entries();
  const auto number = [&](std::string_view name, std::int64_t otherwise) {
    if (!asked.has_query(name)) return std::optional(otherwise);
    const std::string text = asked.query(name);
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size())
      return std::optional<std::int64_t>();
    return std::optional(value);
  };
  const auto& entries = state_.history.entries();
  const auto size = static_cast<std::int64_t>(entries.size());
  const auto max_items = number("max_items", size);
  const auto offset = number("offset", -1);
  if (!max_items || !offset) return Reply::crash();
  const bool newest = *offset < 0 && asked.has_query("max_items");
  const std::int64_t first =
      newest ? std::max<std::int64_t>(size - *max_items, 0) : std::max<std::int64_t>(*offset, 0);
  json::object shown;
  for (std::int64_t i = first; i < size && i - first < *max_items; ++i) {
    const auto& [id, entry] = entries[static_cast<std::size_t>(i)];
    shown[id] = entry;
  }
  return Reply::of_json(shown);
}

Reply Routes::get_history_of(const Asked& asked) {
  reveal_late_entries();
  const json::object* entry = state_.history.find(asked.rest);
  json::object shown;
  if (entry != nullptr) shown[asked.rest] = *entry;
  return Reply::of_json(shown);
}

Reply Routes::post_history(const Asked& asked) {
  const auto request = asked.json_object();
  if (!request || wrong_list(*request, "delete")) return Reply::crash();
  if (is_true(*request, "clear")) state_.history.clear();
  for (const std::string& id : ids_in(*request, "delete")) state_.history.remove(id);
  return Reply::empty();
}

}  // namespace stoker::engines::comfyui
