#include "protocol/comfyui/template.h"

#include <algorithm>
#include <array>

#include "protocol/comfyui/json_reading.h"
#include "protocol/comfyui/model_names.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kTitleBytesMax = 200;
constexpr std::size_t kModelFilesMax = 32;

constexpr auto kMedia =
    std::to_array<std::string_view>({"image", "video", "audio", "music", "text"});
constexpr auto kBindings = std::to_array<std::string_view>(
    {"prompt", "negative", "seed", "width", "height", "steps", "length", "seconds", "image"});

std::unexpected<Error> wrong(std::string_view part, std::string_view what) {
  return fail(ErrorCode::bad_request, "template: " + std::string(part) + " " + std::string(what),
              std::string(part));
}

std::string_view key_of(const json::key_value_pair& pair) {
  return {pair.key().data(), pair.key().size()};
}

bool is_template_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

// A path below the models folder.
bool is_model_file(std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.contains('\\')) return false;
  return !path.contains("..") && !path.ends_with('/');
}

Result<std::string> read_graph(const json::object& file) {
  const json::object* graph = object_in(file, "graph");
  if (graph == nullptr) return wrong("graph", "is missing; it is an API-format workflow");
  if (graph->empty()) return wrong("graph", "has no nodes");
  if (graph->size() > kTemplateNodesMax) return wrong("graph", "has too many nodes");
  for (const auto& pair : *graph) {
    const std::string part = "graph." + std::string(pair.key());
    const json::object* node = pair.value().if_object();
    if (node == nullptr || !text_in(*node, "class_type")) {
      return wrong(part, "has no class_type; export the workflow in API format");
    }
    if (object_in(*node, "inputs") == nullptr) return wrong(part, "has no inputs");
  }
  return json::serialize(*graph);
}

Result<InputPlace> read_place(const json::array& place, const json::object& graph,
                              const std::string& part) {
  const json::string* node = place[0].if_string();
  const json::string* input = place[1].if_string();
  if (node == nullptr || input == nullptr) return wrong(part, "must be [node, input]");
  const json::object* found = object_in(graph, view(*node));
  if (found == nullptr)
    return wrong(part, "names node " + std::string(*node) + ", which is not there");
  const json::value* value = value_in(found->at("inputs").as_object(), view(*input));
  const std::string where = "names input " + std::string(*input) + " of node " + std::string(*node);
  if (value == nullptr) return wrong(part, where + ", which is not there");
  if (value->is_array() || value->is_object()) {
    return wrong(part, where + ", which is linked to another node");
  }
  return InputPlace{std::string(*node), std::string(*input)};
}

bool is_place(const json::array& list) {
  return list.size() == 2 && list[0].is_string() && list[1].is_string();
}

Result<Binding> read_binding(std::string_view name, const json::value& value,
                             const json::object& graph) {
  const std::string part = "bindings." + std::string(name);
  Binding binding{.name = std::string(name), .places = {}};
  const json::array* list = value.if_array();
  if (list == nullptr || list->empty())
    return wrong(part, "must be [node, input] or a list of those");
  if (is_place(*list)) {
    auto place = read_place(*list, graph, part);
    if (!place) return fail(place.error());
    binding.places.push_back(*std::move(place));
    return binding;
  }
  if (list->size() > kBindingPlacesMax) return wrong(part, "names too many places");
  for (const json::value& each : *list) {
    const json::array* pair = each.if_array();
    if (pair == nullptr || pair->size() != 2) {
      return wrong(part, "must be [node, input] or a list of those");
    }
    auto place = read_place(*pair, graph, part);
    if (!place) return fail(place.error());
    binding.places.push_back(*std::move(place));
  }
  return binding;
}

