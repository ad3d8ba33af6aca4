// One ComfyUI as the tasks of its adapter see it: requests that answer with values.
//
// Threading: network thread, inside tasks. Ownership: tasks share it.
// Limits: single requests have the call's deadline; the whole call is bounded by its starter.
// Errors: see comfyui_backend.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backends/comfyui/comfyui_options.h"
#include "backends/http/engine_http.h"
#include "protocol/comfyui/history.h"
#include "protocol/comfyui/prompt_answer.h"
#include "protocol/comfyui/queue.h"
#include "protocol/comfyui/requests.h"
#include "protocol/comfyui/system_stats.h"

namespace stoker::comfyui {

namespace wire = protocol::comfyui;

class Site;
using SharedSite = std::shared_ptr<Site>;

class Site {
 public:
  Site(net::Network& network, ComfyUiOptions options);

  const ComfyUiOptions& options() const { return options_; }
  const std::shared_ptr<EngineHttp>& http() const { return http_; }
  bool on_card() const { return options_.memory == ComfyUiMemory::card; }
  net::Task<void> pause() const { return http_->network().sleep(options_.poll_every); }

  static net::Task<Result<wire::SystemStats>> stats(SharedSite site, Duration deadline);
  // The same, asked once in the life of this object.
  static net::Task<Result<wire::SystemStats>> known_stats(SharedSite site, Duration deadline);
  static net::Task<Result<wire::QueueState>> queue(SharedSite site, Duration deadline);
  static net::Task<Result<std::optional<wire::HistoryEntry>>> history(SharedSite site,
                                                                      std::string prompt_id,
                                                                      Duration deadline);
  // Whether a prompt that began after the last one of this object is in the history or runs.
  static net::Task<Result<bool>> saw_foreign(SharedSite site, Duration deadline);
  // The number of a prompt of ours.
  void own_number(double number) { own_number_ = number; }
  static net::Task<Result<wire::PromptAccepted>> submit(SharedSite site, std::string body,
                                                        Duration deadline);
  static net::Task<Result<void>> post(SharedSite site, std::string target, std::string body,
                                      Duration deadline);
  static net::Task<Result<std::string>> file(SharedSite site, wire::FileName name,
                                             std::size_t bytes_max, Duration deadline);
  // nullopt: 404.
  static net::Task<Result<std::optional<std::string>>> page(SharedSite site, std::string target,
                                                            Duration deadline);
  static net::Task<Result<void>> forget_history(SharedSite site, std::string prompt_id,
                                                Duration deadline);

 private:
  ComfyUiOptions options_;
  std::shared_ptr<EngineHttp> http_;
  // Network thread only.
  std::optional<wire::SystemStats> stats_;
  double own_number_ = -1;
};

}  // namespace stoker::comfyui
