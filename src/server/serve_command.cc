#include <fmt/format.h>

#include <boost/json.hpp>

#include "server/commands.h"
#include "server/server.h"

namespace stoker::server {
namespace {

int complain_about_config(const ServeOptions& options, const std::vector<ConfigProblem>& problems) {
  for (const ConfigProblem& problem : problems) complain(problem_text(options.config, problem));
  return kFailure;
}

}  // namespace

int run_serve(const ServeOptions& options) {
  ConfigResult config = options.config.empty() ? default_config() : read_config(options.config);
  if (!config) return complain_about_config(options, config.error());
  if (!options.listen.empty()) {
    const auto address = parse_listen_address(options.listen);
    if (!address)
      return complain("--listen must be HOST:PORT, for example 127.0.0.1:8420", kWrongUse);
    config->listen = *address;
  }
  for (const std::string& fault : options.faults)
    if (!parse_fault(fault))
      return complain("--fault " + fault + " is not understood; see stoker serve --help",
                      kWrongUse);

  Log log(options.log_level);
  auto server = Server::start(options, *std::move(config), log);
  if (!server) return complain(server.error().detail);
  const int exit_code = (*server)->run();
  server->reset();
  if (options.form == OutputForm::json)
    fmt::print("{}\n", boost::json::serialize(boost::json::object{{"ok", exit_code == kSuccess}}));
  return exit_code;
}

}  // namespace stoker::server
