#include "scheduler/forecast.h"

#include <algorithm>
#include <queue>
#include <vector>

#include "scheduler/scheduler.h"

namespace stoker::scheduler {
namespace {

struct Expected {
  Instant at;
  std::uint64_t order = 0;
  Event event;
};

struct Later {
  bool operator()(const Expected& a, const Expected& b) const {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }
};

// Never less than a twentieth of the whole: something that is over its time is expected to end soon, not now.
Duration remaining(Duration mean, Duration elapsed) {
  return std::max(mean - elapsed, mean / 20);
}

double square(double x) {
  return x * x;
}

class Play {
 public:
  Play(const State& state, Instant now) : start_(now), scheduler_(state) {
    for (const auto& [id, job] : state.jobs) {
      if (job.phase == Phase::running || job.phase == Phase::stopping) expect_end(job, now);
    }
    for (const auto& [id, model] : state.models) {
      if (model.residency == ResidencyState::loading) {
        expect_load(id, now, remaining(model.load.mean(), now - model.since));
      }
      if (model.residency == ResidencyState::unloading)
        expect(now + kUnloadEstimate, UnloadFinished{id});
    }
  }

  // Plays until all jobs have ended; with a wish also until nothing is expected any more.
  Forecast run(const Event& first) {
    take(scheduler_.apply(first, start_), start_);
    const bool has_wish = std::holds_alternative<WantedSet>(first);
    while (!expected_.empty() && (has_wish || !scheduler_.state().jobs.empty())) {
      const Expected next = expected_.top();
      if (next.at - start_ > kForecastHorizon) break;
      expected_.pop();
      note_end(next);
      take(scheduler_.apply(next.event, next.at), next.at);
    }
    return std::move(forecast_);
  }

 private:
  void expect(Instant at, Event event) { expected_.push({at, order_++, std::move(event)}); }

  void expect_load(ModelId id, Instant now, Duration left) {
    const ModelEntry& model = scheduler_.state().model(id);
    loading_[scheduler_.state().device_of(id)] += left;
    load_variance_[id] = square(static_cast<double>(left.us) * model.load.relative_spread());
    forecast_.loads.emplace(id, now + left);
    expect(now + left, LoadFinished{id, MiB{0}, left});
  }

  void expect_end(const JobEntry& job, Instant now) {
    const ModelEntry& model = scheduler_.state().model(job.model());
    const Duration left =
        job.started < start_ ? remaining(model.run.mean(), now - job.started) : model.run.mean();
    double& variance = variance_[model.backend];
    variance += square(static_cast<double>(left.us) * model.run.relative_spread()) /
                static_cast<double>(scheduler_.state().backends.at(model.backend).slots);
    forecast_.jobs.try_emplace(job.id, JobForecast{.starts = std::max(job.started, start_)});
    expect(now + left, StepFinished{job.id, job.step, left});
  }

  void note_end(const Expected& next) {
    const auto* finished = std::get_if<StepFinished>(&next.event);
    if (finished == nullptr) return;
    const auto job = scheduler_.state().jobs.find(finished->job);
    if (job == scheduler_.state().jobs.end()) return;
    const ModelEntry& model = scheduler_.state().model(job->second.model());
    JobForecast& seen = forecast_.jobs[finished->job];
    seen.ends = next.at;
    seen.variance_us2 = variance_[model.backend];
    seen.ahead = ended_[model.backend]++;
  }

  void take(const std::vector<Decision>& decisions, Instant now) {
    for (const Decision& decision : decisions) {
      if (const auto* load = std::get_if<Load>(&decision)) {
        expect_load(load->model, now, scheduler_.state().model(load->model).load.mean());
      } else if (const auto* unload = std::get_if<Unload>(&decision)) {
        forecast_.unloads.push_back(unload->model);
        expect(now + kUnloadEstimate, UnloadFinished{unload->model});
      } else if (const auto* dispatch = std::get_if<Dispatch>(&decision)) {
        on_dispatch(*dispatch, now);
      }
    }
  }

  void on_dispatch(const Dispatch& dispatch, Instant now) {
    const auto load = load_variance_.find(dispatch.model);
    if (load != load_variance_.end()) {
      variance_[dispatch.backend] += load->second;
      load_variance_.erase(load);
    }
    JobForecast& seen = forecast_.jobs[dispatch.job];
    seen.starts = now;
    const DeviceId device = scheduler_.state().device_of(dispatch.model);
    seen.loading = std::min(loading_[device], now - start_);
    expect_end(scheduler_.state().jobs.at(dispatch.job), now);
  }

  Instant start_;
  Scheduler scheduler_;
  std::priority_queue<Expected, std::vector<Expected>, Later> expected_;
  std::uint64_t order_ = 0;
  std::map<BackendId, double> variance_;
  std::map<BackendId, std::uint32_t> ended_;
  std::map<ModelId, double> load_variance_;
  std::map<DeviceId, Duration> loading_;
  Forecast forecast_;
};

}  // namespace

Forecast forecast(const State& state, Instant now) {
  if (state.jobs.size() > kForecastJobsMax) return {};
  Forecast result = Play(state, now).run(Tick{});
  // What was not reached before the horizon (or is paused) is not known.
  std::erase_if(result.jobs, [](const auto& entry) { return entry.second.ends == Instant{}; });
  return result;
}

Forecast forecast_wanted(const State& state, const WantedSet& wish, Instant now) {
  if (state.jobs.size() > kForecastJobsMax) return {};
  return Play(state, now).run(wish);
}

}  // namespace stoker::scheduler