Result<void> read_bindings(WorkflowTemplate& workflow, const json::object& file) {
  const json::object& graph = file.at("graph").as_object();
  const json::object* bindings = object_in(file, "bindings");
  if (bindings == nullptr) return wrong("bindings", "are missing");
  for (const auto& pair : *bindings) {
    if (key_of(pair) == "output") continue;
    if (std::ranges::find(kBindings, key_of(pair)) == kBindings.end()) {
      return wrong("bindings." + std::string(pair.key()), "is no binding that exists");
    }
    auto binding = read_binding(key_of(pair), pair.value(), graph);
    if (!binding) return fail(binding.error());
    workflow.bindings.push_back(*std::move(binding));
  }
  for (const std::string_view needed : {"prompt", "seed"}) {
    if (!workflow.binds(needed)) return wrong("bindings." + std::string(needed), "is missing");
  }
  const auto output = text_in(*bindings, "output");
  if (!output) return wrong("bindings.output", "is missing; it is the id of the output node");
  if (object_in(graph, *output) == nullptr) {
    return wrong("bindings.output", "names node " + std::string(*output) + ", which is not there");
  }
  workflow.output = *output;
  return {};
}

Result<void> read_value(TemplateValues& values, std::string_view name, const json::value& value,
                        const std::string& part) {
  if (name == "negative" || name == "image" || name == "prompt") {
    const json::string* text = value.if_string();
    if (text == nullptr) return wrong(part, "must be a text");
    auto& field = name == "negative" ? values.negative
                  : name == "image"  ? values.image
                                     : values.prompt;
    field = std::string(*text);
    return {};
  }
  if (name == "seconds") {
    const auto number = number_of(value);
    if (!number || *number <= 0) return wrong(part, "must be a number above zero");
    values.seconds = number;
    return {};
  }
  const auto number = count_of(value);
  if (!number || (*number == 0 && name != "seed")) {
    return wrong(part, "must be a whole number above zero");
  }
  auto& field = name == "seed"     ? values.seed
                : name == "width"  ? values.width
                : name == "height" ? values.height
                : name == "steps"  ? values.steps
                                   : values.length;
  field = number;
  return {};
}

Result<TemplateValues> read_values(const WorkflowTemplate& workflow, const json::object& file,
                                   std::string_view key) {
  TemplateValues values;
  const json::value* given = value_in(file, key);
  if (given == nullptr) return values;
  if (!given->is_object()) return wrong(key, "must be an object");
  for (const auto& pair : given->get_object()) {
    const std::string part = std::string(key) + "." + std::string(pair.key());
    if (!workflow.binds(key_of(pair))) return wrong(part, "has no binding");
    if (auto read = read_value(values, key_of(pair), pair.value(), part); !read) {
      return fail(read.error());
    }
  }
  return values;
}

Result<void> read_head(WorkflowTemplate& workflow, const json::object& file) {
  if (count_in(file, "template") != 1) return wrong("template", "must be 1");
  workflow.name = text_in(file, "name").value_or("");
  if (!is_template_name(workflow.name)) return wrong("name", "must be letters, digits, _ - .");
  workflow.title = text_in(file, "title").value_or(workflow.name).substr(0, kTitleBytesMax);
  workflow.medium = text_in(file, "medium").value_or("");
  if (std::ranges::find(kMedia, std::string_view(workflow.medium)) == kMedia.end()) {
    return wrong("medium", "must be image, video, audio, music or text");
  }
  const json::array* files = array_in(file, "model_files");
  if (files == nullptr) return wrong("model_files", "is missing; it may be empty");
  if (files->size() > kModelFilesMax) return wrong("model_files", "names too many files");
  for (const json::value& each : *files) {
    const json::string* path = each.if_string();
    if (path == nullptr || !is_model_file(view(*path))) {
      return wrong("model_files", "must be paths below the models folder");
    }
    workflow.model_files.emplace_back(*path);
  }
  return {};
}

// The value of a binding, or null where neither the job nor the defaults say anything.
json::value chosen(std::string_view name, const TemplateValues& values,
                   const TemplateValues& defaults) {
  const auto text = [](const std::optional<std::string>& first,
                       const std::optional<std::string>& second) -> json::value {
    if (first) return json::string(*first);
    return second ? json::value(json::string(*second)) : json::value();
  };
  const auto count = [](const std::optional<std::uint64_t>& first,
                        const std::optional<std::uint64_t>& second) -> json::value {
    const auto& known = first ? first : second;
    return known ? json::value(*known) : json::value();
  };
  if (name == "prompt") return text(values.prompt, defaults.prompt);
  if (name == "negative") return text(values.negative, defaults.negative);
  if (name == "image") return text(values.image, defaults.image);
  if (name == "seed") return count(values.seed, defaults.seed);
  if (name == "width") return count(values.width, defaults.width);
  if (name == "height") return count(values.height, defaults.height);
  if (name == "steps") return count(values.steps, defaults.steps);
  if (name == "length") return count(values.length, defaults.length);
  const auto& seconds = values.seconds ? values.seconds : defaults.seconds;
  return seconds ? json::value(*seconds) : json::value();
}

