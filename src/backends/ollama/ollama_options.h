// How an Ollama server is reached and what its memory is.
//
// Threading, ownership: values.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "domain/ids.h"
#include "net/http.h"

namespace stoker {

// Where the models of a server belong. On a card, a model of which a part lies in main memory has not been loaded.
enum class OllamaMemory : std::uint8_t { card, host };

struct OllamaOptions {
  BackendId id;
  net::Url url;
  std::string key = {};     // bearer token, for a proxy in front of it
  std::uint32_t slots = 1;  // its OLLAMA_NUM_PARALLEL
  OllamaMemory memory = OllamaMemory::card;
  // Until the first piece of a text: the server says nothing while it queues, loads and reads the prompt.
  Duration run_first_byte_max = minutes(5);
  // Between two pieces of a text.
  Duration run_stall_max = minutes(2);
};

}  // namespace stoker
