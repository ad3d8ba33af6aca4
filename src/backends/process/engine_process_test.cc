#include "backends/process/engine_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/process/engine_host_for_tests.h"
#include "simulation/virtual_loop.h"

namespace stoker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Launch = HostScript::Launch;

constexpr Duration kLong = minutes(30);

class EngineProcessTest : public ::testing::Test {
 protected:
  // Answers of a call, with their instants.
  struct Answer {
    std::optional<Result<void>> result = {};
    Instant at = {};
  };

  void make(EngineLife life, EngineCommand command = {.argv = {"engine", "--port", "{port}"}}) {
    engine_ = std::make_unique<EngineProcess>(
        loop_, std::make_unique<ScriptedEngineHost>(loop_, script_), std::move(command),
        EnginePlaces{}, life,
        EngineProcess::Listener{
            .group_changed = [this] { groups_.push_back(engine_->facts().process_group); },
            .lost = [this](const Error& why) { lost_.push_back(why.detail); }});
  }
  Backend::Callback<void> into(Answer& answer) {
    return [this, &answer](Result<void> result) {
      EXPECT_FALSE(answer.result) << "answered twice";
      answer = {std::move(result), loop_.now()};
    };
  }
  void start(Answer& answer, Duration deadline = kLong) {
    engine_->start(deadline, into(answer));
    EXPECT_FALSE(answer.result) << "answered inside the call";
  }
  void stop(Answer& answer, Duration grace = kLong) {
    engine_->stop(grace, into(answer));
    EXPECT_FALSE(answer.result) << "answered inside the call";
  }
  void run_until(const Answer& answer) {
    while (!answer.result && loop_.run_one()) {
    }
    ASSERT_TRUE(answer.result);
  }
  Result<void> start_now() {
    Answer answer;
    start(answer);
    run_until(answer);
    return answer.result.value_or(fail(ErrorCode::internal, "no answer"));
  }
  std::vector<std::string> ports() const {
    std::vector<std::string> ports;
    for (const net::ChildCommand& command : script_->launched) ports.push_back(command.argv[2]);
    return ports;
  }

  VirtualLoop loop_;
  std::shared_ptr<HostScript> script_ = std::make_shared<HostScript>();
  std::vector<int> groups_;
  std::vector<std::string> lost_;
  std::unique_ptr<EngineProcess> engine_;
};

TEST_F(EngineProcessTest, ClearsLeftoversAndBecomesReady) {
  make(EngineLife::on_demand);
  EXPECT_EQ(engine_->state(), EngineState::stopped);
  EXPECT_TRUE(start_now());
  EXPECT_EQ(engine_->state(), EngineState::ready);
  EXPECT_EQ(script_->cleared, 1);
  EXPECT_EQ(engine_->facts().port, 1001);
  EXPECT_THAT(ports(), ElementsAre("1001"));
  EXPECT_THAT(groups_, ElementsAre(101));
}

TEST_F(EngineProcessTest, AsksUntilTheEngineIsReady) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::never_ready};
  Answer answer;
  start(answer);
  loop_.run_for(seconds(20));
  EXPECT_EQ(engine_->state(), EngineState::starting);
  EXPECT_GT(script_->ports_asked.size(), 10u);
  script_->now = Launch::runs;
  run_until(answer);
  EXPECT_TRUE(*answer.result);
}

TEST_F(EngineProcessTest, TwoStartsShareOneProcess) {
  make(EngineLife::on_demand);
  Answer first;
  Answer second;
  start(first);
  start(second);
  run_until(first);
  run_until(second);
  EXPECT_TRUE(*first.result);
  EXPECT_TRUE(*second.result);
  EXPECT_EQ(script_->launched.size(), 1u);
}

TEST_F(EngineProcessTest, AnEngineThatDiesAtItsStartFailsWithItsLastLines) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::dies};
  const auto result = start_now();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::load_failed);
  EXPECT_EQ(result.error().detail,
            "the engine ended with exit code 3: loading | CUDA error: out of memory");
  EXPECT_EQ(engine_->state(), EngineState::failed);
  EXPECT_THAT(engine_->last_lines(), ElementsAre("loading", "CUDA error: out of memory"));
}

