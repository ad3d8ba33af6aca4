#include "protocol/comfyui/graph_conditioning.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "protocol/comfyui/graph_walk.h"

namespace stoker::protocol::comfyui {
namespace {

constexpr std::string_view kZeroOut = "ConditioningZeroOut";
// It has a text, which names a thing in a box, and hands on a conditioning with the prompt.
constexpr std::string_view kTextBox = "GLIGENTextBoxApply";
constexpr std::size_t kComputedHopsMax = 16;

// Inputs of text encoders that hold what a person wrote. Lyrics and system prompts are not it.
constexpr auto kTextInputs = std::to_array<std::string_view>({
    "text",
    "prompt",
    "tags",
    "text_g",
    "text_l",
    "clip_l",
    "clip_g",
    "t5xxl",
    "llama",
    "bert",
    "mt5xl",
    "user_prompt",
    "qwen25_7b",
    "text_positive",
});

// Inputs by which a conditioning node gets one, in the order in which they are followed.
constexpr auto kNeutralInputs = std::to_array<std::string_view>({
    "conditioning",
    "conditioning_to",
    "conditioning_1",
    "cond",
    "cond_NEW",
    "cond1",
});
constexpr auto kFurtherInputs = std::to_array<std::string_view>({
    "conditioning_2",
    "conditioning_from",
    "cond2",
    "cond_DEFAULT",
});

// Extensions call their inputs as they like.
bool speaks_of_conditioning(std::string_view input) {
  return input.contains("cond") && !input.contains("neg");
}

class TextSearch {
 public:
  TextSearch(const Graph& graph, Side side) : graph_(graph), side_(side) {}

  std::vector<TextPlace> run(NodeIndex sampler) {
    NodeIndex start = sampler;
    const GraphNode& node = graph_.nodes[sampler];
    if (const Link* guider = node.link("guider")) start = guider->node;
    const GraphNode& source = graph_.nodes[start];
    const std::string_view own = side_ == Side::positive ? "positive" : "negative";
    if (const Link* link = source.link(own)) {
      follow(*link);
      // Guiders with one conditioning have no negative one.
    } else if (side_ == Side::positive) {
      follow_conditionings(source);
    }
    return std::move(found_);
  }

 private:
  void follow(const Link& link) {
    if (seen_.size() >= kWalkNodesMax) return;
    if (std::ranges::find(seen_, link.node) != seen_.end()) return;
    seen_.push_back(link.node);
    const GraphNode& node = graph_.nodes[link.node];
    if (node.class_type == kZeroOut) return;
    if (node.class_type != kTextBox && take_texts(link.node)) return;
    // A node that takes both sides hands them on by the same order: first positive, then negative.
    const bool both = node.link("positive") != nullptr && node.link("negative") != nullptr;
    if (both) return follow(*node.link(link.slot == 1 ? "negative" : "positive"));
    if (const Link* positive = node.link("positive")) return follow(*positive);
    follow_conditionings(node);
  }

  void follow_conditionings(const GraphNode& node) {
    for (const std::string_view input : kNeutralInputs) {
      if (const Link* link = node.link(input)) follow(*link);
    }
    for (const std::string_view input : kFurtherInputs) {
      if (const Link* link = node.link(input)) follow(*link);
    }
    if (!found_.empty()) return;
    for (const GraphInput& input : node.inputs) {
      const Link* link = std::get_if<Link>(&input.value);
      if (link != nullptr && speaks_of_conditioning(input.name)) follow(*link);
    }
  }

  // Whether the node encodes text.
  bool take_texts(NodeIndex index) {
    const bool further = !found_.empty();
    bool encodes = false;
    for (const std::string_view input : kTextInputs) {
      const InputValue* value = graph_.nodes[index].input(input);
      if (value == nullptr) continue;
      if (const auto literal = literal_behind(graph_, index, input)) {
        if (!std::holds_alternative<std::string>(*literal->value)) continue;
        encodes = true;
        found_.push_back({.literal = *literal, .computed_by = {}, .is_alternative = further});
      } else if (const Link* link = std::get_if<Link>(value)) {
        encodes = true;
        take_computed(link->node, further);
      }
    }
    return encodes;
  }

  // A node that makes a text of others: its first literal text, or that of the first node it takes
  // one from.
  void take_computed(NodeIndex node, bool further) {
    const NodeIndex computed_by = node;
    for (std::size_t hop = 0; hop < kComputedHopsMax; ++hop) {
      const Link* next = nullptr;
      for (const GraphInput& input : graph_.nodes[node].inputs) {
        const auto literal = literal_behind(graph_, node, input.name);
        if (literal && std::holds_alternative<std::string>(*literal->value)) {
          found_.push_back(
              {.literal = *literal, .computed_by = computed_by, .is_alternative = further});
          return;
        }
        if (next == nullptr) next = std::get_if<Link>(&input.value);
      }
      if (next == nullptr) return;
      node = next->node;
    }
  }

  const Graph& graph_;
  Side side_;
  std::vector<NodeIndex> seen_;
  std::vector<TextPlace> found_;
};

}  // namespace

std::vector<TextPlace> conditioning_texts(const Graph& graph, NodeIndex sampler, Side side) {
  return TextSearch(graph, side).run(sampler);
}

StepsPlace steps_place(const Graph& graph, NodeIndex sampler) {
  StepsPlace place;
  NodeIndex node = sampler;
  for (std::size_t hop = 0; hop < kWalkNodesMax; ++hop) {
    const Link* sigmas = graph.nodes[node].link("sigmas");
    if (sigmas == nullptr) break;
    node = sigmas->node;
    if (graph.nodes[node].class_type.starts_with("SplitSigmas")) place.is_split = true;
  }
  auto literal = literal_behind(graph, node, "steps");
  if (!literal || std::holds_alternative<std::string>(*literal->value)) return place;
  const auto steps = number_behind(graph, node, "steps");
  const auto start = number_behind(graph, sampler, "start_at_step").value_or(0);
  const auto end = number_behind(graph, sampler, "end_at_step");
  if (start > 0 || (end && steps && *end < *steps)) place.is_split = true;
  place.literal = literal;
  return place;
}

}  // namespace stoker::protocol::comfyui
