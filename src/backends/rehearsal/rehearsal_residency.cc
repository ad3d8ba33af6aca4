#include "backends/rehearsal/rehearsal_residency.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.h"

namespace stoker {

RehearsalResidency::RehearsalResidency(Loop& loop, VirtualGpu& gpu, RehearsalFaults& faults,
                                       const RehearsalOptions& options)
    : loop_(loop), gpu_(gpu), faults_(faults), options_(options) {}

RehearsalResidency::~RehearsalResidency() {
  for (auto& [id, shelf] : shelves_) forget(shelf);
}

void RehearsalResidency::set_models(const std::vector<Model>& models) {
  for (auto entry = shelves_.begin(); entry != shelves_.end();) {
    Shelf& shelf = entry->second;
    const bool stays =
        std::ranges::any_of(models, [&](const Model& m) { return m.id == entry->first; });
    const bool idle = shelf.state == State::absent || shelf.state == State::resident;
    if (stays || !idle || shelf.holders > 0) {
      ++entry;
      continue;
    }
    forget(shelf);
    entry = shelves_.erase(entry);
  }
  for (const Model& model : models) {
    if (model.backend == options_.id) shelves_[model.id].model = model;
  }
}

RehearsalResidency::Shelf* RehearsalResidency::shelf(ModelId model) {
  const auto found = shelves_.find(model);
  return found == shelves_.end() ? nullptr : &found->second;
}

const Model* RehearsalResidency::find(ModelId model) const {
  const auto found = shelves_.find(model);
  return found == shelves_.end() ? nullptr : &found->second.model;
}

bool RehearsalResidency::resident(ModelId model) const {
  const auto found = shelves_.find(model);
  return found != shelves_.end() && found->second.state == State::resident;
}

std::vector<LoadedModel> RehearsalResidency::list() const {
  std::vector<LoadedModel> loaded;
  for (const auto& [id, shelf] : shelves_) {
    const bool there = shelf.state == State::resident || shelf.state == State::unloading;
    if (there && held(id).count > 0) loaded.push_back({id, held(id)});
  }
  return loaded;
}

std::vector<OfferedModel> RehearsalResidency::catalogue() const {
  std::vector<OfferedModel> offered;
  for (const auto& [id, shelf] : shelves_) {
    offered.push_back({.name = shelf.model.name,
                       .bytes = static_cast<std::uint64_t>(shelf.model.vram.count) * kBytesPerMiB,
                       .loaded = held(id).count > 0});
  }
  return offered;
}

RehearsalResidency::WishId RehearsalResidency::want(ModelId model, Loaded loaded) {
  Shelf* const wanted = shelf(model);
  STOKER_INVARIANT(wanted != nullptr && wanted->state != State::resident,
                   "only what is missing can be wanted");
  const WishId wish = next_wish();
  wanted->wishes.emplace(wish, std::move(loaded));
  if (wanted->state == State::absent) line_up(*wanted);
  return wish;
}

void RehearsalResidency::line_up(Shelf& shelf) {
  shelf.state = State::queued;
  line_.push_back(shelf.model.id);
  loop_.post([this] { start_next_load(); });
}

void RehearsalResidency::drop_wish(ModelId model, WishId wish) {
  Shelf* const wanted = shelf(model);
  if (wanted == nullptr || wanted->wishes.erase(wish) == 0 || !wanted->wishes.empty()) return;
  if (wanted->state != State::queued && wanted->state != State::loading) return;
  forget(*wanted);
  loop_.post([this] { start_next_load(); });
}

void RehearsalResidency::start_next_load() {
  while (!loading_ && !line_.empty()) {
    Shelf& next = *shelf(line_.front());
    line_.pop_front();
    const Result<void> room = make_room(next);
    if (room) {
      begin_load(next);
    } else {
      break_off(next, room.error());
    }
  }
}

// The idle resident model that was used longest ago.
RehearsalResidency::Shelf* RehearsalResidency::idlest() {
  Shelf* idlest = nullptr;
  for (auto& [id, shelf] : shelves_) {
    if (shelf.state != State::resident || shelf.holders > 0) continue;
    if (idlest == nullptr || shelf.last_used < idlest->last_used) idlest = &shelf;
  }
  return idlest;
}

// Takes the memory for a load. An engine that counts its models, or evicts by itself, drops idle
// ones for it.
Result<void> RehearsalResidency::make_room(const Shelf& wanted) {
  const auto held_now = [this] {
    return std::ranges::count_if(shelves_, [](const auto& entry) {
      return entry.second.state == State::resident || entry.second.state == State::unloading;
    });
  };
  while (options_.loaded_max > 0 &&
         held_now() >= static_cast<std::ptrdiff_t>(options_.loaded_max)) {
    Shelf* const victim = idlest();
    if (victim == nullptr)
      return fail(ErrorCode::load_failed, "every model it may hold is busy", wanted.model.name);
    forget(*victim);
  }
  const MiB need = measured(wanted.model);
  while (options_.granularity == EvictionGranularity::self && need > gpu_.free()) {
    Shelf* const victim = idlest();
    if (victim == nullptr) break;
    forget(*victim);
  }
  auto taken = gpu_.take(options_.id, wanted.model.id, need);
  if (!taken) taken.error().param = wanted.model.name;
  return taken;
}

void RehearsalResidency::begin_load(Shelf& shelf) {
  const ModelId id = shelf.model.id;
  shelf.state = State::loading;
  loading_ = id;
  const Duration whole = load_time(shelf);
  const auto fault = faults_.take_for_load(id);
  if (!fault) {
    shelf.timer = loop_.after(whole, [this, id] { end_load(id, {}); });
    return;
  }
  if (fault->kind == FaultKind::stall) return;
  const auto part_us =
      static_cast<std::int64_t>(static_cast<double>(whole.us) * fault->at_fraction);
  shelf.timer = loop_.after(microseconds(part_us), [this, id] {
    end_load(id, fail(ErrorCode::load_failed, "the rehearsal was told to fail this load",
                      shelves_[id].model.name));
  });
}

void RehearsalResidency::end_load(ModelId model, Result<void> outcome) {
  Shelf& shelf = shelves_[model];
  if (!outcome) {
    break_off(shelf, outcome.error());
    return start_next_load();
  }
  loading_ = {};
  shelf.timer = {};
  shelf.state = State::resident;
  shelf.last_used = ++uses_;
  auto wishes = std::exchange(shelf.wishes, {});
  const MiB vram = held(model);
  loop_.post([this] { start_next_load(); });
  for (auto& [id, loaded] : wishes) loaded(vram);
}

// Ends a load that is queued or under way; its waiters hear why from a task of their own.
void RehearsalResidency::break_off(Shelf& shelf, const Error& why) {
  auto wishes = std::exchange(shelf.wishes, {});
  forget(shelf);
  loop_.post([wishes = std::move(wishes), why]() mutable {
    for (auto& [id, loaded] : wishes) loaded(fail(why));
  });
}

// The model and its memory are gone at once; wishes and farewells stay.
void RehearsalResidency::forget(Shelf& shelf) {
  loop_.cancel(shelf.timer);
  shelf.timer = {};
  shelf.state = State::absent;
  if (loading_ == shelf.model.id) loading_ = {};
  std::erase(line_, shelf.model.id);
  gpu_.give_back(options_.id, shelf.model.id);
}

void RehearsalResidency::hold(ModelId model) {
  Shelf& held_shelf = *shelf(model);
  ++held_shelf.holders;
  held_shelf.last_used = ++uses_;
}

void RehearsalResidency::let_go(ModelId model) {
  Shelf* const freed = shelf(model);
  if (freed == nullptr || freed->holders == 0) return;
  freed->last_used = ++uses_;
  if (--freed->holders > 0 || freed->farewells.empty() || freed->state != State::resident) return;
  begin_unload(*freed);
}

RehearsalResidency::WishId RehearsalResidency::unload(ModelId model, Gone gone) {
  const WishId wish = next_wish();
  Shelf& leaving = *shelf(model);
  leaving.farewells.emplace(wish, std::move(gone));
  if (leaving.state == State::queued || leaving.state == State::loading) {
    break_off(leaving,
              Error{ErrorCode::conflict, "unloaded while it was loading", leaving.model.name, {}});
    loop_.post([this] { start_next_load(); });
  }
  if (leaving.state != State::unloading && leaving.holders == 0) begin_unload(leaving);
  if (options_.granularity == EvictionGranularity::backend) begin_unload_of_idle();
  return wish;
}

void RehearsalResidency::drop_unload(ModelId model, WishId wish) {
  if (Shelf* const leaving = shelf(model); leaving != nullptr) leaving->farewells.erase(wish);
}

void RehearsalResidency::begin_unload(Shelf& shelf) {
  const ModelId id = shelf.model.id;
  const bool is_there = shelf.state == State::resident;
  shelf.state = State::unloading;
  const Duration delay = is_there ? options_.unload_delay : options_.answer_delay;
  shelf.timer = loop_.after(options_.scaled(delay), [this, id] { end_unload(id); });
}

void RehearsalResidency::begin_unload_of_idle() {
  for (auto& [id, shelf] : shelves_) {
    if (shelf.state == State::resident && shelf.holders == 0) begin_unload(shelf);
  }
}

void RehearsalResidency::end_unload(ModelId model) {
  Shelf& gone_shelf = shelves_[model];
  auto farewells = std::exchange(gone_shelf.farewells, {});
  forget(gone_shelf);
  if (!gone_shelf.wishes.empty()) line_up(gone_shelf);
  for (auto& [id, gone] : farewells) gone({});
}

bool RehearsalResidency::lose(ModelId model) {
  Shelf* const lost = shelf(model);
  if (lost == nullptr || lost->state != State::resident) return false;
  lost->holders = 0;
  auto farewells = std::exchange(lost->farewells, {});
  forget(*lost);
  loop_.post([farewells = std::move(farewells)]() mutable {
    for (auto& [id, gone] : farewells) gone({});
  });
  return true;
}

void RehearsalResidency::lose_everything(Duration delay) {
  std::vector<Loaded> wishes;
  std::vector<Gone> farewells;
  for (auto& [id, shelf] : shelves_) {
    for (auto& [wish, loaded] : std::exchange(shelf.wishes, {}))
      wishes.push_back(std::move(loaded));
    for (auto& [wish, gone] : std::exchange(shelf.farewells, {}))
      farewells.push_back(std::move(gone));
    shelf.holders = 0;
    forget(shelf);
  }
  loop_.after(delay, [wishes = std::move(wishes), farewells = std::move(farewells)]() mutable {
    const Error down{ErrorCode::backend_down, "the engine died", {}, {}};
    for (Loaded& loaded : wishes) loaded(fail(down));
    for (Gone& gone : farewells) gone(fail(down));
  });
}

// The same for a model in every life of the engine: measured sizes differ a little from planned
// ones.
MiB RehearsalResidency::measured(const Model& model) const {
  Random random(mix64(options_.seed) ^ mix64(0x7a57ULL + model.id.value));
  const double factor = 1.0 + random.between(-options_.vram_spread, options_.vram_spread / 2);
  return MiB{
      std::max<std::int64_t>(1, std::llround(static_cast<double>(model.vram.count) * factor))};
}

Duration RehearsalResidency::load_time(Shelf& shelf) {
  Random random(mix64(options_.seed) ^ mix64(0x10ad0000ULL + shelf.model.id.value) ^
                mix64(shelf.loads++));
  const double factor = random.lognormal_factor(options_.time_sigma);
  const Duration scaled = options_.scaled(shelf.model.load_hint);
  return microseconds(static_cast<std::int64_t>(static_cast<double>(scaled.us) * factor));
}

}  // namespace stoker
