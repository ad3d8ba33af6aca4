#include "controller/engines.h"

#include <algorithm>
#include <utility>

namespace stoker::controller {
namespace {

constexpr Duration kProbeDeadline = seconds(10);
constexpr std::uint64_t kStepsPerJob = 16;
constexpr std::uint64_t kTriesPerStep = 4096;
constexpr Duration kFreedInterval = milliseconds(250);
// Contexts and pools that stay with an engine's process when a model goes.
constexpr MiB kKeptByEngineMax{1536};

CauseKind cause_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::backend_down:
      return CauseKind::backend_down;
    case ErrorCode::run_timeout:
      return CauseKind::run_timeout;
    case ErrorCode::load_failed:
      return CauseKind::load_failed;
    default:
      return CauseKind::run_failed;
  }
}

}  // namespace

AttemptId attempt_id(JobId job, std::uint32_t step, std::uint32_t attempt) {
  return AttemptId{(job.value * kStepsPerJob + step % kStepsPerJob) * kTriesPerStep +
                   attempt % kTriesPerStep};
}

Engines::Engines(const Ports& ports, const Settings& settings, MemoryMeter& meter, Sink sink,
                 std::function<void()> on_change)
    : ports_(ports),
      settings_(settings),
      meter_(meter),
      sink_(std::move(sink)),
      on_change_(std::move(on_change)) {
  for (const auto& [id, backend] : ports.backends) add_backend(id, *backend);
}

Engines::~Engines() = default;

void Engines::add_backend(BackendId id, Backend& backend) {
  backends_[id] = &backend;
  status_.try_emplace(id, EngineStatus{.since = ports_.loop->wall_now()});
}

// ── residency ────────────────────────────────────────────────────────────────────────────────────

// Every load and unload is a move: a reading of the card, the engine's call, another reading.
void Engines::begin_move(BackendId backend, ModelId model, gpu::HistoryMark mark,
                         std::move_only_function<void(Move)> begun) {
  ++busy_models_[model];
  ++moves_open_[backend];
  const std::uint64_t number = ++moves_begun_[backend];
  meter_.read(mark, [this, backend, model, number, begun = std::move(begun)]() mutable {
    const bool is_only_one = moves_open_[backend] == 1;
    begun({.backend = backend,
           .model = model,
           .began = ports_.loop->now(),
           .used_before = is_only_one ? used_by(backend) : std::nullopt,
           .moves_before = number,
           .runs_before = runs_begun_[backend]});
  });
}

void Engines::end_move(const Move& move) {
  --busy_models_[move.model];
  --moves_open_[move.backend];
}

// Nothing else came or went at this engine meanwhile, so that the difference is this model's.
bool Engines::was_alone(const Move& move) const {
  return moves_begun_.at(move.backend) == move.moves_before;
}

std::optional<MiB> Engines::used_by(BackendId backend) const {
  const auto device = devices_.find(backend);
  return device == devices_.end() ? std::nullopt : meter_.used_by(backend, device->second);
}

// Work at the engine needs memory of its own, which is no part of a model.
bool Engines::had_runs(const Move& move) const {
  const auto begun = runs_begun_.find(move.backend);
  if (begun != runs_begun_.end() && begun->second != move.runs_before) return true;
  return std::any_of(runs_.begin(), runs_.end(),
                     [&](const auto& entry) { return entry.second.order.backend == move.backend; });
}

void Engines::load(const Model& model) {
  const auto begun = [this, settings = model.settings](Move move) {
    backends_.at(move.backend)
        ->load(move.model, settings_.load_deadline,
               [this, move, settings](Result<LoadReport> report) {
                 meter_.read(gpu::HistoryMark::after_load,
                             [this, move, settings, report = std::move(report)] {
                               end_load(move, settings, report);
                             });
               });
  };
  begin_move(model.backend, model.id, gpu::HistoryMark::before_load, begun);
}

void Engines::end_load(const Move& move, std::uint64_t settings, const Result<LoadReport>& report) {
  const bool alone = was_alone(move);
  end_move(move);
  if (!report) {
    const Error& why = report.error();
    note_trouble(move.backend, "load_failed", move.model, why);
    CauseKind cause = CauseKind::load_failed;
    if (why.code == ErrorCode::backend_down) cause = CauseKind::backend_down;
    if (why.param == "spill") cause = CauseKind::spilled;
    sink_({}, scheduler::LoadFailed{move.model, cause});
    if (cause == CauseKind::backend_down && !is_one_of_many(move.backend))
      set_reachable(move.backend, false);
    return;
  }
  MiB grew;
  const std::optional<MiB> used = used_by(move.backend);
  const bool is_its_own = alone && !report->was_there && !had_runs(move);
  if (is_its_own && move.used_before && used) grew = std::max(*used - *move.used_before, MiB{0});
  if (grew > MiB{0}) grew_[move.model] = {move.backend, grew};
  status_[move.backend].trouble.clear();
  const MiB told = report->told.value_or(report->vram);
  const MiB size = report->vram > MiB{0} ? report->vram : std::max(grew, told);
  sink_({LoadMeasured{move.model, settings, grew, told, report->was_there}},
        scheduler::LoadFinished{move.model, size, report->took});
}

