// A machine without engines that tells a scheduler a steady mix of events and takes the time of each.
//
// One device: a text backend with three slots, three generation backends with one, room for eight to
// ten generation models beside the text model that stays. 45 % of the events are arrivals (jobs of one or
// two steps), 45 % the end of a running step, 5 % cancel a waiting job, 5 % look a job up. A virtual second
// passes with each. Loads and unloads are confirmed a fixed number of events after they were decided. These
// confirmations, and the arrivals that make up for what was cancelled, are timed too, but apart from the mix.
// Timed is the call of apply() with a finished event until its decisions are there; nothing is subtracted.
// Threading: none. Memory: takes what it needs itself when it is made, all but some bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "scheduler/scheduler.h"
#include "stopwatch.h"

namespace stoker::benchmarks {

using scheduler::Decision;
using scheduler::Event;

inline constexpr std::uint64_t kSeed = 20;
inline constexpr Duration kStep = seconds(1);
inline constexpr std::uint64_t kLoadEvents = 20;
inline constexpr std::uint64_t kUnloadEvents = 2;
inline constexpr std::size_t kFillBatch = 512;
inline constexpr std::int64_t kBalance = 8;  // arrivals and ends differ by at most so many

struct Cell {
  std::size_t jobs = 0;
  std::uint32_t models = 0;
  bool patience = false;
};

// The first four are the mix.
enum Kind : std::uint8_t {
  kArrive,
  kFinish,
  kCancel,
  kLookUp,
  kRefill,
  kLoadDone,
  kUnloadDone,
  kWakeup
};
inline constexpr std::size_t kMixKinds = 4;
inline constexpr std::array<std::string_view, 8> kKindNames = {
    "arrive", "finish",    "cancel",      "job lookup",
    "refill", "load done", "unload done", "next_wakeup"};

struct Times {
  std::array<std::vector<std::uint64_t>, kKindNames.size()> of_kind;
  std::vector<std::uint64_t> mix, loader_free, loader_busy;
  std::vector<double> round_p50_ns;
};

// Carries out decisions, keeps about as many jobs waiting as the cell says, and takes the times.
class Machine {
 public:
  Machine(const Cell& cell, const Stopwatch& watch, std::size_t events_max)
      : cell_(cell), watch_(watch), texts_(std::max(2U, cell.models / 20)) {
    const std::size_t ids = cell.jobs + events_max + 1;
    place_.resize(ids);
    waiting_.reserve(cell.jobs + events_max);
    set_up();
  }

  void fill() {
    std::vector<Event> batch;
    while (waiting_.size() < cell_.jobs) {
      batch.clear();
      const std::size_t missing = std::min(kFillBatch, cell_.jobs - waiting_.size());
      for (std::size_t i = 0; i < missing; ++i) {
        now_ = now_ + kStep;
        batch.push_back(new_job());
      }
      event_count_ += missing;
      carry_out(scheduler_.apply(batch, now_));
      confirm(nullptr);
    }
  }

  void play(std::size_t events, Times* times) {
    for (std::size_t i = 0; i < events; ++i) {
      now_ = now_ + kStep;
      ++event_count_;
      confirm(times);
      const std::uint64_t draw = random_.below(100);
      const bool too_few = arrived_less_finished_ <= -kBalance;
      const bool too_many = arrived_less_finished_ >= kBalance;
      if (draw < 90 && !too_many && (too_few || draw < 45)) {
        arrive(times);
      } else if (draw < 90) {
        finish(times);
      } else if (draw < 95) {
        cancel(times);
      } else {
        look_up(times);
      }
      if (i % 16 == 0) ask_for_wakeup(times);
    }
  }

