// One managed engine: its process from the start to the end, and again.
//
// Purpose: the states of a process that must be ready before it is used, with its port, its last lines and the pauses
//   between starts. It decides nothing about models.
// Threading: loop; callbacks exactly once, never inside the call.
// Ownership: owns its host. Destroying it ends a running process without waiting and answers nobody.
// Limits: kEngineLinesMax lines kept; kEngineErrorBytesMax of them in an error; kPortTriesMax ports in a row.
// Errors: load_failed (it ended or was not ready in time), run_timeout (the caller's deadline), conflict (stopped before
//   it was ready), and those of the host. Neither environment nor arguments are in an error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/process/engine_command.h"
#include "backends/process/engine_host.h"
#include "backends/process/restart_pause.h"
#include "base/loop.h"
#include "base/ring.h"

namespace stoker {

inline constexpr std::size_t kEngineLinesMax = 200;
inline constexpr std::size_t kEngineErrorBytesMax = 300;
inline constexpr std::size_t kEngineWaitersMax = 1000;
inline constexpr int kPortTriesMax = 4;
inline constexpr Duration kReadyPoll = milliseconds(250);
inline constexpr Duration kReadyAskMax = seconds(5);

enum class EngineState : std::uint8_t { stopped, starting, ready, stopping, failed, backing_off };
std::string_view engine_state_name(EngineState state);

// What follows an end that nobody asked for.
enum class EngineLife : std::uint8_t {
  on_demand,  // nothing until the next `start`
  kept,       // a new start after a pause, again and again
};

class EngineProcess {
 public:
  template <class T>
  using Callback = Backend::Callback<T>;

  struct Listener {
    std::function<void()> group_changed;
    std::function<void(const Error& why)> lost;  // it was ready and is so no more
  };
  struct Facts {
    EngineState state = EngineState::stopped;
    int process_group = 0;    // 0: no process
    std::uint16_t port = 0;   // of the last start
    std::uint64_t lives = 0;  // processes started so far; a port belongs to one of them
    std::string last_error;
    WallTime since;  // of the state
  };

  // `places`: the placeholders but the port.
  EngineProcess(Loop& loop, std::unique_ptr<EngineHost> host, EngineCommand command,
                EnginePlaces places, EngineLife life, Listener listener);
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  // Starts it, or joins the start that is under way; done means ready. When the deadline passes and nobody else waits
  // for an engine on demand, it is stopped before the answer.
  void start(Duration deadline, Callback<void> done);
  // Stops it, whatever it does; starts that wait for it fail. The next start begins anew.
  void stop(Duration grace_max, Callback<void> done);

  EngineState state() const { return facts_.state; }
  const Facts& facts() const { return facts_; }
  const EngineCommand& command() const { return command_; }
  std::vector<std::string> last_lines() const;

 private:
  struct Waiter {
    std::uint64_t id = 0;
    Callback<void> done;
    TimerId deadline;
    std::optional<Error> verdict = {};  // told once the process is gone
  };

  void set_state(EngineState state);
  void begin();
  void begin_after(Duration pause);
  void launch();
  void on_launched(Result<int> group);
  void on_lines(const std::vector<std::string>& lines);
  void ask_ready();
  void become_ready();
  void on_ended(const EngineEnd& end);
  void on_too_late();
  void on_deadline(std::uint64_t waiter);
  void end_process(Duration grace);
  void on_gone(const Result<void>& gone);
  void after_failure(Error why);
  void forget_process();
  std::string with_last_lines(std::string text) const;
  void answer(Callback<void> done, Result<void> result);
  // Those with a verdict get it; the others get `result`, or go on waiting when there is none.
  void answer_waiters(const std::optional<Result<void>>& result);
  void fail_waiters(const Error& why);
  void cancel_timers();

  Loop& loop_;
  std::unique_ptr<EngineHost> host_;
  const EngineCommand command_;
  EnginePlaces places_;
  const EngineLife life_;
  const Listener listener_;
  Facts facts_;
  Ring<std::string> lines_{kEngineLinesMax};
  std::size_t lines_of_life_ = 0;  // how many of them the last process printed
  RestartPause pause_;
  Instant not_before_;
  TimerId timer_;  // of the state: ready in time, next poll, end of the pause
  TimerId poll_;
  bool host_busy_ = false;  // leftovers or a launch under way: cannot be stopped, only waited for
  bool running_ = false;
  bool left_ = false;  // a stop has failed: processes may be there
  bool port_taken_ = false;
  int port_tries_ = 0;
  std::optional<Error> failure_;  // why it is being stopped, when nobody asked for it
  std::vector<Waiter> waiters_;
  std::vector<Callback<void>> stops_;
  Duration grace_;
  std::uint64_t waiters_made_ = 0;
};

}  // namespace stoker
