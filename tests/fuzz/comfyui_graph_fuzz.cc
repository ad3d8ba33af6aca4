// Workflows of strangers: what can be read can be analysed, within limits, and a proposal names
// places that are there.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "protocol/comfyui/graph.h"
#include "protocol/comfyui/graph_bindings.h"
#include "protocol/comfyui/graph_models.h"

namespace {

using namespace stoker::protocol::comfyui;

constexpr std::size_t kComplaintMax = 300;

void check_proposal(const Graph& graph, const BindingProposal& proposal) {
  STOKER_INVARIANT(graph.index_of.contains(proposal.output), "the output is a node");
  for (const Binding& binding : proposal.bindings) {
    STOKER_INVARIANT(!binding.places.empty(), "a binding has a place");
    for (const InputPlace& place : binding.places) {
      const auto node = graph.index_of.find(place.node);
      STOKER_INVARIANT(node != graph.index_of.end(), "a place lies in a node");
      const InputValue* value = graph.nodes[node->second].input(place.input);
      STOKER_INVARIANT(value != nullptr && !std::holds_alternative<Link>(*value) &&
                           !std::holds_alternative<LostLink>(*value) &&
                           !std::holds_alternative<std::monostate>(*value),
                       "a place holds a literal");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto graph = parse_graph({reinterpret_cast<const char*>(data), size});
  if (!graph) {
    STOKER_INVARIANT(graph.error().code == stoker::ErrorCode::bad_request &&
                         !graph.error().detail.empty() &&
                         graph.error().detail.size() < kComplaintMax,
                     "a complaint is one sentence");
    return 0;
  }
  const auto outputs = nodes_of_classes(*graph, known_output_classes());
  const Reach reach = reach_back(*graph, outputs);
  STOKER_INVARIANT(reach.nodes.size() <= graph->nodes.size(), "a node is reached once");
  const Needs needs = needs_of(*graph, reach);
  STOKER_INVARIANT(needs.bundle_id == bundle_id_of(needs.models, needs.unknown),
                   "an id follows from its set");
  const auto passes = sampler_passes(*graph, reach);
  STOKER_INVARIANT(passes.size() <= kSamplerPassesMax, "passes are bounded");
  STOKER_INVARIANT(work_bucket(work_of(passes)) < 128, "work is bounded");
  if (const auto proposal = propose_bindings(*graph, outputs)) check_proposal(*graph, *proposal);
  return 0;
}
