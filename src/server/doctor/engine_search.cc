#include "server/doctor/engine_search.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "backends/openai/openai_backend.h"
#include "controller/thread_loop.h"
#include "net/http.h"
#include "net/network.h"
#include "server/adapters.h"

namespace stoker::server {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"ollama", "openai", "comfyui", "swarmui"};

std::string flavour_of(const Backend& backend) {
  const auto* openai = dynamic_cast<const OpenAiBackend*>(&backend);
  if (openai == nullptr || !openai->flavour()) return {};
  return std::string(openai_flavour_name(*openai->flavour()));
}

// One adapter per address, asked at the same time.
class Search {
 public:
  std::vector<FoundEngine> run(const std::vector<EnginePlace>& places) {
    answers_.resize(places.size());
    for (std::size_t n = 0; n < places.size(); ++n) ask(places[n], n);
    if (open_ > 0) loop_.run();
    std::vector<FoundEngine> found;
    for (auto& answer : answers_)
      if (answer) found.push_back(*std::move(answer));
    return found;
  }

 private:
  void ask(const EnginePlace& place, std::size_t n) {
    const auto url = net::parse_url(place.url);
    if (!url) return;
    EngineSetup engine;
    engine.info.kind = place.kind;
    engine.flavour = place.flavour;
    // Weights of models that nobody asked for are not looked at, so the kind of memory does not matter.
    adapters_.push_back(
        adapters_for({.loop = loop_, .network = network_, .key = place.key, .salt = {}}, engine)
            .make(*url, {}));
    Backend* backend = adapters_.back().get();
    ++open_;
    backend->probe(kSearchMax, [this, backend, place, n](Result<ProbeReport> report) {
      if (!report) return end();
      answers_[n] = FoundEngine{.kind = place.kind,
                                .flavour = flavour_of(*backend),
                                .url = place.url,
                                .probe = *std::move(report),
                                .models = {},
                                .trouble = {}};
      list(*backend, n);
    });
  }

  void list(Backend& backend, std::size_t n) {
    backend.list(kListMax, [this, n](Result<std::vector<OfferedModel>> models) {
      if (models) {
        answers_[n]->models = *std::move(models);
      } else {
        answers_[n]->trouble = "its models cannot be listed: " + models.error().detail;
      }
      end();
    });
  }

  void end() {
    if (--open_ == 0) loop_.stop();
  }

  ThreadLoop loop_;
  net::Network network_;
  std::vector<std::unique_ptr<Backend>> adapters_;
  std::vector<std::optional<FoundEngine>> answers_;
  std::size_t open_ = 0;
};

}  // namespace

std::vector<EnginePlace> usual_places() {
  return {{"ollama", "http://127.0.0.1:11434"}, {"comfyui", "http://127.0.0.1:8188"},
          {"swarmui", "http://127.0.0.1:7801"}, {"comfyui", "http://127.0.0.1:7821"},
          {"openai", "http://127.0.0.1:8080"},  {"openai", "http://127.0.0.1:9931"},
          {"openai", "http://127.0.0.1:8000"},  {"openai", "http://127.0.0.1:1234"},
          {"openai", "http://127.0.0.1:13305"}};
}

std::optional<EnginePlace> parse_engine_place(std::string_view text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string_view::npos) return std::nullopt;
  EnginePlace place{std::string(text.substr(0, sign)), std::string(text.substr(sign + 1))};
  if (std::ranges::find(kKinds, place.kind) == kKinds.end() || !net::parse_url(place.url))
    return std::nullopt;
  return place;
}

std::vector<FoundEngine> find_engines(const std::vector<EnginePlace>& places) {
  return Search().run(places);
}

}  // namespace stoker::server
