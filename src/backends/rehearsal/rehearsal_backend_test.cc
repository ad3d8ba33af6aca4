#include "backends/rehearsal/rehearsal_backend.h"

#include <cmath>
#include <tuple>

#include "backends/rehearsal/rehearsal_engine_test.h"

namespace stoker {
namespace {

class RehearsalCalls : public RehearsalEngineTest {};

TEST_F(RehearsalCalls, TakesMemoryFromTheStartOfALoadAndConfirmsAtItsEnd) {
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

TEST_F(RehearsalCalls, RefusesALoadThatDoesNotFit) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kFilmer));
  gpu_.set_foreign(MiB{10'000});
  const auto refused = load(backend, kPainter);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::load_failed);
  EXPECT_EQ(refused.error().param, "painter");
  EXPECT_EQ(gpu_.held(), MiB{60'000});
}

TEST_F(RehearsalCalls, ConfirmsAnUnloadAfterItsDelayAndTheMemoryIsFree) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  const double before = now_s();
  ASSERT_TRUE(unload(backend, kPainter));
  EXPECT_NEAR(now_s() - before, 0.6, 1e-6);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalCalls, WaitsForRunningWorkBeforeAnUnload) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_for(seconds(3));
  ASSERT_TRUE(unload(backend, kPainter));
  EXPECT_TRUE(played.end && *played.end);
  EXPECT_NEAR(now_s(), 20 + 20 + 0.6, 1e-6);
}

TEST_F(RehearsalCalls, GivesUpAnUnloadAtItsDeadline) {
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

TEST_F(RehearsalCalls, BreaksOffALoadAtItsDeadlineAndFreesItsMemory) {
  auto& backend = media();
  EXPECT_EQ(load(backend, kPainter, seconds(7)).error().code, ErrorCode::run_timeout);
  EXPECT_NEAR(now_s(), 7, 1e-6);
  EXPECT_EQ(gpu_.used(), MiB{0});
  EXPECT_TRUE(load(backend, kPainter));
}

TEST_F(RehearsalCalls, EndsALoadWithConflictWhenItsModelIsUnloaded) {
  auto& backend = media();
  std::optional<Result<LoadReport>> report;
  backend.load(kPainter, kLong, [&](Result<LoadReport> r) { report = r; });
  loop_.run_for(seconds(5));
  ASSERT_TRUE(unload(backend, kPainter));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->error().code, ErrorCode::conflict);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalCalls, LoadsOneModelAfterTheOther) {
  auto& backend = media();
  std::vector<std::string> order;
  backend.load(kFilmer, kLong, [&](Result<LoadReport> r) {
    order.push_back("filmer " + std::to_string(r->took.ms()));
  });
  backend.load(kPainter, kLong, [&](Result<LoadReport> r) {
    order.push_back("painter " + std::to_string(r->took.ms()));
  });
  loop_.run_until_idle();
  EXPECT_EQ(order, (std::vector<std::string>{"filmer 40000", "painter 60000"}));
}

TEST_F(RehearsalCalls, RunsAResidentModelWithAStepAtATime) {
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

TEST_F(RehearsalCalls, TellsNoNumberOfStepsForText) {
  auto& backend = text();
  Played played;
  run(backend, call(kPoet, 1), played);
  loop_.run_until_idle();
  ASSERT_TRUE(played.end && *played.end);
  ASSERT_FALSE(played.progress.empty());
  EXPECT_EQ(played.progress.back().steps, 0U);
  EXPECT_EQ((*played.end)->outputs.at(0).mime, "text/plain; charset=utf-8");
}

TEST_F(RehearsalCalls, LoadsAModelByItselfWhenARunNeedsIt) {
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

TEST_F(RehearsalCalls, FailsARunWhoseModelDoesNotFit) {
  gpu_.set_foreign(MiB{70'000});
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::load_failed);
  EXPECT_EQ(backend.running(), 0U);
}

TEST_F(RehearsalCalls, EvictsIdleModelsByItselfOnlyWithThatGranularity) {
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

TEST_F(RehearsalCalls, DropsAllIdleModelsWithOneWhenItCannotDropOne) {
  RehearsalOptions options = exact(kMedia);
  options.granularity = EvictionGranularity::backend;
  auto& backend = engine(options);
  ASSERT_TRUE(load(backend, kFilmer));
  ASSERT_TRUE(load(backend, kPainter));
  ASSERT_TRUE(unload(backend, kPainter));
  loop_.run_until_idle();
  EXPECT_EQ(gpu_.held(), MiB{0});
}

TEST_F(RehearsalCalls, MakesALoadWaitForTheWorkerOnlyWhenItHasOneForAll) {
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

TEST_F(RehearsalCalls, DropsItsOldestIdleModelBeyondItsMaximum) {
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

TEST_F(RehearsalCalls, RunsAsManyAsItHasSlotsAndQueuesTheRestInOrder) {
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

TEST_F(RehearsalCalls, RefusesMoreThanItsOwnQueueHolds) {
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
TEST_F(RehearsalCalls, SharesTheCardBetweenEngines) {
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

TEST_F(RehearsalCalls, DividesEveryTimeByItsSpeed) {
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

TEST_F(RehearsalCalls, SpreadsTimesAndSizesAsItsSeedSays) {
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
    return std::tuple{report->vram.count, report->took.us,
                      std::llround((played.end_s - before) * 1e5)};
  };
  const auto [vram, load_us, run] = play(11);
  EXPECT_EQ(play(11), std::tuple(vram, load_us, run));
  EXPECT_NE(play(12), std::tuple(vram, load_us, run));
  EXPECT_NE(load_us, 20'000'000);
  EXPECT_GE(vram, 29'700);
  EXPECT_LE(vram, 30'150);
}

TEST_F(RehearsalCalls, StopsARunAtItsDeadlineAndFreesTheSlot) {
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

TEST_F(RehearsalCalls, CountsADeadlineOfZeroAsPassed) {
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1, Duration{}), played);
  EXPECT_FALSE(played.end);
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::run_timeout);
  EXPECT_EQ(load(backend, kPainter, Duration{}).error().code, ErrorCode::run_timeout);
}

TEST_F(RehearsalCalls, StopsACancelledRunAtTheNextStepAndThenConfirms) {
  auto& backend = media();
  ASSERT_TRUE(load(backend, kPainter));
  Played played;
  std::string order;
  backend.run(call(kPainter, 1), nullptr, [&](Result<RunReport> end) {
    EXPECT_EQ(end.error().code, ErrorCode::conflict);
    order += "run ";
  });
  loop_.run_for(milliseconds(4500));
  backend.cancel(AttemptId(1), kLong,
                 [&](Result<void> done) { order += done ? "cancel" : "failed"; });
  loop_.run_until_idle();
  EXPECT_EQ(order, "run cancel");
  EXPECT_NEAR(now_s(), 25, 1e-5);
  EXPECT_EQ(gpu_.used(), MiB{30'000});
}

TEST_F(RehearsalCalls, CancelsAWaitingRunAtOnceAndAFinishedOneQuietly) {
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

TEST_F(RehearsalCalls, BreaksOffALoadWhoseOnlyRunIsCancelled) {
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_for(seconds(3));
  backend.cancel(AttemptId(1), kLong, [](Result<void> done) { EXPECT_TRUE(done); });
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::conflict);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalCalls, RefusesWhatMakesNoSense) {
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

TEST_F(RehearsalCalls, RefusesAResultThatIsLargerThanAllowed) {
  auto& backend = media();
  RunCall small = call(kPainter, 1);
  small.output_bytes_max = 10;
  Played played;
  run(backend, small, played);
  loop_.run_until_idle();
  EXPECT_EQ(code(played), ErrorCode::too_large);
}

TEST_F(RehearsalCalls, WaitsForAPaintingThatTakesLongerThanTheRun) {
  loop_.set_offload_time(seconds(60));
  auto& backend = media();
  Played played;
  run(backend, call(kPainter, 1), played);
  loop_.run_until_idle();
  ASSERT_TRUE(played.end && *played.end);
  EXPECT_NEAR(played.end_s, 20 + 1 + 60, 1e-4);
}

}  // namespace
}  // namespace stoker
