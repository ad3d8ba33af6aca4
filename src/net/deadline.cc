#include "net/deadline.h"

#include <algorithm>
#include <chrono>

namespace stoker::net {
namespace {

constexpr std::int64_t kShortToleranceUs = 10'000;
constexpr std::int64_t kLongToleranceUs = 1'000'000;

std::int64_t clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Deadline::Deadline(DeadlineQueue& queue, std::move_only_function<void()> on_passed)
    : queue_(&queue), on_passed_(std::move(on_passed)) {}

Deadline::~Deadline() {
  clear();
}

void Deadline::set(Duration from_now) {
  if (queue_ == nullptr) return;
  expires_us_ = clock_us() + std::max<std::int64_t>(from_now.us, 0);
  tolerance_us_ = from_now < kShortDeadline ? kShortToleranceUs : kLongToleranceUs;
  if (linked_) queue_->unlink(*this);
  DeadlineQueue::link(queue_->first_, *this);
  if (expires_us_ < queue_->armed_at_us_) queue_->arm(expires_us_);
}

void Deadline::clear() {
  if (linked_) queue_->unlink(*this);
}

DeadlineQueue::~DeadlineQueue() {
  while (first_ != nullptr || passed_ != nullptr) {
    Deadline& deadline = first_ != nullptr ? *first_ : *passed_;
    unlink(deadline);
    deadline.queue_ = nullptr;
  }
}

void DeadlineQueue::link(Deadline*& head, Deadline& deadline) {
  deadline.previous_ = nullptr;
  deadline.next_ = head;
  if (head != nullptr) head->previous_ = &deadline;
  head = &deadline;
  deadline.linked_ = true;
}

void DeadlineQueue::unlink(Deadline& deadline) {
  if (deadline.previous_ != nullptr) deadline.previous_->next_ = deadline.next_;
  if (deadline.next_ != nullptr) deadline.next_->previous_ = deadline.previous_;
  if (first_ == &deadline) first_ = deadline.next_;
  if (passed_ == &deadline) passed_ = deadline.next_;
  deadline.previous_ = nullptr;
  deadline.next_ = nullptr;
  deadline.linked_ = false;
}

void DeadlineQueue::arm(std::int64_t at_us) {
  armed_at_us_ = at_us;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(at_us)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

// A callback may destroy or set any deadline, also one that is due in the same sweep.
void DeadlineQueue::sweep() {
  const std::int64_t now = clock_us();
  armed_at_us_ = kNever;
  collect_passed(now);
  while (passed_ != nullptr) {
    Deadline& deadline = *passed_;
    unlink(deadline);
    deadline.on_passed_();
  }

  std::int64_t next = armed_at_us_;
  for (const Deadline* d = first_; d != nullptr; d = d->next_) {
    next = std::min(next, std::max(d->expires_us_, now + d->tolerance_us_));
  }
  if (next < armed_at_us_) arm(next);
}

void DeadlineQueue::collect_passed(std::int64_t now_us) {
  for (Deadline* d = first_; d != nullptr;) {
    Deadline* const next = d->next_;
    if (d->expires_us_ <= now_us) {
      unlink(*d);
      link(passed_, *d);
    }
    d = next;
  }
}

}  // namespace stoker::net