TEST_F(EngineProcessTest, ErrorsHoldTheEndOfTheLastLinesWithinTheLimit) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::never_ready};
  Answer answer;
  start(answer);
  loop_.run_for(seconds(1));
  std::string umlauts;
  for (int i = 0; i < 900; ++i) umlauts += "\xC3\xA4";
  script_->end({.by_signal = true, .number = 6}, {"first", umlauts, "out of memory"});
  run_until(answer);
  ASSERT_FALSE(*answer.result);
  const std::string& detail = answer.result->error().detail;
  EXPECT_LE(detail.size(), kEngineErrorBytesMax);
  EXPECT_GE(detail.size(), kEngineErrorBytesMax - 2);
  EXPECT_THAT(detail, HasSubstr("signal 6: ... \xC3\xA4"));
  EXPECT_TRUE(detail.ends_with("\xC3\xA4 | out of memory"));
}

TEST_F(EngineProcessTest, AMissingProgramFailsTheStart) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::fails};
  const auto result = start_now();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::load_failed);
  EXPECT_THAT(result.error().detail, HasSubstr("No such file"));
}

TEST_F(EngineProcessTest, LeftoversThatStayFailTheStart) {
  make(EngineLife::on_demand);
  script_->leftovers_stay = true;
  const auto result = start_now();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("stay: 7"));
  EXPECT_THAT(script_->launched, IsEmpty());
}

TEST_F(EngineProcessTest, ATakenPortIsReplacedAtOnce) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::port_taken, Launch::port_taken};
  Answer answer;
  start(answer);
  run_until(answer);
  EXPECT_TRUE(*answer.result);
  EXPECT_THAT(ports(), ElementsAre("1001", "1002", "1003"));
  EXPECT_EQ(script_->ports_asked.back(), 1003);
}

TEST_F(EngineProcessTest, PortsAreTriedOnlySoOften) {
  make(EngineLife::on_demand);
  script_->launches.assign(kPortTriesMax, Launch::port_taken);
  const auto result = start_now();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("Address already in use"));
  EXPECT_EQ(script_->launched.size(), static_cast<std::size_t>(kPortTriesMax));
}

TEST_F(EngineProcessTest, APortOfItsOwnIsNotReplaced) {
  make(EngineLife::on_demand, {.argv = {"engine", "--port", "{port}"}, .port = 7777});
  script_->launches = {Launch::port_taken};
  EXPECT_FALSE(start_now());
  EXPECT_THAT(ports(), ElementsAre("7777"));
}

TEST_F(EngineProcessTest, IsStoppedWhenItIsNotReadyInItsTime) {
  make(EngineLife::on_demand, {.argv = {"engine", "x", "{port}"}, .ready = {.max = seconds(30)}});
  script_->launches = {Launch::never_ready};
  Answer answer;
  start(answer);
  run_until(answer);
  ASSERT_FALSE(*answer.result);
  EXPECT_EQ(answer.result->error().code, ErrorCode::load_failed);
  EXPECT_THAT(answer.result->error().detail, HasSubstr("not ready after 30 s"));
  EXPECT_EQ(script_->running, 0);
  EXPECT_EQ(script_->stops.size(), 1u);
  EXPECT_EQ(engine_->state(), EngineState::failed);
}

TEST_F(EngineProcessTest, IsGoneBeforeAPassedDeadlineIsAnswered) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::never_ready};
  script_->stop_takes = seconds(3);
  Answer answer;
  start(answer, seconds(5));
  run_until(answer);
  ASSERT_FALSE(*answer.result);
  EXPECT_EQ(answer.result->error().code, ErrorCode::run_timeout);
  EXPECT_EQ(answer.at, Instant{} + seconds(8));
  EXPECT_EQ(script_->running, 0);
  EXPECT_EQ(engine_->state(), EngineState::stopped);
  EXPECT_EQ(groups_.back(), 0);
}

