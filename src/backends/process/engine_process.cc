#include "backends/process/engine_process.h"

#include <algorithm>
#include <array>
#include <utility>

#include "net/child_lines.h"

namespace stoker {
namespace {

constexpr std::size_t kErrorLinesMax = 5;

// How programs say that somebody else listens on their port.
bool says_port_taken(std::string_view line) {
  constexpr std::array<std::string_view, 3> kWords = {"address already in use", "eaddrinuse",
                                                      "couldn't bind"};
  std::string lower(line);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::any_of(kWords, [&](std::string_view word) { return lower.contains(word); });
}

Error stopped_error() {
  return {ErrorCode::conflict, "the engine was stopped", {}, {}};
}

}  // namespace

std::string_view engine_state_name(EngineState state) {
  switch (state) {
    case EngineState::stopped:
      return "stopped";
    case EngineState::starting:
      return "starting";
    case EngineState::ready:
      return "ready";
    case EngineState::stopping:
      return "stopping";
    case EngineState::failed:
      return "failed";
    case EngineState::backing_off:
      return "backing_off";
  }
  return "stopped";
}

EngineProcess::EngineProcess(Loop& loop, std::unique_ptr<EngineHost> host, EngineCommand command,
                             EnginePlaces places, EngineLife life, Listener listener)
    : loop_(loop),
      host_(std::move(host)),
      command_(std::move(command)),
      places_(std::move(places)),
      life_(life),
      listener_(std::move(listener)) {
  facts_.since = loop_.wall_now();
}

EngineProcess::~EngineProcess() {
  cancel_timers();
  for (const Waiter& waiter : waiters_) loop_.cancel(waiter.deadline);
}

void EngineProcess::start(Duration deadline, Callback<void> done) {
  if (state() == EngineState::ready) return answer(std::move(done), {});
  if (waiters_.size() >= kEngineWaitersMax) {
    return answer(std::move(done), fail(ErrorCode::limit_reached, "too many wait for the engine"));
  }
  const std::uint64_t id = ++waiters_made_;
  const TimerId timer = loop_.after(deadline, [this, id] { on_deadline(id); });
  waiters_.push_back({.id = id, .done = std::move(done), .deadline = timer});
  if (state() != EngineState::stopped && state() != EngineState::failed) return;
  const Duration pause = not_before_ - loop_.now();
  if (pause > Duration{}) return begin_after(pause);
  begin();
}

void EngineProcess::stop(Duration grace_max, Callback<void> done) {
  const EngineState before = state();
  const bool at_rest = before == EngineState::stopped || before == EngineState::failed ||
                       before == EngineState::backing_off;
  fail_waiters(failure_.value_or(stopped_error()));
  failure_.reset();
  if (at_rest && !left_) {
    cancel_timers();
    set_state(EngineState::stopped);
    answer_waiters(std::nullopt);
    return answer(std::move(done), {});
  }
  stops_.push_back(std::move(done));
  if (before == EngineState::stopping) return;
  end_process(std::min(command_.grace, grace_max));
  if (before == EngineState::ready) listener_.lost(stopped_error());
}

std::vector<std::string> EngineProcess::last_lines() const {
  return {lines_.entries().begin(), lines_.entries().end()};
}

void EngineProcess::set_state(EngineState state) {
  if (facts_.state == state) return;
  facts_.state = state;
  facts_.since = loop_.wall_now();
}

void EngineProcess::begin_after(Duration pause) {
  set_state(EngineState::backing_off);
  timer_ = loop_.after(pause, [this] { begin(); });
}

void EngineProcess::begin() {
  cancel_timers();
  set_state(EngineState::starting);
  port_tries_ = 0;
  host_busy_ = true;
  host_->clear_leftovers([this](Result<void> cleared) {
    host_busy_ = false;
    left_ = !cleared;
    if (state() == EngineState::stopping) return on_gone(cleared);
    if (!cleared) {
      return after_failure({ErrorCode::load_failed, cleared.error().detail, {}, {}});
    }
    launch();
  });
}

void EngineProcess::launch() {
  cancel_timers();
  const Result<std::uint16_t> port =
      command_.port != 0 ? Result<std::uint16_t>(command_.port) : host_->free_port();
  if (!port) return after_failure({ErrorCode::load_failed, port.error().detail, {}, {}});
  facts_.port = places_.port = *port;
  const std::uint64_t life = ++facts_.lives;
  port_taken_ = false;
  lines_of_life_ = 0;
  host_busy_ = true;
  const EngineHost::Events events = {.lines =
                                         [this, life](const std::vector<std::string>& lines) {
                                           if (life == facts_.lives) on_lines(lines);
                                         },
                                     .ended =
                                         [this, life](const EngineEnd& end) {
                                           if (life == facts_.lives && running_) on_ended(end);
                                         }};
  host_->launch(child_command(command_, places_), events,
                [this](Result<int> group) { on_launched(std::move(group)); });
}

void EngineProcess::on_launched(Result<int> group) {
  host_busy_ = false;
  if (!group) {
    if (state() == EngineState::stopping) return on_gone({});
    return after_failure({ErrorCode::load_failed, group.error().detail, {}, {}});
  }
  running_ = true;
  facts_.process_group = *group;
  listener_.group_changed();
  if (state() == EngineState::stopping) return end_process(grace_);
  timer_ = loop_.after(command_.ready.max, [this] { on_too_late(); });
  ask_ready();
}

void EngineProcess::on_lines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    lines_.push(line);
    port_taken_ = port_taken_ || says_port_taken(line);
  }
  lines_of_life_ += lines.size();
}

