// The job routes of newer versions: GET /api/jobs, one job, cancelling.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "tests/engines/comfyui_server/routes.h"

namespace stoker::engines::comfyui {
namespace {

constexpr std::size_t kJobsListedMax = 200;

Reply refuse(std::string_view why) {
  return Reply::of_json(json::object{{"error", why}}, 400);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::optional<std::size_t> count_in(const Asked& asked, std::string_view name,
                                    std::size_t otherwise) {
  if (!asked.has_query(name)) return otherwise;
  const std::string text = asked.query(name);
  std::size_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The timestamp of the first message of that kind; null if there is none.
json::value time_of(const json::object& entry, std::string_view kind) {
  for (const json::value& message : entry.at("status").at("messages").as_array()) {
    if (message.at(0) == json::value(kind)) return message.at(1).at("timestamp");
  }
  return nullptr;
}

std::int64_t number_in(const json::object& job, std::string_view name) {
  const json::value* value = job.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::int64_t sort_key(const json::object& job, std::string_view by) {
  if (by == "created_at") return number_in(job, "create_time");
  return number_in(job, "execution_end_time") - number_in(job, "execution_start_time");
}

}  // namespace

json::object Routes::job_of(const QueueItem& item, std::string_view status) const {
  json::object job{{"id", item.id}, {"status", status}, {"priority", item.shown_number}};
  if (const json::value* created = item.extra_data.if_contains("create_time"))
    job["create_time"] = *created;
  job["outputs_count"] = 0;
  return job;
}

json::object Routes::job_of_entry(const std::string& id, const json::object& entry) const {
  const json::value interrupted = time_of(entry, "execution_interrupted");
  const json::value failed = time_of(entry, "execution_error");
  const json::value succeeded = time_of(entry, "execution_success");
  const json::array& tuple = entry.at("prompt").as_array();
  json::object job{{"id", id},
                   {"status", !interrupted.is_null() ? "cancelled"
                              : !failed.is_null()    ? "failed"
                                                     : "completed"},
                   {"priority", tuple.at(0)}};
  if (const json::value* created = tuple.at(3).as_object().if_contains("create_time"))
    job["create_time"] = *created;
  job["execution_start_time"] = time_of(entry, "execution_start");
  job["execution_end_time"] = !interrupted.is_null() ? interrupted
                              : !failed.is_null()    ? failed
                                                     : succeeded;
  std::int64_t outputs = 0;
  for (const auto& [node, ui] : entry.at("outputs").as_object()) {
    for (const auto& [kind, list] : ui.as_object()) {
      if (kind != "animated" && list.is_array())
        outputs += static_cast<std::int64_t>(list.as_array().size());
    }
  }
  job["outputs_count"] = outputs;
  for (const json::value& message : entry.at("status").at("messages").as_array()) {
    if (message.at(0) == json::value("execution_error")) job["execution_error"] = message.at(1);
  }
  return job;
}

std::vector<json::object> Routes::all_jobs() const {
  std::vector<json::object> jobs;
  if (state_.running) jobs.push_back(job_of(state_.running->item, "in_progress"));
  for (const QueueItem& item : state_.queue.heap()) jobs.push_back(job_of(item, "pending"));
  for (const auto& [id, entry] : state_.history.entries()) jobs.push_back(job_of_entry(id, entry));
  return jobs;
}

Reply Routes::list_jobs(const Asked& asked) {
  static constexpr std::array<std::string_view, 5> kStates = {"pending", "in_progress", "completed",
                                                              "failed", "cancelled"};
  const std::vector<std::string> wanted = split(asked.query("status"));
  for (const std::string& status : wanted) {
    if (std::ranges::find(kStates, status) == kStates.end()) return refuse("Invalid status value");
  }
  const std::string by = asked.has_query("sort_by") ? asked.query("sort_by") : "created_at";
  const std::string order = asked.has_query("sort_order") ? asked.query("sort_order") : "desc";
  if (by != "created_at" && by != "execution_duration") return refuse("Invalid sort_by value");
  if (order != "asc" && order != "desc") return refuse("Invalid sort_order value");
  const auto limit = count_in(asked, "limit", kJobsListedMax);
  const auto offset = count_in(asked, "offset", 0);
  if (!limit || *limit == 0 || !offset) return refuse("limit and offset must be whole numbers");

  std::vector<json::object> jobs = all_jobs();
  std::erase_if(jobs, [&](const json::object& job) {
    const std::string status(job.at("status").get_string());
    return !wanted.empty() && std::ranges::find(wanted, status) == wanted.end();
  });
  std::vector<std::pair<std::int64_t, std::size_t>> places;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    places.emplace_back(order == "asc" ? sort_key(jobs[i], by) : -sort_key(jobs[i], by), i);
  std::ranges::sort(places);
  json::array shown;
  for (std::size_t i = *offset; i < jobs.size() && shown.size() < *limit; ++i)
    shown.emplace_back(jobs[places[i].second]);
  const bool more = *offset + shown.size() < jobs.size();
  return Reply::of_json(json::object{
      {"jobs", shown},
      {"pagination",
       {{"offset", *offset}, {"limit", *limit}, {"total", jobs.size()}, {"has_more", more}}}});
}

Reply Routes::get_job(const Asked& asked) {
  for (json::object& job : all_jobs()) {
    if (job.at("id") != json::value(asked.rest)) continue;
    if (const json::object* entry = state_.history.find(asked.rest)) {
      const json::array& tuple = entry->at("prompt").as_array();
      job["outputs"] = entry->at("outputs");
      job["execution_status"] = entry->at("status");
      job["workflow"] = {{"prompt", tuple.at(2)}, {"extra_data", tuple.at(3)}};
    }
    return Reply::of_json(job);
  }
  return Reply::of_json(json::object{{"error", "Job not found"}}, 404);
}

bool Routes::cancel(const std::string& id) {
  if (state_.running && state_.running->item.id == id) {
    worker_.interrupt();
    return true;
  }
  if (!state_.queue.remove(id)) return false;
  state_.broadcast_status();
  return true;
}

Reply Routes::cancel_job(const Asked& asked) {
  if (!asked.rest.ends_with("/cancel")) return Reply::text(404, "404: Not Found");
  const std::string id = asked.rest.substr(0, asked.rest.size() - 7);
  return Reply::of_json(json::object{{"cancelled", cancel(id)}});
}

Reply Routes::cancel_jobs(const Asked& asked) {
  const auto request = asked.json_object();
  const json::value* list = request ? request->if_contains("job_ids") : nullptr;
  if (list == nullptr || !list->is_array()) return refuse("job_ids must be a list");
  json::array invalid;
  for (const json::value& id : list->get_array()) {
    if (!id.is_string() || !is_uuid(id.get_string())) invalid.emplace_back(id);
  }
  if (!invalid.empty()) {
    return Reply::of_json(
        json::object{{"error", "job_ids must be UUIDs"}, {"invalid_ids", invalid}}, 400);
  }
  bool any = false;
  for (const json::value& id : list->get_array()) any = cancel(std::string(id.get_string())) || any;
  return Reply::of_json(json::object{{"cancelled", any}});
}

}  // namespace stoker::engines::comfyui