Result<json::object> bind(const WorkflowTemplate& workflow, const TemplateValues& values,
                          const TemplateValues& defaults) {
  auto graph = parse_object(workflow.graph);
  if (!graph) return wrong("graph", "is no JSON object");
  for (const Binding& binding : workflow.bindings) {
    const json::value value = chosen(binding.name, values, defaults);
    if (value.is_null()) continue;
    for (const InputPlace& place : binding.places) {
      json::value* node = graph->if_contains(place.node);
      if (node == nullptr)
        return wrong("bindings." + binding.name, "names a node that is not there");
      node->as_object().at("inputs").as_object()[place.input] = value;
    }
  }
  return *std::move(graph);
}

// ["node", 0]
std::optional<std::string_view> linked_node(const json::value& input) {
  const json::array* link = input.if_array();
  if (link == nullptr || link->size() != 2 || !(*link)[0].is_string()) return std::nullopt;
  if (!number_of((*link)[1])) return std::nullopt;
  return view((*link)[0].get_string());
}

json::object node_of(std::string_view class_type, std::string_view input, json::value value) {
  json::object inputs;
  inputs[json::string_view(input.data(), input.size())] = std::move(value);
  json::object node;
  node["class_type"] = json::string_view(class_type.data(), class_type.size());
  node["inputs"] = std::move(inputs);
  return node;
}

// The pictures that a video is put together from, where they are to be found.
const json::value* pictures_of(const json::object& graph, const json::value& video) {
  const auto source = linked_node(video);
  const json::object* node = source ? object_in(graph, *source) : nullptr;
  const json::object* inputs = node == nullptr ? nullptr : object_in(*node, "inputs");
  const json::value* images = inputs == nullptr ? nullptr : value_in(*inputs, "images");
  return images != nullptr && linked_node(*images) ? images : nullptr;
}

// Writes to the temporary folder instead of the output folder, and makes no film of one frame.
void preview_output(json::object& graph, const std::string& output) {
  json::object& node = graph.at(output).as_object();
  const json::object& inputs = node.at("inputs").as_object();
  const json::value* images = value_in(inputs, "images");
  const json::value* video = value_in(inputs, "video");
  const json::value* audio = value_in(inputs, "audio");
  if (images == nullptr && video != nullptr) images = pictures_of(graph, *video);
  if (images != nullptr && linked_node(*images)) {
    node = node_of("PreviewImage", "images", json::value(*images));
    return;
  }
  if (video != nullptr || audio == nullptr || !linked_node(*audio)) return;
  node = node_of("PreviewAudio", "audio", json::value(*audio));
}

// There is no input picture at a warm-up: an empty one of the same size takes its place.
void blank_pictures(json::object& graph, const WorkflowTemplate& workflow) {
  for (const Binding& binding : workflow.bindings) {
    if (binding.name != "image") continue;
    for (const InputPlace& place : binding.places) {
      json::object inputs;
      inputs["width"] = workflow.warm_up.width.value_or(64);
      inputs["height"] = workflow.warm_up.height.value_or(64);
      inputs["batch_size"] = 1;
      inputs["color"] = 0;
      json::object node;
      node["class_type"] = "EmptyImage";
      node["inputs"] = std::move(inputs);
      graph[place.node] = std::move(node);
    }
  }
}