  std::size_t starved() const { return starved_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Due {
    std::uint64_t event = 0;
    ModelId model;
  };
  struct Step {
    JobId job;
    std::uint32_t step = 0;
  };

  void set_up() {
    using namespace scheduler;
    const DeviceId device{1};
    tell(DeviceSet{device, MiB{96 << 10}, MiB{4 << 10}});
    for (std::uint32_t id = 1; id <= 4; ++id) {
      tell(BackendSet{BackendId{id}, device, id == 1 ? 3U : 1U, EvictionGranularity::model});
      tell(BackendReachable{BackendId{id}, true});
    }
    for (std::uint32_t id = 1; id <= cell_.models; ++id) {
      const bool text = id <= texts_;
      const auto vram =
          static_cast<std::int64_t>(id == 1 ? 16 << 10 : (5 << 10) + mix64(id) % (6 << 10));
      tell(ModelSet{ModelId{id}, BackendId{text ? 1 : 2 + id % 3},
                    text ? Medium::text : Medium::image, MiB{vram}, kStep * kLoadEvents,
                    seconds(text ? 4 : 8)});
    }
    tell(WorkshopSet{.workshop = WorkshopId{1},
                     .state = WorkshopState::running,
                     .misfit = MisfitRule::turns,
                     .head_count = 100,
                     .outstanding_max_per_person = UINT32_MAX,
                     .queue_max = UINT32_MAX});
    tell(PlanSet{
        WorkshopId{1}, {Instant{}, Instant{INT64_MAX / 4}}, {ModelId{1}, ModelId{texts_ + 1}}});
    if (cell_.patience) tell(PatienceSet{seconds(300), seconds(480)});
  }

  void tell(const Event& event) { carry_out(scheduler_.apply(event, now_)); }

  void tell(const Event& event, Kind kind, Times* times) {
    const scheduler::DeviceEntry& device = scheduler_.state().devices.at(DeviceId{1});
    const bool busy = device.loading > 0 || device.switching.has_value();
    const std::uint64_t began = watch_.ticks();
    const std::vector<Decision> decisions = scheduler_.apply(event, now_);
    const std::uint64_t took = watch_.ticks() - began;
    if (times != nullptr) {
      note(kind, took, *times);
      if (kind < kMixKinds) (busy ? times->loader_busy : times->loader_free).push_back(took);
    }
    carry_out(decisions);
  }

  static void note(Kind kind, std::uint64_t took, Times& times) {
    times.of_kind[kind].push_back(took);
    if (kind < kMixKinds) times.mix.push_back(took);
  }

  // ── the mix ──
  ModelId some_text() {
    if (random_.below(10) < 7) return ModelId{1};
    return ModelId{1 + static_cast<std::uint32_t>(random_.below(texts_))};
  }
  // More than half of the pictures come from the first ten models.
  ModelId some_generation() {
    const std::uint32_t generations = cell_.models - texts_;
    const std::uint32_t among = random_.below(10) < 6 ? std::min(generations, 10U) : generations;
    return ModelId{texts_ + 1 + static_cast<std::uint32_t>(random_.below(among))};
  }

  Event new_job() {
    const std::uint64_t people = std::max<std::uint64_t>(cell_.jobs / 2, 1);
    scheduler::JobSubmitted job{
        JobId{++last_job_}, PersonId{1 + random_.below(people)}, WorkshopId{1}, GroupId{}, {}};
    switch (random_.below(4)) {
      case 0:
        job.steps = {some_text()};
        break;
      case 1:
        job.steps = {some_generation()};
        break;
      default:
        job.steps = {some_text(), some_generation()};
    }
    return job;
  }

  void arrive(Times* times, Kind kind = kArrive) {
    ++arrived_less_finished_;
    if (reading_.empty()) return tell(new_job(), kind, times);
    const Step next = reading_.front();
    reading_.pop_front();
    add_waiting(next.job);
    tell(scheduler::StepReleased{next.job, next.step}, kind, times);
  }

  void finish(Times* times) {
    for (int tries = 0; running_.empty() && tries < 64; ++tries) wait_for_loader(times);
    if (running_.empty()) {
      ++starved_;
      return arrive(times, kRefill);
    }
    --arrived_less_finished_;
    const std::size_t which = random_.below(running_.size());
    const Step run = running_[which];
    running_[which] = running_.back();
    running_.pop_back();
    reading_.push_back(
        {run.job, run.step + 1});  // a Finish among the decisions takes it away again
    tell(scheduler::StepFinished{run.job, run.step, seconds(5)}, kFinish, times);
  }

  void cancel(Times* times) {
    if (waiting_.empty()) return;
    const JobId job = waiting_[random_.below(waiting_.size())];
    remove_waiting(job);
    tell(scheduler::JobCancelled{job, CauseKind::cancelled_by_person}, kCancel, times);
    tell(new_job(), kRefill, times);
  }

  // The place of one job is not offered in less than a walk; this is what is: finding the job.
  void look_up(Times* times) {
    if (waiting_.empty()) return;
    const JobId id = waiting_[random_.below(waiting_.size())];
    const std::uint64_t began = watch_.ticks();
    const auto job = scheduler_.state().jobs.find(id);
    seen_ += job == scheduler_.state().jobs.end() ? 0 : job->second.tag_us;
    const std::uint64_t took = watch_.ticks() - began;
    if (times != nullptr) note(kLookUp, took, *times);
  }

  void ask_for_wakeup(Times* times) {
    const std::uint64_t began = watch_.ticks();
    seen_ += scheduler_.next_wakeup(now_).value_or(Instant{}).us;
    if (times != nullptr) note(kWakeup, watch_.ticks() - began, *times);
  }

  // ── what the driver confirms ──
  void confirm(Times* times) {
    while (!unloads_.empty() && unloads_.front().event <= event_count_) {
      const ModelId model = unloads_.front().model;
      unloads_.pop_front();
      tell(scheduler::UnloadFinished{model}, kUnloadDone, times);
    }
    while (!loads_.empty() && loads_.front().event <= event_count_) {
      const ModelId model = loads_.front().model;
      loads_.pop_front();
      tell(scheduler::LoadFinished{model, MiB{}, kStep * kLoadEvents}, kLoadDone, times);
    }
  }
  void wait_for_loader(Times* times) {
    now_ = now_ + kStep;
    ++event_count_;
    if (loads_.empty() && unloads_.empty()) tell(scheduler::Tick{});
    confirm(times);
  }

  // ── decisions ──
  void carry_out(const std::vector<Decision>& decisions) {
    for (const Decision& decision : decisions) std::visit([&](const auto& d) { on(d); }, decision);
  }
  void on(const scheduler::Accept& d) { add_waiting(d.job); }
  void on(const scheduler::Refuse&) {
    std::fputs("the scheduler refused a job of the benchmark\n", stderr);
    std::exit(2);
  }
  void on(const scheduler::Load& d) { loads_.push_back({event_count_ + kLoadEvents, d.model}); }
  void on(const scheduler::Unload& d) {
    unloads_.push_back({event_count_ + kUnloadEvents, d.model});
  }
  void on(const scheduler::Dispatch& d) {
    remove_waiting(d.job);
    running_.push_back({d.job, d.step});
  }
  void on(const scheduler::Finish& d) {
    if (!reading_.empty() && reading_.back().job == d.job) reading_.pop_back();
  }
  void on(const auto&) {}

  void add_waiting(JobId job) {
    place_[job.value] = static_cast<std::uint32_t>(waiting_.size());
    waiting_.push_back(job);
  }
  void remove_waiting(JobId job) {
    const std::uint32_t place = place_[job.value];
    waiting_[place] = waiting_.back();
    place_[waiting_[place].value] = place;
    waiting_.pop_back();
  }

  const Cell cell_;
  const Stopwatch& watch_;
  const std::uint32_t texts_;
  scheduler::Scheduler scheduler_{scheduler::QuoteMode::off};
  Random random_{kSeed};
  Instant now_;
  std::uint64_t event_count_ = 0;
  std::uint64_t last_job_ = 0;
  std::int64_t arrived_less_finished_ = 0;
  std::size_t starved_ = 0;
  volatile std::int64_t seen_ = 0;
  std::vector<JobId> waiting_;        // in no order
  std::vector<std::uint32_t> place_;  // in waiting_, by job
  std::vector<Step> running_;
  std::deque<Step> reading_;  // the next step of each
  std::deque<Due> loads_, unloads_;
};

}  // namespace stoker::benchmarks
