// Whether everything that the state derives agrees with what it is derived from.
//
// Purpose: each derived number and list is computed again, the slow way, and compared.
// Threading: none. Test code only. Returns the first disagreement in words; empty: all agrees.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scheduler/bookkeeping.h"
#include "scheduler/constraints.h"
#include "scheduler/state.h"

namespace stoker::scheduler {

class Consistency {
 public:
  explicit Consistency(const State& state) : state_(state) {}

  std::string first_disagreement() {
    count_jobs();
    for (const auto& [id, device] : state_.devices) check_device(device);
    for (const auto& [id, backend] : state_.backends) {
      expect(backend.running == running_at_[id], "slots in use of backend", id.value);
      if (!restored_) expect(backend.running <= backend.slots, "slots of backend", id.value);
    }
    for (const auto& [id, model] : state_.models) check_model(model);
    for (const auto& [id, workshop] : state_.workshops)
      expect(workshop.waiting == waiting_in_[id], "waiting steps of workshop", id.value);
    for (const auto& [id, person] : state_.people)
      expect(person.outstanding == open_of_[id], "outstanding ideas of person", id.value);
    expect(state_.reading == reading_, "ideas between two steps", reading_);
    return found_;
  }

  // Work that went on while the server was away may exceed the slots.
  Consistency& with_restored_runs() {
    restored_ = true;
    return *this;
  }

 private:
  void expect(bool agrees, const char* what, std::uint64_t id) {
    if (!agrees && found_.empty()) found_ = std::string(what) + ' ' + std::to_string(id);
  }

  void count_jobs() {
    for (const auto& [id, job] : state_.jobs) {
      ++open_of_[job.person];
      const bool waits = job.phase == Phase::waiting;
      if (waits) ++waiting_in_[job.workshop];
      if (waits && !job.parked) {
        Queue& queue = queues_[job.model()];
        queue.keys.insert({job.tag_us, id});
        queue.release_us_sum += job.released.us;
        queue.oldest = std::min(queue.oldest, job.released);
      }
      if (waits) expect(job.parked == !is_served(state_, job.workshop), "parked job", id.value);
      if (job.phase == Phase::between_steps) ++reading_;
      if (job.phase == Phase::running || job.phase == Phase::stopping) {
        running_jobs_.insert(id);
        ++running_on_[job.model()];
        ++running_at_[state_.model(job.model()).backend];
      }
      const std::size_t next = job.phase == Phase::between_steps ? job.step : job.step + 1U;
      for (std::size_t i = next; i < job.steps.size(); ++i) ++coming_[job.steps[i]];
      expect(job.known <= job.steps.size(), "known steps of job", id.value);
    }
  }

  void check_model(const ModelEntry& model) {
    const Queue& queue = queues_[model.id];
    expect(model.waiting == queue.keys, "queue of model", model.id.value);
    expect(model.waiting_release_us_sum == queue.release_us_sum, "sum of releases of model",
           model.id.value);
    expect(model.coming == coming_[model.id], "coming steps of model", model.id.value);
    expect(model.running == running_on_[model.id], "leases of model", model.id.value);
    const bool cold = model.residency == ResidencyState::cold;
    expect(!cold || model.reserved == MiB{0}, "memory of an absent model", model.id.value);
    expect(model.reserved >= MiB{0}, "memory of model", model.id.value);
    if (model.residency == ResidencyState::draining)
      expect(is_victim(model), "draining without an exchange: model", model.id.value);
    const std::optional<Instant> oldest =
        queue.keys.empty() ? std::nullopt : std::optional(queue.oldest);
    expect(model.oldest == oldest, "oldest waiting step of model", model.id.value);
    const auto& by_age = state_.devices.at(model.device).by_age;
    const bool listed = oldest && by_age.contains({*oldest, model.id});
    expect(listed == oldest.has_value(), "age of model in the list of its device", model.id.value);
  }

  bool is_victim(const ModelEntry& model) const {
    const auto& exchange = state_.devices.at(model.device).switching;
    return exchange && std::find(exchange->victims.begin(), exchange->victims.end(), model.id) !=
                           exchange->victims.end();
  }

  void check_device(const DeviceEntry& device) {
    MiB held;
    std::uint32_t loading = 0;
    std::vector<ModelId> present;
    std::vector<ModelId> demanded;
    for (const auto& [id, model] : state_.models) {
      if (model.device != device.id) continue;
      held += model.reserved;
      if (model.residency == ResidencyState::loading) ++loading;
      if (model.residency != ResidencyState::cold) present.push_back(id);
      if (!model.waiting.empty()) demanded.push_back(id);
    }
    const std::uint64_t id = device.id.value;
    expect(device.held == held, "memory held on device", id);
    expect(device.loading == loading, "loads under way on device", id);
    expect(loading <= device.loads_parallel, "too many loads at once on device", id);
    expect(device.present == present, "models present on device", id);
    expect(device.demanded == demanded, "models demanded on device", id);
    std::set<JobId> at_work;
    for (const Run& run : device.runs) {
      expect(at_work.insert(run.job).second, "a step runs twice on device", id);
      expect(running_jobs_.contains(run.job), "a run without a job on device", id);
      if (const auto job = state_.jobs.find(run.job); job != state_.jobs.end())
        expect(job->second.model() == run.model, "a run of another model on device", id);
    }
    for (const JobId job : running_jobs_) {
      if (state_.model(state_.jobs.at(job).model()).device == device.id)
        expect(at_work.contains(job), "a job runs nowhere on device", id);
    }
  }

  struct Queue {
    std::set<QueueKey> keys;
    std::int64_t release_us_sum = 0;
    Instant oldest{INT64_MAX};
  };

  const State& state_;
  bool restored_ = false;
  std::string found_;
  std::uint32_t reading_ = 0;
  std::set<JobId> running_jobs_;
  std::map<ModelId, Queue> queues_;
  std::map<ModelId, std::uint32_t> coming_;
  std::map<ModelId, std::uint32_t> running_on_;
  std::map<BackendId, std::uint32_t> running_at_;
  std::map<WorkshopId, std::uint32_t> waiting_in_;
  std::map<PersonId, std::uint32_t> open_of_;
};

}  // namespace stoker::scheduler