void Engines::unload(const Model& model) {
  begin_move(model.backend, model.id, gpu::HistoryMark::before_unload, [this](Move move) {
    backends_.at(move.backend)
        ->unload(move.model, settings_.unload_deadline, [this, move](Result<void> done) mutable {
          move.told_gone = ports_.loop->now();
          if (done) return await_freed(move);
          note_trouble(move.backend, "unload_failed", move.model, done.error());
          end_unload(move, false);
        });
  });
}

std::optional<MiB> Engines::freed(const Move& move) const {
  const std::optional<MiB> used = used_by(move.backend);
  if (!was_alone(move) || !move.used_before || !used) return std::nullopt;
  return std::max(*move.used_before - *used, MiB{0});
}

// As far as it was measured coming: as much became free, or the engine holds no more than its other models. The second
// counts where the memory had gone before we asked.
bool Engines::is_gone(const Move& move) const {
  const std::optional<MiB> free = freed(move);
  const auto came = grew_.find(move.model);
  if (!free || came == grew_.end() || *free + kKeptByEngineMax >= came->second.size) return true;
  MiB others;
  for (const auto& [model, growth] : grew_)
    if (model != move.model && growth.backend == move.backend) others += growth.size;
  return *used_by(move.backend) <= others + kKeptByEngineMax;
}

// The engine says that the model is gone; the card must agree.
void Engines::await_freed(const Move& move) {
  meter_.read(gpu::HistoryMark::after_unload, [this, move] {
    if (is_gone(move)) return end_unload(move, true);
    if (ports_.loop->now() - move.told_gone >= settings_.unload_deadline) {
      note_trouble(
          move.backend, "unload_failed", move.model,
          Error{.code = ErrorCode::internal,
                .detail = "the engine says that the model is gone, but its memory is not free"});
      return end_unload(move, false);
    }
    ports_.loop->after(kFreedInterval, [this, move] { await_freed(move); });
  });
}

void Engines::end_unload(const Move& move, bool is_free) {
  const Duration took = ports_.loop->now() - move.began;
  const UnloadMeasured measured{move.model, freed(move).value_or(MiB{0}), took};
  end_move(move);
  if (is_free) {
    grew_.erase(move.model);
    return sink_({measured}, scheduler::UnloadFinished{move.model});
  }
  sink_({measured}, scheduler::UnloadFailed{move.model});
}

// ── runs ─────────────────────────────────────────────────────────────────────────────────────────

Engines::Run* Engines::find_run(JobId job, AttemptId attempt) {
  const auto it = runs_.find(job);
  if (it == runs_.end()) return nullptr;
  const RunOrder& order = it->second.order;
  return attempt_id(job, order.step, order.attempt) == attempt ? &it->second : nullptr;
}

void Engines::run(RunOrder order) {
  begin(std::move(order), false);
}

void Engines::join(RunOrder order) {
  begin(std::move(order), true);
}

void Engines::begin(RunOrder order, bool joined) {
  const JobId job = order.job;
  const AttemptId attempt = attempt_id(job, order.step, order.attempt);
  Backend& backend = *backends_.at(order.backend);
  RunCall call = pipeline::call_of({.attempt = attempt,
                                    .job = job,
                                    .model = order.model,
                                    .medium = order.medium,
                                    .prompt = order.prompt ? *order.prompt : std::string(),
                                    .seed = order.seed,
                                    .deadline = order.deadline});
  ++runs_begun_[order.backend];
  runs_.insert_or_assign(job, Run{.order = std::move(order), .started = ports_.loop->now()});
  auto progress = [this, job, attempt](RunProgress p) { on_progress(job, attempt, p); };
  auto done = [this, job, attempt](Result<RunReport> report) {
    on_run_done(job, attempt, std::move(report));
  };
  if (joined) {
    backend.join(std::move(call), std::move(progress), std::move(done));
  } else {
    backend.run(std::move(call), std::move(progress), std::move(done));
  }
}

