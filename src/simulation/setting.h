// What a policy knows from the start: the device, its models, the announced plan and who takes part.
//
// Purpose: the public half of a scenario. Everything else (ideas, draws, incidents, what people really do) stays
//   with the world, so that a policy cannot look ahead by accident.
// Threading: values; constant while a run lasts.
// Limits: indices count from 0 within their list; the lists are bounded by scenario.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace stoker::simulation {

using BackendIndex = std::uint32_t;
using ModelIndex = std::uint32_t;
using ParticipantIndex = std::uint32_t;
using UserIndex = std::uint32_t;

enum class StepKind : std::uint8_t { text, generation };
inline constexpr std::array kStepKinds = {StepKind::text, StepKind::generation};

constexpr std::size_t kind_index(StepKind kind) {
  return static_cast<std::size_t>(kind);
}

struct Device {
  MiB vram;
  MiB reserve;
  // What models may use while no other process holds memory.
  constexpr MiB capacity() const { return vram - reserve; }
};

// How steps that run side by side slow each other down.
struct Contention {
  double text_parallel_penalty = 0.25;
  double generation_parallel_penalty = 1.0;
  double text_rate_beside_generation = 0.6;
  double generation_rate_beside_text = 0.6;

  // Progress per second of one step of each kind (by kind_index) while so many of both run.
  constexpr std::array<double, 2> rates(std::size_t texts, std::size_t generations) const {
    const auto alone = [](double penalty, std::size_t running) {
      return running < 2 ? 1.0 : 1.0 / (1.0 + penalty * static_cast<double>(running - 1));
    };
    const double text = alone(text_parallel_penalty, texts);
    const double generation = alone(generation_parallel_penalty, generations);
    if (texts == 0 || generations == 0) return {text, generation};
    return {text * text_rate_beside_generation, generation * generation_rate_beside_text};
  }
};

struct BackendFacts {
  std::string name;
  StepKind kind = StepKind::text;
  std::uint32_t slots = 1;
};

struct ModelFacts {
  std::string name;
  BackendIndex backend = 0;
  StepKind kind = StepKind::text;
  MiB memory;
  Duration load;  // of a load that succeeds
  Duration hint;  // declared typical work of one step; may be wrong
};

struct Phase {  // half-open
  Instant start;
  Instant end;
};

struct Plan {
  std::vector<Phase> phases;
  std::vector<ModelIndex> focus;
  std::vector<ModelIndex> pinned;
  std::optional<std::uint32_t> head_count;
};

struct ParticipantFacts {
  std::string name;
  std::string group;
  UserIndex user = 0;  // the account for fairness; several participants may be lanes of one user
};

struct Setting {
  Device device;
  std::uint32_t loads_max = 1;  // at the same time
  Contention contention;
  std::vector<BackendFacts> backends;
  std::vector<ModelFacts> models;
  Plan plan;
  std::array<Duration, 2> patience;  // by kind_index
  std::vector<std::string> users;
  std::vector<ParticipantFacts> participants;
  std::vector<ModelIndex> initial_resident;
};

}  // namespace stoker::simulation
