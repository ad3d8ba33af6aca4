// How a ComfyUI is reached and what its memory is.
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

// Where the weights live while it works: on a card, or in main memory (--cpu).
enum class ComfyUiMemory : std::uint8_t { card, host };

struct ComfyUiOptions {
  BackendId id;
  net::Url url;
  std::string key = {};     // bearer token, for a proxy in front of it
  std::uint32_t slots = 1;  // it runs one workflow at a time; more only fill its queue
  // The same in every life of this installation and different in others: with it an attempt's prompt is found again.
  std::string salt;
  ComfyUiMemory memory = ComfyUiMemory::card;
  EvictionGranularity granularity = EvictionGranularity::backend;
  // How often queue, history and memory are asked while something is waited for that no event tells.
  Duration poll_every = milliseconds(500);
  // The same while the websocket is there and tells what happens.
  Duration poll_every_beside_events = seconds(15);
  // How long a run that has ended may be missing from the history.
  Duration history_late_max = seconds(30);
};

}  // namespace stoker
