#include "backends/rehearsal/virtual_compute.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace stoker {
namespace {

// Less than this is an error of rounding, not work that is left.
constexpr double kRoundingUs = 1e-3;

}  // namespace

VirtualCompute::VirtualCompute(Loop& loop, Contention contention)
    : loop_(loop), contention_(contention), settled_at_(loop.now()) {}

VirtualCompute::~VirtualCompute() {
  for (const auto& [id, work] : works_) loop_.cancel(work.timer);
}

std::size_t VirtualCompute::running(WorkKind kind) const {
  return static_cast<std::size_t>(
      std::count_if(works_.begin(), works_.end(),
                    [kind](const auto& entry) { return entry.second.kind == kind; }));
}

double VirtualCompute::rate(WorkKind kind) const {
  const auto text = static_cast<double>(running(WorkKind::text));
  const auto generation = static_cast<double>(running(WorkKind::generation));
  if (kind == WorkKind::text) {
    const double alone =
        1.0 / (1.0 + contention_.text_parallel_penalty * std::max(0.0, text - 1.0));
    return generation > 0 ? alone * contention_.text_rate_beside_generation : alone;
  }
  const double alone =
      1.0 / (1.0 + contention_.generation_parallel_penalty * std::max(0.0, generation - 1.0));
  return text > 0 ? alone * contention_.generation_rate_beside_text : alone;
}

WorkId VirtualCompute::start(WorkKind kind, Duration work, std::uint32_t steps, OnStep on_step) {
  settle();
  const WorkId id(++started_);
  Work& added = works_[id];
  added.kind = kind;
  added.total_us = static_cast<double>(std::max<std::int64_t>(work.us, 0));
  added.steps = std::max(steps, 1U);
  added.on_step = std::move(on_step);
  time_all_again();
  return id;
}

void VirtualCompute::stop(WorkId id) {
  const auto found = works_.find(id);
  if (found == works_.end()) return;
  settle();
  loop_.cancel(found->second.timer);
  works_.erase(found);
  time_all_again();
}

// Writes down what every work has done since the rates last changed.
void VirtualCompute::settle() {
  const Instant now = loop_.now();
  const auto passed_us = static_cast<double>((now - settled_at_).us);
  settled_at_ = now;
  if (passed_us <= 0) return;
  const double text = rate(WorkKind::text);
  const double generation = rate(WorkKind::generation);
  for (auto& [id, work] : works_) {
    work.done_us += passed_us * (work.kind == WorkKind::text ? text : generation);
  }
}

void VirtualCompute::time_all_again() {
  for (auto& [id, work] : works_) time_next_step(id, work);
}

void VirtualCompute::time_next_step(WorkId id, Work& work) {
  loop_.cancel(work.timer);
  const double left_us = std::max(0.0, work.boundary_us() - work.done_us - kRoundingUs);
  const auto delay = microseconds(static_cast<std::int64_t>(std::ceil(left_us / rate(work.kind))));
  work.timer = loop_.after(delay, [this, id] { step(id); });
}

void VirtualCompute::step(WorkId id) {
  const auto found = works_.find(id);
  if (found == works_.end()) return;
  settle();
  Work& work = found->second;
  work.done_us = work.boundary_us();
  const std::uint32_t finished = ++work.finished;
  // The callback may start and stop works, this one included, so nothing of `work` is touched after
  // it.
  if (finished == work.steps) {
    const OnStep on_step = std::move(work.on_step);
    works_.erase(found);
    time_all_again();
    on_step(finished);
    return;
  }
  time_next_step(id, work);
  const OnStep on_step = work.on_step;
  on_step(finished);
}

}  // namespace stoker
