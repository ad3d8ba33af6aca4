// Rendered entities, kept while what they were rendered from stays the same.
//
// Purpose: a publication that changes one job renders one job. Estimates count from now, so everything is rendered anew
//   on each tick (every few seconds) and only then; between ticks an entity changes when its view does.
// Threading: network thread.
// Ownership: holds the views its texts came from, so that an address is never reused for another view.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

namespace stoker::api {

using Text = std::shared_ptr<const std::string>;

enum class EntityKind : std::uint8_t {
  workshop,
  job,
  model,
  backend,
  device,
  ledger,
  person,
  queue,
  board,
  me
};
inline constexpr int kEntityKindCount = 10;
std::string_view entity_kind_name(EntityKind kind);

class RenderCache {
 public:
  using Source = std::shared_ptr<const void>;
  using Sources = std::array<Source, 2>;
  // The thing, and through whose eyes: texts of one thing may differ by audience.
  struct Key {
    EntityKind kind = EntityKind::job;
    std::uint64_t id = 0;
    std::uint64_t audience = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  template <class Render>
  Text get(const Key& key, const Sources& sources, Render render) {
    Entry& entry = entries_[key];
    entry.used = round_;
    if (entry.text && entry.tick == tick_ && entry.sources == sources) return entry.text;
    std::string text = render();
    entry.sources = sources;
    entry.tick = tick_;
    if (!entry.text || *entry.text != text)
      entry.text = std::make_shared<const std::string>(std::move(text));
    return entry.text;
  }

  // Time has passed: estimates count anew.
  void next_tick() { ++tick_; }
  // Drops what was not asked for since the last call.
  void sweep() {
    std::erase_if(entries_, [this](const auto& entry) { return entry.second.used != round_; });
    ++round_;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Sources sources;
    Text text;
    std::uint64_t tick = 0;
    std::uint64_t used = 0;
  };
  std::map<Key, Entry> entries_;
  std::uint64_t tick_ = 0;
  std::uint64_t round_ = 0;
};

}  // namespace stoker::api
