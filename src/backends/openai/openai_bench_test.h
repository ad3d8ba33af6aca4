// For contract tests of OpenAiBackend: a server of any kind and the adapter before it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/http/engine_bench_test.h"
#include "backends/openai/openai_backend.h"
#include "tests/engines/openai_server.h"

namespace stoker {

inline constexpr ModelId kModel(1);
inline constexpr ModelId kOther(2);
inline constexpr ModelId kMissing(3);

class OpenAiBench : public EngineBench {
 protected:
  static std::vector<EngineModel> catalogue(Medium medium = Medium::text) {
    return {{.id = kModel,
             .medium = medium,
             .upstream = "m",
             .planned = MiB{2048},
             .load_options = {{"context_length", std::int64_t{2048}}}},
            {.id = kOther, .medium = medium, .upstream = "n", .planned = MiB{1024}},
            {.id = kMissing, .medium = medium, .upstream = "nope"}};
  }

  // A server of that kind with the models "m" and, where it has many, "n".
  void start(engines::Flavour flavour, engines::OpenAiOptions options = {}) {
    options.flavour = flavour;
    const bool many = flavour == engines::Flavour::llama_cpp_router ||
                      flavour == engines::Flavour::localai ||
                      flavour == engines::Flavour::lm_studio;
    options.models = {{.id = "m"}};
    if (many) options.models.push_back({.id = "n"});
    server_ = std::make_unique<engines::OpenAiServer>(network_, std::move(options));
    const Medium medium = flavour == engines::Flavour::sd_cpp ? Medium::image : Medium::text;
    connect({.id = BackendId(1), .url = server_->url()}, medium);
  }
  void connect(OpenAiOptions options, Medium medium = Medium::text) {
    backend_ =
        std::make_unique<OpenAiBackend>(loop_, network_, std::move(options), catalogue(medium));
  }

  static RunCall call_of(std::uint64_t attempt = 1, Medium medium = Medium::text) {
    return {.attempt = AttemptId(attempt),
            .job = JobId(7),
            .model = kModel,
            .medium = medium,
            .prompt = "a fox <b> in Gänsefüßchen",
            .seed = 1ULL << 40,
            .deadline = seconds(60)};
  }

  std::unique_ptr<engines::OpenAiServer> server_;
  std::unique_ptr<OpenAiBackend> backend_;
};

}  // namespace stoker
