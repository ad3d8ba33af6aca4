// The models that Stoker knows without a configuration: what a rehearsal and a first start use.
//
// Purpose: one card of 96 GB, a text engine and a media engine, and the twelve example models with
//   their sizes.
// Threading: values.
#pragma once

#include <vector>

#include "backends/rehearsal/rehearsal_options.h"
#include "domain/model.h"

namespace stoker {

struct RehearsalEngine {
  BackendInfo info;
  RehearsalStyle style = RehearsalStyle::comfyui;
};

struct Catalogue {
  Device device;
  std::vector<RehearsalEngine> engines;
  std::vector<Model> models;
};

Catalogue rehearsal_catalogue();

// The options of one engine of the catalogue, with its time factor and seed.
RehearsalOptions options_of(const RehearsalEngine& engine, double speed, std::uint64_t seed);

}  // namespace stoker
