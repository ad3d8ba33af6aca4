#include "diagnosis/findings.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stoker::diagnosis {
namespace {

constexpr ModelId kFlux{1};
constexpr ModelId kWan{2};

const Finding* find(const Report& report, FindingKind kind, ModelId model) {
  const auto found = std::ranges::find_if(
      report.findings, [&](const Finding& f) { return f.kind == kind && f.model == model; });
  return found == report.findings.end() ? nullptr : &*found;
}

JobFact done_job(std::uint64_t id, Duration queued, Duration loading, Duration running) {
  return {.job = JobId(id),
          .model = kFlux,
          .medium = Medium::image,
          .state = JobState::done,
          .queued = queued,
          .loading = loading,
          .running = running,
          .created = {1000},
          .ended = {static_cast<std::int64_t>(2000 + id)}};
}

JobFact failed_job(ErrorCode code, Duration loading, Duration running) {
  JobFact job = done_job(7, {}, loading, running);
  job.state = JobState::failed;
  job.error = code;
  return job;
}

TEST(Findings, SplitsWaitingIntoContentionAndColdStart) {
  const Report report = diagnose(
      {done_job(1, seconds(30), seconds(10), seconds(5)), done_job(2, seconds(50), {}, seconds(5))},
      {});
  const Finding* contention = find(report, FindingKind::contention, kFlux);
  ASSERT_NE(contention, nullptr);
  EXPECT_EQ(contention->lost, seconds(80));
  EXPECT_EQ(contention->longest, seconds(50));
  EXPECT_EQ(contention->count, 2U);
  EXPECT_EQ(contention->jobs, (std::vector{JobId(2), JobId(1)}));
  const Finding* cold = find(report, FindingKind::cold_start, kFlux);
  ASSERT_NE(cold, nullptr);
  EXPECT_EQ(cold->lost, seconds(10));
  EXPECT_EQ(cold->count, 1U);
}

TEST(Findings, PutsTheGreatestLossFirst) {
  const Report report = diagnose({done_job(1, seconds(3), seconds(90), seconds(5))}, {});
  ASSERT_EQ(report.findings.size(), 2U);
  EXPECT_EQ(report.findings.front().kind, FindingKind::cold_start);
}

TEST(Findings, FindsNothingInADayWithoutWaiting) {
  const Report report =
      diagnose({done_job(1, {}, {}, seconds(5))}, {{.event = MemoryEvent::loaded, .model = kFlux}});
  EXPECT_TRUE(report.findings.empty());
  EXPECT_TRUE(report.failures.empty());
}

TEST(Findings, CountsOnlyLoadsOfWhatWasThereBefore) {
  const Report report =
      diagnose({}, {{.event = MemoryEvent::loaded, .model = kFlux, .at = {5}, .took = seconds(20)},
                    {.event = MemoryEvent::loaded, .model = kFlux, .at = {9}, .took = seconds(30)},
                    {.event = MemoryEvent::loaded, .model = kWan, .at = {7}, .took = seconds(40)}});
  const Finding* again = find(report, FindingKind::repeated_load, kFlux);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->count, 1U);
  EXPECT_EQ(again->lost, seconds(30));
  EXPECT_EQ(find(report, FindingKind::repeated_load, kWan), nullptr);
}

TEST(Findings, TellsEvictionForRoomFromOtherUnloads) {
  const Report report = diagnose(
      {},
      {{.event = MemoryEvent::unloaded, .model = kFlux, .cause = CauseKind::make_room, .at = {1}},
       {.event = MemoryEvent::unloaded,
        .model = kWan,
        .cause = CauseKind::operator_action,
        .at = {2}},
       {.event = MemoryEvent::unloaded_by_others,
        .model = kWan,
        .cause = CauseKind::external,
        .at = {3}}});
  EXPECT_NE(find(report, FindingKind::capacity, kFlux), nullptr);
  EXPECT_EQ(find(report, FindingKind::capacity, kWan), nullptr);
  EXPECT_NE(find(report, FindingKind::external_unload, kWan), nullptr);
}

struct FailureCase {
  JobFact job;
  Stage stage;
  FindingKind kind;
};

TEST(Failures, NameStageAndClass) {
  JobFact refused = failed_job(ErrorCode::blocked_text, {}, {});
  refused.state = JobState::refused;
  const std::vector<FailureCase> cases = {
      {failed_job(ErrorCode::run_timeout, {}, seconds(300)), Stage::run, FindingKind::timeout},
      {failed_job(ErrorCode::load_failed, seconds(20), {}), Stage::load, FindingKind::crash},
      {failed_job(ErrorCode::backend_down, {}, {}), Stage::queue, FindingKind::external_failure},
      {failed_job(ErrorCode::internal, {}, seconds(3)), Stage::run, FindingKind::crash},
      {failed_job(ErrorCode::misfit, {}, {}), Stage::queue, FindingKind::capacity},
      {refused, Stage::check, FindingKind::crash},
  };
  for (const FailureCase& expected : cases) {
    const Report report = diagnose({expected.job}, {});
    ASSERT_EQ(report.failures.size(), 1U);
    EXPECT_EQ(stage_name(report.failures[0].stage), stage_name(expected.stage));
    EXPECT_EQ(finding_name(report.failures[0].kind), finding_name(expected.kind));
    EXPECT_EQ(report.failures[0].code, expected.job.error);
  }
}

TEST(Failures, LeaveOutWorkThatPeopleCancelled) {
  JobFact job = done_job(1, {}, {}, {});
  job.state = JobState::cancelled;
  EXPECT_TRUE(diagnose({job}, {}).failures.empty());
}

TEST(Failures, KeepTheNewest) {
  std::vector<JobFact> jobs;
  for (std::uint64_t i = 1; i <= kFailuresMax + 5; ++i) {
    JobFact job = failed_job(ErrorCode::internal, {}, seconds(1));
    job.job = JobId(i);
    job.ended = {static_cast<std::int64_t>(i)};
    jobs.push_back(job);
  }
  const Report report = diagnose(jobs, {});
  ASSERT_EQ(report.failures.size(), kFailuresMax);
  EXPECT_EQ(report.failures.front().job, JobId(6));
  EXPECT_EQ(report.failures.back().job, JobId(kFailuresMax + 5));
}

TEST(Waits, GiveMedianAndLongestPerModel) {
  const Report report =
      diagnose({done_job(1, seconds(1), {}, seconds(4)), done_job(2, seconds(9), {}, seconds(5)),
                done_job(3, seconds(2), seconds(8), seconds(6)),
                failed_job(ErrorCode::internal, {}, seconds(99))},
               {});
  ASSERT_EQ(report.waits.size(), 1U);
  const Waits& waits = report.waits[0];
  EXPECT_EQ(waits.jobs, 3U);
  EXPECT_EQ(waits.queued_median, seconds(2));
  EXPECT_EQ(waits.queued_longest, seconds(9));
  EXPECT_EQ(waits.loading_median, Duration());
  EXPECT_EQ(waits.loading_longest, seconds(8));
  EXPECT_EQ(waits.running_median, seconds(5));
}

}  // namespace
}  // namespace stoker::diagnosis
