// Deadlines without a timer per operation: one field per connection, one timer per Network.
//
// Purpose: setting and clearing a deadline is a store and two pointer writes; a sweep over all set
//   deadlines finds the passed ones. Deadlines below kShortDeadline pass within 10 ms of their
//   time, longer ones within a second.
// Threading: network thread; destruction also on the owner thread after the network thread has
//   ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <limits>

#include "base/time.h"

namespace stoker::net {

inline constexpr Duration kShortDeadline = seconds(2);

class DeadlineQueue;

class Deadline {
 public:
  Deadline(DeadlineQueue& queue, std::move_only_function<void()> on_passed);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  // Replaces an earlier setting; `on_passed` is called once unless it is cleared or set again
  // before.
  void set(Duration from_now);
  void clear();

 private:
  friend class DeadlineQueue;
  DeadlineQueue* queue_;
  Deadline* previous_ = nullptr;
  Deadline* next_ = nullptr;
  std::int64_t expires_us_ = 0;
  std::int64_t tolerance_us_ = 0;
  bool linked_ = false;
  std::move_only_function<void()> on_passed_;
};

class DeadlineQueue {
 public:
  explicit DeadlineQueue(boost::asio::io_context& io) : timer_(io) {}
  ~DeadlineQueue();
  DeadlineQueue(const DeadlineQueue&) = delete;
  DeadlineQueue& operator=(const DeadlineQueue&) = delete;

 private:
  friend class Deadline;
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  static void link(Deadline*& head, Deadline& deadline);
  void unlink(Deadline& deadline);
  void arm(std::int64_t at_us);
  void sweep();
  void collect_passed(std::int64_t now_us);

  boost::asio::steady_timer timer_;
  Deadline* first_ = nullptr;
  Deadline* passed_ = nullptr;  // during a sweep: those whose callback is due
  std::int64_t armed_at_us_ = kNever;
};

}  // namespace stoker::net
