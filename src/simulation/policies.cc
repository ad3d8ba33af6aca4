#include "simulation/policies.h"

#include <array>

#include "simulation/baselines/llama_swap.h"
#include "simulation/baselines/lru_fifo.h"
#include "simulation/baselines/ollama_comfy.h"
#include "simulation/stoker_policy.h"

namespace stoker::simulation {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Policy> (*make)(std::string_view name, const PolicyOptions& options);
};

template <class P, auto... Arguments>
std::unique_ptr<Policy> make(std::string_view name, const PolicyOptions&) {
  return std::make_unique<P>(name, Arguments...);
}

std::unique_ptr<Policy> make_memo(std::string_view name, const PolicyOptions&) {
  return std::make_unique<OllamaComfy>(name, std::nullopt);
}

std::unique_ptr<Policy> make_ollama_5m(std::string_view name, const PolicyOptions&) {
  return std::make_unique<OllamaComfy>(name, minutes(5));
}

template <MisfitRule misfit, PlanUse plan>
std::unique_ptr<Policy> make_stoker(std::string_view name, const PolicyOptions& options) {
  StokerOptions stoker{.name = name, .misfit = misfit, .plan = plan};
  stoker.quotes = options.quotes == Quotes::given;
  return std::make_unique<StokerPolicy>(stoker);
}

// The product's scheduler first, then what it is measured against.
constexpr std::array kPolicies = {
    Entry{"stoker", make_stoker<MisfitRule::turns, PlanUse::announced>},
    Entry{"stoker_refuse", make_stoker<MisfitRule::refuse, PlanUse::announced>},
    Entry{"stoker_without_plan", make_stoker<MisfitRule::turns, PlanUse::none>},
    Entry{"memo", make_memo},
    Entry{"ollama_5m", make_ollama_5m},
    Entry{"llama_swap_group", make<LlamaSwap, LlamaSwap::Sets::group>},
    Entry{"llama_swap_matrix", make<LlamaSwap, LlamaSwap::Sets::matrix>},
    Entry{"lru_fifo", make<LruFifo, LruFifo::Pins::plain>},
    Entry{"static_pin_warm", make<LruFifo, LruFifo::Pins::pin_and_warm>},
    Entry{"static_pin_refuse", make<LruFifo, LruFifo::Pins::pin_and_refuse>},
};

}  // namespace

std::unique_ptr<Policy> make_policy(std::string_view name, const PolicyOptions& options) {
  for (const Entry& entry : kPolicies) {
    if (entry.name == name) return entry.make(entry.name, options);
  }
  return nullptr;
}

std::vector<std::string_view> policy_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kPolicies) names.push_back(entry.name);
  return names;
}

}  // namespace stoker::simulation
