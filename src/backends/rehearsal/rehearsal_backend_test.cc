#include "backends/rehearsal/rehearsal_backend.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/random.h"
#include "simulation/virtual_loop.h"

namespace stoker {
namespace {

constexpr ModelId kPoet{1};     // text, 10 s, 10000 MiB
constexpr ModelId kPainter{2};  // image, 20 s in 20 steps, 30000 MiB
constexpr ModelId kFilmer{3};   // video, 60 s in 30 steps, 60000 MiB
constexpr BackendId kText{1};
constexpr BackendId kMedia{2};
constexpr Duration kLong = minutes(30);

std::vector<Model> models() {
  const auto model = [](ModelId id, const char* name, BackendId backend, Medium medium, std::int64_t vram,
                        Duration load, Duration run, std::uint32_t steps) {
    Model made;
    made.id = id;
    made.name = name;
    made.backend = backend;
    made.medium = medium;
    made.vram = MiB{vram};
    made.load_hint = load;
    made.run_hint = run;
    made.steps_hint = steps;
    return made;
  };
  return {model(kPoet, "poet", kText, Medium::text, 10'000, seconds(5), seconds(10), 0),
          model(kPainter, "painter", kMedia, Medium::image, 30'000, seconds(20), seconds(20), 20),
          model(kFilmer, "filmer", kMedia, Medium::video, 60'000, seconds(40), seconds(60), 30)};
}

RehearsalOptions exact(BackendId id) {
  RehearsalOptions options;
  options.id = id;
  options.style = id == kText ? RehearsalStyle::ollama : RehearsalStyle::comfyui;
  options.slots = id == kText ? 3 : 1;
  options.time_sigma = 0;
  options.vram_spread = 0;
  options.detail = RehearsalDetail::sketch;
  return options;
}

// One call to an engine and everything that came back, with the instants.
struct Played {
  std::vector<RunProgress> progress;
  std::optional<Result<RunReport>> end;
  double end_s = -1;
};

class RehearsalEngine : public testing::Test {
 protected:
  RehearsalBackend& engine(RehearsalOptions options) {
    engines_.push_back(std::make_unique<RehearsalBackend>(loop_, gpu_, options, models()));
    return *engines_.back();
  }
  RehearsalBackend& media() { return engine(exact(kMedia)); }
  RehearsalBackend& text() { return engine(exact(kText)); }

  static RunCall call(ModelId model, std::uint64_t attempt, Duration deadline = kLong) {
    const Medium medium = model == kPoet ? Medium::text : model == kPainter ? Medium::image : Medium::video;
    return {AttemptId(attempt), JobId(attempt), model, medium, "a whale", 5, deadline};
  }
  void run(RehearsalBackend& on, RunCall what, Played& played) {
    on.run(std::move(what), [&played](RunProgress p) { played.progress.push_back(p); }, ends(played));
  }
  Backend::Callback<RunReport> ends(Played& played) {
    return [this, &played](Result<RunReport> end) {
      ASSERT_FALSE(played.end) << "a call ended twice";
      played.end = std::move(end);
      played.end_s = (loop_.now() - Instant{}).seconds();
    };
  }
  Result<LoadReport> load(RehearsalBackend& on, ModelId model, Duration deadline = kLong) {
    std::optional<Result<LoadReport>> got;
    on.load(model, deadline, [&](Result<LoadReport> report) { got = std::move(report); });
    EXPECT_FALSE(got) << "answered inside the call";
    while (!got && loop_.run_one()) {
    }
    return got ? *got : Result<LoadReport>(fail(ErrorCode::internal, "never answered"));
  }
  Result<void> unload(RehearsalBackend& on, ModelId model, Duration deadline = kLong) {
    std::optional<Result<void>> got;
    on.unload(model, deadline, [&](Result<void> gone) { got = std::move(gone); });
    while (!got && loop_.run_one()) {
    }
    return got ? *got : Result<void>(fail(ErrorCode::internal, "never answered"));
  }
  static ErrorCode code(const Played& played) {
    return played.end && !*played.end ? played.end->error().code : ErrorCode::disk_full;
  }
  double now_s() const { return (loop_.now() - Instant{}).seconds(); }

  VirtualLoop loop_;
  VirtualGpu gpu_{loop_, DeviceId(1), MiB{98'304}};
  std::vector<std::unique_ptr<RehearsalBackend>> engines_;
};

TEST_F(RehearsalEngine, TakesMemoryFromTheStartOfALoadAndConfirmsAtItsEnd) {
  auto& backend = media();
  std::optional<Result<LoadReport>> report;
  backend.load(kPainter, kLong, [&](Result<LoadReport> r) { report = r; });
  loop_.run_for(seconds(1));
  EXPECT_EQ(gpu_.used(), MiB{30'000});
  EXPECT_FALSE(report);
  loop_.run_for(seconds(19));
  ASSERT_TRUE(report && *report);
  EXPECT_EQ((*report)->vram, MiB{30'000});
  EXPECT_EQ((*report)->took, seconds(20));
}

TEST_F(RehearsalEngine, RefusesALoadThatDoesNotFit) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kFilmer));
  gpu_.set_foreign(MiB{10'000});
  const auto refused = load(backend, kPainter);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::load_failed);
  EXPECT_EQ(refused.error().param, "painter");
  EXPECT_EQ(gpu_.held(), MiB{60'000});
}

TEST_F(RehearsalEngine, ConfirmsAnUnloadAfterItsDelayAndTheMemoryIsFree) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  const double before = now_s();
  ASSERT_TRUE(unload(backend, kPainter));
  EXPECT_NEAR(now_s() - before, 0.6, 1e-6);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalEngine, WaitsForRunningWorkBeforeAnUnload) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_for(seconds(3));
  ASSERT_TRUE(unload(backend, kPainter));
  EXPECT_TRUE(played.end && *played.end);
  EXPECT_NEAR(now_s(), 20 + 20 + 0.6, 1e-6);
}

TEST_F(RehearsalEngine, GivesUpAnUnloadAtItsDeadline) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_for(seconds(1));
  EXPECT_EQ(unload(backend, kPainter, seconds(10)).error().code, ErrorCode::run_timeout);
  EXPECT_FALSE(played.end);
  EXPECT_NEAR(now_s(), 31, 1e-6);
  loop_.run_until_idle();
  EXPECT_EQ(gpu_.used(), MiB{30'000});
}

TEST_F(RehearsalEngine, BreaksOffALoadAtItsDeadlineAndFreesItsMemory) {
  auto& backend = media();
  EXPECT_EQ(load(backend, kPainter, seconds(7)).error().code, ErrorCode::run_timeout);
  EXPECT_NEAR(now_s(), 7, 1e-6);
  EXPECT_EQ(gpu_.used(), MiB{0});
  EXPECT_TRUE(load(backend, kPainter));
}

TEST_F(RehearsalEngine, EndsALoadWithConflictWhenItsModelIsUnloaded) {
  auto& backend = media();
  std::optional<Result<LoadReport>> report;
  backend.load(kPainter, kLong, [&](Result<LoadReport> r) { report = r; });
  loop_.run_for(seconds(5));
  ASSERT_TRUE(unload(backend, kPainter));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->error().code, ErrorCode::conflict);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalEngine, LoadsOneModelAfterTheOther) {
  auto& backend = media();
  std::vector<std::string> order;
  backend.load(kFilmer, kLong, [&](Result<LoadReport> r) { order.push_back("filmer " + std::to_string(r->took.ms())); });
  backend.load(kPainter, kLong, [&](Result<LoadReport> r) { order.push_back("painter " + std::to_string(r->took.ms())); });
  loop_.run_until_idle();
  EXPECT_EQ(order, (std::vector<std::string>{"filmer 40000", "painter 60000"}));
}

TEST_F(RehearsalEngine, RunsAResidentModelWithAStepAtATime) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_until_idle();
  ASSERT_TRUE(played.end && *played.end);
  EXPECT_NEAR(played.end_s, 40, 1e-5);
  ASSERT_EQ(played.progress.size(), 20U);
  EXPECT_EQ(played.progress[6].step, 7U);
  EXPECT_EQ(played.progress[6].steps, 20U);
  EXPECT_TRUE((*played.end)->simulated);
  ASSERT_EQ((*played.end)->outputs.size(), 1U);
  EXPECT_EQ((*played.end)->outputs[0].mime, "image/png");
}

TEST_F(RehearsalEngine, TellsNoNumberOfStepsForText) {
  auto& backend = text();
  Played played;
  run(backend, call(kPoet, 1), played);
  loop_.run_until_idle();
  ASSERT_TRUE(played.end && *played.end);
  ASSERT_FALSE(played.progress.empty());
  EXPECT_EQ(played.progress.back().steps, 0U);
  EXPECT_EQ((*played.end)->outputs.at(0).mime, "text/plain; charset=utf-8");
}

TEST_F(RehearsalEngine, LoadsAModelByItselfWhenARunNeedsIt) {
  for (RehearsalBackend* backend : {&media(), &text()}) {
    const ModelId model = backend->traits().streams ? kPoet : kPainter;
    const double before = now_s();
    Played played;
    run(*backend, call(model, 1), played);
    loop_.run_until_idle();
    ASSERT_TRUE(played.end && *played.end);
    EXPECT_NEAR(played.end_s - before, model == kPoet ? 15 : 40, 1e-4);
  }
  EXPECT_EQ(gpu_.used(), MiB{40'000});
}

TEST_F(RehearsalEngine, FailsARunWhoseModelDoesNotFit) {
  gpu_.set_foreign(MiB{70'000});
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::load_failed);
  EXPECT_EQ(backend.running(), 0U);
}

TEST_F(RehearsalEngine, EvictsIdleModelsByItselfOnlyWithThatGranularity) {
  gpu_.set_foreign(MiB{20'000});
  auto& obedient = media();
  ASSERT_TRUE(load(obedient, kFilmer));
  EXPECT_EQ(load(obedient, kPainter).error().code, ErrorCode::load_failed);
  ASSERT_TRUE(unload(obedient, kFilmer));
  RehearsalOptions options = exact(kMedia);
  options.granularity = EvictionGranularity::self;
  auto& selfish = engine(options);
  ASSERT_TRUE(load(selfish, kFilmer));
  ASSERT_TRUE(load(selfish, kPainter));
  EXPECT_EQ(gpu_.held(), MiB{30'000});
}

TEST_F(RehearsalEngine, DropsAllIdleModelsWithOneWhenItCannotDropOne) {
  RehearsalOptions options = exact(kMedia);
  options.granularity = EvictionGranularity::backend;
  auto& backend = engine(options);
  ASSERT_TRUE(load(backend, kFilmer));
  ASSERT_TRUE(load(backend, kPainter));
  ASSERT_TRUE(unload(backend, kPainter));
  loop_.run_until_idle();
  EXPECT_EQ(gpu_.held(), MiB{0});
}

TEST_F(RehearsalEngine, MakesALoadWaitForTheWorkerOnlyWhenItHasOneForAll) {
  for (const auto granularity : {EvictionGranularity::model, EvictionGranularity::self}) {
    RehearsalOptions options = exact(kMedia);
    options.granularity = granularity;
    auto& backend = engine(options);
    ASSERT_TRUE(load(backend, kPainter));
    Played played;
    run(backend, call(kPainter, 1), played);
    loop_.run_for(seconds(1));
    const auto report = load(backend, kFilmer);
    ASSERT_TRUE(report);
    const bool own_worker = granularity == EvictionGranularity::model;
    EXPECT_NEAR(report->took.seconds(), own_worker ? 40 : 59, 1e-3);
    loop_.run_until_idle();
    ASSERT_TRUE(unload(backend, kPainter));
    ASSERT_TRUE(unload(backend, kFilmer));
  }
}

TEST_F(RehearsalEngine, DropsItsOldestIdleModelBeyondItsMaximum) {
  RehearsalOptions options = exact(kMedia);
  options.loaded_max = 1;
  auto& backend = engine(options);
  ASSERT_TRUE(load(backend, kPainter));
  ASSERT_TRUE(load(backend, kFilmer));
  std::optional<Result<std::vector<LoadedModel>>> seen;
  backend.observe(kLong, [&](auto list) { seen = std::move(list); });
  loop_.run_until_idle();
  ASSERT_TRUE(seen && *seen);
  ASSERT_EQ((*seen)->size(), 1U);
  EXPECT_EQ((*seen)->at(0).model, kFilmer);
  EXPECT_EQ((*seen)->at(0).vram, MiB{60'000});
}

TEST_F(RehearsalEngine, RunsAsManyAsItHasSlotsAndQueuesTheRestInOrder) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played[3];
  for (std::uint64_t i = 0; i < 3; ++i) run(backend, call(kPainter, i + 1), played[i]);
  EXPECT_EQ(backend.running(), 1U);
  EXPECT_EQ(backend.waiting(), 2U);
  loop_.run_until_idle();
  EXPECT_NEAR(played[0].end_s, 40, 1e-4);
  EXPECT_NEAR(played[1].end_s, 60, 1e-4);
  EXPECT_NEAR(played[2].end_s, 80, 1e-4);
}

TEST_F(RehearsalEngine, RefusesMoreThanItsOwnQueueHolds) {
  RehearsalOptions options = exact(kMedia);
  options.waiting_max = 2;
  auto& backend = engine(options);
  Played played[4];
  for (std::uint64_t i = 0; i < 4; ++i) run(backend, call(kPainter, i + 1), played[i]);
  loop_.run_until_idle();
  EXPECT_EQ(code(played[3]), ErrorCode::internal);
  EXPECT_TRUE(played[2].end && *played[2].end);
}

// Text and picture at 0.6 each: 10 s of text end at 16.667 s; the picture ends at 16.667 + 10 s.
TEST_F(RehearsalEngine, SharesTheCardBetweenEngines) {
  auto& pictures = media();
  auto& poems = text();
  ASSERT_TRUE(load(pictures, kPainter));
  ASSERT_TRUE(load(poems, kPoet));
  const double start = now_s();
  Played poem;
  Played picture;
  run(poems, call(kPoet, 1), poem);
  run(pictures, call(kPainter, 1), picture);
  loop_.run_until_idle();
  EXPECT_NEAR(poem.end_s - start, 16.667, 0.001);
  EXPECT_NEAR(picture.end_s - start, 26.667, 0.001);
}

TEST_F(RehearsalEngine, DividesEveryTimeByItsSpeed) {
  RehearsalOptions options = exact(kMedia);
  options.speed = 100;
  auto& backend = engine(options);
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_until_idle();
  EXPECT_NEAR(played.end_s, 0.4, 0.001);
  const double before = now_s();
  ASSERT_TRUE(unload(backend, kPainter));
  EXPECT_NEAR(now_s() - before, 0.006, 1e-4);
}

TEST_F(RehearsalEngine, SpreadsTimesAndSizesAsItsSeedSays) {
  const auto play = [&](std::uint64_t seed) {
    RehearsalOptions options = exact(kMedia);
    options.seed = seed;
    options.time_sigma = 0.12;
    options.vram_spread = 0.01;
    auto& backend = engine(options);
    const auto report = load(backend, kPainter);
    EXPECT_TRUE(report);
    Played played;
    const double before = now_s();
    run(backend, call(kPainter, 1), played);
    loop_.run_until_idle();
    EXPECT_TRUE(unload(backend, kPainter));
    return std::tuple{report->vram.count, report->took.us, std::llround((played.end_s - before) * 1e5)};
  };
  const auto [vram, load_us, run] = play(11);
  EXPECT_EQ(play(11), std::tuple(vram, load_us, run));
  EXPECT_NE(play(12), std::tuple(vram, load_us, run));
  EXPECT_NE(load_us, 20'000'000);
  EXPECT_GE(vram, 29'700);
  EXPECT_LE(vram, 30'150);
}

TEST_F(RehearsalEngine, StopsARunAtItsDeadlineAndFreesTheSlot) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played late;
  Played next;
  run(backend, call(kPainter, 1, seconds(9)), late);
  run(backend, call(kPainter, 2), next);
  loop_.run_until_idle();
  EXPECT_EQ(code(late), ErrorCode::run_timeout);
  EXPECT_NEAR(late.end_s, 29, 1e-5);
  EXPECT_EQ(late.progress.size(), 8U);
  EXPECT_NEAR(next.end_s, 49, 1e-4);
}

TEST_F(RehearsalEngine, CountsADeadlineOfZeroAsPassed) {
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1, Duration{}), played);
  EXPECT_FALSE(played.end);
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::run_timeout);
  EXPECT_EQ(load(backend, kPainter, Duration{}).error().code, ErrorCode::run_timeout);
}

TEST_F(RehearsalEngine, StopsACancelledRunAtTheNextStepAndThenConfirms) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played;
  std::string order;
  backend.run(call(kPainter, 1), nullptr, [&](Result<RunReport> end) {
    EXPECT_EQ(end.error().code, ErrorCode::conflict);
    order += "run ";
  });
  loop_.run_for(milliseconds(4500));
  backend.cancel(AttemptId(1), kLong, [&](Result<void> done) { order += done ? "cancel" : "failed"; });
  loop_.run_until_idle();
  EXPECT_EQ(order, "run cancel");
  EXPECT_NEAR(now_s(), 25, 1e-5);
  EXPECT_EQ(gpu_.used(), MiB{30'000});
}

TEST_F(RehearsalEngine, CancelsAWaitingRunAtOnceAndAFinishedOneQuietly) {
  auto& backend = media();
  Played first;
  Played second;
  run(backend, call(kPainter, 1), first);
  run(backend, call(kPainter, 2), second);
  bool cancelled = false;
  backend.cancel(AttemptId(2), kLong, [&](Result<void> done) { cancelled = done.has_value(); });
  loop_.run_for(milliseconds(1));
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(code(second), ErrorCode::conflict);
  loop_.run_until_idle();
  EXPECT_TRUE(first.end && *first.end);
  cancelled = false;
  backend.cancel(AttemptId(1), kLong, [&](Result<void> done) { cancelled = done.has_value(); });
  loop_.run_until_idle();
  EXPECT_TRUE(cancelled);
}

TEST_F(RehearsalEngine, BreaksOffALoadWhoseOnlyRunIsCancelled) {
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_for(seconds(3));
  backend.cancel(AttemptId(1), kLong, [](Result<void> done) { EXPECT_TRUE(done); });
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::conflict);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalEngine, FailsTheNextLoadAndTheNextRunOnOrder) {
  auto& backend = media();
  backend.faults().break_next_load(kPainter, {FaultKind::fail, 0.5});
  EXPECT_EQ(load(backend, kPainter).error().code, ErrorCode::load_failed);
  EXPECT_NEAR(now_s(), 10, 1e-5);
  EXPECT_EQ(gpu_.used(), MiB{0});
  ASSERT_TRUE(load(backend, kPainter));
  backend.faults().break_next_run(kPainter, {FaultKind::fail, 0.4});
  Played broken;
  Played whole;
  run(backend, call(kPainter, 1), broken);
  run(backend, call(kPainter, 2), whole);
  loop_.run_until_idle();
  EXPECT_EQ(code(broken), ErrorCode::internal);
  EXPECT_EQ(broken.progress.size(), 7U);
  EXPECT_NEAR(broken.end_s, 38, 1e-4);
  EXPECT_TRUE(whole.end && *whole.end);
}

TEST_F(RehearsalEngine, StallsUntilTheDeadlineOnOrder) {
  auto& backend = media();
  backend.faults().break_next_load(kPainter, {FaultKind::stall, 0});
  EXPECT_EQ(load(backend, kPainter, minutes(5)).error().code, ErrorCode::run_timeout);
  EXPECT_NEAR(now_s(), 300, 1e-5);
  ASSERT_TRUE(load(backend, kPainter));
  backend.faults().break_next_run(kPainter, {FaultKind::stall, 0.5});
  Played played;
  run(backend, call(kPainter, 1, minutes(8)), played);
  loop_.run_for(seconds(60));
  bool confirmed = true;
  backend.cancel(AttemptId(1), seconds(10), [&](Result<void> done) { confirmed = done.has_value(); });
  loop_.run_until_idle();
  EXPECT_FALSE(confirmed);
  EXPECT_EQ(code(played), ErrorCode::run_timeout);
  EXPECT_NEAR(played.end_s, 320 + 480, 1e-4);
  EXPECT_EQ(played.progress.size(), 9U);
  EXPECT_EQ(gpu_.used(), MiB{30'000});
}

TEST_F(RehearsalEngine, LosesEverythingWhenItDiesAndAnswersAgainAfterwards) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played running;
  Played queued;
  run(backend, call(kPainter, 1), running);
  run(backend, call(kFilmer, 2), queued);
  loop_.run_for(seconds(5));
  backend.take_down();
  EXPECT_EQ(gpu_.used(), MiB{0});
  EXPECT_FALSE(running.end);
  loop_.run_until_idle();
  EXPECT_EQ(code(running), ErrorCode::backend_down);
  EXPECT_EQ(code(queued), ErrorCode::backend_down);
  EXPECT_EQ(load(backend, kPainter).error().code, ErrorCode::backend_down);
  std::optional<ErrorCode> fate;
  backend.find_attempt(AttemptId(1), [&](Result<AttemptFate> f) { fate = f.error().code; });
  loop_.run_until_idle();
  EXPECT_EQ(fate, ErrorCode::backend_down);
  backend.bring_up();
  EXPECT_TRUE(load(backend, kPainter));
}

TEST_F(RehearsalEngine, FailsLoadsAndUnloadsUnderWayWhenItDies) {
  auto& backend = media();
  std::vector<ErrorCode> codes;
  backend.load(kPainter, kLong, [&](Result<LoadReport> r) { codes.push_back(r.error().code); });
  backend.load(kFilmer, kLong, [&](Result<LoadReport> r) { codes.push_back(r.error().code); });
  loop_.run_for(seconds(2));
  backend.take_down();
  loop_.run_until_idle();
  EXPECT_EQ(codes, (std::vector{ErrorCode::backend_down, ErrorCode::backend_down}));
  EXPECT_EQ(loop_.waiting(), 0U);
}

TEST_F(RehearsalEngine, FailsRunsOfAModelThatItLoses) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_for(seconds(4));
  backend.lose_model(kPainter);
  EXPECT_EQ(gpu_.used(), MiB{0});
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::internal);
  EXPECT_EQ(backend.running(), 0U);
  Played again;
  run(backend, call(kPainter, 2), again);
  loop_.run_until_idle();
  EXPECT_TRUE(again.end && *again.end);
}

TEST_F(RehearsalEngine, FailsByChanceAboutAsOftenAsOrdered) {
  RehearsalOptions options = exact(kText);
  auto& backend = engine(options);
  backend.faults().break_by_chance(0, 200);
  ASSERT_TRUE(load(backend, kPoet));
  int failed = 0;
  for (std::uint64_t i = 1; i <= 500; ++i) {
    Played played;
    run(backend, call(kPoet, i), played);
    loop_.run_until_idle();
    ASSERT_TRUE(played.end);
    failed += *played.end ? 0 : 1;
  }
  EXPECT_GT(failed, 60);
  EXPECT_LT(failed, 140);
}

TEST_F(RehearsalEngine, LetsALaterCallerJoinARunAndItsResult) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played lost;
  run(backend, call(kPainter, 7), lost);
  loop_.run_for(seconds(5));
  backend.lose_callers();
  std::vector<AttemptFate> fates;
  const auto ask = [&] {
    backend.find_attempt(AttemptId(7), [&](Result<AttemptFate> fate) { fates.push_back(*fate); });
    backend.find_attempt(AttemptId(8), [&](Result<AttemptFate> fate) { fates.push_back(*fate); });
  };
  ask();
  Played joined;
  backend.join(call(kPainter, 7), [&](RunProgress p) { joined.progress.push_back(p); }, ends(joined));
  loop_.run_until_idle();
  ask();
  Played later;
  backend.join(call(kPainter, 7), nullptr, ends(later));
  loop_.run_until_idle();
  EXPECT_FALSE(lost.end);
  ASSERT_TRUE(joined.end && *joined.end);
  EXPECT_FALSE(joined.progress.empty());
  ASSERT_TRUE(later.end && *later.end);
  EXPECT_EQ((*later.end)->outputs[0].bytes, (*joined.end)->outputs[0].bytes);
  using enum AttemptFate;
  EXPECT_EQ(fates, (std::vector{running, unknown, finished, unknown}));
}

TEST_F(RehearsalEngine, GivesUpTextThatNobodyWaitsFor) {
  auto& backend = text();
  Played played;
  run(backend, call(kPoet, 1), played);
  backend.lose_callers();
  loop_.run_until_idle();
  EXPECT_FALSE(played.end);
  EXPECT_EQ(backend.running(), 0U);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalEngine, RemembersOnlyTheNewestRuns) {
  RehearsalOptions options = exact(kText);
  options.attempts_kept = 3;
  auto& backend = engine(options);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    Played played;
    run(backend, call(kPoet, i), played);
    loop_.run_until_idle();
  }
  std::vector<AttemptFate> fates;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    backend.find_attempt(AttemptId(i), [&](Result<AttemptFate> fate) { fates.push_back(*fate); });
  }
  loop_.run_until_idle();
  using enum AttemptFate;
  EXPECT_EQ(fates, (std::vector{unknown, unknown, finished, finished, finished}));
}

TEST_F(RehearsalEngine, RefusesWhatMakesNoSense) {
  auto& backend = media();
  Played unknown;
  RunCall wrong = call(kPainter, 1);
  wrong.model = ModelId(99);
  run(backend, wrong, unknown);
  Played mismatched;
  wrong = call(kPainter, 2);
  wrong.medium = Medium::music;
  run(backend, wrong, mismatched);
  Played first;
  Played twice;
  run(backend, call(kPainter, 3), first);
  run(backend, call(kPainter, 3), twice);
  Played stranger;
  backend.join(call(kPainter, 50), nullptr, ends(stranger));
  loop_.run_until_idle();
  EXPECT_EQ(code(unknown), ErrorCode::unknown_model);
  EXPECT_EQ(code(mismatched), ErrorCode::bad_request);
  EXPECT_EQ(code(twice), ErrorCode::bad_request);
  EXPECT_EQ(code(stranger), ErrorCode::bad_request);
  EXPECT_TRUE(first.end && *first.end);
  EXPECT_EQ(load(backend, kPoet).error().code, ErrorCode::unknown_model);
  EXPECT_EQ(unload(backend, ModelId(99)).error().code, ErrorCode::unknown_model);
}

TEST_F(RehearsalEngine, RefusesAResultThatIsLargerThanAllowed) {
  auto& backend = media();
  RunCall small = call(kPainter, 1);
  small.output_bytes_max = 10;
  Played played;
  run(backend, small, played);
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::too_large);
}

TEST_F(RehearsalEngine, WaitsForAPaintingThatTakesLongerThanTheRun) {
  loop_.set_offload_time(seconds(60));
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_until_idle();
  ASSERT_TRUE(played.end && *played.end);
  EXPECT_NEAR(played.end_s, 20 + 1 + 60, 1e-4);
}

// Thousands of calls of every kind, with faults, deadlines, deaths and foreign memory. Every call ends exactly once,
// and at the end nothing is held that the engine does not list.
TEST_F(RehearsalEngine, KeepsItsBooksOverARandomDay) {
  Random random(2026);
  RehearsalBackend* const all[] = {&media(), &text()};
  std::size_t asked = 0;
  std::size_t answered = 0;
  std::uint64_t attempts = 0;
  for (int step = 0; step < 6000; ++step) {
    RehearsalBackend& on = *all[random.below(2)];
    const ModelId model = &on == all[1] ? kPoet : random.below(2) == 0 ? kPainter : kFilmer;
    const Duration deadline = seconds(static_cast<std::int64_t>(random.below(200)));
    ++asked;
    switch (random.below(8)) {
      case 0: on.load(model, deadline, [&](auto) { ++answered; }); break;
      case 1: on.unload(model, deadline, [&](auto) { ++answered; }); break;
      case 2: on.cancel(AttemptId(1 + random.below(attempts + 1)), deadline, [&](auto) { ++answered; }); break;
      case 3:
        on.faults().break_next_run(model, {random.below(2) == 0 ? FaultKind::fail : FaultKind::stall, random.unit()});
        on.observe(deadline, [&](auto) { ++answered; });
        break;
      case 4:
        if (random.below(20) == 0) on.take_down();
        if (random.below(4) == 0) on.lose_model(model);
        gpu_.set_foreign(MiB{static_cast<std::int64_t>(random.below(60'000))});
        on.probe(deadline, [&](auto) { ++answered; });
        break;
      default: on.run(call(model, ++attempts, deadline), nullptr, [&](auto) { ++answered; });
    }
    loop_.run_for(milliseconds(static_cast<std::int64_t>(random.below(20'000))));
    if (random.below(4) == 0) on.bring_up();
    ASSERT_LE(gpu_.used(), gpu_.total());
  }
  loop_.run_until_idle();
  EXPECT_EQ(answered, asked);
  MiB listed;
  for (RehearsalBackend* on : all) {
    on->bring_up();
    EXPECT_EQ(on->running(), 0U);
    on->observe(kLong, [&](Result<std::vector<LoadedModel>> list) {
      for (const LoadedModel& model : *list) listed += model.vram;
    });
  }
  loop_.run_until_idle();
  EXPECT_EQ(listed, gpu_.held());
}

}  // namespace
}  // namespace stoker
