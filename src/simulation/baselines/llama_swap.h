// llama-swap's scheduler: a model that is ready takes new requests at once, a swap waits until every victim has
// drained, and the queue is walked in order.
//
// `group` is its default, exactly one model in memory. `matrix` is its tuned form: text models stay, one generation
// model beside them; where that does not fit, the ones that load fastest go first.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "simulation/policy.h"

namespace stoker::simulation {

class LlamaSwap final : public Policy {
 public:
  enum class Sets : std::uint8_t { group, matrix };

  LlamaSwap(std::string_view name, Sets sets) : name_(name), sets_(sets) {}

  std::string_view name() const override { return name_; }
  void abandoned(World& world, const Job& job) override;
  void decide(World& world) override;

 private:
  bool is_granted(JobIndex job) const;
  bool is_drained(const World& world, ModelIndex model) const;
  // None: nothing that could go makes enough room.
  std::optional<std::vector<ModelIndex>> victims(const World& world, ModelIndex model) const;
  // True: something was granted or loaded, so another walk may find more.
  bool walk(World& world);
  bool swap_to(World& world, ModelIndex model);
  void start_granted(World& world);

  std::string_view name_;
  Sets sets_;
  std::vector<JobIndex> granted_;  // will start on their model as soon as a slot is free
};

}  // namespace stoker::simulation
