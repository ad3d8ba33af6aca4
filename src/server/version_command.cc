#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "server/build_facts.h"
#include "server/commands.h"

namespace stoker::server {

int run_version(OutputForm form) {
  const std::string text =
      form == OutputForm::json
          ? fmt::format(R"({{"name":"stoker","version":"{}","policy":"{:08x}"}})", kVersion,
                        policy_build())
          : fmt::format("stoker {}", kVersion);
  fmt::print("{}\n", text);
  return kSuccess;
}

std::string data_folder(const std::string& given) {
  if (!given.empty()) return given;
  const char* state = std::getenv("STATE_DIRECTORY");
  // The service manager lists several folders with colons between them; the first is ours.
  const std::string_view folders = state == nullptr ? "" : state;
  if (!folders.empty()) return std::string(folders.substr(0, folders.find(':')));
  return "data";
}

int complain(const std::string& words, int exit_code) {
  fmt::print(stderr, "stoker: {}\n", words);
  return exit_code;
}

}  // namespace stoker::server
