// What an OpenAI-compatible server is asked, one task for each call of the port.
//
// Purpose: the network side of OpenAiBackend. Tasks hold what they need by value.
// Threading: network thread; the atomics of Site are written there and read on the loop, `runs` the other way round.
// Limits: the deadlines of single requests; the whole call is bounded by its starter.
// Errors: see openai_backend.h.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/http/engine_http.h"
#include "backends/http/run_listener.h"
#include "backends/openai/openai_options.h"
#include "protocol/openai/answers.h"

namespace stoker::openai {

// How often a server is asked while a model comes or goes, or a run ends.
inline constexpr Duration kPoll = milliseconds(200);

// What all tasks of one adapter share.
class Site {
 public:
  Site(net::Network& network, OpenAiOptions options);

  const OpenAiOptions& options() const { return options_; }
  const std::shared_ptr<EngineHttp>& http() const { return http_; }

  std::optional<OpenAiFlavour> flavour() const;
  void set_flavour(OpenAiFlavour flavour) { flavour_.store(static_cast<int>(flavour)); }
  // Of vLLM: whether it can sleep at all; true until it is known that it cannot.
  std::atomic<bool> can_sleep = true;
  // Runs under way.
  std::atomic<std::uint32_t> runs = 0;

 private:
  static constexpr int kUnknown = -1;

  OpenAiOptions options_;
  std::shared_ptr<EngineHttp> http_;
  std::atomic<int> flavour_ = kUnknown;
};

using SharedSite = std::shared_ptr<Site>;

// openai_detect.cc
net::Task<Result<OpenAiFlavour>> flavour_of(SharedSite site, Duration deadline);
net::Task<Result<ProbeReport>> probe(SharedSite site, Duration deadline);
net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline);

// openai_residency.cc
net::Task<Result<std::vector<LoadedModel>>> observe(SharedSite site,
                                                    std::vector<EngineModel> models,
                                                    Duration deadline);
// `took` is left to the loop, which has a clock.
net::Task<Result<LoadReport>> load(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<void>> unload(SharedSite site, EngineModel model, Duration deadline);

// openai_run.cc
net::Task<Result<RunReport>> run(SharedSite site, EngineModel model, RunCall call,
                                 std::shared_ptr<RunListener> listener);
// Until the server has no more requests at work than there are runs; at once where it does not tell.
net::Task<Result<void>> confirm_stopped(SharedSite site, EngineModel model, Duration deadline);

// openai_requests.cc
enum class Doing : std::uint8_t { asking, loading, running };
// The error of an answer that is no 2xx. The engine's words are quoted unless a prompt was sent.
Error error_of(const EngineAnswer& answer, Doing doing);
// A request that brought no answer, or one that is no HTTP.
Error error_of(Error transport);
EngineAsk get(std::string target, Duration deadline);
EngineAsk post(std::string target, std::string body, Duration deadline);
// Any answer.
net::Task<Result<EngineAnswer>> ask_any(SharedSite site, EngineAsk request);
// A 2xx answer.
net::Task<Result<EngineAnswer>> ask(SharedSite site, EngineAsk request, Doing doing);
net::Task<Result<std::vector<protocol::openai::ListedModel>>> listed_models(SharedSite site,
                                                                            std::string target,
                                                                            Duration deadline);
// Whether vLLM sleeps; nullopt: it cannot.
net::Task<Result<std::optional<bool>>> sleeping(SharedSite site, Duration deadline);
// A server of one model answers to its alias, its file's path, or its file's name.
bool is_served_as(std::string_view listed, std::string_view upstream);
std::string in_query(std::string_view text);

}  // namespace stoker::openai