json::object needed_by(const json::object& graph, const std::string& output) {
  std::vector<std::string> open{output};
  std::vector<std::string> needed;
  while (!open.empty()) {
    const std::string id = std::move(open.back());
    open.pop_back();
    const json::object* node = object_in(graph, id);
    if (node == nullptr || std::ranges::find(needed, id) != needed.end()) continue;
    needed.push_back(id);
    for (const auto& input : node->at("inputs").as_object()) {
      if (const auto link = linked_node(input.value())) open.emplace_back(*link);
    }
  }
  json::object part;
  for (const auto& pair : graph) {
    if (std::ranges::find(needed, key_of(pair)) != needed.end()) part[pair.key()] = pair.value();
  }
  return part;
}

// The first is asked before the second.
TemplateValues over(const TemplateValues& first, const TemplateValues& second) {
  TemplateValues values = first;
  if (!values.negative) values.negative = second.negative;
  if (!values.image) values.image = second.image;
  if (!values.width) values.width = second.width;
  if (!values.height) values.height = second.height;
  if (!values.steps) values.steps = second.steps;
  if (!values.length) values.length = second.length;
  if (!values.seconds) values.seconds = second.seconds;
  return values;
}

}  // namespace

bool WorkflowTemplate::binds(std::string_view binding) const {
  return std::ranges::find(bindings, binding, &Binding::name) != bindings.end();
}

Result<WorkflowTemplate> parse_template(std::string_view text) {
  if (text.size() > kTemplateBytesMax) return wrong("template", "is too large");
  const auto file = parse_object(text);
  if (!file) return wrong("template", "is no JSON object");
  WorkflowTemplate workflow;
  if (auto head = read_head(workflow, *file); !head) return fail(head.error());
  auto graph = read_graph(*file);
  if (!graph) return fail(graph.error());
  workflow.graph = *std::move(graph);
  if (auto bound = read_bindings(workflow, *file); !bound) return fail(bound.error());
  auto defaults = read_values(workflow, *file, "defaults");
  if (!defaults) return fail(defaults.error());
  workflow.defaults = *std::move(defaults);
  auto warm = read_values(workflow, *file, "warm_up");
  if (!warm) return fail(warm.error());
  workflow.warm_up = *std::move(warm);
  return workflow;
}

Result<TemplateValues> values_of(const WorkflowTemplate& workflow, const Options& options) {
  TemplateValues values;
  for (const auto& [name, option] : options) {
    const std::string part = "option " + name;
    if (!workflow.binds(name)) return wrong(part, "has no binding in " + workflow.name);
    const json::value value =
        std::visit([](const auto& held) { return json::value(held); }, option);
    if (auto read = read_value(values, name, value, part); !read) return fail(read.error());
  }
  return values;
}

Result<std::string> instantiate(const WorkflowTemplate& workflow, const TemplateValues& values) {
  auto graph = bind(workflow, values, workflow.defaults);
  if (!graph) return fail(graph.error());
  return json::serialize(*graph);
}

Result<WarmUp> warm_up(const WorkflowTemplate& workflow, std::uint64_t nonce) {
  TemplateValues values = workflow.warm_up;
  values.prompt = "warm-up " + std::to_string(nonce);
  values.seed = nonce;
  if (!values.steps) values.steps = 1;
  auto graph = bind(workflow, values, over(workflow.warm_up, workflow.defaults));
  if (!graph) return fail(graph.error());
  blank_pictures(*graph, workflow);
  preview_output(*graph, workflow.output);
  return WarmUp{.graph = json::serialize(needed_by(*graph, workflow.output)),
                .output = workflow.output};
}

std::vector<LoaderNode> loader_nodes(std::string_view graph) {
  std::vector<LoaderNode> loaders;
  const auto nodes = parse_object(graph);
  if (!nodes) return loaders;
  for (const auto& pair : *nodes) {
    const json::object* node = pair.value().if_object();
    const json::object* inputs = node == nullptr ? nullptr : object_in(*node, "inputs");
    if (inputs == nullptr) continue;
    const bool names_weights = std::ranges::any_of(*inputs, [](const auto& input) {
      const json::string* text = input.value().if_string();
      return text != nullptr && is_weights_name(view(*text));
    });
    if (names_weights) loaders.push_back({std::string(pair.key()), json::serialize(*node)});
  }
  return loaders;
}

}  // namespace stoker::protocol::comfyui
