// How a SwarmUI is reached.
//
// Threading, ownership: values.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "domain/ids.h"
#include "domain/model.h"
#include "net/http.h"

namespace stoker {

struct SwarmUiOptions {
  BackendId id;
  net::Url url;
  std::string key = {};     // bearer token, for a proxy in front of it
  std::uint32_t slots = 1;  // it starts one run per backend of its own
  EvictionGranularity granularity = EvictionGranularity::backend;
  // How often status and memory are asked while something is waited for.
  Duration poll_every = milliseconds(500);
};

}  // namespace stoker