TEST_F(EngineProcessTest, StaysForOthersWhenOneDeadlinePasses) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::never_ready};
  Answer hasty;
  Answer patient;
  start(hasty, seconds(5));
  start(patient);
  run_until(hasty);
  EXPECT_EQ(hasty.result->error().code, ErrorCode::run_timeout);
  EXPECT_EQ(hasty.at, Instant{} + seconds(5));
  script_->now = Launch::runs;
  run_until(patient);
  EXPECT_TRUE(*patient.result);
  EXPECT_THAT(script_->stops, IsEmpty());
}

TEST_F(EngineProcessTest, StopsWithItsSignalAndGrace) {
  make(EngineLife::on_demand,
       {.argv = {"engine", "x", "{port}"}, .stop_signal = SIGINT, .grace = seconds(7)});
  ASSERT_TRUE(start_now());
  Answer answer;
  stop(answer);
  EXPECT_EQ(engine_->state(), EngineState::stopping);
  EXPECT_THAT(lost_, ElementsAre("the engine was stopped"));
  run_until(answer);
  EXPECT_TRUE(*answer.result);
  EXPECT_EQ(engine_->state(), EngineState::stopped);
  EXPECT_THAT(script_->stops, ElementsAre(std::pair(SIGINT, seconds(7))));
  EXPECT_THAT(groups_, ElementsAre(101, 0));
}

TEST_F(EngineProcessTest, ACallerMayGiveLessGrace) {
  make(EngineLife::on_demand);
  ASSERT_TRUE(start_now());
  Answer answer;
  stop(answer, seconds(1));
  run_until(answer);
  EXPECT_EQ(script_->stops.front().second, seconds(1));
}

TEST_F(EngineProcessTest, StoppingWhatDoesNotRunIsDone) {
  make(EngineLife::on_demand);
  Answer answer;
  stop(answer);
  run_until(answer);
  EXPECT_TRUE(*answer.result);
  EXPECT_THAT(script_->stops, IsEmpty());
}

TEST_F(EngineProcessTest, StoppedDuringItsStartItEndsAndTheStartFails) {
  for (const Duration after : {Duration{}, milliseconds(5), seconds(2)}) {
    groups_.clear();
    script_ = std::make_shared<HostScript>();
    script_->launches = {Launch::never_ready};
    make(EngineLife::kept);
    Answer started;
    Answer stopped;
    start(started);
    loop_.run_for(after);
    stop(stopped);
    run_until(stopped);
    run_until(started);
    EXPECT_TRUE(*stopped.result);
    EXPECT_EQ(started.result->error().code, ErrorCode::conflict);
    EXPECT_EQ(engine_->state(), EngineState::stopped);
    EXPECT_EQ(script_->running, 0);
    loop_.run_for(minutes(5));
    EXPECT_LE(script_->launched.size(), 1u);
  }
}

TEST_F(EngineProcessTest, AStartWhileItStopsBeginsAnewAfterwards) {
  make(EngineLife::on_demand);
  ASSERT_TRUE(start_now());
  Answer stopped;
  Answer started;
  stop(stopped);
  start(started);
  run_until(stopped);
  EXPECT_TRUE(*stopped.result);
  run_until(started);
  EXPECT_TRUE(*started.result);
  EXPECT_EQ(engine_->facts().lives, 2u);
  EXPECT_THAT(groups_, ElementsAre(101, 0, 102));
}

TEST_F(EngineProcessTest, ProcessesThatStayAreAnErrorAndStopCanBeTriedAgain) {
  make(EngineLife::on_demand);
  ASSERT_TRUE(start_now());
  script_->stays_after_stop = true;
  Answer first;
  stop(first);
  run_until(first);
  ASSERT_FALSE(*first.result);
  EXPECT_THAT(first.result->error().detail, HasSubstr("stay after SIGKILL: 8"));
  EXPECT_EQ(engine_->state(), EngineState::failed);
  EXPECT_EQ(groups_.back(), 101);
  script_->stays_after_stop = false;
  Answer second;
  stop(second);
  run_until(second);
  EXPECT_TRUE(*second.result);
  EXPECT_EQ(groups_.back(), 0);
}

