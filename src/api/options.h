// What the program tells the API about itself and its surroundings.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/event_hub.h"
#include "api/origin.h"
#include "api/rate_limit.h"
#include "base/time.h"

namespace stoker::api {

// Callable from any thread.
struct Clocks {
  std::function<Instant()> now;       // monotonic, never scaled: limits, tickets
  std::function<WallTime()> wall;     // what people read
  std::function<Instant()> planning;  // the scheduler's time, which --speed scales
};

struct Options {
  std::string version;
  std::string build;
  bool simulated = false;  // every backend is a rehearsal
  double speed = 1;
  std::vector<std::string> languages = {"de", "en"};
  // The catalogue of a language, as JSON; nullopt: there is none.
  std::function<std::optional<std::string_view>(std::string_view language)> messages;
  std::string_view openapi_json;
  OriginRules origin;
  Clocks clocks;

  Rate join_rate{.per_second = 30.0 / 60, .burst = 30};          // per peer address
  Rate wrong_code_rate{.per_second = 120.0 / 60, .burst = 120};  // of all together
  Rate request_rate{.per_second = 50, .burst = 200};             // per token
  std::size_t rate_keys_max = 10'000;
  EventHub::Limits streams;
};

}  // namespace stoker::api
