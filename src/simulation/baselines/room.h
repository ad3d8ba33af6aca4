// What the baselines share: looking for victims, making room, pins and warming up.
//
// Threading: none. Every order here is total (ties go by name), so that a run can be repeated anywhere.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "simulation/world.h"

namespace stoker::simulation {

// Copies, because starting and refusing change what the world shows.
std::vector<JobIndex> waiting_of(const World& world, StepKind kind);
// The first waiting step of each backend of a kind.
std::vector<JobIndex> heads(const World& world, StepKind kind);

// Models in memory that nothing runs on, least recently used first.
std::vector<ModelIndex> idle_models(const World& world);
std::vector<ModelIndex> idle_models(const World& world, StepKind kind);

// Evicts candidates in their order until `model` fits. False: they do not suffice, and all of them stay.
bool make_room(World& world, ModelIndex model, std::span<const ModelIndex> candidates,
               std::string_view cause = "room");

// Announced pins, then announced text models, each once.
std::vector<ModelIndex> announced_pins(const World& world);
// Of these only as many as leave room for every other model.
std::vector<ModelIndex> feasible_pins(const World& world, std::span<const ModelIndex> wanted);

// Refuses waiting steps whose model can never be loaded beside the pins.
void refuse_misfits(World& world, std::span<const ModelIndex> pins);

// Loads announced models ahead of announced starts, into free room only.
class WarmUp {
 public:
  // Duplicates among `models` count once.
  WarmUp(World& world, std::span<const ModelIndex> models);
  // Starts at most one load.
  void step(World& world) const;

 private:
  std::vector<ModelIndex> models_;
  std::vector<Phase> windows_;
};

}  // namespace stoker::simulation
