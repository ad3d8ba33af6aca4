// What can be made to go wrong at an engine.
//
// Threading: network thread; EngineServer offers it to tests from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::engines {

enum class FaultKind : std::uint8_t {
  // Before the route is looked at:
  hang,             // nothing happens until `clear_faults`
  cut_before_head,  // the connection is cut without an answer
  error_status,     // `status` with `text` as the body
  garbage_body,     // 200, application/json, `text` or something that is no JSON
  // In a streamed answer, after `after` records (a non-streamed answer counts as one record):
  cut_stream,         // the connection is cut
  end_stream,         // the stream ends cleanly, but too early
  error_in_stream,    // an error record with `text`, in the engine's own form
  garbage_in_stream,  // a record that is no JSON
  // At loads:
  load_error,     // the load fails; the engine's own error with `text`
  cut_in_load,    // the connection is cut in mid-load and the load aborted
  spill,          // only half of the model fits the device
  out_of_memory,  // the run fails with the engine's own error for that
  // At unloads:
  unload_keeps_memory,  // gone from the engine's list, the device memory stays taken
};

inline constexpr std::size_t kAlways = std::numeric_limits<std::size_t>::max();

struct Fault {
  FaultKind kind;
  std::size_t after = 0;
  int status = 500;
  std::string text = {};
  std::string path = {};        // only requests of this path; empty: all
  std::size_t times = kAlways;  // how often it strikes
};

class Faults {
 public:
  void set(Fault fault) { faults_.push_back(std::move(fault)); }
  void clear() { faults_.clear(); }

  // The first fault of that kind for that path that is due after `sent` records; it has then struck once.
  std::optional<Fault> take(FaultKind kind, std::string_view path = {}, std::size_t sent = kAlways);

 private:
  std::vector<Fault> faults_;
};

}  // namespace stoker::engines
