// Random workshops: everything that can happen to a machine and its people, in random order, with the invariants
// checked after each event by MachineForTests. Many more of them when STOKER_LONG is set.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/random.h"
#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

constexpr std::uint64_t kSeeds = 200;
constexpr std::uint64_t kSeedsLong = 5000;
constexpr std::int64_t kWorkSeconds = 1500;      // people begin ideas until then
constexpr std::int64_t kRecoverySeconds = 1600;  // everything that broke works again from then on

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
};

// One `part`-th of the seeds from `first` on. STOKER_SEED plays a single one again.
Seeds seeds_from(std::uint64_t first, std::uint64_t part) {
  if (const char* seed = std::getenv("STOKER_SEED"); seed != nullptr)
    return {std::strtoull(seed, nullptr, 10), 1};
  return {first, (std::getenv("STOKER_LONG") != nullptr ? kSeedsLong : kSeeds) / part};
}

template <class PlayOne>
void play_seeds(Seeds seeds, PlayOne play_one) {
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    play_one(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

// A workshop whose every property is drawn from one seed.
class RandomWorkshop {
 public:
  RandomWorkshop(std::uint64_t seed, QuoteMode quotes) : machine(quotes), random_(seed) {
    machine.keeps_history = true;
    machine.unload_time = milliseconds(random_.below(3) == 0 ? 0 : 700);
    build_machine();
    open_workshops();
    const std::uint64_t ideas = quotes == QuoteMode::kept ? 12 : 30 + random_.below(60);
    for (std::uint64_t i = 0; i < ideas; ++i) plan_idea();
    for (std::uint64_t i = 0; i < ideas / 2; ++i) machine.at(some_time(), [this] { disturb(); });
    machine.at(seconds(kRecoverySeconds), [this] { recover(); });
  }

  void play(std::optional<Duration> copy_at = std::nullopt) {
    if (copy_at) machine.at(*copy_at, [this] { machine.follow_with_a_copy(); });
    machine.play(minutes(900));
  }

  // Who still waits at the end waits for ever.
  void expect_all_ended() const {
    EXPECT_EQ(machine.ended.size(), machine.accepted.size()) << "a job was forgotten";
    for (const auto& [id, job] : machine.scheduler.state().jobs) {
      const ModelEntry& model = machine.scheduler.state().model(job.model());
      ADD_FAILURE() << "job " << id.value << " of workshop " << job.workshop.value << " in phase "
                    << static_cast<int>(job.phase) << (job.parked ? ", parked" : "")
                    << ", for model " << model.id.value << " in state "
                    << static_cast<int>(model.residency) << (model.removed ? ", removed" : "")
                    << (model.home ? ", home" : "") << (model.misfit ? ", misfit" : "");
    }
    for (const auto& [id, backend] : machine.scheduler.state().backends)
      EXPECT_EQ(backend.running, 0U);
  }

  MachineForTests machine;

 private:
  std::uint32_t some(std::size_t bound) { return static_cast<std::uint32_t>(random_.below(bound)); }
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  Duration some_time() { return milliseconds(some(kWorkSeconds * 1000)); }
  Duration some_seconds(std::uint32_t least, std::uint32_t most) {
    return seconds(least + some(most - least + 1));
  }

  // ── the machine ──
  void build_machine() {
    devices_ = chance(25) ? 2 : 1;
    for (std::uint32_t device = 1; device <= devices_; ++device) build_device(device);
  }
  void build_device(std::uint32_t device) {
    const std::int64_t vram = 60 + some(60);
    machine.add_device(vram, some(6), device);
    vram_.push_back(vram);
    const std::uint32_t loads = chance(80) ? 1 : 2;
    if (chance(50)) {
      machine.set_speeds({DeviceId{device}, loads, some(500'000), some(1'200'000),
                          400'000 + some(600'000), 400'000 + some(600'000)});
    } else {
      machine.set_speeds({DeviceId{device}, loads, 0, 0, 1'000'000, 1'000'000});
    }
    const std::uint32_t texts = ++backends_;
    machine.add_backend(texts, 1 + some(4), EvictionGranularity::model, device);
    const std::uint32_t text_models = 1 + some(2);
    for (std::uint32_t i = 0; i < text_models; ++i) add_model(texts, Medium::text, vram / 3);
    const std::uint32_t generations = 1 + some(2);
    for (std::uint32_t i = 0; i < generations; ++i) {
      machine.add_backend(++backends_, 1 + (chance(25) ? 1 : 0),
                          chance(25) ? EvictionGranularity::backend : EvictionGranularity::model,
                          device);
      const std::uint32_t models = 1 + some(3);
      for (std::uint32_t k = 0; k < models; ++k) add_model(backends_, Medium::image, vram * 3 / 4);
    }
  }
  void add_model(std::uint32_t backend, Medium medium, std::int64_t largest) {
    const std::uint32_t id = static_cast<std::uint32_t>(models_.size()) + 1;
    const std::int64_t size = 5 + some(static_cast<std::size_t>(largest - 5));
    const bool pinned = medium == Medium::text && size < 20 && chance(30);
    const Duration load = some_seconds(2, 60);
    const Duration run = some_seconds(2, 20);
    machine.add_model(id, size, load, run, backend, pinned, medium);
    if (pinned)
      pins_.push_back({ModelId{id}, BackendId{backend}, medium, MiB{size}, load, run, false});
    if (chance(15)) machine.load_failures[ModelId{id}] = 1 + static_cast<int>(some(3));
    if (chance(15)) machine.unload_failures[ModelId{id}] = 1 + static_cast<int>(some(2));
    if (chance(15)) machine.measured[ModelId{id}] = MiB{size + some(4)};
    models_.push_back(ModelId{id});
    (medium == Medium::text ? texts_ : generations_).push_back(ModelId{id});
  }

  // ── workshops ──
  std::vector<ModelId> some_models() {
    std::vector<ModelId> chosen;
    for (const ModelId id : models_)
      if (chance(60)) chosen.push_back(id);
    if (chosen.empty()) chosen.push_back(models_.front());
    return chosen;
  }
  void open_workshops() {
    const std::uint32_t workshops = chance(20) ? 2 : 1;
    misfit_ = chance(60) ? MisfitRule::turns : MisfitRule::refuse;
    limit_ = 1 + some(4);
    queue_max_ = chance(25) ? 3 : 500;
    for (std::uint32_t id = 1; id <= workshops; ++id) {
      focus_[WorkshopId{id}] = chance(40) ? some_models() : std::vector<ModelId>{};
      set_workshop(WorkshopId{id}, WorkshopState::running);
      if (chance(25)) machine.tell(GroupSet{WorkshopId{id}, GroupId{2}, some_models()});
      if (chance(60)) set_plan(WorkshopId{id});
    }
    if (chance(40)) machine.set_patience(some_seconds(30, 120), some_seconds(100, 600));
    for (const ModelId id : models_)
      if (chance(20)) machine.make_resident(id.value);
  }
  void set_workshop(WorkshopId id, WorkshopState state) {
    machine.tell(WorkshopSet{.workshop = id,
                             .state = state,
                             .intake_open = true,
                             .misfit = misfit_,
                             .head_count = 12,
                             .outstanding_max_per_person = limit_,
                             .queue_max = queue_max_,
                             .focus = focus_.at(id)});
  }
  void set_plan(WorkshopId id) {
    std::vector<Instant> edges;
    Instant at = machine.now + some_seconds(0, 400);
    for (std::uint32_t i = 0; i <= some(3); ++i) {
      edges.push_back(at);
      at = at + some_seconds(100, 600);
      edges.push_back(at);
      at = at + some_seconds(10, 400);
    }
    machine.tell(PlanSet{id, std::move(edges), some_models()});
  }

  // ── work ──
  void plan_idea() {
    machine.at(some_time(), [this] {
      const std::uint64_t person = 1 + random_.below(12);
      const WorkshopId workshop{
          static_cast<std::uint32_t>(chance(10) ? 0 : 1 + person % focus_.size())};
      const GroupId group{static_cast<std::uint32_t>(person % 3)};
      std::vector<StepPlan> steps;
      const std::uint32_t texts = some(3);
      for (std::uint32_t i = 0; i < texts; ++i) steps.push_back(some_step(texts_));
      if (texts == 0 || chance(90)) steps.push_back(some_step(chance(85) ? generations_ : models_));
      JobId job;
      if (chance(75)) {
        job = machine.begin_idea(person, std::move(steps), workshop, group);
      } else {
        job = machine.submit_chain(person, std::move(steps), workshop, group);
      }
      if (chance(8)) machine.run_failures[job] = 1 + static_cast<int>(some(2));
    });
  }
  StepPlan some_step(const std::vector<ModelId>& of) {
    return {of[random_.below(of.size())], milliseconds(500 + some(25'000)),
            chance(30) ? Duration{} : some_seconds(1, 20)};
  }

  // ── what goes wrong, and what leaders and operators do ──
  ModelId some_model() { return models_[random_.below(models_.size())]; }
  JobId some_job() { return JobId{1 + random_.below(machine.submitted.size() + 1)}; }
  WorkshopId some_workshop() { return WorkshopId{1 + some(focus_.size())}; }
  void disturb() {
    switch (random_.below(13)) {
      case 0:
        return machine.tell(JobCancelled{some_job(), CauseKind::cancelled_by_person});
      case 1:
        return machine.tell(JobMovedToFront{some_job(), PersonId{1}});
      case 2:
        return machine.tell(UnloadOrdered{some_model(), PersonId{1}});
      case 3:
        return machine.tell(Tick{});
      case 4:
        return set_workshop(some_workshop(),
                            chance(40) ? WorkshopState::paused : WorkshopState::running);
      case 5:
        return machine.tell(WantedSet{CauseKind::preload, {some_model(), some_model()}});
      case 6:
        return lose_a_backend();
      case 7:
        return machine.evict_externally(some_model().value);
      case 8:
        return load_externally(some_model());
      case 9:
        return take_memory();
      case 10:
        return change_focus();
      case 11:
        return set_plan(some_workshop());
      default:
        return change_group();
    }
  }
  void lose_a_backend() {
    const std::uint32_t id = 1 + some(backends_);
    machine.lose_backend(id);
    machine.in(some_seconds(0, 90), [this, id] { machine.restore_backend(id); });
  }
  // Only what is not there can come from outside, and only at a backend that answers.
  void load_externally(ModelId id) {
    const ModelEntry& model = machine.scheduler.state().model(id);
    const bool reachable = machine.scheduler.state().backends.at(model.backend).reachable;
    if (model.residency == ResidencyState::cold && reachable) machine.make_resident(id.value);
  }
  void take_memory() {
    const std::uint32_t device = 1 + some(devices_);
    machine.set_foreign(some(static_cast<std::size_t>(vram_[device - 1])), device);
    machine.in(some_seconds(1, 200), [this, device] {
      const bool recovered = machine.now >= Instant{seconds(kRecoverySeconds).us};
      machine.set_foreign(recovered ? 0 : some(10), device);
    });
  }
  void change_focus() {
    const WorkshopId id = some_workshop();
    focus_[id] = chance(70) ? some_models() : std::vector<ModelId>{};
    set_workshop(id, WorkshopState::running);
    if (chance(50)) machine.tell(WantedSet{CauseKind::focus_change, focus_[id]});
  }
  void change_group() {
    machine.tell(GroupSet{some_workshop(), GroupId{1 + some(2)},
                          chance(50) ? some_models() : std::vector<ModelId>{}});
  }

  // Whatever may keep somebody waiting for ever is taken away: then everybody is served.
  void recover() {
    for (std::uint32_t id = 1; id <= backends_; ++id) machine.restore_backend(id);
    for (std::uint32_t device = 1; device <= devices_; ++device) machine.set_foreign(0, device);
    machine.tell(WantedSet{CauseKind::preload, {}});
    for (const ModelSet& unpinned : pins_) machine.tell(unpinned);
    for (auto& [id, focus] : focus_) {
      focus.clear();
      for (const std::uint32_t group : {1U, 2U}) machine.tell(GroupSet{id, GroupId{group}, {}});
      set_workshop(id, WorkshopState::running);
    }
  }

  Random random_;
  std::uint32_t devices_ = 1;
  std::uint32_t backends_ = 0;
  MisfitRule misfit_ = MisfitRule::refuse;
  std::uint32_t limit_ = 3;
  std::uint32_t queue_max_ = 500;
  std::vector<std::int64_t> vram_;
  std::vector<ModelId> models_;
  std::vector<ModelSet> pins_;  // without their pin
  std::vector<ModelId> texts_;
  std::vector<ModelId> generations_;
  std::map<WorkshopId, std::vector<ModelId>> focus_;
};

// What happened in many workshops, to know that nothing was left out.
struct Reached {
  std::map<CauseKind, int> loads;
  std::map<ErrorCode, int> refusals;
  std::map<JobState, int> ends;
  int evictions = 0;
  int failed_unloads = 0;

  void add(const MachineForTests& machine) {
    for (const Load& load : machine.loads) ++loads[load.cause.kind];
    for (const auto& [job, refusal] : machine.refused) ++refusals[refusal.code];
    for (const auto& [job, end] : machine.ended) ++ends[end.state];
    evictions += static_cast<int>(machine.unloads.size());
    for (const auto& told : machine.history) {
      failed_unloads += static_cast<int>(
          std::count_if(told.events.begin(), told.events.end(),
                        [](const Event& e) { return std::holds_alternative<UnloadFailed>(e); }));
    }
  }
};

TEST(SchedulerRandom, HoldsItsInvariantsInRandomWorkshops) {
  const Seeds seeds = seeds_from(1, 1);
  Reached reached;
  play_seeds(seeds, [&](std::uint64_t seed) {
    RandomWorkshop workshop(seed, QuoteMode::off);
    workshop.play();
    workshop.expect_all_ended();
    reached.add(workshop.machine);
  });
  if (seeds.count < kSeeds) return;
  for (const CauseKind kind :
       {CauseKind::request, CauseKind::overdue, CauseKind::visit, CauseKind::expected_soon,
        CauseKind::warm_up, CauseKind::preload, CauseKind::focus_change})
    EXPECT_GT(reached.loads[kind], 0) << cause_name(kind);
  for (const ErrorCode code : {ErrorCode::misfit, ErrorCode::out_of_focus, ErrorCode::backend_down,
                               ErrorCode::limit_reached, ErrorCode::queue_full, ErrorCode::paused})
    EXPECT_GT(reached.refusals[code], 0) << static_cast<int>(code);
  for (const JobState state : {JobState::done, JobState::failed, JobState::cancelled})
    EXPECT_GT(reached.ends[state], 100) << job_state_name(state);
  EXPECT_GT(reached.evictions, 1000);
  EXPECT_GT(reached.failed_unloads, 10);
}

TEST(SchedulerRandom, HoldsItsInvariantsWhileQuotesAreKept) {
  play_seeds(seeds_from(10'001, 40), [](std::uint64_t seed) {
    RandomWorkshop workshop(seed, QuoteMode::kept);
    workshop.play();
    workshop.expect_all_ended();
  });
}

TEST(SchedulerRandom, TheSameEventsGiveTheSameDecisionsBitForBit) {
  play_seeds(seeds_from(20'001, 10), [](std::uint64_t seed) {
    RandomWorkshop workshop(seed, QuoteMode::off);
    workshop.play();
    workshop.machine.expect_same_decisions_again();
  });
}

TEST(SchedulerRandom, ACopyOfTheStateGoesOnInTheSameWay) {
  play_seeds(seeds_from(30'001, 10), [](std::uint64_t seed) {
    RandomWorkshop workshop(seed, QuoteMode::off);
    workshop.play(seconds(kWorkSeconds / 2));
  });
}

}  // namespace
}  // namespace stoker::scheduler
