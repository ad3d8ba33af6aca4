#include "controller/live_controller.h"

#include <algorithm>

#include "controller/journal_codec.h"

namespace stoker::controller {
namespace {

constexpr std::int64_t kRunDeadlineFactor = 8;

}  // namespace

Result<std::unique_ptr<Controller>> Controller::open(Ports ports, Topology topology,
                                                     Settings settings) {
  auto controller = std::make_unique<LiveController>(std::move(ports), std::move(settings));
  if (auto started = controller->start(std::move(topology)); !started) return fail(started.error());
  return controller;
}

LiveController::LiveController(Ports ports, Settings settings)
    : ports_(std::move(ports)),
      settings_(std::move(settings)),
      outbox_(*ports_.loop, *ports_.store,
              [this](bool ok) {
                ports_.log(ok ? "store_recovered" : "store_failed", "");
                touch();
              }),
      meter_(*ports_.loop, ports_.gpu, [this] { on_reading(); }),
      engines_(
          ports_, settings_, meter_,
          [this](const std::vector<Record>& facts, scheduler::Event event) {
            happen(std::move(event), facts);
          },
          [this] { touch(); }) {
  last_mono_ = ports_.loop->now();
  last_wall_ = ports_.loop->wall_now();
  last_wall_at_ = last_mono_;
}

LiveController::~LiveController() = default;

// ── one way ──────────────────────────────────────────────────────────────────────────────────────

Stamp LiveController::next_stamp() {
  last_mono_ = std::max(last_mono_, ports_.loop->now());
  return {++last_seq_, ports_.loop->wall_now(), last_mono_};
}

void LiveController::write(const Entry& entry, const Stamp& stamp) {
  outbox_.pending().journal.push_back(encode(entry, stamp));
  world_.apply(entry, stamp);
}

void LiveController::note(const Record& record) {
  write(Entry(record), next_stamp());
  touch();
}

void LiveController::keep_text(DocumentKind kind, std::uint64_t id, std::string text) {
  DocumentRow document{kind, id, std::move(text)};
  world_.apply_document(document);
  outbox_.pending().documents.push_back(std::move(document));
}

std::vector<scheduler::Decision> LiveController::happen(scheduler::Event event,
                                                        const std::vector<Record>& facts) {
  for (const Record& fact : facts) note(fact);
  const Stamp stamp = next_stamp();
  std::vector<scheduler::Decision> decisions = scheduler_.apply(event, stamp.mono);
  write(Entry(std::move(event)), stamp);
  for (const scheduler::Decision& decision : decisions) {
    write(Entry(decision), {++last_seq_, stamp.wall, stamp.mono});
  }
  outbox_.after_commit([this, decisions] {
    for (const scheduler::Decision& decision : decisions) execute(decision);
  });
  flush_soon();
  schedule_wakeup();
  touch();
  return decisions;
}

void LiveController::flush_soon() {
  if (flush_is_due_) return;
  flush_is_due_ = true;
  ports_.loop->post([this] {
    flush_is_due_ = false;
    outbox_.flush();
  });
}

// ── effects, after the commit ────────────────────────────────────────────────────────────────────

void LiveController::execute(const scheduler::Decision& decision) {
  if (const auto* load = std::get_if<scheduler::Load>(&decision)) {
    engines_.load(models_.at(load->model));
  } else if (const auto* unload = std::get_if<scheduler::Unload>(&decision)) {
    engines_.unload(models_.at(unload->model));
  } else if (const auto* run = std::get_if<scheduler::Dispatch>(&decision)) {
    dispatch(*run);
  } else if (const auto* stop = std::get_if<scheduler::StopRun>(&decision)) {
    engines_.stop(stop->job);
  }
}

Duration LiveController::run_deadline(ModelId model) const {
  const Duration usual = models_.at(model).run_hint * kRunDeadlineFactor;
  return std::max(usual, settings_.run_deadline_min);
}

void LiveController::dispatch(const scheduler::Dispatch& dispatch) {
  const JobRecord* record = world_.find_job(dispatch.job);
  if (record == nullptr) return;
  engines_.run({.job = dispatch.job,
                .workshop = record->view.workshop,
                .step = dispatch.step,
                .attempt = dispatch.attempt,
                .model = dispatch.model,
                .backend = dispatch.backend,
                .medium = record->view.medium,
                .prompt = record->view.prompt,
                .seed = record->seed,
                .deadline = run_deadline(dispatch.model)});
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────

void LiveController::schedule_wakeup() {
  const std::optional<Instant> next = scheduler_.next_wakeup(last_mono_);
  if (next == wakeup_at_) return;
  if (wakeup_) ports_.loop->cancel(*wakeup_);
  wakeup_.reset();
  wakeup_at_ = next;
  if (!next) return;
  const Duration delay = std::max(*next - ports_.loop->now(), Duration{0});
  wakeup_ = ports_.loop->after(delay, [this] {
    wakeup_.reset();
    wakeup_at_.reset();
    happen(scheduler::Tick{});
  });
}

void LiveController::check_wall_clock() {
  const Instant mono = ports_.loop->now();
  const WallTime wall = ports_.loop->wall_now();
  const double real_us = static_cast<double>((mono - last_wall_at_).us) / settings_.speed;
  const Duration jumped = (wall - last_wall_) - microseconds(static_cast<std::int64_t>(real_us));
  last_wall_ = wall;
  last_wall_at_ = mono;
  const bool has_jumped = jumped > kWallJumpMin || jumped < Duration{0} - kWallJumpMin;
  if (!has_jumped) return;
  note(WallJumped{jumped.ms()});
  flush_soon();
  ports_.log("wall_clock_jumped", "\"by_ms\":" + std::to_string(jumped.ms()));
}

void LiveController::drain(Duration deadline, std::move_only_function<void()> done) {
  draining_ = true;
  touch();
  const Instant end = ports_.loop->now() + deadline;
  struct Wait {
    LiveController* self;
    Instant end;
    std::move_only_function<void()> done;
    void look(const std::shared_ptr<Wait>& own) {
      const bool is_quiet = self->engines_.running() == 0 && self->outbox_.is_idle();
      if (is_quiet || self->ports_.loop->now() >= end) return done();
      self->ports_.loop->after(milliseconds(20), [own] { own->look(own); });
    }
  };
  auto wait = std::make_shared<Wait>(this, end, std::move(done));
  wait->look(wait);
}

}  // namespace stoker::controller
