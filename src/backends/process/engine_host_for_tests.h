// An engine host that a test plays: it notes what it is told and answers when the test says so.
//
// Threading: one thread with a VirtualLoop. Ownership: the engine process owns the host; the test keeps the Script.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/process/engine_host.h"
#include "base/loop.h"

namespace stoker {

// What all hosts of one engine are told and how they answer.
struct HostScript {
  // How the next launches go; without an entry the process runs and is ready at once.
  enum class Launch { runs, never_ready, fails, hangs, port_taken, dies };
  std::deque<Launch> launches = {};
  bool leftovers_stay = false;
  bool stays_after_stop = false;
  Duration stop_takes = milliseconds(100);
  Duration launch_takes = milliseconds(10);

  std::vector<net::ChildCommand> launched = {};
  std::vector<std::uint16_t> ports_asked = {};
  std::vector<std::pair<int, Duration>> stops = {};
  int cleared = 0;
  std::uint16_t last_port = 1000;
  int last_group = 100;
  int running = 0;

  // The process that runs now.
  EngineHost::Events events = {};
  Launch now = Launch::runs;

  // The running process ends by itself.
  void end(net::ChildExit exit, const std::vector<std::string>& lines = {}) {
    running = 0;
    if (!lines.empty()) events.lines(lines);
    events.ended({exit, {}});
  }
};

class ScriptedEngineHost final : public EngineHost {
 public:
  ScriptedEngineHost(Loop& loop, std::shared_ptr<HostScript> script)
      : loop_(loop), script_(std::move(script)) {}
  ~ScriptedEngineHost() override {
    *alive_ = false;
    script_->running = 0;
  }

  Result<std::uint16_t> free_port() override { return ++script_->last_port; }

  void clear_leftovers(Done<void> done) override {
    ++script_->cleared;
    const bool stay = script_->leftovers_stay;
    later({}, [done = std::move(done), stay]() mutable {
      if (stay) return done(fail(ErrorCode::internal, "processes of an earlier life stay: 7"));
      done({});
    });
  }

  void launch(net::ChildCommand command, Events events, Done<int> done) override {
    script_->launched.push_back(std::move(command));
    script_->now = HostScript::Launch::runs;
    if (!script_->launches.empty()) {
      script_->now = script_->launches.front();
      script_->launches.pop_front();
    }
    if (script_->now == HostScript::Launch::hangs) return;
    later(script_->launch_takes,
          [this, events = std::move(events), done = std::move(done)]() mutable {
            on_launch(std::move(events), std::move(done));
          });
  }

  void ask(std::uint16_t port, std::string, Duration, Done<int> done) override {
    script_->ports_asked.push_back(port);
    const bool ready = script_->now == HostScript::Launch::runs && script_->running != 0;
    later(milliseconds(1), [done = std::move(done), ready]() mutable {
      if (ready) return done(200);
      done(fail(ErrorCode::backend_down, "nobody listens"));
    });
  }

  void stop(int signal, Duration grace, Done<void> done) override {
    script_->stops.emplace_back(signal, grace);
    later(script_->stop_takes, [this, done = std::move(done)]() mutable {
      if (script_->stays_after_stop) {
        return done(fail(ErrorCode::internal, "processes stay after SIGKILL: 8"));
      }
      const bool ran = std::exchange(script_->running, 0) != 0;
      done({});
      if (ran) script_->events.ended({{.by_signal = true, .number = 15}, {}});
    });
  }

 private:
  void on_launch(Events events, Done<int> done) {
    if (script_->now == HostScript::Launch::fails) {
      return done(fail(ErrorCode::not_found, "cannot run engine: No such file or directory"));
    }
    script_->events = std::move(events);
    script_->running = ++script_->last_group;
    done(script_->running);
    if (script_->now == HostScript::Launch::port_taken) {
      script_->end({.by_signal = false, .number = 1}, {"bind: Address already in use"});
    } else if (script_->now == HostScript::Launch::dies) {
      script_->end({.by_signal = false, .number = 3}, {"loading", "CUDA error: out of memory"});
    }
  }
  void later(Duration delay, std::move_only_function<void()> work) {
    loop_.after(delay, [alive = alive_, work = std::move(work)]() mutable {
      if (*alive) work();
    });
  }

  Loop& loop_;
  std::shared_ptr<HostScript> script_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace stoker
