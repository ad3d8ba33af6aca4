// A ComfyUI workflow in API format as values: nodes, their inputs, and what is reachable from an
// output.
//
// Purpose: the ground for graph_models.h (what a run needs) and graph_bindings.h (where a job's
// values go).
// Threading: values; const functions from any thread. Ownership: a Graph owns everything; a
// NodeIndex belongs to it.
// Limits: kGraphBytesMax, kGraphNodesMax nodes, kGraphInputsMax inputs of a node, kGraphTextMax
// bytes of a text, kGraphNameMax bytes of ids, classes and names; nesting as json_reading.h. Walks
// visit a node once and use no recursion.
// Errors: bad_request for what is no API-format workflow or beyond a limit; the detail names nodes,
// never their texts. Links to nowhere and cycles are values, because engines reject them only where
// an output needs them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace stoker::protocol::comfyui {

inline constexpr std::size_t kGraphBytesMax = 16 * 1024 * 1024;
inline constexpr std::size_t kGraphNodesMax = 4000;
inline constexpr std::size_t kGraphInputsMax = 500;
inline constexpr std::size_t kGraphTextMax = 1024 * 1024;
inline constexpr std::size_t kGraphNameMax = 256;

using NodeIndex = std::uint32_t;

struct Link {
  NodeIndex node = 0;
  std::uint32_t slot = 0;

  friend bool operator==(const Link&, const Link&) = default;
};

// A link to a node that is not there.
struct LostLink {
  std::string node;

  friend bool operator==(const LostLink&, const LostLink&) = default;
};

// What an input holds. Whole numbers are exact: a seed goes up to 2^64-1. monostate: null, a list
// or an object.
using InputValue = std::variant<std::monostate, Link, LostLink, std::string, std::uint64_t,
                                std::int64_t, double, bool>;

struct GraphInput {
  std::string name;
  InputValue value;
};

struct GraphNode {
  std::string id;
  std::string class_type;
  std::vector<GraphInput> inputs;

  const InputValue* input(std::string_view name) const;
  const Link* link(std::string_view name) const;
};

struct Graph {
  std::vector<GraphNode> nodes;  // in the order of the text
  std::map<std::string, NodeIndex, std::less<>> index_of;
};

// `text` is the object of nodes alone, as it stands in the field `prompt` of POST /prompt.
Result<Graph> parse_graph(std::string_view text);

// What has to run for these nodes.
struct Reach {
  std::vector<NodeIndex> nodes;  // the asked ones too, each once, in ascending order
  bool has_cycle = false;
  std::vector<NodeIndex> lost;  // nodes of these with a link to nowhere

  bool contains(NodeIndex node) const;
};
Reach reach_back(const Graph& graph, std::span<const NodeIndex> from);

// Classes of output nodes that ComfyUI and widespread extensions have, for engines whose
// /object_info was not read.
std::span<const std::string_view> known_output_classes();

// Nodes of these classes.
std::vector<NodeIndex> nodes_of_classes(const Graph& graph,
                                        std::span<const std::string_view> classes);

// A literal and the place where it stands, possibly in another node.
struct Literal {
  NodeIndex node = 0;
  std::string input;
  const InputValue* value = nullptr;  // lives as long as the graph; never a link
};

// The literal behind an input: the input's own, or that of the primitive node (PrimitiveString,
// PrimitiveInt, ...) it is linked to, through other primitives too. nullopt: absent, lost, or
// computed by a node.
std::optional<Literal> literal_behind(const Graph& graph, NodeIndex node, std::string_view input);

std::optional<std::string_view> text_behind(const Graph& graph, NodeIndex node,
                                            std::string_view input);
// Whole and above zero.
std::optional<std::uint64_t> count_behind(const Graph& graph, NodeIndex node,
                                          std::string_view input);
std::optional<double> number_behind(const Graph& graph, NodeIndex node, std::string_view input);

}  // namespace stoker::protocol::comfyui
