// Loads and unloads between two readings of the card: what counts as measured, and when an unload is believed.
#include "controller/engines.h"

#include <gtest/gtest.h>

#include <deque>

#include "gpu/simulated/simulated_probe.h"
#include "simulation/virtual_loop.h"

namespace stoker::controller {
namespace {

constexpr BackendId kEngine{1};
constexpr DeviceId kCard{1};
constexpr ModelId kModel{7};
constexpr ModelId kSecond{8};
constexpr std::uint64_t kSettings = 99;

// Answers when the test says so.
class EngineForTests final : public Backend {
 public:
  const BackendTraits& traits() const override { return traits_; }
  void probe(Duration, Callback<ProbeReport> done) override { done(ProbeReport{}); }
  void list(Duration, Callback<std::vector<OfferedModel>> done) override { done({}); }
  void observe(Duration, Callback<std::vector<LoadedModel>> done) override { done({}); }
  void load(ModelId, Duration, Callback<LoadReport> done) override {
    loads.push_back(std::move(done));
  }
  void unload(ModelId, Duration, Callback<void> done) override {
    unloads.push_back(std::move(done));
  }
  void run(RunCall, std::function<void(RunProgress)>, Callback<RunReport> done) override {
    runs.push_back(std::move(done));
  }
  void cancel(AttemptId, Duration, Callback<void>) override {}
  void find_attempt(AttemptId, Callback<AttemptFate>) override {}
  void join(RunCall, std::function<void(RunProgress)>, Callback<RunReport>) override {}

  std::deque<Callback<LoadReport>> loads;
  std::deque<Callback<void>> unloads;
  std::deque<Callback<RunReport>> runs;
  void has_an_engine_per_model() { traits_.engine_per_model = true; }

 private:
  BackendTraits traits_;
};

// A loop whose slow work never comes back while `hangs`.
class LoopForTests final : public Loop {
 public:
  explicit LoopForTests(VirtualLoop& inner) : inner_(inner) {}
  Instant now() const override { return inner_.now(); }
  WallTime wall_now() const override { return inner_.wall_now(); }
  void post(std::move_only_function<void()> task) override { inner_.post(std::move(task)); }
  TimerId after(Duration delay, std::move_only_function<void()> task) override {
    return inner_.after(delay, std::move(task));
  }
  void cancel(TimerId timer) override { inner_.cancel(timer); }
  void offload(std::move_only_function<void()> work,
               std::move_only_function<void()> done) override {
    if (!hangs) inner_.offload(std::move(work), std::move(done));
  }

  bool hangs = false;

 private:
  VirtualLoop& inner_;
};

class EnginesTest : public ::testing::Test {
 protected:
  EnginesTest() {
    ports_.loop = &loop;
    ports_.backends = {{kEngine, &engine}};
    ports_.log = [](std::string_view, std::string_view) {};
    meter.emplace(slow_loop, &probe, [] {});
    engines.emplace(
        ports_, settings, *meter,
        [this](const std::vector<Record>& records, scheduler::Event event) {
          facts.insert(facts.end(), records.begin(), records.end());
          events.push_back(std::move(event));
        },
        [] {});
    engines->set_device(kEngine, kCard);
  }

