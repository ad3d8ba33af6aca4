#include "protocol/ollama/names.h"

#include <algorithm>
#include <cctype>

namespace stoker::protocol::ollama {
namespace {

constexpr std::string_view kDefaultHost = "registry.ollama.ai/";
constexpr std::string_view kDefaultNamespace = "library/";
constexpr std::string_view kForcedLocal = ":local";

std::string lower(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

}  // namespace

std::string canonical_name(std::string_view name) {
  std::string canonical = lower(name);
  if (canonical.starts_with(kDefaultHost)) canonical.erase(0, kDefaultHost.size());
  if (canonical.starts_with(kDefaultNamespace)) canonical.erase(0, kDefaultNamespace.size());
  if (canonical.ends_with(kForcedLocal)) canonical.resize(canonical.size() - kForcedLocal.size());
  const std::size_t slash = canonical.rfind('/');
  const std::size_t colon = canonical.rfind(':');
  const bool tagged = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  if (!tagged) canonical += ":latest";
  return canonical;
}

bool is_cloud_name(std::string_view name) {
  const std::string lowered = lower(name);
  return lowered.ends_with(":cloud") || lowered.ends_with("-cloud");
}

}  // namespace stoker::protocol::ollama
