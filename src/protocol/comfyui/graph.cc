#include "protocol/comfyui/graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

constexpr std::size_t kShownMax = 40;
constexpr int kPrimitiveHopsMax = 16;
constexpr double kWholeMax = 9007199254740992.0;  // 2^53: larger doubles are no exact counts

constexpr auto kPrimitives = std::to_array<std::string_view>({
    "PrimitiveString",
    "PrimitiveStringMultiline",
    "PrimitiveInt",
    "PrimitiveFloat",
    "PrimitiveBoolean",
    "PrimitiveNode",
});
constexpr std::string_view kPrimitiveInput = "value";

constexpr auto kOutputClasses = std::to_array<std::string_view>({
    "SaveImage",
    "PreviewImage",
    "SaveImageWebsocket",
    "SaveAnimatedPNG",
    "SaveAnimatedWEBP",
    "SaveWEBM",
    "SaveVideo",
    "PreviewVideo",
    "SaveAudio",
    "SaveAudioMP3",
    "SaveAudioOpus",
    "PreviewAudio",
    "PreviewAny",
    "SaveLatent",
    "SaveSVGNode",
    "SaveGLB",
    "Preview3D",
    "Preview3DAnimation",
    "MaskPreview",
    "SaveText",
    "VHS_VideoCombine",
    "SwarmSaveImageWS",
    "SwarmSaveAnimationWS",
    "ShowText|pysssss",
    "CheckpointSave",
    "ModelSave",
    "CLIPSave",
    "VAESave",
    "LoraSave",
    "SaveLoRA",
});

std::string shown(std::string_view id) {
  std::string text = "\"";
  for (const char c : id.substr(0, kShownMax)) text += c >= ' ' && c <= '~' && c != '"' ? c : '?';
  return text + "\"";
}

std::unexpected<Error> wrong(const std::string& what, std::string_view param) {
  return fail(ErrorCode::bad_request, "workflow: " + what, std::string(param));
}

std::string_view key_of(const json::key_value_pair& pair) {
  return {pair.key().data(), pair.key().size()};
}

// As the engine decides it: a list of a text and a number, whatever it was meant to be.
bool is_link(const json::value& value) {
  const json::array* list = value.if_array();
  return list != nullptr && list->size() == 2 && (*list)[0].is_string() && (*list)[1].is_number();
}

std::uint32_t slot_of(const json::value& value) {
  const auto slot = count_of(value);
  return slot && *slot <= kGraphInputsMax ? static_cast<std::uint32_t>(*slot) : 0;
}

Result<InputValue> read_value(const json::value& value, const Graph& graph, std::string_view id) {
  if (is_link(value)) {
    const std::string_view target = view(value.get_array()[0].get_string());
    if (target.size() > kGraphNameMax)
      return wrong("a link of node " + shown(id) + " is too long", "links");
    const auto found = graph.index_of.find(target);
    if (found == graph.index_of.end()) return LostLink{std::string(target)};
    return Link{.node = found->second, .slot = slot_of(value.get_array()[1])};
  }
  switch (value.kind()) {
    case json::kind::string:
      if (value.get_string().size() > kGraphTextMax)
        return wrong("a text of node " + shown(id) + " is too long", "texts");
      return std::string(value.get_string());
    case json::kind::uint64:
      return value.get_uint64();
    case json::kind::int64:
      if (value.get_int64() < 0) return value.get_int64();
      return static_cast<std::uint64_t>(value.get_int64());
    case json::kind::double_:
      return value.get_double();
    case json::kind::bool_:
      return value.get_bool();
    default:
      return std::monostate();
  }
}

// The ids of all nodes first, because links point forwards too.
Result<void> read_ids(Graph& graph, const json::object& file) {
  for (const auto& pair : file) {
    const std::string_view id = key_of(pair);
    if (id.size() > kGraphNameMax) return wrong("the id of a node is too long", "nodes");
    const json::object* node = pair.value().if_object();
    const auto class_type = node == nullptr ? std::nullopt : text_in(*node, "class_type");
    if (!class_type) {
      return wrong("node " + shown(id) + " has no class_type; export it in API format",
                   "class_type");
    }
    if (class_type->empty() || class_type->size() > kGraphNameMax)
      return wrong("the class of node " + shown(id) + " is empty or too long", "class_type");
    graph.index_of.emplace(id, static_cast<NodeIndex>(graph.nodes.size()));
    graph.nodes.push_back(
        {.id = std::string(id), .class_type = std::string(*class_type), .inputs = {}});
  }
  return {};
}

Result<void> read_inputs(Graph& graph, GraphNode& node, const json::object& source) {
  const json::object* inputs = object_in(source, "inputs");
  if (inputs == nullptr) return {};
  if (inputs->size() > kGraphInputsMax)
    return wrong("node " + shown(node.id) + " has too many inputs", "inputs");
  for (const auto& pair : *inputs) {
    if (key_of(pair).size() > kGraphNameMax)
      return wrong("an input of node " + shown(node.id) + " has too long a name", "inputs");
    auto value = read_value(pair.value(), graph, node.id);
    if (!value) return std::unexpected(std::move(value.error()));
    node.inputs.push_back({.name = std::string(key_of(pair)), .value = std::move(*value)});
  }
  return {};
}

bool is_primitive(std::string_view class_type) {
  return std::ranges::find(kPrimitives, class_type) != kPrimitives.end();
}

}  // namespace