  Result<std::vector<GpuSample>> sample() const {
    if (probe_is_lost) return fail(ErrorCode::backend_down, "the driver is gone");
    GpuSample sample{.device = kCard, .total = MiB{24'000}, .used = engine_holds + others_hold};
    if (engine_holds > MiB{0}) sample.processes.push_back({"engine", kEngine, engine_holds});
    if (others_hold > MiB{0}) sample.processes.push_back({"game", BackendId{}, others_hold});
    return std::vector{sample};
  }

  static Model described(ModelId id) {
    Model model;
    model.id = id;
    model.backend = kEngine;
    model.settings = kSettings;
    return model;
  }

  void begin_load(ModelId model = kModel) {
    engines->load(described(model));
    loop.run_for(milliseconds(1));
    ASSERT_FALSE(engine.loads.empty());
  }
  void answer_load(Result<LoadReport> report) {
    auto done = std::move(engine.loads.front());
    engine.loads.pop_front();
    done(std::move(report));
    loop.run_for(milliseconds(1));
  }
  void load_of(std::int64_t mib) {
    begin_load();
    engine_holds += MiB{mib};
    answer_load(LoadReport{.vram = {}, .took = seconds(5)});
  }
  void begin_unload() {
    engines->unload(described(kModel));
    loop.run_for(milliseconds(1));
    ASSERT_EQ(engine.unloads.size(), 1U);
    auto done = std::move(engine.unloads.front());
    engine.unloads.pop_front();
    done({});
    loop.run_for(milliseconds(1));
  }

  void be_reached() {
    engines->probe_all([](BackendId) { return std::vector<ModelId>(); }, [] {});
    ASSERT_TRUE(engines->status().at(kEngine).reachable);
    events.clear();
  }
  void lose_a_run() {
    engines->run({.job = JobId{1}, .model = kModel, .backend = kEngine});
    ASSERT_EQ(engine.runs.size(), 1U);
    engine.runs.front()(fail(ErrorCode::backend_down, "the engine ended"));
  }

  template <class T>
  const T* last_event() const {
    return events.empty() ? nullptr : std::get_if<T>(&events.back());
  }

  VirtualLoop loop{WallTime{1'000'000}, Instant{1'000'000}};
  LoopForTests slow_loop{loop};
  EngineForTests engine;
  MiB engine_holds;
  MiB others_hold;
  bool probe_is_lost = false;
  SimulatedProbe probe{[this] { return sample(); }};
  Settings settings;
  std::optional<MemoryMeter> meter;
  std::optional<Engines> engines;
  std::vector<Record> facts;
  std::vector<scheduler::Event> events;

 private:
  Ports ports_;
};

TEST_F(EnginesTest, ALoadTakesWhatTheEngineGrewBy) {
  engine_holds = MiB{500};
  others_hold = MiB{3'000};
  load_of(8'000);
  const auto* finished = last_event<scheduler::LoadFinished>();
  ASSERT_NE(finished, nullptr);
  EXPECT_EQ(finished->vram, MiB{8'000});
  EXPECT_EQ(finished->took, seconds(5));
  ASSERT_EQ(facts.size(), 1U);
  const auto& measured = std::get<LoadMeasured>(facts.front());
  EXPECT_EQ(measured.grew, MiB{8'000});
  EXPECT_EQ(measured.settings, kSettings);
}

TEST_F(EnginesTest, OfTheEnginesWordAndTheCardsTheLargerCounts) {
  begin_load();
  engine_holds = MiB{100};  // the rest went into a pool that was there already
  answer_load(LoadReport{.vram = {}, .took = seconds(5), .told = MiB{6'000}});
  EXPECT_EQ(last_event<scheduler::LoadFinished>()->vram, MiB{6'000});
}

TEST_F(EnginesTest, TwoLoadsAtOnceAreNotToldApart) {
  begin_load(kModel);
  begin_load(kSecond);
  engine_holds = MiB{9'000};
  answer_load(LoadReport{.vram = {}, .took = seconds(5), .told = MiB{4'000}});
  EXPECT_EQ(last_event<scheduler::LoadFinished>()->vram, MiB{4'000}) << "only the engine's word";
  EXPECT_EQ(std::get<LoadMeasured>(facts.front()).grew, MiB{0});
}

TEST_F(EnginesTest, AModelThatWasThereMeasuresNothing) {
  begin_load();
  engine_holds = MiB{9'000};
  answer_load(LoadReport{.vram = {}, .took = {}, .was_there = true});
  EXPECT_EQ(last_event<scheduler::LoadFinished>()->vram, MiB{0});
  EXPECT_TRUE(std::get<LoadMeasured>(facts.front()).was_there);
}

TEST_F(EnginesTest, ASpilledLoadHasItsOwnCause) {
  begin_load();
  answer_load(fail(ErrorCode::load_failed, "size_vram < size", "spill"));
  ASSERT_NE(last_event<scheduler::LoadFailed>(), nullptr);
  EXPECT_EQ(last_event<scheduler::LoadFailed>()->cause, CauseKind::spilled);
  EXPECT_TRUE(facts.empty());
}

TEST_F(EnginesTest, ALostProbeLeavesTheEnginesWord) {
  probe_is_lost = true;
  begin_load();
  answer_load(LoadReport{.vram = {}, .took = seconds(5), .told = MiB{6'000}});
  EXPECT_EQ(last_event<scheduler::LoadFinished>()->vram, MiB{6'000});
  EXPECT_EQ(meter->trouble(kCard), "the driver is gone");
  EXPECT_FALSE(meter->ok(kCard));
}

TEST_F(EnginesTest, AnUnloadIsOverOnceTheCardAgrees) {
  load_of(8'000);
  events.clear();
  facts.clear();
  begin_unload();
  loop.run_for(seconds(3));
  EXPECT_TRUE(events.empty()) << "the engine says gone, the card holds 8000 MiB";
  engine_holds = MiB{600};  // a context stays
  loop.run_for(seconds(1));
  ASSERT_NE(last_event<scheduler::UnloadFinished>(), nullptr);
  const auto& measured = std::get<UnloadMeasured>(facts.back());
  EXPECT_EQ(measured.freed, MiB{7'400});
  EXPECT_GE(measured.took, seconds(3));
}

// The engine had moved it out before it was asked, or the try before this one did.
TEST_F(EnginesTest, AnUnloadOfWhatHadGoneAlreadySucceeds) {
  load_of(8'000);
  engine_holds = MiB{700};
  events.clear();
  begin_unload();
  EXPECT_NE(last_event<scheduler::UnloadFinished>(), nullptr);
}

TEST_F(EnginesTest, ADriverThatHangsHoldsUpNobody) {
  slow_loop.hangs = true;
  engines->load(described(kModel));
  loop.run_for(kReadingMax + seconds(1));
  ASSERT_EQ(engine.loads.size(), 1U) << "the load begins unmeasured";
  answer_load(LoadReport{.vram = {}, .took = seconds(5), .told = MiB{6'000}});
  EXPECT_EQ(last_event<scheduler::LoadFinished>()->vram, MiB{6'000});
  EXPECT_EQ(meter->trouble(kCard), "the card's driver does not answer");
}

TEST_F(EnginesTest, AnUnloadThatFreesNothingFailsAndSaysSo) {
  load_of(8'000);
  events.clear();
  begin_unload();
  loop.run_for(settings.unload_deadline + seconds(1));
  ASSERT_NE(last_event<scheduler::UnloadFailed>(), nullptr);
  EXPECT_EQ(std::get<UnloadMeasured>(facts.back()).freed, MiB{0});
}

TEST_F(EnginesTest, WithoutAMeasuredLoadTheEnginesWordEndsAnUnload) {
  engine_holds = MiB{8'000};  // loaded before this life
  begin_unload();
  EXPECT_NE(last_event<scheduler::UnloadFinished>(), nullptr);
}

TEST_F(EnginesTest, AnEngineThatEndsAtWorkTakesItsBackendDown) {
  be_reached();
  lose_a_run();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<scheduler::StepFailed>(events[0]));
  EXPECT_TRUE(std::holds_alternative<scheduler::BackendReachable>(events[1]));
  EXPECT_FALSE(engines->status().at(kEngine).reachable);
}

TEST_F(EnginesTest, OneOfManyEnginesThatEndsAtWorkTakesOnlyItsModelAlong) {
  engine.has_an_engine_per_model();
  be_reached();
  lose_a_run();
  ASSERT_EQ(events.size(), 2U);
  const auto* gone = std::get_if<scheduler::ExternalUnload>(events.data());
  ASSERT_NE(gone, nullptr);
  EXPECT_EQ(gone->model, kModel);
  EXPECT_TRUE(std::holds_alternative<scheduler::StepFailed>(events[1]));
  EXPECT_TRUE(engines->status().at(kEngine).reachable);
}

TEST_F(EnginesTest, OneOfManyEnginesThatEndsWhileItLoadsLeavesTheOthersReachable) {
  engine.has_an_engine_per_model();
  be_reached();
  begin_load();
  answer_load(fail(ErrorCode::backend_down, "the engine ended"));
  ASSERT_NE(last_event<scheduler::LoadFailed>(), nullptr);
  EXPECT_TRUE(engines->status().at(kEngine).reachable);
}

TEST_F(EnginesTest, EveryLoadAndUnloadLeavesMarksInTheHistory) {
  load_of(8'000);
  engine_holds = MiB{0};
  begin_unload();
  std::vector<gpu::HistoryMark> marks;
  for (const auto& point : meter->history().since(kCard, Instant{})) marks.push_back(point.mark);
  using enum gpu::HistoryMark;
  EXPECT_EQ(marks, (std::vector{before_load, after_load, before_unload, after_unload}));
}

}  // namespace
}  // namespace stoker::controller
