// Token buckets: how often somebody may do something.
//
// Threading: network thread. Time comes in as an argument.
// Limits: at most `keys_max` buckets; beyond that the one that was not used for longest starts anew.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <list>
#include <map>
#include <optional>

#include "base/time.h"

namespace stoker::api {

struct Rate {
  double per_second = 1;
  double burst = 1;
};

class Bucket {
 public:
  Bucket(Rate rate, Instant now) : rate_(rate), level_(rate.burst), at_(now) {}

  // Takes one; otherwise says how long until there is one.
  std::optional<Duration> take(Instant now) {
    refill(now);
    if (level_ >= 1) {
      level_ -= 1;
      return std::nullopt;
    }
    return wait();
  }
  // The same without taking.
  std::optional<Duration> look(Instant now) {
    refill(now);
    return level_ >= 1 ? std::nullopt : std::optional(wait());
  }

 private:
  void refill(Instant now) {
    if (now <= at_) return;
    level_ = std::min(rate_.burst, level_ + (now - at_).seconds() * rate_.per_second);
    at_ = now;
  }
  Duration wait() const {
    return microseconds(
        static_cast<std::int64_t>(std::ceil((1 - level_) / rate_.per_second * 1e6)));
  }

  Rate rate_;
  double level_;
  Instant at_;
};

template <class Key>
class RateLimit {
 public:
  RateLimit(Rate rate, std::size_t keys_max) : rate_(rate), keys_max_(keys_max) {}

  std::optional<Duration> take(const Key& key, Instant now) { return bucket(key, now).take(now); }
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Entry {
    Bucket bucket;
    typename std::list<Key>::iterator place;
  };

  Bucket& bucket(const Key& key, Instant now) {
    const auto found = buckets_.find(key);
    if (found != buckets_.end()) {
      by_use_.splice(by_use_.end(), by_use_, found->second.place);
      return found->second.bucket;
    }
    if (buckets_.size() >= keys_max_) {
      buckets_.erase(by_use_.front());
      by_use_.pop_front();
    }
    by_use_.push_back(key);
    return buckets_.emplace(key, Entry{Bucket(rate_, now), std::prev(by_use_.end())})
        .first->second.bucket;
  }

  Rate rate_;
  std::size_t keys_max_;
  std::list<Key> by_use_;  // oldest use first
  std::map<Key, Entry> buckets_;
};

// Whole seconds for Retry-After, at least 1.
inline int retry_seconds(Duration wait) {
  return static_cast<int>(std::max<std::int64_t>(1, (wait.us + 999'999) / 1'000'000));
}

}  // namespace stoker::api
