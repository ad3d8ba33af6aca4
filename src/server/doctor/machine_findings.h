// What `stoker doctor` found on a machine: cards, memory, disk, engines, and what should be changed.
//
// Purpose: values that are told to people, written as JSON, and made into a configuration.
// Threading, ownership: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "gpu/detect.h"

namespace stoker::server {

struct FoundEngine {
  std::string kind;     // "ollama", as in the configuration
  std::string flavour;  // of kind openai
  std::string url;
  ProbeReport probe;
  std::vector<OfferedModel> models;
  std::string trouble;  // why its models could not be listed; empty: they could
};

enum class AdviceKind : std::uint8_t {
  no_card,          // nothing to run models on but the machine's memory
  no_engine,        // nothing answered
  card_trouble,     // a card that cannot be read
  memory_in_use,    // much of a card is taken already
  little_disk,      // results may fill it
  little_memory,    // weights pass through main memory
  engine_settings,  // an engine's settings work against keeping models warm
  engine_trouble,   // it answers, but not as it should
};

struct Advice {
  AdviceKind kind = AdviceKind::no_card;
  std::string subject;  // which card or engine
  std::string words;    // what is so, and what to do
};

struct MachineFindings {
  gpu::MachineCards cards;
  std::string data_folder;
  std::optional<std::uint64_t> disk_free_bytes;
  std::vector<FoundEngine> engines;
  std::vector<Advice> advice;
};

// What should be changed; pure.
std::vector<Advice> advice_for(const MachineFindings& findings);

// What an engine's remark means, and what to do about it, for an operator.
std::string remark_words(EngineRemark remark, const std::string& kind);

// A configuration for what was found; it passes `stoker check`. Models without a known medium or template stand there
// as comments.
std::string proposed_config(const MachineFindings& findings);

}  // namespace stoker::server