void Engines::on_progress(JobId job, AttemptId attempt, RunProgress progress) {
  Run* run = find_run(job, attempt);
  if (run == nullptr) return;
  run->progress = progress;
  on_change_();
}

void Engines::on_run_done(JobId job, AttemptId attempt, Result<RunReport> report) {
  Run* run = find_run(job, attempt);
  if (run == nullptr) return;
  const std::uint32_t step = run->order.step;
  if (run->stopping) return end_run(job, {}, scheduler::RunStopped{job, step});
  if (!report) {
    if (report.error().code != ErrorCode::run_timeout) return fail_run(job, report.error());
    // The limit passed here; the engine may still be at work: stop it before the slot is given away.
    Backend& backend = *backends_.at(run->order.backend);
    return backend.cancel(attempt, settings_.cancel_deadline,
                          [this, job, attempt, error = report.error()](const Result<void>& done) {
                            if (!done) {
                              ports_.log("cancel_failed", "\"job\":" + std::to_string(job.value));
                            }
                            if (find_run(job, attempt) != nullptr) fail_run(job, error);
                          });
  }
  const bool simulated = report->simulated;
  auto results = pipeline::accept_answer(std::move(*report), run->order.medium,
                                         result_bytes_max(run->order.medium));
  if (!results) return fail_run(job, results.error());
  store_results(job, attempt,
                std::make_shared<std::vector<pipeline::GeneratedResult>>(std::move(*results)),
                simulated);
}

void Engines::store_results(JobId job, AttemptId attempt, const Results& results, bool simulated) {
  const Run* run = find_run(job, attempt);
  if (run == nullptr) return;
  const WorkshopId workshop = run->order.workshop;
  const Medium medium = run->order.medium;
  auto outcome = std::make_shared<Result<void>>();
  ResultFiles* files = ports_.files;
  ports_.loop->offload(
      [files, workshop, job, medium, results, outcome] {
        for (std::uint32_t n = 0; n < results->size() && outcome->has_value(); ++n) {
          const pipeline::GeneratedResult& result = (*results)[n];
          *outcome = files->write({workshop, job, n, std::string(format_extension(result.format))},
                                  medium, result.bytes);
        }
      },
      [this, job, attempt, results, outcome, simulated, medium] {
        Run* at_work = find_run(job, attempt);
        if (at_work == nullptr) return;
        const std::uint32_t step = at_work->order.step;
        if (at_work->stopping) return end_run(job, {}, scheduler::RunStopped{job, step});
        if (outcome->has_value()) {
          std::vector<Record> records;
          for (std::uint32_t n = 0; n < results->size(); ++n) {
            const pipeline::GeneratedResult& result = (*results)[n];
            records.emplace_back(
                ResultStored{job, n, medium, result.format, result.bytes.size(), simulated});
          }
          const Duration took = ports_.loop->now() - at_work->started;
          return end_run(job, records, scheduler::StepFinished{job, step, took});
        }
        const bool may_free_up = outcome->error().code == ErrorCode::disk_full;
        if (!may_free_up || ++at_work->disk_retries > kDiskFullRetriesMax)
          return fail_run(job, outcome->error());
        ports_.loop->after(kDiskFullRetry, [this, job, attempt, results, simulated] {
          store_results(job, attempt, results, simulated);
        });
      });
}

void Engines::end_run(JobId job, const std::vector<Record>& records, scheduler::Event event) {
  runs_.erase(job);
  sink_(records, std::move(event));
}

void Engines::fail_run(JobId job, const Error& error) {
  const RunOrder order = runs_.at(job).order;
  ports_.log("run_failed", "\"code\":\"" + std::string(error_name(error.code)) +
                               "\",\"job\":" + std::to_string(job.value));
  const bool down = error.code == ErrorCode::backend_down;
  const bool model_only = down && is_one_of_many(order.backend);
  // Before the job waits again, so that it does not go to the engine that is gone.
  if (model_only) sink_({}, scheduler::ExternalUnload{order.model});
  end_run(job, {}, scheduler::StepFailed{job, order.step, cause_of(error.code)});
  if (down && !model_only) set_reachable(order.backend, false);
}

void Engines::stop(JobId job) {
  const auto it = runs_.find(job);
  if (it == runs_.end()) return;
  Run& run = it->second;
  if (run.stopping) return;
  run.stopping = true;
  const AttemptId attempt = attempt_id(job, run.order.step, run.order.attempt);
  backends_.at(run.order.backend)
      ->cancel(attempt, settings_.cancel_deadline, [this, job](Result<void> done) {
        // The run's own end comes first and frees the slot; a failed cancel leaves the run to its end.
        if (!done) ports_.log("cancel_failed", "\"job\":" + std::to_string(job.value));
      });
}

