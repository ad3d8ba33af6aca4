#include "tests/engines/openai_server/models.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace stoker::engines::openai {
namespace {

constexpr Duration kIdleHour = minutes(60);

bool in_memory(Status status) {
  return status == Status::loading || status == Status::loaded || status == Status::leaving;
}

}  // namespace

std::string_view status_name(Status status) {
  constexpr std::array<std::string_view, 6> kNames{"unloaded", "loading", "loaded",
                                                   "sleeping", "leaving", "failed"};
  return kNames[static_cast<std::size_t>(status)];
}

Models::Models(World world, const OpenAiOptions& options, OpenAiCounters& counters)
    : world_(std::move(world)),
      options_(options),
      counters_(counters),
      moves_(world_.network, world_.watch) {
  for (const OpenAiModel& model : options.models) {
    Entry entry{.model = model};
    entry.slot_free = std::make_unique<WaitList>(world_.network, world_.watch);
    if (options.flavour == Flavour::lm_studio) entry.ttl = kIdleHour;
    entries_.push_back(std::move(entry));
  }
}

Entry* Models::find(std::string_view id) {
  const auto found =
      std::ranges::find(entries_, id, [](const Entry& entry) { return entry.model.id; });
  return found == entries_.end() ? nullptr : &*found;
}

void Models::move(Entry& entry, Status status) {
  entry.status = status;
  moves_.wake_all();
  world_.watch.changed();
}

void Models::begin_load(Entry& entry) {
  if (in_memory(entry.status)) return;
  entry.status = Status::loading;
  tasks_.start(load(entry));
}

net::Task<void> Models::load(Entry& entry) {
  ++counters_.loads_begun;
  world_.watch.changed();
  co_await make_room(entry);
  co_await world_.gates.pass(Gate::load, process_);
  if (world_.faults.take(FaultKind::load_error)) {
    ++counters_.loads_failed;
    entry.exit_code = 1;
    move(entry, Status::failed);
    co_return;
  }
  ++counters_.loads;
  entry.idle_since = world_.now();
  move(entry, Status::loaded);
}

net::Task<void> Models::make_room(const Entry& entry) {
  if (options_.flavour != Flavour::llama_cpp_router || options_.models_max == 0) co_return;
  while (true) {
    std::vector<Entry*> others;
    for (Entry& other : entries_) {
      if (&other != &entry && in_memory(other.status)) others.push_back(&other);
    }
    if (others.size() < options_.models_max) co_return;
    Entry* const oldest = *std::ranges::min_element(others, {}, [](const Entry* other) {
      return std::tuple(other->status == Status::loading, other->in_use > 0, other->last_used);
    });
    const bool idle = oldest->in_use == 0 && oldest->status == Status::loaded;
    if (idle) begin_unload(*oldest);
    if (oldest->status == Status::unloaded) continue;
    co_await moves_.wait(process_);
  }
}

void Models::begin_unload(Entry& entry) {
  if (entry.status != Status::loaded && entry.status != Status::sleeping) return;
  entry.status = Status::leaving;
  tasks_.start(unload(entry));
}

net::Task<void> Models::unload(Entry& entry) {
  co_await world_.gates.pass(Gate::unload, process_);
  if (world_.faults.take(FaultKind::unload_keeps_memory)) lost_bytes_ += entry.model.gpu_bytes;
  ++counters_.unloads;
  move(entry, Status::unloaded);
}

void Models::begin_sleep(Entry& entry) {
  if (entry.status == Status::loaded) tasks_.start(sleep(entry));
}

net::Task<void> Models::sleep(Entry& entry) {
  co_await world_.gates.pass(Gate::unload, process_);
  if (entry.status != Status::loaded) co_return;
  ++counters_.sleeps;
  move(entry, Status::sleeping);
}

void Models::begin_wake(Entry& entry) {
  if (entry.status != Status::sleeping) return;
  entry.status = Status::loading;
  tasks_.start(wake(entry));
}

net::Task<void> Models::wake(Entry& entry) {
  co_await world_.gates.pass(Gate::load, process_);
  ++counters_.wakes;
  entry.weights_awake = false;
  move(entry, Status::loaded);
}

net::Task<bool> Models::settled(const Entry& entry, Life& life) {
  while (entry.status == Status::loading || entry.status == Status::leaving) {
    if (!co_await moves_.wait(life)) co_return false;
  }
  co_return !life.ended();
}

void Models::time_passed() {
  for (Entry& entry : entries_) {
    if (entry.status != Status::loaded || entry.in_use > 0) continue;
    const Duration idle = world_.now() - entry.idle_since;
    if (entry.ttl > Duration{} && idle >= entry.ttl) begin_unload(entry);
    const bool sleeps = options_.idle_until_sleep > Duration{} && idle >= options_.idle_until_sleep;
    if (sleeps) begin_sleep(entry);
  }
}

void Models::forget() {
  tasks_.destroy_all();
  lost_bytes_ = 0;
  for (Entry& entry : entries_) {
    entry.status = Status::unloaded;
    entry.in_use = 0;
    entry.slots_taken = 0;
    entry.weights_valid = true;
    entry.weights_awake = false;
  }
}

std::int64_t Models::gpu_bytes_in_use() const {
  std::int64_t bytes = lost_bytes_;
  for (const Entry& entry : entries_) {
    if (in_memory(entry.status)) bytes += entry.model.gpu_bytes;
  }
  return bytes;
}

Models::Use::Use(Models& models, Entry& entry) : models_(models), entry_(entry) {
  ++entry_.in_use;
  entry_.last_used = ++models_.uses_;
}

Models::Use::~Use() {
  if (--entry_.in_use > 0) return;
  entry_.idle_since = models_.world_.now();
  models_.moves_.wake_all();
}

}  // namespace stoker::engines::openai
