// Names of models and durations, as Ollama reads them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace stoker::engines::ollama {

// About 292 years: what "for ever" is in Ollama.
inline constexpr Duration kForever{9'223'372'036'854'775};

// "registry.ollama.ai/library/tiny:latest" in lower case; nullopt for names that are not allowed.
std::optional<std::string> full_name(std::string_view name);
// What lists show: "tiny:latest", "someone/tiny:latest".
std::string short_name(std::string_view full);
// ":cloud" or "-cloud" at the end.
bool names_cloud(std::string_view name);

// "1h30m", "-1m", "0". The error is Go's text.
std::expected<Duration, std::string> parse_go_duration(std::string_view text);

}  // namespace stoker::engines::ollama
