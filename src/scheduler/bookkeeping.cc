#include "scheduler/bookkeeping.h"

#include <algorithm>
#include <optional>

#include "scheduler/constraints.h"

namespace stoker::scheduler {
namespace {

void insert_sorted(std::vector<ModelId>& models, ModelId id) {
  const auto place = std::lower_bound(models.begin(), models.end(), id);
  if (place == models.end() || *place != id) models.insert(place, id);
}

void erase_sorted(std::vector<ModelId>& models, ModelId id) {
  const auto place = std::lower_bound(models.begin(), models.end(), id);
  if (place != models.end() && *place == id) models.erase(place);
}

// Keeps the age of the model's oldest waiting step, here and in the list of its device.
void refresh_age(DeviceEntry& device, ModelEntry& model) {
  std::optional<Instant> oldest;
  if (!model.releases.empty()) oldest = model.releases.front().released;
  if (oldest == model.oldest) return;
  if (model.oldest) device.by_age.erase({*model.oldest, model.id});
  model.oldest = oldest;
  if (oldest) device.by_age.insert({*oldest, model.id});
}

void join_queue(State& state, JobEntry& job, Arrival arrival) {
  ModelEntry& model = state.model(job.model());
  DeviceEntry& device = state.devices.at(model.device);
  if (model.waiting.empty()) {
    insert_sorted(device.demanded, model.id);
    state.look_for_stranded = state.look_for_stranded || !can_fit_without_others(state, model.id);
  }
  model.waiting.insert({job.tag_us, job.id});
  model.waiting_release_us_sum += job.released.us;
  const ReleaseQueue::Entry entry{job.released, job.id, job.arrival};
  if (arrival == Arrival::again) {
    model.releases.reinsert(entry);
  } else {
    model.releases.push(entry);
  }
  refresh_age(device, model);
}

void leave_queue(State& state, JobEntry& job) {
  ModelEntry& model = state.model(job.model());
  DeviceEntry& device = state.devices.at(model.device);
  model.waiting.erase({job.tag_us, job.id});
  model.waiting_release_us_sum -= job.released.us;
  if (model.releases.wants_dropping(model.waiting.size(), job.arrival)) {
    model.releases.drop_stale(model.waiting.size(), [&](const ReleaseQueue::Entry& entry) {
      if (entry.arrival == job.arrival) return false;
      const auto other = state.jobs.find(entry.job);
      return other != state.jobs.end() && other->second.arrival == entry.arrival &&
             other->second.phase == Phase::waiting && !other->second.parked;
    });
  }
  if (model.waiting.empty()) erase_sorted(device.demanded, model.id);
  refresh_age(device, model);
}

}  // namespace

void enqueue(State& state, JobEntry& job, Arrival arrival, Instant now) {
  if (job.phase == Phase::between_steps) --state.reading;
  job.phase = Phase::waiting;
  if (arrival == Arrival::fresh) job.released = now;
  job.arrival = state.arrivals++;
  job.parked = !is_served(state, job.workshop);
  if (!job.parked) join_queue(state, job, arrival);
  const auto workshop = state.workshops.find(job.workshop);
  if (workshop != state.workshops.end()) ++workshop->second.waiting;
}

void dequeue(State& state, JobEntry& job) {
  if (!job.parked) leave_queue(state, job);
  job.parked = false;
  const auto workshop = state.workshops.find(job.workshop);
  // It may have come before its workshop was known.
  if (workshop != state.workshops.end() && workshop->second.waiting > 0) --workshop->second.waiting;
}

void requeue_at(State& state, JobEntry& job, std::int64_t tag_us) {
  if (!job.parked) leave_queue(state, job);
  job.tag_us = tag_us;
  job.arrival = state.arrivals++;
  if (!job.parked) join_queue(state, job, Arrival::again);
}

void set_parked(State& state, JobEntry& job, bool parked) {
  if (job.parked == parked) return;
  if (parked) leave_queue(state, job);
  job.parked = parked;
  if (parked) return;
  job.arrival = state.arrivals++;
  join_queue(state, job, Arrival::again);
}

void count_coming(State& state, const JobEntry& job, int sign) {
  const std::size_t first = job.phase == Phase::between_steps ? job.step : job.step + 1U;
  for (const ModelId id : job.steps.from(first)) {
    const auto model = state.models.find(id);
    if (model == state.models.end()) continue;
    // A model may be newer than the job, which then was not counted there.
    if (sign > 0 || model->second.coming > 0)
      model->second.coming += static_cast<std::uint32_t>(sign);
  }
}

void set_residency(State& state, ModelEntry& model, ResidencyState residency, const Cause& cause,
                   Instant now) {
  DeviceEntry& device = state.devices.at(model.device);
  if (model.residency == ResidencyState::loading) --device.loading;
  if (residency == ResidencyState::loading) ++device.loading;
  if (residency == ResidencyState::cold) {
    erase_sorted(device.present, model.id);
  } else {
    insert_sorted(device.present, model.id);
  }
  if (residency == ResidencyState::cold) {
    set_reserved(state, model, MiB{0});
    state.look_for_stranded = state.look_for_stranded || !model.waiting.empty();
  }
  model.residency = residency;
  model.since = now;
  model.cause = cause;
}

void set_reserved(State& state, ModelEntry& model, MiB reserved) {
  MiB& held = state.devices.at(model.device).held;
  held -= model.reserved;
  model.reserved = reserved;
  held += reserved;
}

Rates rates_of(const Contention& contention, std::size_t texts, std::size_t generations) {
  const auto slowed = [](double penalty, std::size_t n) {
    return n > 1 ? 1.0 / (1.0 + penalty * static_cast<double>(n - 1)) : 1.0;
  };
  Rates rates{slowed(contention.text_parallel_penalty, texts),
              slowed(contention.generation_parallel_penalty, generations)};
  if (texts > 0 && generations > 0) {
    rates.text *= contention.text_beside_generation;
    rates.generation *= contention.generation_beside_text;
  }
  return rates;
}

void settle(DeviceEntry& device, Instant now) {
  const auto elapsed = static_cast<double>((now - device.settled).us);
  device.settled = now;
  if (device.runs.empty() || elapsed <= 0) return;
  std::size_t texts = 0;
  for (const Run& run : device.runs) texts += run.text ? 1U : 0U;
  const Rates rates = rates_of(device.contention, texts, device.runs.size() - texts);
  for (Run& run : device.runs) run.done_us += elapsed * (run.text ? rates.text : rates.generation);
}

void begin_run(State& state, const JobEntry& job, Instant now) {
  ModelEntry& model = state.model(job.model());
  DeviceEntry& device = state.devices.at(model.device);
  settle(device, now);
  device.runs.push_back({job.id, model.id, model.is_text(), 0});
  ++model.running;
  BackendEntry& backend = state.backends.at(model.backend);
  ++backend.running;
  ++backend.starts;
}

Duration end_run(State& state, const JobEntry& job, Instant now) {
  ModelEntry& model = state.model(job.model());
  DeviceEntry& device = state.devices.at(model.device);
  settle(device, now);
  --model.running;
  --state.backends.at(model.backend).running;
  const auto run = std::find_if(device.runs.begin(), device.runs.end(),
                                [&](const Run& r) { return r.job == job.id; });
  if (run == device.runs.end()) return Duration{};
  const Duration done{static_cast<std::int64_t>(run->done_us)};
  device.runs.erase(run);
  return done;
}

}  // namespace stoker::scheduler
