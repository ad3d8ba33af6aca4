// Workflow templates: a graph of nodes and where a job's values go.
//
// Purpose: one JSON file per template,
//   {"template":1,"name","title"?,"medium","model_files":["checkpoints/x.safetensors",…],
//    "graph":{API-format workflow},
//    "bindings":{"prompt":[node,input],"negative"?,"seed":[[node,input],…],"width"?,"height"?,"steps"?,"length"?,
//                "seconds"?,"image"?,"output":node},
//    "defaults":{"width":…,"negative":…},"warm_up":{"width":…,"height":…,"steps":1,"length":…,"seconds":…}}.
//   Every binding but `output` is one place or a list of places; what no value and no default names keeps the graph's own.
// Threading: pure functions. Ownership: values.
// Limits: kTemplateBytesMax, kTemplateNodesMax nodes, kBindingPlacesMax places per binding.
// Errors: bad_request; the detail says which part is wrong, the param names it ("bindings.seed").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "protocol/options.h"

namespace stoker::protocol::comfyui {

inline constexpr std::size_t kTemplateBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kTemplateNodesMax = 1000;
inline constexpr std::size_t kBindingPlacesMax = 16;

struct InputPlace {
  std::string node;
  std::string input;
  friend bool operator==(const InputPlace&, const InputPlace&) = default;
};

struct Binding {
  std::string name;  // "prompt"
  std::vector<InputPlace> places;
};

// What a job may say, and what defaults and warm-ups say.
struct TemplateValues {
  std::optional<std::string> prompt;
  std::optional<std::string> negative;
  std::optional<std::string> image;  // a file in the engine's input folder
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> width;
  std::optional<std::uint64_t> height;
  std::optional<std::uint64_t> steps;
  std::optional<std::uint64_t> length;  // frames
  std::optional<double> seconds;
};

struct WorkflowTemplate {
  std::string name;
  std::string title;
  std::string medium;                    // "image", "video", "audio", "music", "text"
  std::vector<std::string> model_files;  // below the engine's models folder
  std::string graph;                     // JSON
  std::vector<Binding> bindings;         // of inputs
  std::string output;                    // the node whose output is the result
  TemplateValues defaults;
  TemplateValues warm_up;

  bool binds(std::string_view name) const;
};

Result<WorkflowTemplate> parse_template(std::string_view text);

// The file of a template: what parse_template reads as the same template. For importing an operator's own workflow.
std::string template_text(const WorkflowTemplate& workflow);

// What an operator wrote for a model ("width" = 768). Errors: bad_request for what has no binding or another type.
Result<TemplateValues> values_of(const WorkflowTemplate& workflow, const Options& options);

// The graph for one run, JSON. Values without a binding are ignored.
Result<std::string> instantiate(const WorkflowTemplate& workflow, const TemplateValues& values);

struct WarmUp {
  std::string graph;  // only what the output needs
  std::string output;
};

// The smallest run that loads everything the template needs. Nodes without bindings, loaders among them, are written
// exactly as `instantiate` writes them, so the engine's cache knows them again; `nonce` changes prompt and seed, so
// that text encoder and sampler really run. Results go to the engine's temporary folder where a node for that exists.
Result<WarmUp> warm_up(const WorkflowTemplate& workflow, std::uint64_t nonce);

// A node that names weight files.
struct LoaderNode {
  std::string id;
  std::string text;  // the node written out: the same text, the same place in the engine's cache
};
std::vector<LoaderNode> loader_nodes(std::string_view graph);

}  // namespace stoker::protocol::comfyui