std::optional<RunProgress> Engines::progress(JobId job) const {
  const auto it = runs_.find(job);
  return it == runs_.end() ? std::nullopt : it->second.progress;
}

void Engines::find_attempt(BackendId backend, AttemptId attempt,
                           std::function<void(AttemptFate)> done) {
  const auto it = backends_.find(backend);
  if (it == backends_.end()) return done(AttemptFate::unknown);
  it->second->find_attempt(attempt, [done = std::move(done)](Result<AttemptFate> fate) {
    done(fate ? *fate : AttemptFate::unknown);
  });
}

// ── probes ───────────────────────────────────────────────────────────────────────────────────────

struct Engines::Probe {
  std::size_t open = 0;
  Believed believed;
  std::function<void()> all_answered;

  void answer() {
    if (--open == 0 && all_answered) all_answered();
  }
};

void Engines::probe_all(Believed believed, std::function<void()> all_answered) {
  auto probe = std::make_shared<Probe>();
  probe->open = backends_.size() + 1;
  probe->believed = std::move(believed);
  probe->all_answered = std::move(all_answered);
  for (const auto& [id, backend] : backends_) {
    backend->probe(kProbeDeadline, [this, id, backend, probe](Result<ProbeReport> report) {
      if (report) take_report(id, *report);
      if (!report && status_[id].reachable) note_trouble(id, "backend_down", {}, report.error());
      if (!report) status_[id].trouble = report.error().detail;
      if (!report || !backend->traits().can_list_loaded) {
        set_reachable(id, report.has_value());
        return probe->answer();
      }
      backend->observe(kProbeDeadline, [this, id, probe](Result<std::vector<LoadedModel>> loaded) {
        set_reachable(id, loaded.has_value());
        if (loaded) compare_loaded(id, *loaded, probe->believed);
        probe->answer();
      });
    });
  }
  probe->answer();
}

// Details come from adapters, which keep prompts and keys out of them.
void Engines::note_trouble(BackendId id, std::string_view what, ModelId model, const Error& why) {
  status_[id].trouble = why.detail;
  std::string fields = "\"backend\":" + std::to_string(id.value) + ",\"code\":\"" +
                       std::string(error_name(why.code)) + "\",\"detail\":\"";
  for (const char c : why.detail) {
    const bool is_plain = static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
    fields += is_plain ? c : '\'';
  }
  fields += "\"";
  if (model) fields += ",\"model\":" + std::to_string(model.value);
  ports_.log(what, fields);
}

void Engines::take_report(BackendId id, const ProbeReport& report) {
  EngineStatus& status = status_[id];
  if (!status.reachable) status.trouble.clear();
  status.version = report.version;
  status.remarks = report.remarks;
  status.granularity = report.granularity;
  status.models_max = report.holds_max;
}

// Where every model has an engine of its own, a lost one is a model that is gone, and the others go on.
bool Engines::is_one_of_many(BackendId id) const {
  return backends_.at(id)->traits().engine_per_model;
}

void Engines::set_reachable(BackendId id, bool reachable) {
  EngineStatus& status = status_[id];
  if (status.reachable == reachable) return;
  status.reachable = reachable;
  status.since = ports_.loop->wall_now();
  if (!reachable) status.loaded.clear();
  sink_({}, scheduler::BackendReachable{id, reachable});
}

bool Engines::seen_twice(ModelId model, bool differs) {
  if (!differs || busy_models_[model] > 0) {
    differing_.erase(model);
    return false;
  }
  if (differing_.insert(model).second) return false;
  differing_.erase(model);
  return true;
}

void Engines::compare_loaded(BackendId id, const std::vector<LoadedModel>& loaded,
                             const Believed& believed) {
  const std::vector<ModelId> expected = believed(id);
  std::vector<ModelId> held;
  for (const LoadedModel& model : loaded) held.push_back(model.model);
  status_[id].loaded = held;
  const auto is_in = [](const std::vector<ModelId>& models, ModelId model) {
    return std::find(models.begin(), models.end(), model) != models.end();
  };
  for (const LoadedModel& model : loaded) {
    if (seen_twice(model.model, !is_in(expected, model.model))) {
      sink_({}, scheduler::ExternalLoad{model.model, model.vram});
    }
  }
  for (const ModelId model : expected) {
    if (is_in(held, model)) continue;
    if (seen_twice(model, true)) sink_({}, scheduler::ExternalUnload{model});
  }
}

}  // namespace stoker::controller
