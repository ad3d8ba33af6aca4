// The way of a child's lines from the network thread to the loop.
//
// Purpose: an engine may print as fast as it likes; the loop gets one batch at a time.
// Threading: network thread; `deliver` runs on the loop.
// Ownership: shared by the task that reads and the batch under way.
// Limits: kFeedLinesMax lines wait; of more, the oldest are left out and counted in a line of their own.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/http/engine_link.h"
#include "net/network.h"

namespace stoker {

inline constexpr std::size_t kFeedLinesMax = 500;

class LineFeed : public std::enable_shared_from_this<LineFeed> {
 public:
  using Deliver = std::function<void(const std::vector<std::string>& lines)>;

  LineFeed(net::Network& network, EngineLink::Post post, Deliver deliver)
      : network_(network), post_(std::move(post)), deliver_(std::move(deliver)) {}

  void add(std::string_view line) {
    if (waiting_.size() == kFeedLinesMax) {
      waiting_.pop_front();
      ++left_out_;
    }
    waiting_.emplace_back(line);
    if (!under_way_) send();
  }

  // Sends what waits, whether or not the batch before has been taken; for the end.
  void flush() {
    if (!waiting_.empty()) send();
  }

 private:
  void send() {
    under_way_ = true;
    std::vector<std::string> lines;
    if (left_out_ > 0) lines.push_back("(" + std::to_string(left_out_) + " lines left out)");
    left_out_ = 0;
    lines.insert(lines.end(), std::make_move_iterator(waiting_.begin()),
                 std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    post_([self = shared_from_this(), lines = std::move(lines)] {
      self->deliver_(lines);
      self->network_.post([self] { self->on_taken(); });
    });
  }
  void on_taken() {
    under_way_ = false;
    flush();
  }

  net::Network& network_;
  const EngineLink::Post post_;
  const Deliver deliver_;
  std::deque<std::string> waiting_;
  std::uint64_t left_out_ = 0;
  bool under_way_ = false;
};

}  // namespace stoker
