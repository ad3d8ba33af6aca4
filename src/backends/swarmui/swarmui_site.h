// One SwarmUI as the tasks of its adapter see it.
//
// Purpose: requests of its API, with a session of the adapter's own for everything but runs; a session that the server
//   has forgotten is replaced once.
// Threading: network thread, inside tasks. Ownership: tasks share it.
// Errors: see swarmui_backend.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backends/http/engine_http.h"
#include "backends/swarmui/swarmui_options.h"
#include "protocol/swarmui/answers.h"

namespace stoker::swarmui {

namespace wire = protocol::swarmui;

class Site;
using SharedSite = std::shared_ptr<Site>;

class Site {
 public:
  using Body = std::function<std::string(std::string_view session)>;

  Site(net::Network& network, SwarmUiOptions options);

  const SwarmUiOptions& options() const { return options_; }
  const std::shared_ptr<EngineHttp>& http() const { return http_; }
  net::Task<void> pause() const { return http_->network().sleep(options_.poll_every); }

  static net::Task<Result<wire::Session>> new_session(SharedSite site, Duration deadline);
  static net::Task<Result<EngineAnswer>> post(SharedSite site, std::string route, std::string body,
                                              Duration deadline);
  // In the adapter's own session.
  static net::Task<Result<EngineAnswer>> ask(SharedSite site, std::string route, Body body,
                                             Duration deadline);
  static net::Task<Result<std::vector<wire::ListedModel>>> models(SharedSite site,
                                                                  Duration deadline);
  // The server's exact name of a model, asked once per name.
  static net::Task<Result<std::string>> exact_name(SharedSite site, std::string name,
                                                   Duration deadline);
  void forget_names() { names_.clear(); }
  // nullopt: it does not see cards, or we may not ask.
  static net::Task<Result<std::optional<MiB>>> card_use(SharedSite site, Duration deadline);
  static net::Task<Result<std::string>> picture(SharedSite site, std::string target,
                                                std::size_t bytes_max, Duration deadline);

 private:
  SwarmUiOptions options_;
  std::shared_ptr<EngineHttp> http_;
  // Network thread only.
  std::string session_;
  std::map<std::string, std::string, std::less<>> names_;
};

// The server knows the question and refuses to answer it.
bool is_refused(const Error& error);

}  // namespace stoker::swarmui