const InputValue* GraphNode::input(std::string_view name) const {
  const auto found = std::ranges::find(inputs, name, &GraphInput::name);
  return found == inputs.end() ? nullptr : &found->value;
}

const Link* GraphNode::link(std::string_view name) const {
  const InputValue* value = input(name);
  return value == nullptr ? nullptr : std::get_if<Link>(value);
}

bool Reach::contains(NodeIndex node) const {
  return std::ranges::binary_search(nodes, node);
}

Result<Graph> parse_graph(std::string_view text) {
  if (text.size() > kGraphBytesMax) return wrong("it is too large", "size");
  const auto file = parse_object(text);
  if (!file) return wrong("it is no JSON object", "json");
  const bool from_editor =
      file->if_contains("nodes") != nullptr && file->if_contains("links") != nullptr;
  if (from_editor)
    return wrong("it is in the editor's format; export it in API format", "editor_format");
  if (file->empty()) return wrong("it has no nodes", "nodes");
  if (file->size() > kGraphNodesMax) return wrong("it has too many nodes", "nodes");
  Graph graph;
  if (auto ids = read_ids(graph, *file); !ids) return std::unexpected(std::move(ids.error()));
  for (GraphNode& node : graph.nodes) {
    auto inputs = read_inputs(graph, node, file->at(node.id).get_object());
    if (!inputs) return std::unexpected(std::move(inputs.error()));
  }
  return graph;
}

Reach reach_back(const Graph& graph, std::span<const NodeIndex> from) {
  enum class Mark : std::uint8_t { unseen, open, done };
  struct Step {
    NodeIndex node;
    std::size_t next_input;
  };
  std::vector<Mark> marks(graph.nodes.size(), Mark::unseen);
  Reach reach;
  std::vector<Step> path;
  const auto enter = [&](NodeIndex node) {
    if (marks[node] == Mark::open) reach.has_cycle = true;
    if (marks[node] != Mark::unseen) return;
    marks[node] = Mark::open;
    reach.nodes.push_back(node);
    path.push_back({node, 0});
  };
  for (const NodeIndex start : from) {
    if (start < graph.nodes.size()) enter(start);
    while (!path.empty()) {
      Step& step = path.back();
      const GraphNode& node = graph.nodes[step.node];
      if (step.next_input == node.inputs.size()) {
        marks[step.node] = Mark::done;
        path.pop_back();
        continue;
      }
      const InputValue& value = node.inputs[step.next_input++].value;
      if (std::holds_alternative<LostLink>(value)) reach.lost.push_back(step.node);
      if (const Link* link = std::get_if<Link>(&value)) enter(link->node);
    }
  }
  std::ranges::sort(reach.nodes);
  std::ranges::sort(reach.lost);
  reach.lost.erase(std::ranges::unique(reach.lost).begin(), reach.lost.end());
  return reach;
}

std::span<const std::string_view> known_output_classes() {
  return kOutputClasses;
}

std::vector<NodeIndex> nodes_of_classes(const Graph& graph,
                                        std::span<const std::string_view> classes) {
  std::vector<NodeIndex> found;
  for (NodeIndex node = 0; node < graph.nodes.size(); ++node) {
    const std::string_view class_type = graph.nodes[node].class_type;
    if (std::ranges::find(classes, class_type) != classes.end()) found.push_back(node);
  }
  return found;
}

std::optional<Literal> literal_behind(const Graph& graph, NodeIndex node, std::string_view input) {
  std::string_view name = input;
  for (int hop = 0; hop < kPrimitiveHopsMax; ++hop) {
    const InputValue* value = graph.nodes[node].input(name);
    if (value == nullptr || std::holds_alternative<LostLink>(*value)) return std::nullopt;
    const Link* link = std::get_if<Link>(value);
    if (link == nullptr) return Literal{.node = node, .input = std::string(name), .value = value};
    if (!is_primitive(graph.nodes[link->node].class_type)) return std::nullopt;
    node = link->node;
    name = kPrimitiveInput;
  }
  return std::nullopt;
}

std::optional<std::string_view> text_behind(const Graph& graph, NodeIndex node,
                                            std::string_view input) {
  const auto literal = literal_behind(graph, node, input);
  const auto* text = literal ? std::get_if<std::string>(literal->value) : nullptr;
  if (text == nullptr) return std::nullopt;
  return *text;
}

std::optional<double> number_behind(const Graph& graph, NodeIndex node, std::string_view input) {
  const auto literal = literal_behind(graph, node, input);
  if (!literal) return std::nullopt;
  if (const auto* whole = std::get_if<std::uint64_t>(literal->value))
    return static_cast<double>(*whole);
  if (const auto* whole = std::get_if<std::int64_t>(literal->value))
    return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(literal->value)) return *real;
  return std::nullopt;
}

std::optional<std::uint64_t> count_behind(const Graph& graph, NodeIndex node,
                                          std::string_view input) {
  const auto literal = literal_behind(graph, node, input);
  if (!literal) return std::nullopt;
  if (const auto* whole = std::get_if<std::uint64_t>(literal->value))
    return *whole == 0 ? std::nullopt : std::optional(*whole);
  const auto* real = std::get_if<double>(literal->value);
  if (real == nullptr || !(*real >= 1) || *real > kWholeMax || std::floor(*real) != *real)
    return std::nullopt;
  return static_cast<std::uint64_t>(*real);
}

}  // namespace stoker::protocol::comfyui
