#include "backends/rehearsal/rehearsal_engine_test.h"
#include "base/random.h"

namespace stoker {
namespace {

class RehearsalMishaps : public RehearsalEngineTest {};

TEST_F(RehearsalMishaps, FailsTheNextLoadAndTheNextRunOnOrder) {
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

TEST_F(RehearsalMishaps, StallsUntilTheDeadlineOnOrder) {
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
  backend.cancel(AttemptId(1), seconds(10),
                 [&](Result<void> done) { confirmed = done.has_value(); });
  loop_.run_until_idle();
  EXPECT_FALSE(confirmed);
  EXPECT_EQ(code(played), ErrorCode::run_timeout);
  EXPECT_NEAR(played.end_s, 320 + 480, 1e-4);
  EXPECT_EQ(played.progress.size(), 9U);
  EXPECT_EQ(gpu_.used(), MiB{30'000});
}

TEST_F(RehearsalMishaps, LosesEverythingWhenItDiesAndAnswersAgainAfterwards) {
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

TEST_F(RehearsalMishaps, FailsLoadsAndUnloadsUnderWayWhenItDies) {
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

TEST_F(RehearsalMishaps, FailsRunsOfAModelThatItLoses) {
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

TEST_F(RehearsalMishaps, FailsByChanceAboutAsOftenAsOrdered) {
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

TEST_F(RehearsalMishaps, LetsALaterCallerJoinARunAndItsResult) {
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
  backend.join(
      call(kPainter, 7), [&](RunProgress p) { joined.progress.push_back(p); }, ends(joined));
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

TEST_F(RehearsalMishaps, GivesUpTextThatNobodyWaitsFor) {
  auto& backend = text();
  Played played;
  run(backend, call(kPoet, 1), played);
  backend.lose_callers();
  loop_.run_until_idle();
  EXPECT_FALSE(played.end);
  EXPECT_EQ(backend.running(), 0U);
  EXPECT_EQ(gpu_.used(), MiB{0});
}

TEST_F(RehearsalMishaps, RemembersOnlyTheNewestRuns) {
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

// Thousands of calls of every kind, with faults, deadlines, deaths and foreign memory. Every call
// ends exactly once, and at the end nothing is held that the engine does not list.
TEST_F(RehearsalMishaps, KeepsItsBooksOverARandomDay) {
  Random random(2026);
  RehearsalBackend* const all[] = {&media(), &text()};
  std::size_t asked = 0;
  std::size_t answered = 0;
  std::uint64_t attempts = 0;
  for (int step = 0; step < 3000; ++step) {
    RehearsalBackend& on = *all[random.below(2)];
    const ModelId model = &on == all[1] ? kPoet : random.below(2) == 0 ? kPainter : kFilmer;
    const Duration deadline = seconds(static_cast<std::int64_t>(random.below(200)));
    ++asked;
    switch (random.below(8)) {
      case 0:
        on.load(model, deadline, [&](auto) { ++answered; });
        break;
      case 1:
        on.unload(model, deadline, [&](auto) { ++answered; });
        break;
      case 2:
        on.cancel(AttemptId(1 + random.below(attempts + 1)), deadline, [&](auto) { ++answered; });
        break;
      case 3:
        on.faults().break_next_run(
            model, {random.below(2) == 0 ? FaultKind::fail : FaultKind::stall, random.unit()});
        on.observe(deadline, [&](auto) { ++answered; });
        break;
      case 4:
        if (random.below(20) == 0) on.take_down();
        if (random.below(4) == 0) on.lose_model(model);
        gpu_.set_foreign(MiB{static_cast<std::int64_t>(random.below(60'000))});
        on.probe(deadline, [&](auto) { ++answered; });
        break;
      default:
        on.run(call(model, ++attempts, deadline), nullptr, [&](auto) { ++answered; });
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
