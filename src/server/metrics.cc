#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <unordered_set>
#include <vector>

#include "domain/cause.h"
#include "domain/job.h"
#include "domain/medium.h"
#include "domain/workshop.h"

namespace stoker::server {
namespace {

using controller::LedgerKind;
using controller::Snapshot;
using prometheus::Labels;

const prometheus::Histogram::BucketBoundaries& load_buckets() {
  static const prometheus::Histogram::BucketBoundaries buckets{1,  2,   5,   10,  20, 30,
                                                               60, 120, 180, 300, 600};
  return buckets;
}

const prometheus::Histogram::BucketBoundaries& run_buckets() {
  static const prometheus::Histogram::BucketBoundaries buckets{0.5, 1,   2,   5,   10,  20,  30,
                                                               60,  120, 180, 300, 600, 1200};
  return buckets;
}

// A family of gauges that lives for one answer.
class Gauges {
 public:
  Gauges(std::string name, std::string help) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = prometheus::MetricType::Gauge;
  }
  Gauges& add(double value, std::vector<prometheus::ClientMetric::Label> labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    family_.metric.push_back(std::move(metric));
    return *this;
  }
  prometheus::MetricFamily take() { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

prometheus::ClientMetric::Label label(std::string name, std::string_view value) {
  return {std::move(name), std::string(value)};
}

double number(MiB amount) {
  return static_cast<double>(amount.count);
}

std::string model_name(const Snapshot& snapshot, ModelId id) {
  const auto found = snapshot.models.find(id);
  return found == snapshot.models.end() ? "removed" : found->second->model.name;
}

std::vector<prometheus::MetricFamily> job_gauges(const Snapshot& snapshot) {
  std::array<std::size_t, kJobStateCount> states{};
  std::array<std::size_t, kMediumCount> queued{};
  for (const auto& [id, job] : snapshot.jobs) {
    ++states[static_cast<std::size_t>(job->state)];
    const bool waits = !job_state_is_final(job->state) && job->state != JobState::running;
    if (waits) ++queued[static_cast<std::size_t>(job->medium)];
  }
  Gauges by_state("stoker_jobs", "Jobs that are kept, by state");
  for (std::size_t i = 0; i < states.size(); ++i) {
    by_state.add(static_cast<double>(states[i]),
                 {label("state", job_state_name(static_cast<JobState>(i)))});
  }
  Gauges by_medium("stoker_queue_length", "Jobs that wait, by medium");
  for (std::size_t i = 0; i < queued.size(); ++i) {
    by_medium.add(static_cast<double>(queued[i]),
                  {label("medium", medium_name(static_cast<Medium>(i)))});
  }
  return {by_state.take(), by_medium.take()};
}

std::vector<prometheus::MetricFamily> machine_gauges(const Snapshot& snapshot) {
  Gauges vram("stoker_vram_mib",
              "Memory of a device: total, kept free, reserved by plan, measured use, foreign");
  for (const controller::DeviceView& view : snapshot.devices) {
    const auto row = [&](std::string_view kind, MiB amount) {
      vram.add(number(amount), {label("device", view.device.name), label("kind", kind)});
    };
    row("total", view.device.vram);
    row("reserve", view.device.reserve);
    row("reserved", view.reserved);
    row("foreign", view.foreign);
    if (view.used) row("measured", *view.used);
  }
  Gauges backends("stoker_backend_reachable", "Whether a backend answers");
  for (const controller::BackendView& view : snapshot.backends)
    backends.add(view.reachable ? 1 : 0, {label("backend", view.info.name)});
  Gauges models("stoker_model_loaded", "Whether a model is ready for work");
  for (const auto& [id, view] : snapshot.models) {
    models.add(view->state == controller::ModelState::hot ? 1 : 0,
               {label("model", view->model.name)});
  }
  return {vram.take(), backends.take(), models.take()};
}

std::vector<prometheus::MetricFamily> other_gauges(const Snapshot& snapshot,
                                                   const ConnectionNumbers& connections) {
  std::array<std::size_t, kWorkshopStateCount> states{};
  for (const auto& [id, view] : snapshot.workshops) ++states[static_cast<std::size_t>(view->state)];
  Gauges workshops("stoker_workshops", "Workshops by state");
  for (std::size_t i = 0; i < states.size(); ++i) {
    workshops.add(static_cast<double>(states[i]),
                  {label("state", workshop_state_name(static_cast<WorkshopState>(i)))});
  }
  return {
      workshops.take(),
      Gauges("stoker_ready", "Whether engines were asked and work can start")
          .add(snapshot.ready ? 1 : 0)
          .take(),
      Gauges("stoker_store_ok", "Whether the journal takes entries")
          .add(snapshot.store_ok ? 1 : 0)
          .take(),
      Gauges("stoker_disk_free_bytes", "Free bytes where results are kept")
          .add(static_cast<double>(snapshot.free_bytes))
          .take(),
      Gauges("stoker_connections", "Open HTTP connections")
          .add(static_cast<double>(connections.connections))
          .take(),
      Gauges("stoker_event_streams", "Open event streams")
          .add(static_cast<double>(connections.event_streams))
          .take(),
  };
}

}  // namespace

struct Metrics::Impl {
  explicit Impl(WallTime start_wall) : start(start_wall) {}

