#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stoker::server {
namespace {

using controller::LedgerEntry;
using controller::LedgerKind;
using controller::Snapshot;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kStart{1'000'000};

Snapshot snapshot_with_a_model() {
  Snapshot snapshot;
  auto view = std::make_shared<controller::ModelView>();
  view->model.id = ModelId(1);
  view->model.name = "flux2";
  view->state = controller::ModelState::hot;
  snapshot.models.emplace(ModelId(1), view);
  snapshot.ledger = std::make_shared<std::vector<LedgerEntry>>();
  return snapshot;
}

LedgerEntry entry(std::int64_t seq, LedgerKind kind, CauseKind cause) {
  LedgerEntry made;
  made.seq = seq;
  made.at = kStart + seconds(seq);
  made.kind = kind;
  made.model = ModelId(1);
  made.cause.cause.kind = cause;
  return made;
}

void add_job(Snapshot& snapshot, std::uint64_t id, JobState state, WallTime ended) {
  auto job = std::make_shared<controller::JobView>();
  job->id = JobId(id);
  job->model = ModelId(1);
  job->medium = Medium::image;
  job->state = state;
  job->ended = ended;
  job->running = seconds(3);
  snapshot.jobs[JobId(id)] = job;
}

TEST(Metrics, CountsEachLedgerEntryOnce) {
  Metrics metrics("1.2.3", kStart);
  Snapshot snapshot = snapshot_with_a_model();
  LedgerEntry finished = entry(2, LedgerKind::load_finished, CauseKind::warm_up);
  finished.took = seconds(12);
  auto ledger = std::make_shared<std::vector<LedgerEntry>>();
  *ledger = {entry(1, LedgerKind::load_started, CauseKind::warm_up), finished};
  snapshot.ledger = ledger;
  metrics.observe(snapshot);
  metrics.observe(snapshot);
  const std::string text = metrics.text(snapshot, {});
  EXPECT_THAT(text, HasSubstr("stoker_loads_total{cause=\"warm_up\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stoker_load_seconds_sum{model=\"flux2\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("stoker_load_seconds_count{model=\"flux2\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stoker_build_info{version=\"1.2.3\"} 1\n"));
}

TEST(Metrics, ShowsJobsAsTheSnapshotDoes) {
  Metrics metrics("1", kStart);
  Snapshot snapshot = snapshot_with_a_model();
  add_job(snapshot, 1, JobState::queued, {});
  add_job(snapshot, 2, JobState::running, {});
  const std::string text = metrics.text(snapshot, {.connections = 7, .event_streams = 3});
  EXPECT_THAT(text, HasSubstr("stoker_jobs{state=\"queued\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stoker_jobs{state=\"running\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stoker_queue_length{medium=\"image\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stoker_event_streams 3\n"));
  EXPECT_THAT(text, HasSubstr("stoker_connections 7\n"));
  EXPECT_THAT(text, HasSubstr("stoker_model_loaded{model=\"flux2\"} 1\n"));
}

TEST(Metrics, CountsAnEndedJobOnceAndNoneOfAnEarlierLife) {
  Metrics metrics("1", kStart);
  Snapshot snapshot = snapshot_with_a_model();
  add_job(snapshot, 1, JobState::done, WallTime{kStart.ms - 1000});
  add_job(snapshot, 2, JobState::done, kStart + seconds(1));
  EXPECT_THAT(metrics.text(snapshot, {}), HasSubstr("stoker_jobs_ended_total{state=\"done\"} 1\n"));
  const std::string again = metrics.text(snapshot, {});
  EXPECT_THAT(again, HasSubstr("stoker_jobs_ended_total{state=\"done\"} 1\n"));
  EXPECT_THAT(again, HasSubstr("stoker_run_seconds_sum{model=\"flux2\"} 3\n"));
}

TEST(Metrics, CountsRequestsByRouteAndStatus) {
  Metrics metrics("1", kStart);
  metrics.count_request("/healthz", 200);
  metrics.count_request("/healthz", 200);
  metrics.count_store_failure();
  const std::string text = metrics.text(snapshot_with_a_model(), {});
  EXPECT_THAT(text, HasSubstr("stoker_http_requests_total{route=\"/healthz\",status=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("stoker_store_failures_total 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("prompt")));
}

}  // namespace
}  // namespace stoker::server
