// How people work: how long they read and think, and which models their ideas need.
//
// Purpose: what is expected next, so that a running text step already announces the picture after it.
// Threading: part of Scheduler; plain values. Nothing here is content: only durations and model ids.
// Limits: the last kRecentChains ideas of everybody, the last idea of each person and of the first kGroupsRemembered groups.
// Method: running means that start from a prior; an idea's rest is the same positions of the person's last idea, else of
//   the group's, else of anybody's.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "domain/ids.h"
#include "scheduler/chain.h"

namespace stoker::scheduler {

inline constexpr std::size_t kRecentChains = 24;
inline constexpr std::size_t kGroupsRemembered = 256;
inline constexpr std::size_t kPausesPerPerson = 32;
// Longer ones are breaks and say nothing about thinking.
inline constexpr Duration kThinkingMax = seconds(400);

// A mean over observations that starts from a prior.
struct RunningMean {
  double count = 1;
  double sum = 0;
  double mean() const { return sum / count; }
  void observe(double x) {
    count += 1;
    sum += x;
  }
};

struct PersonHabits {
  Chain last_chain;
  GroupId group;
  WorkshopId workshop;
  std::vector<Instant>
      thinking;  // since when, one per idea that ended and was not followed by another
  std::uint32_t ideas = 0;
};

class Habits {
 public:
  Duration thinking() const { return {static_cast<std::int64_t>(thinking_us_.mean())}; }
  Duration reading() const { return {static_cast<std::int64_t>(reading_us_.mean())}; }

  void idea_begun(PersonHabits& person, Instant now);
  void has_read(Duration pause) { reading_us_.observe(static_cast<double>(pause.us)); }
  // `whole`: the idea came to its result; otherwise it was given up and says nothing about chains.
  void idea_ended(PersonHabits& person, const Chain& chain, bool whole, Instant now);

  // The chain of models that an idea of this person most likely needs; empty if nothing is known.
  const Chain& expected(const PersonHabits& person) const;
  // A plausible next chain for a draw in [0, 1): the last one with the learned probability, else one of the recent.
  const Chain& drawn(const PersonHabits& person, double draw) const;

 private:
  RunningMean thinking_us_{1, 90e6};
  RunningMean reading_us_{1, 10e6};
  RunningMean stays_{2, 1.4};  // the same last model as in the idea before
  std::map<std::pair<WorkshopId, GroupId>, Chain> group_chain_;
  std::array<Chain, kRecentChains> recent_{};
  std::uint32_t recent_size_ = 0;
  std::uint32_t recent_next_ = 0;
};

}  // namespace stoker::scheduler