TEST_F(EngineProcessTest, ACrashIsToldWithoutWhatTheEnginePrinted) {
  make(EngineLife::on_demand);
  ASSERT_TRUE(start_now());
  script_->end({.by_signal = true, .number = 11}, {"prompt: a whale"});
  EXPECT_THAT(lost_, ElementsAre("the engine ended with signal 11"));
  EXPECT_EQ(engine_->state(), EngineState::failed);
  loop_.run_for(minutes(10));
  EXPECT_EQ(script_->launched.size(), 1u);
}

TEST_F(EngineProcessTest, OnDemandWaitsOutThePauseAfterAFailure) {
  make(EngineLife::on_demand);
  script_->launches = {Launch::dies, Launch::dies};
  EXPECT_FALSE(start_now());
  const Instant first = loop_.now();
  EXPECT_FALSE(start_now());
  EXPECT_GE(loop_.now() - first, seconds(1));
  const Instant second = loop_.now();
  EXPECT_TRUE(start_now());
  EXPECT_GE(loop_.now() - second, seconds(2));
}

TEST_F(EngineProcessTest, ADeadlineMayPassDuringThePause) {
  make(EngineLife::on_demand);
  script_->launches.assign(4, Launch::dies);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(start_now());
  Answer answer;
  start(answer, seconds(3));
  EXPECT_EQ(engine_->state(), EngineState::backing_off);
  run_until(answer);
  EXPECT_EQ(answer.result->error().code, ErrorCode::run_timeout);
  EXPECT_EQ(engine_->state(), EngineState::failed);
  loop_.run_for(minutes(5));
  EXPECT_EQ(script_->launched.size(), 4u);
}

TEST_F(EngineProcessTest, AKeptEngineStartsAgainWithGrowingPauses) {
  make(EngineLife::kept);
  script_->launches.assign(9, Launch::dies);
  std::vector<std::int64_t> pauses_s;
  EXPECT_FALSE(start_now());
  for (std::size_t lives = 1; lives < 10; ++lives) {
    const Instant ended = loop_.now();
    ASSERT_EQ(engine_->state(), EngineState::backing_off);
    while (script_->launched.size() == lives && loop_.run_one()) {
    }
    pauses_s.push_back(((loop_.now() - ended).ms() + 100) / 1000);
    loop_.run_for(milliseconds(50));
  }
  EXPECT_THAT(pauses_s, ElementsAre(1, 2, 4, 8, 16, 32, 60, 60, 60));
  EXPECT_EQ(engine_->state(), EngineState::ready);
}

TEST_F(EngineProcessTest, FiveReadyMinutesForgiveEarlierFailures) {
  make(EngineLife::kept);
  script_->launches.assign(5, Launch::dies);
  EXPECT_FALSE(start_now());
  loop_.run_for(minutes(2));
  ASSERT_EQ(engine_->state(), EngineState::ready);
  loop_.run_for(minutes(6));
  script_->end({});
  EXPECT_EQ(engine_->state(), EngineState::backing_off);
  loop_.run_for(milliseconds(1100));
  EXPECT_EQ(engine_->state(), EngineState::ready);
}

TEST_F(EngineProcessTest, WhoStartsDuringThePauseOfAKeptEngineJoinsTheNextTry) {
  make(EngineLife::kept);
  script_->launches.assign(3, Launch::dies);
  EXPECT_FALSE(start_now());
  EXPECT_FALSE(start_now());
  EXPECT_FALSE(start_now());
  EXPECT_TRUE(start_now());
  EXPECT_EQ(script_->launched.size(), 4u);
}

TEST_F(EngineProcessTest, DestroyedAmidEverythingItAnswersNobody) {
  make(EngineLife::kept);
  Answer started;
  start(started);
  loop_.run_for(milliseconds(5));
  engine_.reset();
  loop_.run_for(minutes(5));
  EXPECT_FALSE(started.result);
}

}  // namespace
}  // namespace stoker
