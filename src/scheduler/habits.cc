#include "scheduler/habits.h"

namespace stoker::scheduler {
namespace {

const Chain kNothingKnown;
// Spreads the digits of a draw that were not used for the first choice; a prime.
constexpr double kSecondChoice = 7919.0;

}  // namespace

void Habits::idea_begun(PersonHabits& person, Instant now) {
  ++person.ideas;
  if (person.thinking.empty()) return;
  const Duration pause = now - person.thinking.front();
  person.thinking.erase(person.thinking.begin());
  if (pause < kThinkingMax) thinking_us_.observe(static_cast<double>(pause.us));
}

void Habits::idea_ended(PersonHabits& person, const Chain& chain, bool whole, Instant now) {
  person.thinking.push_back(now);
  if (person.thinking.size() > kPausesPerPerson) person.thinking.erase(person.thinking.begin());
  if (!whole || chain.empty()) return;
  if (!person.last_chain.empty())
    stays_.observe(person.last_chain.back() == chain.back() ? 1.0 : 0.0);
  person.last_chain = chain;
  const std::pair group{person.workshop, person.group};
  if (group_chain_.size() < kGroupsRemembered || group_chain_.contains(group))
    group_chain_[group] = chain;
  recent_[recent_next_] = chain;
  recent_next_ = (recent_next_ + 1) % kRecentChains;
  if (recent_size_ < kRecentChains) ++recent_size_;
}

const Chain& Habits::expected(const PersonHabits& person) const {
  if (!person.last_chain.empty()) return person.last_chain;
  const auto group = group_chain_.find({person.workshop, person.group});
  if (group != group_chain_.end()) return group->second;
  if (recent_size_ == 0) return kNothingKnown;
  return recent_[(recent_next_ + kRecentChains - 1) % kRecentChains];
}

const Chain& Habits::drawn(const PersonHabits& person, double draw) const {
  const bool stays = person.last_chain.empty() || recent_size_ == 0 || draw < stays_.mean();
  if (stays) return expected(person);
  return recent_[static_cast<std::size_t>(draw * kSecondChoice) % recent_size_];
}

}  // namespace stoker::scheduler