  void count_jobs(const Snapshot& snapshot);
  void count_job(const Snapshot& snapshot, const controller::JobView& job);
  void count_entry(const Snapshot& snapshot, const controller::LedgerEntry& entry);

  const WallTime start;
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("stoker_http_requests_total")
                                                          .Help("Answered requests")
                                                          .Register(registry);
  prometheus::Family<prometheus::Counter>& loads = prometheus::BuildCounter()
                                                       .Name("stoker_loads_total")
                                                       .Help("Loads that were started, by cause")
                                                       .Register(registry);
  prometheus::Family<prometheus::Counter>& unloads =
      prometheus::BuildCounter()
          .Name("stoker_unloads_total")
          .Help("Unloads that were started, by cause")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& failures = prometheus::BuildCounter()
                                                          .Name("stoker_residency_failures_total")
                                                          .Help("Loads and unloads that failed")
                                                          .Register(registry);
  prometheus::Family<prometheus::Counter>& ended = prometheus::BuildCounter()
                                                       .Name("stoker_jobs_ended_total")
                                                       .Help("Jobs that ended, by how")
                                                       .Register(registry);
  prometheus::Family<prometheus::Histogram>& load_seconds =
      prometheus::BuildHistogram()
          .Name("stoker_load_seconds")
          .Help("How long loads took, planning time")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& run_seconds =
      prometheus::BuildHistogram()
          .Name("stoker_run_seconds")
          .Help("How long done jobs ran, planning time")
          .Register(registry);
  prometheus::Counter& store_failures = prometheus::BuildCounter()
                                            .Name("stoker_store_failures_total")
                                            .Help("Times the journal stopped taking entries")
                                            .Register(registry)
                                            .Add({});

  std::int64_t last_entry = 0;        // loop
  std::unordered_set<JobId> counted;  // network thread
};

Metrics::Metrics(std::string_view version, WallTime start) : impl_(std::make_unique<Impl>(start)) {
  prometheus::BuildGauge()
      .Name("stoker_build_info")
      .Help("The version that runs")
      .Register(impl_->registry)
      .Add(Labels{{"version", std::string(version)}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::count_request(const std::string& route, int status) {
  impl_->requests.Add(Labels{{"route", route}, {"status", std::to_string(status)}}).Increment();
}

void Metrics::count_store_failure() {
  impl_->store_failures.Increment();
}

void Metrics::observe(const Snapshot& snapshot) {
  if (!snapshot.ledger || snapshot.ledger->empty()) return;
  const auto& ledger = *snapshot.ledger;
  std::size_t first_new = ledger.size();
  while (first_new > 0 && ledger[first_new - 1].seq > impl_->last_entry) --first_new;
  for (std::size_t i = first_new; i < ledger.size(); ++i) impl_->count_entry(snapshot, ledger[i]);
  impl_->last_entry = ledger.back().seq;
}

void Metrics::Impl::count_entry(const Snapshot& snapshot, const controller::LedgerEntry& entry) {
  if (entry.at < start) return;
  const Labels cause{{"cause", std::string(cause_name(entry.cause.cause.kind))}};
  switch (entry.kind) {
    case LedgerKind::load_started:
    case LedgerKind::external_load:
      loads.Add(cause).Increment();
      break;
    case LedgerKind::unload_started:
    case LedgerKind::external_unload:
      unloads.Add(cause).Increment();
      break;
    case LedgerKind::load_failed:
    case LedgerKind::load_spilled:
    case LedgerKind::unload_failed:
      failures.Add(Labels{{"what", std::string(ledger_kind_name(entry.kind))}}).Increment();
      break;
    case LedgerKind::load_finished:
      if (entry.took) {
        load_seconds.Add(Labels{{"model", model_name(snapshot, entry.model)}}, load_buckets())
            .Observe(entry.took->seconds());
      }
      break;
    case LedgerKind::unload_finished:
    case LedgerKind::foreign_memory:
    case LedgerKind::refused:
      break;
  }
}

void Metrics::Impl::count_jobs(const Snapshot& snapshot) {
  std::erase_if(counted, [&](JobId id) { return !snapshot.jobs.contains(id); });
  for (const auto& [id, job] : snapshot.jobs) {
    if (!job_state_is_final(job->state) || job->ended < start || !counted.insert(id).second)
      continue;
    count_job(snapshot, *job);
  }
}

void Metrics::Impl::count_job(const Snapshot& snapshot, const controller::JobView& job) {
  ended.Add(Labels{{"state", std::string(job_state_name(job.state))}}).Increment();
  if (job.state != JobState::done) return;
  run_seconds.Add(Labels{{"model", model_name(snapshot, job.model)}}, run_buckets())
      .Observe(job.running.seconds());
}

std::string Metrics::text(const Snapshot& snapshot, const ConnectionNumbers& connections) {
  impl_->count_jobs(snapshot);
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (auto&& part :
       {job_gauges(snapshot), machine_gauges(snapshot), other_gauges(snapshot, connections)})
    families.insert(families.end(), part.begin(), part.end());
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace stoker::server
