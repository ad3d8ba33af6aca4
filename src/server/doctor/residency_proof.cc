#include "server/doctor/residency_proof.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "controller/thread_loop.h"
#include "net/http.h"
#include "net/network.h"
#include "server/adapters.h"

namespace stoker::server {
namespace {

// One engine's three loads, one after the other.
class Trial {
 public:
  Trial(const EngineSetup& engine, std::string key, std::vector<EngineModel> models,
        CardSource memory)
      : models_(std::move(models)) {
    proof_.backend = engine.info.name;
    proof_.first = models_[0].upstream;
    proof_.second = models_[1].upstream;
    const AdapterPlace place{.loop = loop_,
                             .network = network_,
                             .key = std::move(key),
                             .salt = "proof",
                             .memory = memory};
    backend_ = adapters_for(place, engine).make(*net::parse_url(engine.url), models_);
  }

  ResidencyProof run() {
    load(0);
    loop_.run();
    return proof_;
  }

 private:
  static constexpr std::size_t kOrder[] = {0, 1, 0};

  void load(std::size_t step) {
    backend_->load(
        models_[kOrder[step]].id, kProofLoadMax, [this, step](Result<LoadReport> report) {
          if (!report) {
            proof_.trouble =
                models_[kOrder[step]].upstream + " does not load: " + report.error().detail;
            return loop_.stop();
          }
          if (step + 1 < std::size(kOrder)) return load(step + 1);
          proof_.kept = report->was_there;
          loop_.stop();
        });
  }

  ThreadLoop loop_;
  net::Network network_;
  std::vector<EngineModel> models_;
  ResidencyProof proof_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace

std::vector<ResidencyProof> prove_residency(const Machine& machine) {
  std::vector<ResidencyProof> proofs;
  for (const EngineSetup& engine : machine.engines) {
    if (engine.is_rehearsal() || engine.command || engine.url.empty()) continue;
    std::vector<EngineModel> models;
    for (std::size_t n = 0; n < machine.models.size(); ++n) {
      if (machine.models[n].backend == engine.info.id) models.push_back(machine.engine_models[n]);
    }
    if (models.size() < 2) continue;
    auto key = engine_key(engine);
    if (!key) {
      proofs.push_back({.backend = engine.info.name,
                        .first = {},
                        .second = {},
                        .kept = false,
                        .trouble = key.error().detail});
      continue;
    }
    const auto card = std::ranges::find(machine.cards, engine.info.device, &CardSetup::device);
    proofs.push_back(Trial(engine, *std::move(key), std::move(models),
                           card == machine.cards.end() ? CardSource::nvidia : card->source)
                         .run());
  }
  return proofs;
}

}  // namespace stoker::server
