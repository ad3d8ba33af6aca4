// What people are told: a place, a time as a range, and a word when the upper bound has to grow.
//
// Purpose: the shown upper bound only moves down, unless something happened; then a Revise decision says what.
// Threading: part of Scheduler. Cost: one forecast (forecast.h) per update.
// Limits: kForecastJobsMax open jobs; beyond that nobody gets a time, only a place in the queue.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "scheduler/calibration.h"
#include "scheduler/decision.h"
#include "scheduler/event.h"
#include "scheduler/forecast.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

// Growth of the upper bound that is kept to ourselves, and a quarter of the time to the old bound besides: below it, the
// old bound is still a fair thing to say.
inline constexpr Duration kQuoteSlack = seconds(5);

struct Quote {
  bool known = false;
  Instant low_at;
  Instant high_at;
  Duration loading;  // share of the time that is loading
  std::uint32_t ahead = 0;
  std::int64_t order = 0;  // rank among all open jobs by expected end
};

class Quotes {
 public:
  // Looks again after an event; appends a Revise for every job whose bound had to grow.
  void update(const State& state, const Event& event, Instant now, std::vector<Decision>& out);

  const Quote* find(JobId job) const;
  const std::map<JobId, Quote>& all() const { return quotes_; }

  // When the earliest shown bound passes without its job having ended.
  std::optional<Instant> next_overdue(Instant now) const;

 private:
  void revise(JobId id, Quote& shown, const Quote& fresh, const Cause& cause, Instant now,
              std::vector<Decision>& out);

  // What was said first, to learn from once the job has ended.
  struct Said {
    EstimateClass of;
    Duration estimate;
    Instant at;
    DurationRange range;
  };
  Quote quote_of(const State& state, const JobEntry& job, const JobForecast& seen, Instant now);
  void settle(const std::vector<Decision>& decisions, Instant now);

  Calibration calibration_;
  std::unordered_map<JobId, Said> said_;
  std::map<JobId, Quote> quotes_;
};

}  // namespace stoker::scheduler
