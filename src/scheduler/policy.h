// The numbers of the policy in one place.
//
// Purpose: what residency, order and text batches are tuned by; docs/adr/0012 has what was measured for some of them.
// Ownership: a value; a Scheduler keeps its own copy and never changes it.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace stoker::scheduler {

struct Policy {
  // Texts beside running generation slow both, so they are held and served together as soon as one of these holds.
  std::uint32_t text_batch_steps = 10;            // so many are held
  Duration generation_backlog_min = seconds(25);  // less generation work than this is waiting
  // The oldest has waited as long as generation work is waiting (its picture could not be made before anyway), but at
  // least and at most so long; texts that no generation follows wait at most the least.
  Duration text_hold_min = seconds(30);
  Duration text_hold_max = seconds(120);

  // An absent model is overdue when its oldest step waited longer than either allows; it then goes next.
  std::int64_t overdue_patience_percent = 60;
  std::int64_t overdue_loads = 20;
  // Where nobody has said how long people wait, the guarantee takes these for it.
  Duration text_patience_assumed = seconds(300);
  Duration generation_patience_assumed = seconds(480);
  // A model that was served for so many of its load times since it came may be sent away though people wait for it.
  std::int64_t quantum_loads = 5;

  // Keep value of a model: so much per waiting step, per step that is expected, and per step of the recent past.
  std::int64_t keep_per_waiting = 5;
  std::int64_t keep_per_coming = 3;

  // Deadlines are judged with the mean work at this rate of progress.
  std::int64_t assumed_rate_percent = 70;

  // Warm-up begins the sum of the load times and this before an announced start.
  Duration warm_up_margin = seconds(30);
  // Announced text models are fetched back from so long before a planned phase.
  Duration home_lead = seconds(300);

  // A model that does not fit beside the home models is visited when texts are back within this share of their
  // patience, or otherwise only from `visit_edge` before the end of a planned phase to `visit_edge` before the next.
  std::int64_t visit_outage_percent = 60;
  Duration visit_edge = seconds(0);

  // How long an unload takes until it is confirmed, for forecasts.
  Duration unload_expected = seconds(1);
};

}  // namespace stoker::scheduler
