// One queue for each backend, strictly in order; the least recently used idle model makes room.
//
// `plain` is that alone. `pin_and_warm` keeps the announced text models as far as everything else still fits and
// loads announced models before announced starts. `pin_and_refuse` keeps all of them; what does not fit beside them
// is refused at once.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "simulation/baselines/room.h"
#include "simulation/policy.h"

namespace stoker::simulation {

class LruFifo final : public Policy {
 public:
  enum class Pins : std::uint8_t { plain, pin_and_warm, pin_and_refuse };

  LruFifo(std::string_view name, Pins mode) : name_(name), mode_(mode) {}

  std::string_view name() const override { return name_; }
  void begin(World& world) override;
  void decide(World& world) override;

 private:
  std::vector<ModelIndex> victims(const World& world) const;

  std::string_view name_;
  Pins mode_;
  std::vector<ModelIndex> pins_;
  std::optional<WarmUp> warm_up_;
};

}  // namespace stoker::simulation
