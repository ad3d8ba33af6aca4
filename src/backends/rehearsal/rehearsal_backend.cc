#include "backends/rehearsal/rehearsal_backend.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "backends/rehearsal/painting/artist.h"
#include "base/random.h"

namespace stoker {
namespace {

// Dummy requests have numbers that no caller uses.
constexpr std::uint64_t kOwnAttempts = 1ULL << 63;
// A text has no sampling steps; it is told in this many pieces.
constexpr std::uint32_t kTextPieces = 24;
// Generation needs some memory on top of its weights: this share of them, up to a limit.
constexpr std::int64_t kWorkingShare = 25;
constexpr MiB kWorkingMax{1024};
constexpr Duration kFindDeadline = seconds(5);

BackendTraits traits_of(const RehearsalOptions& options) {
  BackendTraits traits;
  traits.slots = options.slots;
  traits.granularity = options.granularity;
  traits.can_cancel_one = true;
  traits.can_list_loaded = true;
  traits.streams = options.style == RehearsalStyle::ollama;
  traits.simulated = true;
  return traits;
}

WorkKind kind_of(Medium medium) {
  return medium == Medium::text ? WorkKind::text : WorkKind::generation;
}

std::uint32_t steps_of(const Model& model) {
  if (model.steps_hint > 0) return model.steps_hint;
  switch (model.medium) {
    case Medium::text:
      return kTextPieces;
    case Medium::image:
      return 28;
    case Medium::video:
      return 30;
    case Medium::audio:
    case Medium::music:
      return 50;
  }
  return 1;
}

MiB working_memory(const Model& model) {
  if (model.medium == Medium::text) return {};  // reserved when the model was loaded
  return std::min(kWorkingMax, MiB{model.vram.count / kWorkingShare});
}

Duration run_time(const Model& model, const RehearsalOptions& options, AttemptId attempt) {
  Random random(mix64(options.seed) ^ mix64(0x5a3b1eULL + attempt.value));
  const double factor = random.lognormal_factor(options.time_sigma);
  return microseconds(
      static_cast<std::int64_t>(static_cast<double>(options.scaled(model.run_hint).us) * factor));
}

Error deadline_passed() {
  return {ErrorCode::run_timeout, "deadline passed", {}, {}};
}
Error engine_down() {
  return {ErrorCode::backend_down, "the engine is down", {}, {}};
}

}  // namespace

RehearsalBackend::RehearsalBackend(Loop& loop, VirtualGpu& gpu, RehearsalOptions options,
                                   const std::vector<Model>& models)
    : loop_(loop),
      gpu_(gpu),
      options_(options),
      traits_(traits_of(options)),
      faults_(mix64(options.seed ^ 0xfa17ULL)),
      residency_(loop, gpu, faults_, options_),
      finished_(options.attempts_kept) {
  residency_.set_models(models);
}

RehearsalBackend::~RehearsalBackend() {
  for (auto& [attempt, run] : runs_) {
    loop_.cancel(run.deadline);
    gpu_.compute().stop(run.work);
  }
}

void RehearsalBackend::answer(Duration deadline, std::move_only_function<void(Result<void>)> done) {
  const Duration own = options_.scaled(down_ ? options_.down_delay : options_.answer_delay);
  const bool late = deadline < own;
  auto tell = [this, late, was_down = down_, life = caller_life_,
               done = std::move(done)]() mutable {
    if (life != caller_life_) return;
    if (was_down || down_) return done(fail(engine_down()));
    if (late) return done(fail(deadline_passed()));
    done({});
  };
  loop_.after(late ? deadline : own, std::move(tell));
}

void RehearsalBackend::probe(Duration deadline, Callback<ProbeReport> done) {
  answer(deadline, [this, done = std::move(done)](Result<void> reached) mutable {
    if (!reached) return done(fail(reached.error()));
    done(ProbeReport{options_.style == RehearsalStyle::ollama ? "rehearsal (like Ollama)"
                                                              : "rehearsal (like ComfyUI)"});
  });
}

void RehearsalBackend::list(Duration deadline, Callback<std::vector<OfferedModel>> done) {
  answer(deadline, [this, done = std::move(done)](Result<void> reached) mutable {
    if (!reached) return done(fail(reached.error()));
    done(residency_.catalogue());
  });
}

void RehearsalBackend::observe(Duration deadline, Callback<std::vector<LoadedModel>> done) {
  answer(deadline, [this, done = std::move(done)](Result<void> reached) mutable {
    if (!reached) return done(fail(reached.error()));
    done(residency_.list());
  });
}

void RehearsalBackend::load(ModelId model, Duration deadline, Callback<LoadReport> done) {
  const bool known = residency_.find(model) != nullptr;
  if (down_ || !known || residency_.resident(model) || deadline <= Duration{}) {
    answer(deadline, [this, model, began = loop_.now(),
                      done = std::move(done)](Result<void> reached) mutable {
      if (!reached) return done(fail(reached.error()));
      if (residency_.find(model) == nullptr)
        return done(fail(ErrorCode::unknown_model, "not in the catalogue"));
      if (!residency_.resident(model))
        return done(fail(ErrorCode::load_failed, "the model went away"));
      done(LoadReport{
          .vram = residency_.held(model), .took = loop_.now() - began, .was_there = true});
    });
    return;
  }
  if (options_.loads_take_a_slot()) return load_in_turn(model, deadline, std::move(done));
  load_beside_runs(model, deadline, std::move(done));
}

void RehearsalBackend::load_beside_runs(ModelId model, Duration deadline,
                                        Callback<LoadReport> done) {
  const CallId call = next_call();
  PendingLoad& pending = loads_[call];
  pending = {model, loop_.now(), {}, {}, std::move(done)};
  pending.deadline =
      loop_.after(deadline, [this, call] { end_load(call, fail(deadline_passed())); });
  pending.wish = residency_.want(
      model, [this, call](Result<MiB> loaded) { end_load(call, std::move(loaded)); });
}

void RehearsalBackend::load_in_turn(ModelId model, Duration deadline, Callback<LoadReport> done) {
  Run run;
  run.call.attempt = AttemptId(kOwnAttempts + next_call().value);
  run.call.model = model;
  run.call.deadline = deadline;
  run.only_loads = true;
  run.listeners.push_back(
      {nullptr,
       [this, model, began = loop_.now(), done = std::move(done)](Result<RunReport> end) mutable {
         if (!end) return done(fail(end.error()));
         done(LoadReport{.vram = residency_.held(model), .took = loop_.now() - began});
       }});
  enter(std::move(run));
}

void RehearsalBackend::end_load(CallId call, Result<MiB> outcome) {
  auto ended = loads_.extract(call);
  if (ended.empty()) return;
  PendingLoad& load = ended.mapped();
  loop_.cancel(load.deadline);
  residency_.drop_wish(load.model, load.wish);
  if (!outcome) return load.done(fail(outcome.error()));
  load.done(LoadReport{.vram = *outcome, .took = loop_.now() - load.began});
}

void RehearsalBackend::unload(ModelId model, Duration deadline, Callback<void> done) {
  if (down_ || residency_.find(model) == nullptr || deadline <= Duration{}) {
    answer(deadline, [done = std::move(done)](Result<void> reached) mutable {
      if (!reached) return done(fail(reached.error()));
      done(fail(ErrorCode::unknown_model, "not in the catalogue"));
    });
    return;
  }
  const CallId call = next_call();
  PendingUnload& pending = unloads_[call];
  pending = {model, {}, {}, std::move(done)};
  pending.deadline =
      loop_.after(deadline, [this, call] { end_unload(call, fail(deadline_passed())); });
  pending.wish = residency_.unload(
      model, [this, call](Result<void> gone) { end_unload(call, std::move(gone)); });
}

void RehearsalBackend::end_unload(CallId call, Result<void> outcome) {
  auto ended = unloads_.extract(call);
  if (ended.empty()) return;
  PendingUnload& unload = ended.mapped();
  loop_.cancel(unload.deadline);
  residency_.drop_unload(unload.model, unload.wish);
  unload.done(std::move(outcome));
}

Result<void> RehearsalBackend::refuse(const RunCall& call) const {
  const Model* const model = residency_.find(call.model);
  if (model == nullptr) return fail(ErrorCode::unknown_model, "not in the catalogue");
  if (model->medium != call.medium)
    return fail(ErrorCode::bad_request, "the model makes another medium");
  const bool known = runs_.contains(call.attempt) || finished_.find(call.attempt) != nullptr;
  if (known || call.attempt.value >= kOwnAttempts)
    return fail(ErrorCode::bad_request, "the attempt is not new");
  if (waiting_.size() >= options_.waiting_max)
    return fail(ErrorCode::internal, "the engine's own queue is full");
  return {};
}

void RehearsalBackend::run(RunCall call, std::function<void(RunProgress)> progress,
                           Callback<RunReport> done) {
  const Result<void> refused = refuse(call);
  if (down_ || !refused || call.deadline <= Duration{}) {
    answer(call.deadline, [refused, done = std::move(done)](Result<void> reached) mutable {
      done(fail(reached ? refused.error() : reached.error()));
    });
    return;
  }
  Run run;
  run.call = std::move(call);
  run.listeners.push_back({std::move(progress), std::move(done)});
  enter(std::move(run));
}

void RehearsalBackend::set_deadline(AttemptId attempt, Run& run, Duration deadline) {
  loop_.cancel(run.deadline);
  run.deadline = loop_.after(deadline, [this, attempt] { end(attempt, fail(deadline_passed())); });
}

void RehearsalBackend::enter(Run run) {
  const AttemptId attempt = run.call.attempt;
  const auto entered = runs_.emplace(attempt, std::move(run)).first;
  set_deadline(attempt, entered->second, entered->second.call.deadline);
  waiting_.push_back(attempt);
  dispatch();
}

void RehearsalBackend::dispatch() {
  while (!down_ && in_slots_ < options_.slots && !waiting_.empty()) {
    const AttemptId next = waiting_.front();
    waiting_.pop_front();
    ++in_slots_;
    begin(next);
  }
}

void RehearsalBackend::begin(AttemptId attempt) {
  Run& run = runs_.at(attempt);
  run.stage = Stage::loading;
  if (residency_.resident(run.call.model)) {
    loop_.post([this, attempt] { on_loaded(attempt, MiB{}); });
    return;
  }
  run.wish = residency_.want(run.call.model, [this, attempt](Result<MiB> loaded) {
    on_loaded(attempt, std::move(loaded));
  });
}

void RehearsalBackend::on_loaded(AttemptId attempt, Result<MiB> loaded) {
  const auto found = runs_.find(attempt);
  if (found == runs_.end() || found->second.stage != Stage::loading) return;
  if (!loaded) return end(attempt, fail(loaded.error()));
  if (found->second.only_loads) return end(attempt, RunReport{});
  begin_sampling(attempt);
}

void RehearsalBackend::begin_sampling(AttemptId attempt) {
  Run& run = runs_.at(attempt);
  const ModelId id = run.call.model;
  if (!residency_.resident(id)) return begin(attempt);  // it went between two tasks: once more
  const Model& model = *residency_.find(id);
  run.stage = Stage::sampling;
  run.holds_model = true;
  residency_.hold(id);
  run.working = gpu_.take_working(options_.id, id, working_memory(model));
  run.steps = steps_of(model);
  run.fault = faults_.take_for_run(id);
  if (run.fault && run.fault->at_fraction <= 0) return apply_fault(attempt, run);
  run.work =
      gpu_.compute().start(kind_of(model.medium), run_time(model, options_, attempt), run.steps,
                           [this, attempt](std::uint32_t finished) { on_step(attempt, finished); });
}

void RehearsalBackend::on_step(AttemptId attempt, std::uint32_t finished) {
  const auto found = runs_.find(attempt);
  if (found == runs_.end()) return;
  Run& run = found->second;
  if (run.cancelled) return end(attempt, fail(ErrorCode::conflict, "cancelled"));
  if (run.fault && finished >= run.fault->at_fraction * run.steps) return apply_fault(attempt, run);
  if (!run.paint_begun) begin_painting(attempt, run);
  if (finished == run.steps) run.stage = Stage::painting;
  // Listeners may do anything, so the run is looked up again afterwards.
  const RunProgress progress{finished, run.call.medium == Medium::text ? 0 : run.steps};
  std::vector<std::function<void(RunProgress)>> tellers;
  for (const Listener& listener : run.listeners) tellers.push_back(listener.progress);
  for (const auto& tell : tellers) {
    if (tell) tell(progress);
  }
  const auto again = runs_.find(attempt);
  if (again == runs_.end() || again->second.stage != Stage::painting || !again->second.painted)
    return;
  end(attempt, std::move(*again->second.painted));
}

void RehearsalBackend::apply_fault(AttemptId attempt, Run& run) {
  gpu_.compute().stop(std::exchange(run.work, {}));
  if (run.fault->kind == FaultKind::stall) return;
  end_soon(attempt, {ErrorCode::internal, "the rehearsal was told to fail this run", {}, {}});
}

void RehearsalBackend::begin_painting(AttemptId attempt, Run& run) {
  run.paint_begun = true;
  const Model& model = *residency_.find(run.call.model);
  PaintOrder order{model.medium, run.call.prompt, run.call.seed, model.name, options_.detail};
  // Written off the loop, read on it; the loop orders the two.
  const auto canvas = std::make_shared<Result<RunOutput>>();
  const std::size_t bytes_max = run.call.output_bytes_max;
  loop_.offload([canvas, order = std::move(order)] { *canvas = paint(order); },
                [this, attempt, canvas, bytes_max] {
                  if (!*canvas) return on_painted(attempt, fail(canvas->error()));
                  if ((*canvas)->bytes.size() > bytes_max) {
                    return on_painted(
                        attempt, fail(ErrorCode::too_large, "the result is larger than allowed"));
                  }
                  RunReport report{{}, true};
                  report.outputs.push_back(std::move(**canvas));
                  on_painted(attempt, std::move(report));
                });
}

void RehearsalBackend::on_painted(AttemptId attempt, Result<RunReport> painted) {
  const auto found = runs_.find(attempt);
  if (found == runs_.end()) return;
  if (found->second.stage == Stage::painting) return end(attempt, std::move(painted));
  found->second.painted = std::move(painted);
}

void RehearsalBackend::end_soon(AttemptId attempt, Error why) {
  loop_.post([this, attempt, why = std::move(why)] { end(attempt, fail(why)); });
}

// Gives back all that a run holds at the card.
void RehearsalBackend::release(AttemptId attempt, Run& run) {
  loop_.cancel(run.deadline);
  gpu_.compute().stop(run.work);
  if (run.wish) residency_.drop_wish(run.call.model, run.wish);
  if (run.holds_model) {
    gpu_.give_back_working(options_.id, run.call.model, run.working);
    residency_.let_go(run.call.model);
  }
  if (run.stage == Stage::waiting) {
    std::erase(waiting_, attempt);
  } else {
    --in_slots_;
  }
}

void RehearsalBackend::end(AttemptId attempt, Result<RunReport> outcome) {
  auto ended = runs_.extract(attempt);
  if (ended.empty()) return;
  Run& run = ended.mapped();
  release(attempt, run);
  if (!run.only_loads) finished_.add(attempt, outcome);
  loop_.post([this] { dispatch(); });
  std::vector<CallId> cancels;
  for (const auto& [id, cancel] : cancels_) {
    if (cancel.attempt == attempt) cancels.push_back(id);
  }
  for (Listener& listener : run.listeners) listener.done(outcome);
  for (const CallId id : cancels) end_cancel(id, {});
}

void RehearsalBackend::cancel(AttemptId attempt, Duration deadline, Callback<void> done) {
  const auto found = runs_.find(attempt);
  if (down_ || found == runs_.end() || deadline <= Duration{}) {
    answer(deadline, std::move(done));  // what does not run has stopped
    return;
  }
  const CallId id = next_call();
  PendingCancel& pending = cancels_[id];
  pending = {attempt, {}, std::move(done)};
  pending.deadline = loop_.after(deadline, [this, id] { end_cancel(id, fail(deadline_passed())); });
  found->second.cancelled = true;
  if (found->second.stage != Stage::sampling)
    end_soon(attempt, {ErrorCode::conflict, "cancelled", {}, {}});
}

void RehearsalBackend::end_cancel(CallId call, Result<void> outcome) {
  auto ended = cancels_.extract(call);
  if (ended.empty()) return;
  loop_.cancel(ended.mapped().deadline);
  ended.mapped().done(std::move(outcome));
}

void RehearsalBackend::find_attempt(AttemptId attempt, Callback<AttemptFate> done) {
  answer(kFindDeadline, [this, attempt, done = std::move(done)](Result<void> reached) mutable {
    if (!reached) return done(fail(reached.error()));
    if (runs_.contains(attempt)) return done(AttemptFate::running);
    done(finished_.find(attempt) != nullptr ? AttemptFate::finished : AttemptFate::unknown);
  });
}

void RehearsalBackend::join(RunCall call, std::function<void(RunProgress)> progress,
                            Callback<RunReport> done) {
  const AttemptId attempt = call.attempt;
  const auto found = runs_.find(attempt);
  if (!down_ && found != runs_.end() && call.deadline > Duration{}) {
    set_deadline(attempt, found->second, call.deadline);
    found->second.listeners.push_back({std::move(progress), std::move(done)});
    return;
  }
  answer(call.deadline, [this, attempt, done = std::move(done)](Result<void> reached) mutable {
    if (!reached) return done(fail(reached.error()));
    const Result<RunReport>* const end = finished_.find(attempt);
    if (end == nullptr) return done(fail(ErrorCode::bad_request, "the attempt is not known here"));
    done(*end);
  });
}

void RehearsalBackend::take_down() {
  if (down_) return;
  down_ = true;
  const Duration delay = options_.scaled(options_.down_delay);
  std::vector<Callback<RunReport>> runs;
  std::vector<CallId> cancels;
  for (auto& [attempt, run] : std::exchange(runs_, {})) {
    loop_.cancel(run.deadline);
    gpu_.compute().stop(run.work);
    for (Listener& listener : run.listeners) runs.push_back(std::move(listener.done));
  }
  for (const auto& [id, cancel] : cancels_) cancels.push_back(id);
  waiting_.clear();
  in_slots_ = 0;
  finished_.clear();
  residency_.lose_everything(delay);
  loop_.after(delay, [this, runs = std::move(runs), cancels = std::move(cancels)]() mutable {
    for (auto& done : runs) done(fail(engine_down()));
    for (const CallId id : cancels) end_cancel(id, fail(engine_down()));
  });
}

void RehearsalBackend::lose_model(ModelId model) {
  if (!residency_.lose(model)) return;
  for (auto& [attempt, run] : runs_) {
    if (!run.holds_model || run.call.model != model) continue;
    run.holds_model = false;  // nothing is left to let go
    gpu_.compute().stop(std::exchange(run.work, {}));
    end_soon(attempt, {ErrorCode::internal, "the engine lost the model", {}, {}});
  }
}

void RehearsalBackend::lose_callers() {
  ++caller_life_;
  for (auto& [id, cancel] : std::exchange(cancels_, {})) loop_.cancel(cancel.deadline);
  for (auto& [id, unload] : std::exchange(unloads_, {})) loop_.cancel(unload.deadline);
  for (auto& [id, load] : std::exchange(loads_, {})) {
    loop_.cancel(load.deadline);
    if (options_.style == RehearsalStyle::ollama) residency_.drop_wish(load.model, load.wish);
  }
  for (auto& [attempt, run] : runs_) {
    run.listeners.clear();
    loop_.cancel(std::exchange(run.deadline, {}));
  }
  if (options_.style != RehearsalStyle::ollama) return;
  for (auto& [attempt, run] : std::exchange(runs_, {})) release(attempt, run);
  loop_.post([this] { dispatch(); });
}

}  // namespace stoker