void EngineProcess::ask_ready() {
  host_->ask(facts_.port, command_.ready.path, kReadyAskMax,
             [this, life = facts_.lives](Result<int> status) {
               if (life != facts_.lives || !running_ || state() != EngineState::starting) return;
               if (status && *status == command_.ready.status) return become_ready();
               poll_ = loop_.after(kReadyPoll, [this] { ask_ready(); });
             });
}

void EngineProcess::become_ready() {
  cancel_timers();
  pause_.ready(loop_.now());
  facts_.last_error.clear();
  set_state(EngineState::ready);
  answer_waiters(Result<void>{});
}

void EngineProcess::on_ended(const EngineEnd& end) {
  cancel_timers();
  forget_process();
  if (state() == EngineState::stopping) return;  // the answer to `stop` comes
  left_ = !end.cleared;
  const bool retry = port_taken_ && command_.port == 0 && ++port_tries_ < kPortTriesMax;
  if (state() == EngineState::starting && retry && !left_) return launch();
  const bool was_ready = state() == EngineState::ready;
  const std::string how = "the engine ended with " + net::exit_text(end.exit);
  // What an engine prints while it works may hold what people wrote; what it prints at its start does not.
  Error why{was_ready ? ErrorCode::backend_down : ErrorCode::load_failed,
            was_ready ? how : with_last_lines(how),
            {},
            {}};
  if (left_) why.detail += "; " + end.cleared.error().detail;
  after_failure(why);
  if (was_ready) listener_.lost(why);
}

void EngineProcess::on_too_late() {
  const std::string after = std::to_string(command_.ready.max.ms() / 1000);
  failure_ = Error{ErrorCode::load_failed,
                   with_last_lines("the engine was not ready after " + after + " s"),
                   {},
                   {}};
  end_process(command_.grace);
}

void EngineProcess::on_deadline(std::uint64_t waiter) {
  const auto late = std::ranges::find(waiters_, waiter, &Waiter::id);
  if (late == waiters_.end() || late->verdict) return;
  late->verdict = Error{ErrorCode::run_timeout, "the engine was not ready in time", {}, {}};
  const bool wanted = std::ranges::any_of(waiters_, [](const Waiter& w) { return !w.verdict; });
  if (!wanted && life_ == EngineLife::on_demand && state() == EngineState::starting) {
    return end_process(command_.grace);  // answered when it is gone
  }
  if (!wanted && life_ == EngineLife::on_demand && state() == EngineState::backing_off) {
    cancel_timers();
    set_state(EngineState::failed);
  }
  answer_waiters(std::nullopt);
}

void EngineProcess::end_process(Duration grace) {
  cancel_timers();
  set_state(EngineState::stopping);
  grace_ = grace;
  if (host_busy_) return;  // the answer to what is under way comes first
  host_->stop(command_.stop_signal, grace_, [this](Result<void> gone) { on_gone(gone); });
}

void EngineProcess::on_gone(const Result<void>& gone) {
  const std::optional<Error> failure = std::exchange(failure_, std::nullopt);
  left_ = !gone;
  if (gone) forget_process();
  set_state(gone ? EngineState::stopped : EngineState::failed);
  if (!gone) facts_.last_error = gone.error().detail;
  answer_waiters(gone ? std::nullopt : std::optional(Result<void>(fail(gone.error()))));
  for (Callback<void>& stop : std::exchange(stops_, {})) answer(std::move(stop), gone);
  if (!gone) return;
  if (failure) return after_failure(*failure);
  if (!waiters_.empty()) begin();
}

void EngineProcess::after_failure(Error why) {
  facts_.last_error = why.detail;
  answer_waiters(Result<void>(fail(std::move(why))));
  const Duration pause = pause_.ended(loop_.now());
  not_before_ = loop_.now() + pause;
  if (life_ == EngineLife::kept) return begin_after(pause);
  set_state(EngineState::failed);
}

void EngineProcess::forget_process() {
  running_ = false;
  if (facts_.process_group == 0) return;
  facts_.process_group = 0;
  listener_.group_changed();
}

std::string EngineProcess::with_last_lines(std::string text) const {
  const auto& lines = lines_.entries();
  const std::size_t of_life = std::min({lines_of_life_, lines.size(), kErrorLinesMax});
  std::string last;
  for (std::size_t i = lines.size() - of_life; i < lines.size(); ++i) {
    last += (last.empty() ? ": " : " | ") + lines[i];
  }
  // The end says most: the beginning gives way.
  const std::size_t room = kEngineErrorBytesMax - std::min(kEngineErrorBytesMax, text.size());
  if (last.size() > room) {
    constexpr std::string_view kLeftOut = ": ... ";
    std::size_t from = last.size() - (room - std::min(room, kLeftOut.size()));
    while (from < last.size() && (last[from] & 0xC0) == 0x80) ++from;  // not amid a character
    last = std::string(kLeftOut) + last.substr(from);
  }
  text += last;
  return net::printable_line(text, kEngineErrorBytesMax);
}

void EngineProcess::answer(Callback<void> done, Result<void> result) {
  loop_.post(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void EngineProcess::answer_waiters(const std::optional<Result<void>>& result) {
  std::vector<Waiter> still;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    if (!waiter.verdict && !result) {
      still.push_back(std::move(waiter));
      continue;
    }
    loop_.cancel(waiter.deadline);
    answer(std::move(waiter.done), waiter.verdict ? Result<void>(fail(*waiter.verdict)) : *result);
  }
  waiters_ = std::move(still);
}

void EngineProcess::fail_waiters(const Error& why) {
  for (Waiter& waiter : waiters_) {
    if (!waiter.verdict) waiter.verdict = why;
  }
}

void EngineProcess::cancel_timers() {
  loop_.cancel(std::exchange(timer_, {}));
  loop_.cancel(std::exchange(poll_, {}));
}

}  // namespace stoker
