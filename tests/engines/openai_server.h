// Servers with an OpenAI-compatible API, for tests: six real ones by their wire formats, without models.
//
// Purpose: contract tests of the adapter and of the gateway. What the servers have in common is played once; health,
//   lists, errors, loading and what else differs follows the flavour.
// Answers: a text repeats the words of the last user message until there are kAnswerWords; a token is a word. The
//   prompt "call f {"a":1} and g {"b":2}" makes tool calls, if `tools` were given. Pictures are PNGs of one colour.
// Gates: head, load (also waking), unload (also falling asleep), prefill, token (before each piece of a text), step
//   (before each sampling step, and before each write of a split stream), result.
// Faults: all of faults.h but spill; out_of_memory is an error of the server before the first byte.
// Threading: see engine_server.h. Limits: as in the options.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/engines/engine_server.h"

namespace stoker::engines {

namespace openai {
class Engine;
}

enum class Flavour : std::uint8_t {
  llama_cpp,         // one model, loaded at the start; the name in requests is ignored
  llama_cpp_router,  // loads by name, up to models_max
  vllm,              // one model; sleeps and wakes
  localai,           // loads by name
  sd_cpp,            // pictures, one at a time
  lm_studio,         // loads by name, unloads after an idle hour
};

struct OpenAiModel {
  std::string id;
  std::int64_t context_length = 4096;
  std::int64_t gpu_bytes = 2LL * 1024 * 1024 * 1024;
  bool embeds = false;
  bool reasons = false;
  std::size_t embedding_length = 8;
  std::vector<double> fixed_embedding = {};  // instead of one that follows from the text
};

// How streams look. The first of each is what a new server of that kind sends.
struct StreamForm {
  enum class Usage : std::uint8_t { when_asked, null_until_then, always, in_last_chunk };
  enum class Error : std::uint8_t { event, field_then_done, silent_end };
  Usage usage = Usage::when_asked;
  Error error = Error::event;
  std::size_t bytes_per_write =
      0;  // 0: an event per write. Cuts anywhere, also inside a character.
  bool crlf = false;
  bool comments = false;  // ": ping" before each event
  bool role_in_each_chunk = false;
  bool null_content_first = false;
  bool finish_with_last_text = false;
  bool whole_tool_calls = false;
  bool interleaved_tool_calls = false;
  bool tool_call_index = true;
};

struct OpenAiOptions {
  Flavour flavour = Flavour::llama_cpp;
  std::vector<OpenAiModel> models = {{.id = "m"}};
  std::string api_key = {};  // empty: none is asked for
  // Held from the first moment. With Gate::load a single-model server begins in its loading phase; vllm and sd_cpp
  // then have their port closed: release the gate, then call `start`.
  std::vector<Gate> held = {};
  std::size_t slots = 1;       // of llama.cpp, per model; vllm and lm_studio have no such limit
  std::size_t models_max = 4;  // of the router
  bool autoload = true;
  bool metrics = true;
  bool slots_endpoint = true;
  bool sleep_mode = true;          // of vllm
  Duration idle_until_sleep = {};  // of llama.cpp; 0: never
  std::size_t image_steps = 4;
  std::size_t job_queue_max = 8;  // of sd_cpp
  StreamForm stream = {};
};

struct OpenAiCounters {
  std::size_t loads_begun = 0;
  std::size_t loads = 0;
  std::size_t loads_failed = 0;
  std::size_t unloads = 0;
  std::size_t sleeps = 0;
  std::size_t wakes = 0;
  std::size_t asked_while_asleep = 0;  // inference that should never have been sent
  std::size_t generations_started = 0;
  std::size_t generations_finished = 0;
  std::size_t generations_cancelled = 0;
  std::size_t running = 0;       // now
  std::size_t most_at_once = 0;  // of all models
};

class OpenAiServer final : public EngineServer {
 public:
  explicit OpenAiServer(net::Network& network, OpenAiOptions options = {});
  ~OpenAiServer() override;

  OpenAiCounters counters();
  [[nodiscard]] bool wait_for(std::function<bool(const OpenAiCounters&)> holds);

  // "unloaded", "loading", "loaded", "sleeping", "leaving", "failed"; empty for unknown models.
  std::string status_of(std::string_view model);
  [[nodiscard]] bool wait_for_status(std::string_view model, std::string_view status);
  std::int64_t gpu_bytes_in_use();

  void set_stream_form(StreamForm form);
  // The engine behind vllm's HTTP server dies: /health says 503, inference 500.
  void kill_engine();

 protected:
  net::Task<void> handle(net::Exchange& exchange, std::string body, Life& life) override;
  void begin() override;
  void forget() override;
  void time_passed() override;

 private:
  std::unique_ptr<openai::Engine> engine_;
};

}  // namespace stoker::engines
