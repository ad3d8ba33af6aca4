// Walks along the inputs of a workflow that graph_work.cc and graph_bindings.cc have in common.
//
// Threading: pure functions over a Graph. Limits: kWalkNodesMax nodes of one walk; what lies
// further is not found.
// Errors: nullopt.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "protocol/comfyui/graph.h"

namespace stoker::protocol::comfyui {

inline constexpr std::size_t kWalkNodesMax = 256;

// A node that samples: it takes a latent, and steps or sigmas.
bool is_sampler(const GraphNode& node);

// Where a node states the size of what it makes, and that size.
struct SizePlace {
  std::optional<Literal> width_at;
  std::optional<Literal> height_at;
  std::uint64_t width = 0;
  std::uint64_t height = 0;

  bool is_complete() const { return width > 0 && height > 0; }
};
SizePlace size_place(const Graph& graph, NodeIndex node);

// The nearest node up the chain of latents and pictures of which `found` is true, beginning with
// what `sampler` works on. `passed` gets the nodes between the two, the nearest to the sampler
// first.
std::optional<NodeIndex> find_up_latents(const Graph& graph, NodeIndex sampler,
                                         const std::function<bool(NodeIndex)>& found,
                                         std::vector<NodeIndex>& passed);

}  // namespace stoker::protocol::comfyui
