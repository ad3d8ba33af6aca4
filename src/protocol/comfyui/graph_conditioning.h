// Follows a sampler's conditioning back to the texts it comes from, and its steps to where they
// stand.
//
// Threading: pure functions over a Graph. Limits: kWalkNodesMax nodes of one walk. Errors: an empty
// answer.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/comfyui/graph.h"

namespace stoker::protocol::comfyui {

enum class Side : std::uint8_t { positive, negative };

struct TextPlace {
  Literal literal;
  std::optional<NodeIndex> computed_by;  // the text goes through this node before it is encoded
  bool is_alternative = false;  // another encoder's text that is combined with the first one's
};

// The texts of the encoder that this side comes from; several inputs of one encoder are one text to
// a person. Zeroed conditioning has none.
std::vector<TextPlace> conditioning_texts(const Graph& graph, NodeIndex sampler, Side side);

struct StepsPlace {
  std::optional<Literal> literal;
  bool is_split = false;  // the sampler runs a part of them
};
StepsPlace steps_place(const Graph& graph, NodeIndex sampler);

}  // namespace stoker::protocol::comfyui
