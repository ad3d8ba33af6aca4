#include "protocol/comfyui/graph_walk.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace stoker::protocol::comfyui {
namespace {

// In the order in which they are tried: a latent says more than the picture it may be mixed with.
constexpr auto kLatentInputs = std::to_array<std::string_view>({
    "latent_image",
    "samples",
    "latent",
    "samples_from",
    "samples_to",
    "samples1",
    "pixels",
    "image",
    "images",
    "image1",
    "destination",
    "start_image",
    "video",
    "audio",
});

}  // namespace

bool is_sampler(const GraphNode& node) {
  if (node.input("latent_image") == nullptr) return false;
  return node.input("steps") != nullptr || node.input("sigmas") != nullptr;
}

SizePlace size_place(const Graph& graph, NodeIndex node) {
  SizePlace place;
  place.width = count_behind(graph, node, "width").value_or(0);
  place.height = count_behind(graph, node, "height").value_or(0);
  if (place.is_complete()) {
    place.width_at = literal_behind(graph, node, "width");
    place.height_at = literal_behind(graph, node, "height");
  }
  return place;
}

std::optional<NodeIndex> find_up_latents(const Graph& graph, NodeIndex sampler,
                                         const std::function<bool(NodeIndex)>& found,
                                         std::vector<NodeIndex>& passed) {
  struct Step {
    NodeIndex node;
    std::size_t next_input;
  };
  passed.clear();
  std::vector<NodeIndex> seen{sampler};
  std::vector<Step> path{{sampler, 0}};
  while (!path.empty()) {
    Step& step = path.back();
    if (step.next_input == kLatentInputs.size()) {
      path.pop_back();
      continue;
    }
    const Link* link = graph.nodes[step.node].link(kLatentInputs[step.next_input++]);
    if (link == nullptr || std::ranges::find(seen, link->node) != seen.end()) continue;
    if (seen.size() >= kWalkNodesMax) return std::nullopt;
    seen.push_back(link->node);
    if (found(link->node)) {
      for (std::size_t i = 1; i < path.size(); ++i) passed.push_back(path[i].node);
      return link->node;
    }
    path.push_back({link->node, 0});
  }
  return std::nullopt;
}

}  // namespace stoker::protocol::comfyui
