// Configuration files of amateurs: every text is a configuration or a bounded list of problems inside the file.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "server/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker::server;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ConfigResult result = parse_config(text, "/nonexistent");
  if (result) {
    STOKER_INVARIANT(!result->listen.host.empty() || result->listen.port > 0,
                     "a configuration says where to listen");
    return 0;
  }
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(text, '\n')) + 1;
  STOKER_INVARIANT(!result.error().empty() && result.error().size() <= kConfigProblemsMax,
                   "problems are told and bounded");
  for (const ConfigProblem& problem : result.error()) {
    STOKER_INVARIANT(!problem.words.empty() && problem.line <= lines,
                     "a problem lies inside the file");
  }
  return 0;
}
