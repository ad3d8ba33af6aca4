// How an engine is started, as the configuration says it, and as it becomes a command.
//
// Purpose: argv, environment and readiness of one managed engine. Four placeholders are filled in at each start, in
//   arguments, in values of the environment and in the working directory: {host} and {port} where it must listen,
//   {model} the model's name at the engine, {file} its first weight file. Other braces stay as they are.
// Threading, ownership: values and pure functions.
// Limits: net::kChildArgumentsMax arguments; kEnginePlacesMax bytes for what a placeholder becomes.
// Errors: bad_request with the reason.
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "net/child_process.h"

namespace stoker {

inline constexpr std::size_t kEnginePlacesMax = 4096;
inline constexpr const char* kEngineHost = "127.0.0.1";

// An engine is ready once this path answers with this status.
struct EngineReadiness {
  std::string path = "/health";  // whatever the base path is
  int status = 200;
  Duration max = minutes(10);  // from its start; then it is stopped and the start has failed

  friend bool operator==(const EngineReadiness&, const EngineReadiness&) = default;
};

struct EngineCommand {
  std::vector<std::string> argv;  // no shell
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::string working_directory = {};
  std::uint16_t port = 0;      // 0: a free one at each start, through {port}
  std::string base_path = {};  // of the engine's URL, below the port
  EngineReadiness ready = {};
  int stop_signal = SIGTERM;
  Duration grace = seconds(10);  // between that signal and SIGKILL

  friend bool operator==(const EngineCommand&, const EngineCommand&) = default;
};

// What the placeholders become.
struct EnginePlaces {
  std::uint16_t port = 0;
  std::string model = {};
  std::string file = {};
};

bool uses_placeholder(const EngineCommand& command, std::string_view placeholder);

// One process per model needs {model} or {file}, one process for all must not have them; a port must come from somewhere.
enum class EngineShare : std::uint8_t { per_model, shared };
Result<void> check_engine_command(const EngineCommand& command, EngineShare share);

net::ChildCommand child_command(const EngineCommand& command, const EnginePlaces& places);

}  // namespace stoker
