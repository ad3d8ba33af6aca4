#include "protocol/comfyui/json_reading.h"
#include "protocol/comfyui/template.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

// "a": 1,\n"b": 2 with one indented member to a line.
std::string members(const json::object& object) {
  std::string text;
  for (const auto& pair : object) {
    if (!text.empty()) text += ",\n";
    text += "    " + quoted({pair.key().data(), pair.key().size()}) + ": ";
    text += json::serialize(pair.value());
  }
  return text.empty() ? text : "\n" + text + "\n  ";
}

json::object bindings_of(const WorkflowTemplate& workflow) {
  json::object bindings;
  for (const Binding& binding : workflow.bindings) {
    json::array places;
    for (const InputPlace& place : binding.places) {
      places.emplace_back(json::array{place.node, place.input});
    }
    if (places.size() == 1) {
      bindings[binding.name] = json::value(places[0]);
    } else {
      bindings[binding.name] = std::move(places);
    }
  }
  bindings["output"] = workflow.output;
  return bindings;
}

json::object object_of(const TemplateValues& values) {
  json::object object;
  if (values.prompt) object["prompt"] = *values.prompt;
  if (values.negative) object["negative"] = *values.negative;
  if (values.image) object["image"] = *values.image;
  if (values.seed) object["seed"] = *values.seed;
  if (values.width) object["width"] = *values.width;
  if (values.height) object["height"] = *values.height;
  if (values.steps) object["steps"] = *values.steps;
  if (values.length) object["length"] = *values.length;
  if (values.seconds) object["seconds"] = *values.seconds;
  return object;
}

}  // namespace

std::string template_text(const WorkflowTemplate& workflow) {
  const json::array files(workflow.model_files.begin(), workflow.model_files.end());
  std::string text = "{\n  \"template\": 1";
  text += ",\n  \"name\": " + quoted(workflow.name);
  text += ",\n  \"title\": " + quoted(workflow.title);
  text += ",\n  \"medium\": " + quoted(workflow.medium);
  text += ",\n  \"model_files\": " + json::serialize(files);
  text +=
      ",\n  \"graph\": {" + members(parse_object(workflow.graph).value_or(json::object())) + "}";
  text += ",\n  \"bindings\": {" + members(bindings_of(workflow)) + "}";
  text += ",\n  \"defaults\": " + json::serialize(object_of(workflow.defaults));
  text += ",\n  \"warm_up\": " + json::serialize(object_of(workflow.warm_up));
  return text + "\n}\n";
}

}  // namespace stoker::protocol::comfyui
