#include "scheduler/order.h"

#include <algorithm>
#include <span>

namespace stoker::scheduler {
namespace {

struct Candidate {
  const JobEntry* job = nullptr;
  std::int64_t need_us = 0;
  std::int64_t deadline_us = 0;
};

bool is_servable(const ModelEntry& model) {
  return model.residency == ResidencyState::resident && !model.waiting.empty();
}

bool by_tag(const Candidate& a, const Candidate& b) {
  return QueueKey{a.job->tag_us, a.job->id} < QueueKey{b.job->tag_us, b.job->id};
}

bool by_deadline(const Candidate& a, const Candidate& b) {
  if (a.deadline_us != b.deadline_us) return a.deadline_us < b.deadline_us;
  return a.job->arrival < b.job->arrival;
}

// The queue of one model while several are walked together by tag.
struct Cursor {
  const ModelEntry* model = nullptr;
  std::set<QueueKey>::const_iterator at;
  std::set<QueueKey>::const_iterator end;
  Duration patience;
};

std::vector<Candidate> candidates_by_tag(const State& state, const BackendEntry& backend,
                                         Instant now) {
  std::vector<Cursor> cursors;
  for (const ModelId id : state.devices.at(backend.device).present) {
    const ModelEntry& model = state.model(id);
    if (model.backend != backend.id || model.is_text() || !is_servable(model)) continue;
    cursors.push_back(
        {&model, model.waiting.begin(), model.waiting.end(), state.patience_for(model)});
  }
  const auto lower_tag = [](const Cursor& a, const Cursor& b) { return *a.at < *b.at; };
  std::vector<Candidate> candidates;
  while (!cursors.empty() && candidates.size() < kTriageMax) {
    const auto next = std::min_element(cursors.begin(), cursors.end(), lower_tag);
    const JobEntry& job = state.jobs.at(next->at->job);
    const std::int64_t deadline_us = (job.released + next->patience).us;
    const std::int64_t need_us =
        next->model->run.mean(job.size).us * 100 / state.policy.assumed_rate_percent;
    // Who is past the deadline waits for none any more.
    candidates.push_back({&job, need_us, deadline_us > now.us ? deadline_us : INT64_MAX});
    if (++next->at == next->end) cursors.erase(next);
  }
  return candidates;
}

bool all_end_in_time(const std::vector<Candidate>& jobs, Instant now) {
  std::int64_t end_us = now.us;
  return std::all_of(jobs.begin(), jobs.end(), [&](const Candidate& job) {
    end_us += job.need_us;
    return end_us <= job.deadline_us;
  });
}

// The largest set of jobs that end in time if served by deadline; `jobs` come by deadline and stay so.
std::vector<Candidate> kept_in_time(const std::vector<Candidate>& jobs, Instant now) {
  std::vector<Candidate> kept;
  kept.reserve(jobs.size());
  std::int64_t end_us = now.us;
  for (const Candidate& job : jobs) {
    kept.push_back(job);
    end_us += job.need_us;
    if (end_us <= job.deadline_us) continue;
    const auto longest =
        std::max_element(kept.begin(), kept.end(), [](const Candidate& a, const Candidate& b) {
          return a.need_us != b.need_us ? a.need_us < b.need_us : a.job->arrival < b.job->arrival;
        });
    end_us -= longest->need_us;
    kept.erase(longest);
  }
  return kept;
}

enum class Kind : std::uint8_t { text, generation };

const JobEntry* first_by_tag(const State& state, const BackendEntry& backend, Kind kind) {
  std::optional<QueueKey> best;
  for (const ModelId id : state.devices.at(backend.device).present) {
    const ModelEntry& model = state.model(id);
    if (model.backend != backend.id || model.is_text() != (kind == Kind::text)) continue;
    if (!is_servable(model)) continue;
    const QueueKey& first = *model.waiting.begin();
    if (!best || first < *best) best = first;
  }
  return best ? &state.jobs.at(best->job) : nullptr;
}

}  // namespace

const JobEntry* next_text(const State& state, const BackendEntry& backend) {
  return first_by_tag(state, backend, Kind::text);
}

const JobEntry* next_generation(const State& state, const BackendEntry& backend, Instant now) {
  const JobEntry* first = first_by_tag(state, backend, Kind::generation);
  if (first == nullptr || state.patience.generation <= Duration{}) return first;
  const bool is_past = first->released + state.patience.generation <= now;
  if (is_past && backend.starts % 2 == 0) return first;
  std::vector<Candidate> by_end = candidates_by_tag(state, backend, now);
  if (by_end.size() == 1 || all_end_in_time(by_end, now)) return first;
  std::sort(by_end.begin(), by_end.end(), by_deadline);
  const std::vector<Candidate> kept = kept_in_time(by_end, now);
  if (kept.empty()) return first;
  const Candidate& chosen = *std::min_element(kept.begin(), kept.end(), by_tag);
  std::int64_t end_us = now.us + chosen.need_us;
  for (const Candidate& job : kept) {
    if (job.job == chosen.job) continue;
    end_us += job.need_us;
    if (end_us > job.deadline_us) return kept.front().job;  // by tag would be too slow
  }
  return chosen.job;
}

namespace {

// What the text batch of a device depends on.
struct TextView {
  std::size_t waiting = 0;  // servable texts
  bool text_runs = false;
  bool generation_is_idle = true;  // none runs, and none could
};

TextView texts_on(const State& state, const DeviceEntry& device) {
  TextView view;
  for (const Run& run : device.runs) {
    view.text_runs = view.text_runs || run.text;
    view.generation_is_idle = view.generation_is_idle && run.text;
  }
  for (const ModelId id : device.present) {
    const ModelEntry& model = state.model(id);
    if (!is_servable(model)) continue;
    if (model.is_text()) view.waiting += model.waiting.size();
    view.generation_is_idle = view.generation_is_idle && model.is_text();
  }
  return view;
}

// Work of all waiting generation steps of the device, counted up to `enough`.
Duration generation_backlog(const State& state, const DeviceEntry& device, Duration enough) {
  Duration sum;
  for (const ModelId id : device.demanded) {
    const ModelEntry& model = state.model(id);
    if (model.is_text()) continue;
    sum += model.run.mean() * static_cast<std::int64_t>(model.waiting.size());
    if (sum >= enough) return enough;
  }
  return sum;
}

bool leads_to_generation(const State& state, const JobEntry& job) {
  const std::span<const ModelId> rest = job.steps.from(job.step + 1U);
  return std::any_of(rest.begin(), rest.end(), [&](ModelId id) {
    const auto model = state.models.find(id);
    return model != state.models.end() && !model->second.is_text();
  });
}

// When the first of the held texts has waited long enough; few are held.
Instant hold_ends(const State& state, const DeviceEntry& device, Duration hold) {
  Instant first{INT64_MAX};
  for (const ModelId id : device.present) {
    const ModelEntry& model = state.model(id);
    if (!model.is_text() || !is_servable(model)) continue;
    for (const QueueKey& key : model.waiting) {
      const JobEntry& job = state.jobs.at(key.job);
      const Duration limit = leads_to_generation(state, job) ? hold : state.policy.text_hold_min;
      first = std::min(first, job.released + limit);
    }
  }
  return first;
}

}  // namespace

void update_text_batch(const State& state, DeviceEntry& device, Instant now) {
  const Policy& policy = state.policy;
  device.text_hold_ends.reset();
  const TextView view = texts_on(state, device);
  if (view.waiting == 0) {
    if (!view.text_runs) device.text_open = false;
    return;
  }
  if (device.text_open) return;
  const Duration backlog = generation_backlog(state, device, policy.text_hold_max);
  device.text_open = view.generation_is_idle || view.waiting >= policy.text_batch_steps ||
                     backlog < policy.generation_backlog_min;
  if (device.text_open) return;
  const Instant ends = hold_ends(state, device, std::max(backlog, policy.text_hold_min));
  device.text_open = ends <= now;
  if (!device.text_open) device.text_hold_ends = ends;
}

}  // namespace stoker::scheduler
