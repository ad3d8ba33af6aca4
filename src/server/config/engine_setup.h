// Engines and cards as the configuration describes them.
//
// Purpose: what the composition root needs to make adapters and probes; values without further checks to make.
// Threading, ownership: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backends/process/engine_command.h"
#include "backends/rehearsal/rehearsal_options.h"
#include "domain/model.h"

namespace stoker::server {

enum class CardSource : std::uint8_t { simulated, nvidia, amd, host };
std::optional<CardSource> card_source_from_name(std::string_view name);

struct CardSetup {
  DeviceId device;
  CardSource source = CardSource::simulated;
  std::string card = {};  // index, uuid or PCI address; empty: the only one of its kind

  friend bool operator==(const CardSetup&, const CardSetup&) = default;
};

struct EngineSetup {
  BackendInfo info;
  RehearsalStyle style = RehearsalStyle::comfyui;  // of a rehearsal
  std::string url;                                 // of an engine that runs already
  std::string key_file;                            // one of these two, if it wants a key
  std::string key_env;
  std::string flavour;  // of kind openai; empty: found out
  std::string
      program;  // name of its process, where the address does not tell whose memory is whose
  std::optional<EngineCommand> command;  // of an engine that Stoker starts
  EngineShare share = EngineShare::shared;

  bool is_rehearsal() const { return info.kind == "rehearsal"; }
};

}  // namespace stoker::server
