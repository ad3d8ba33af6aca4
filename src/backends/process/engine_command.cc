#include "backends/process/engine_command.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace stoker {
namespace {

constexpr std::string_view kHost = "{host}";
constexpr std::string_view kPort = "{port}";
constexpr std::string_view kModel = "{model}";
constexpr std::string_view kFile = "{file}";

struct Place {
  std::string_view placeholder;
  std::string value;
};
using Places = std::array<Place, 4>;

// In one pass: what a placeholder becomes is not looked through again.
std::string filled(std::string_view text, const Places& places) {
  std::string result;
  while (!text.empty()) {
    const auto place = std::ranges::find_if(
        places, [text](const Place& p) { return text.starts_with(p.placeholder); });
    if (place != places.end()) {
      result += place->value;
      text.remove_prefix(place->placeholder.size());
      continue;
    }
    const std::size_t next = std::min(text.find('{', 1), text.size());
    result += text.substr(0, next);
    text.remove_prefix(next);
  }
  return result;
}

}  // namespace

bool uses_placeholder(const EngineCommand& command, std::string_view placeholder) {
  const auto has = [placeholder](std::string_view text) { return text.contains(placeholder); };
  return std::ranges::any_of(command.argv, has) ||
         std::ranges::any_of(command.environment, [&](const auto& v) { return has(v.second); }) ||
         has(command.working_directory);
}

Result<void> check_engine_command(const EngineCommand& command, EngineShare share) {
  if (command.argv.empty() || command.argv.front().empty()) {
    return fail(ErrorCode::bad_request, "the command names no program");
  }
  if (command.argv.size() > net::kChildArgumentsMax) {
    return fail(ErrorCode::bad_request, "the command has too many arguments");
  }
  if (!command.ready.path.starts_with('/')) {
    return fail(ErrorCode::bad_request, "the path to ask for readiness must begin with a slash");
  }
  const bool port_is_free = uses_placeholder(command, kPort);
  if (!port_is_free && command.port == 0) {
    return fail(ErrorCode::bad_request, "the command needs {port}, or a port of its own");
  }
  const bool of_model = uses_placeholder(command, kModel) || uses_placeholder(command, kFile);
  if (of_model && share == EngineShare::shared) {
    return fail(ErrorCode::bad_request, "{model} and {file} need one process per model");
  }
  if (share == EngineShare::per_model && !of_model) {
    return fail(ErrorCode::bad_request, "one process per model needs {model} or {file}");
  }
  if (share == EngineShare::per_model && (command.port != 0 || !port_is_free)) {
    return fail(ErrorCode::bad_request, "one process per model needs {port}");
  }
  return {};
}

net::ChildCommand child_command(const EngineCommand& command, const EnginePlaces& places) {
  const Places values = {Place{kHost, kEngineHost}, Place{kPort, std::to_string(places.port)},
                         Place{kModel, places.model.substr(0, kEnginePlacesMax)},
                         Place{kFile, places.file.substr(0, kEnginePlacesMax)}};
  net::ChildCommand child;
  for (const std::string& argument : command.argv) child.argv.push_back(filled(argument, values));
  for (const auto& [name, value] : command.environment) {
    child.environment.emplace_back(name, filled(value, values));
  }
  child.working_directory = filled(command.working_directory, values);
  return child;
}

}  // namespace stoker
