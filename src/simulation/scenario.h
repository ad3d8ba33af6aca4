// A workshop as a file: `stoker-scenario/1` (docs/reference/simulation-format.md).
//
// Purpose: turns JSON into a checked scenario that plays without further checks.
// Threading: values; constant once parsed.
// Limits: the constants below; a file beyond them is refused. Times are whole microseconds.
// Errors: bad_request or too_large; `detail` is one sentence, `param` says where: "line 3 column 7" or a path such
//   as "participants[3].ideas[0].steps[1].work_s".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "simulation/setting.h"

namespace stoker::simulation {

inline constexpr std::string_view kScenarioFormat = "stoker-scenario/1";
inline constexpr std::size_t kScenarioBytesMax = 64ULL << 20;
inline constexpr std::size_t kNameBytesMax = 200;
inline constexpr std::size_t kBackendsMax = 100;
inline constexpr std::size_t kModelsMax = 1'000;
inline constexpr std::size_t kParticipantsMax = 10'000;
inline constexpr std::size_t kPhasesMax = 1'000;
inline constexpr std::size_t kStepsOfIdeaMax = 1'000;
inline constexpr std::size_t kIncidentsMax = 1'000'000;
inline constexpr std::uint32_t kSlotsMax = 1'000;
inline constexpr std::uint32_t kLoadsMax = 1'000;  // at the same time
inline constexpr Duration kTimeMax = seconds(1'000'000'000);
inline constexpr MiB kMemoryMax{1LL << 40};

struct StepDraw {
  ModelIndex model = 0;
  Duration work;
  Duration read;                     // pause after the step, before the next one of the idea
  std::optional<Duration> withdraw;  // the participant leaves by choice so long after the release
  std::optional<double> crash_at;    // share of the work at which the first run crashes
};

struct Idea {
  Duration think;  // pause after the idea ended
  std::uint32_t first_step = 0;
  std::uint32_t steps = 0;
};

struct Person {
  Duration first_offset;
  std::vector<Duration> phase_offsets;  // one for each actual phase
  std::uint32_t first_idea = 0;
  std::uint32_t ideas = 0;
};

struct LoadFailure {
  std::uint32_t occurrence = 1;  // 1 is the first load of the model
  double at_fraction = 1;
};

struct ExternalEviction {
  Instant at;
  ModelIndex model = 0;
};

struct ForeignMemory {  // other processes hold it in [from, until)
  Instant from;
  Instant until;
  MiB amount;
};

struct Scenario {
  std::string name;
  std::string label;  // `kind` in the file, for tables
  std::uint64_t seed = 0;
  Instant horizon;  // no idea begins at or after it
  Setting setting;
  std::vector<Phase> phases;    // when people really work
  std::vector<Person> persons;  // parallel to setting.participants
  std::vector<Idea> ideas;      // of all persons, in their order
  std::vector<StepDraw> steps;  // of all ideas, in their order
  // For each model; the last word on a load counts.
  std::vector<std::vector<LoadFailure>> load_failures;
  std::vector<ExternalEviction> external_evictions;
  std::vector<ForeignMemory> foreign;
  // Best possible values by metric, each alone and with full knowledge.
  std::vector<std::pair<std::string, double>> optimum;
};

// `text` is a whole file.
Result<Scenario> parse_scenario(std::string_view text);

// One line for people: "participants[3].user: must be a text".
std::string scenario_error_text(const Error& error);

}  // namespace stoker::simulation
