// An Ollama server for tests: the wire format and the scheduling of version 0.33, without models.
//
// Purpose: contract tests of the adapter and of the gateway's own Ollama endpoints. Everything that the reference
//   states is played: routes, texts of errors, ndjson, loading, unloading, reloads, eviction, keep-alive, /v1.
// Answers: a text repeats the words of the last user message until there are kAnswerWords; a token is a word. The
//   prompt "call f {"a":1} and g {"b":2}" makes tool calls, if `tools` were given. A thinking model thinks two words.
// Gates: head, load, unload (still listed, memory still taken), prefill, token (before each record), transfer.
// Faults: all of faults.h. `load_error` has the text of a crashed runner unless the test gives one.
// Threading: see engine_server.h. Limits: as in the options.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/engines/engine_server.h"

namespace stoker::engines {

namespace ollama {
class Engine;
}

inline constexpr std::int64_t kGiB = 1024LL * 1024 * 1024;

struct OllamaModel {
  std::string name;       // "tiny", "tiny:8b", "someone/tiny"
  std::string blob = {};  // its weights; empty: its own. Models with the same blob share a runner.
  std::int64_t weight_bytes = 2 * kGiB;
  std::int64_t kv_bytes_per_token = 64 * 1024;
  std::int64_t training_context = 131'072;
  std::optional<std::int64_t> num_ctx = {};  // PARAMETER num_ctx
  std::vector<std::string> capabilities = {"completion"};
  std::string family = "llama";
  std::string parameter_size = "3.2B";
  std::string quantization_level = "Q4_K_M";
  std::int64_t embedding_length = 8;
};

struct OllamaOptions {
  std::string version = "0.33.0";
  std::vector<OllamaModel> models = {
      {.name = "tiny"},
      {.name = "emb", .capabilities = {"embedding"}},
  };
  std::vector<OllamaModel> registry = {};  // what can be pulled
  std::int64_t gpu_bytes = 24 * kGiB;
  std::size_t num_parallel = 1;
  std::size_t max_queue = 512;
  std::size_t max_loaded_models = 0;  // 0: three per GPU, and there is one
  Duration keep_alive = minutes(5);
  std::int64_t context_length = 0;   // 0: by the size of the GPU
  std::string no_cloud_source = {};  // "env": the cloud is disabled
};

struct OllamaCounters {
  std::size_t loads_begun = 0;
  std::size_t loads = 0;          // ended well; reloads among them
  std::size_t reloads = 0;        // because the settings of a loaded model differed
  std::size_t loads_aborted = 0;  // the peer went away
  std::size_t loads_failed = 0;
  std::size_t unloads = 0;  // for whatever reason
  std::size_t evictions = 0;
  std::size_t generations_started = 0;
  std::size_t generations_finished = 0;
  std::size_t generations_cancelled = 0;
  std::size_t running = 0;       // now
  std::size_t most_at_once = 0;  // of one model
  std::size_t cloud_requests = 0;
};

struct OllamaResident {
  std::string name;
  std::int64_t size = 0;
  std::int64_t size_vram = 0;
  std::int64_t context_length = 0;
  std::size_t in_use = 0;
  bool leaving = false;
};

class OllamaServer final : public EngineServer {
 public:
  explicit OllamaServer(net::Network& network, OllamaOptions options = {});
  ~OllamaServer() override;

  OllamaCounters counters();
  // Until the counters satisfy `holds`.
  [[nodiscard]] bool wait_for(std::function<bool(const OllamaCounters&)> holds);

  // What is loaded, in the order of loading, without asking over HTTP.
  std::vector<OllamaResident> resident();
  bool is_loaded(std::string_view name);
  // Requests that wait for a load, without the one that is being served.
  std::size_t queued();

  // What a driver would report as taken: models, a model in mid-load, memory that was never given back.
  std::int64_t gpu_bytes_in_use();
  // Memory taken by other processes.
  void set_foreign_gpu_bytes(std::int64_t bytes);

 protected:
  net::Task<void> handle(net::Exchange& exchange, std::string body, Life& life) override;
  void forget() override;
  void time_passed() override;

 private:
  std::unique_ptr<ollama::Engine> engine_;
};

}  // namespace stoker::engines
