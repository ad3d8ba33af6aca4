// What must not be kept longer: texts on their day, workshops some days after their end, old idempotency keys.
#include <utility>

#include "controller/live_controller.h"

namespace stoker::controller {
namespace {

WallTime kept_until(WallTime from, std::uint32_t days) {
  return from + minutes(24 * 60) * static_cast<std::int64_t>(days);
}

}  // namespace

void LiveController::forget_what_is_due() {
  const WallTime now = ports_.loop->wall_now();
  const WallTime oldest_key{now.ms - settings_.idempotency_keep.ms()};
  std::erase_if(idempotency_, [&](const auto& entry) { return entry.second.created < oldest_key; });
  ports_.store->erase({.content_due = now, .idempotency_before = oldest_key},
                      [this](Result<void> done) {
                        if (!done) ports_.log("forgetting_failed", "");
                      });
  std::vector<JobId> without_text;
  for (const auto& [id, record] : world_.jobs()) {
    const WorkshopRecord* workshop = world_.find_workshop(record.view.workshop);
    const std::uint32_t days = workshop != nullptr ? workshop->workshop.retention_days : 0;
    const bool is_due = kept_until(record.view.created, days) <= now;
    if (record.view.prompt && job_state_is_final(record.view.state) && is_due)
      without_text.push_back(id);
  }
  for (const JobId id : without_text) world_.set_prompt(id, nullptr);
  std::vector<WorkshopId> over;
  for (const auto& [id, record] : world_.workshops()) {
    const bool has_ended = record.workshop.state == WorkshopState::ended;
    if (has_ended && kept_until(record.ended, record.workshop.retention_days) <= now)
      over.push_back(id);
  }
  for (const WorkshopId id : over) {
    erase_workshop(id, [this](Result<Erased> erased) {
      ports_.log(erased ? "workshop_forgotten" : "forgetting_failed", "");
    });
  }
  touch();
  ports_.loop->after(kForgetInterval, [this] { forget_what_is_due(); });
}

}  // namespace stoker::controller
