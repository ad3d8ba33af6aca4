// What an Ollama server is asked, one task for each call of the port.
//
// Purpose: the network side of OllamaBackend. Tasks hold what they need by value.
// Threading: network thread.
// Limits: the deadlines of single requests; the whole call is bounded by its starter.
// Errors: see ollama_backend.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/engine_model.h"
#include "backends/http/engine_http.h"
#include "backends/http/run_listener.h"
#include "backends/ollama/ollama_options.h"
#include "protocol/ollama/answers.h"

namespace stoker::ollama {

// How often the server's list is asked while a model leaves.
inline constexpr Duration kUnloadPoll = milliseconds(200);

// What all tasks of one adapter share.
class Site {
 public:
  Site(net::Network& network, OllamaOptions options);

  const OllamaOptions& options() const { return options_; }
  const std::shared_ptr<EngineHttp>& http() const { return http_; }

  // A model with a digest never changes, so its weights are asked once. Empty: the server does not tell them.
  std::optional<std::string> known_blob(const std::string& digest) const;
  void remember_blob(const std::string& digest, const std::string& blob);

 private:
  OllamaOptions options_;
  std::shared_ptr<EngineHttp> http_;
  std::map<std::string, std::string> blobs_;  // network thread only
};

using SharedSite = std::shared_ptr<Site>;

net::Task<Result<ProbeReport>> probe(SharedSite site, Duration deadline);
net::Task<Result<std::vector<OfferedModel>>> list(SharedSite site, Duration deadline);
net::Task<Result<std::vector<LoadedModel>>> observe(SharedSite site,
                                                    std::vector<EngineModel> models,
                                                    Duration deadline);
// `took` is left to the loop, which has a clock.
net::Task<Result<LoadReport>> load(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<void>> unload(SharedSite site, EngineModel model, Duration deadline);
net::Task<Result<RunReport>> run(SharedSite site, EngineModel model, RunCall call,
                                 std::shared_ptr<RunListener> listener);

// For each name the entry of /api/ps that holds its weights, also under another name.
using Sightings = std::vector<std::optional<protocol::ollama::RunningModel>>;
net::Task<Result<Sightings>> sightings(SharedSite site, std::vector<std::string> names,
                                       Duration deadline);

enum class Doing : std::uint8_t { asking, loading, running };
// The error of an answer that is no 2xx. The engine's words are quoted unless a prompt was sent.
Error error_of(const EngineAnswer& answer, Doing doing);
// A request that brought no answer, or one that is no HTTP.
Error error_of(Error transport);

// A 2xx answer.
net::Task<Result<EngineAnswer>> ask(SharedSite site, EngineAsk request, Doing doing);

}  // namespace stoker::ollama
