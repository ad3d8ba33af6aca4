// The small words of views.h: names, addresses, shares of time.
#include <algorithm>
#include <array>

#include "api/views.h"
#include "api/wire_ids.h"

namespace stoker::api {

std::string model_name(const Snapshot& snapshot, ModelId id) {
  const auto found = snapshot.models.find(id);
  return found == snapshot.models.end() ? "m" + std::to_string(id.value)
                                        : found->second->model.name;
}

std::string model_title(const Snapshot& snapshot, ModelId id) {
  const auto found = snapshot.models.find(id);
  return found == snapshot.models.end() ? "m" + std::to_string(id.value)
                                        : found->second->model.title;
}

std::string backend_name(const Snapshot& snapshot, BackendId id) {
  for (const controller::BackendView& backend : snapshot.backends) {
    if (backend.info.id == id) return backend.info.name;
  }
  return "b" + std::to_string(id.value);
}

std::optional<ModelId> model_by_name(const Snapshot& snapshot, std::string_view name) {
  for (const auto& [id, model] : snapshot.models) {
    if (model->model.name == name) return id;
  }
  return std::nullopt;
}

void write_model_names(JsonWriter& json, const Snapshot& snapshot,
                       const std::vector<ModelId>& models) {
  json.begin_array();
  for (const ModelId model : models) json.value(model_name(snapshot, model));
  json.end_array();
}

std::string result_url(JobId job, std::uint32_t n) {
  return "/api/v1/jobs/" + wire_id(job) + "/results/" + std::to_string(n);
}

std::string ledger_id(const controller::LedgerEntry& entry) {
  return "e" + std::to_string(entry.seq);
}

std::string_view model_state_name(controller::ModelState state) {
  constexpr std::array<std::string_view, 5> kNames = {"cold", "loading", "hot", "draining",
                                                      "failed"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string_view by_name(controller::By by) {
  constexpr std::array<std::string_view, 4> kNames = {"stoker", "person", "leader", "admin"};
  return kNames.at(static_cast<std::size_t>(by));
}

std::string_view misfit_name(MisfitRule rule) {
  return rule == MisfitRule::refuse ? "refuse" : "turns";
}

std::string_view verdict_name(controller::Verdict verdict) {
  constexpr std::array<std::string_view, 3> kNames = {"fits", "tight", "misfit"};
  return kNames.at(static_cast<std::size_t>(verdict));
}

Shares shares_of(const controller::JobView& job, Instant now) {
  Shares shares{job.queued, job.loading, job.running};
  const Duration open = std::max(Duration(), now - job.share_since);
  switch (job.state) {
    case JobState::accepted:
    case JobState::checking:
    case JobState::queued:
      shares.queued += open;
      break;
    case JobState::loading: {
      // A job that waited before its load began: the open share has two parts.
      const Instant begun = job.load ? std::max(job.share_since, job.load->since) : job.share_since;
      const Duration waited = std::min(open, begun - job.share_since);
      shares.queued += waited;
      shares.loading += open - waited;
      break;
    }
    case JobState::running:
      shares.running += open;
      break;
    default:
      break;
  }
  return shares;
}

}  // namespace stoker::api
