// A model as its engine knows it: the name there, and what is sent with every request for it.
//
// Purpose: what the configuration says about one model of a real engine; the same values with every request, because a
//   different num_ctx or loader input would make the engine load the model again.
// Threading, ownership: values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "domain/ids.h"
#include "domain/medium.h"
#include "protocol/options.h"

namespace stoker {

struct EngineModel {
  ModelId id;
  Medium medium = Medium::text;
  std::string upstream;            // "llama3.1:8b", "OfficialStableDiffusion/sd3.5_large"
  MiB planned;                     // what the configuration expects it to take
  protocol::Options load_options;  // change what is loaded: num_ctx
  protocol::Options run_options;   // change one run: temperature, width, steps
  std::string workflow;            // ComfyUI: the workflow template, as JSON
  std::vector<std::string> files;  // of the weights, as far as the configuration names them
};

}  // namespace stoker
