#include "protocol/comfyui/node_schemas.h"

#include <algorithm>

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

void read_options(InputSchema& schema, const json::array& options) {
  schema.closed = true;
  for (const json::value& each : options) {
    if (const json::string* text = each.if_string()) schema.options.emplace_back(*text);
  }
}

// [["a","b"],{…}], ["COMBO",{"options":["a","b"]}] or ["INT",{"min":0,"max":9}].
InputSchema input_of(const json::array& spec, bool required) {
  InputSchema schema{.type = "*", .required = required};
  if (spec.empty()) return schema;
  const json::object* facts = spec.size() > 1 ? spec[1].if_object() : nullptr;
  if (const json::array* options = spec[0].if_array()) {
    schema.type = "COMBO";
    read_options(schema, *options);
    return schema;
  }
  if (const json::string* type = spec[0].if_string()) schema.type = *type;
  if (facts == nullptr) return schema;
  if (const json::array* options = array_in(*facts, "options")) read_options(schema, *options);
  schema.min = number_in(*facts, "min");
  schema.max = number_in(*facts, "max");
  return schema;
}

void read_inputs(NodeSchema& schema, const json::object* inputs, bool required) {
  if (inputs == nullptr) return;
  for (const auto& pair : *inputs) {
    const json::array* spec = pair.value().if_array();
    if (spec != nullptr) schema.inputs.emplace(std::string(pair.key()), input_of(*spec, required));
  }
}

NodeSchema schema_of(const json::object& node) {
  NodeSchema schema;
  if (const json::object* inputs = object_in(node, "input")) {
    read_inputs(schema, object_in(*inputs, "required"), true);
    read_inputs(schema, object_in(*inputs, "optional"), false);
  }
  const json::array* outputs = array_in(node, "output");
  for (const json::value& each : outputs == nullptr ? json::array() : *outputs) {
    const json::string* type = each.if_string();
    schema.outputs.emplace_back(type == nullptr ? "COMBO" : view(*type));
  }
  schema.output_node = flag_in(node, "output_node").value_or(false);
  return schema;
}

// "IMAGE", or "IMAGE,MASK" for one of both; "*" is anything.
bool types_match(std::string_view offered, std::string_view wanted) {
  if (offered == wanted || offered == "*" || wanted == "*") return true;
  std::string_view rest = wanted;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (rest.substr(0, comma) == offered) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
  return false;
}

class GraphCheck {
 public:
  GraphCheck(const json::object& graph, const NodeSchemas& schemas)
      : graph_(graph), schemas_(schemas) {}

  std::vector<GraphProblem> take() { return std::move(problems_); }

  void check_node(const std::string& id, const json::object& node) {
    const auto class_type = text_in(node, "class_type");
    const auto schema = class_type ? schemas_.find(*class_type) : schemas_.end();
    if (schema == schemas_.end()) {
      return tell(id, "", "class " + std::string(class_type.value_or("?")) + " is unknown");
    }
    const json::object* inputs = object_in(node, "inputs");
    if (inputs == nullptr) return tell(id, "", "has no inputs");
    for (const auto& [name, input] : schema->second.inputs) {
      const json::value* value = value_in(*inputs, name);
      if (value != nullptr) {
        check_value(id, name, input, *value);
      } else if (input.required) {
        tell(id, name, "is missing");
      }
    }
    for (const auto& pair : *inputs) {
      const std::string name(pair.key());
      if (!schema->second.inputs.contains(name)) tell(id, name, "is no input of this class");
    }
  }

  void check_output(std::string_view output) {
    const json::object* node = object_in(graph_, output);
    if (node == nullptr) return tell(std::string(output), "", "the output node is missing");
    const auto schema = schemas_.find(text_in(*node, "class_type").value_or(""));
    if (schema != schemas_.end() && !schema->second.output_node) {
      tell(std::string(output), "", "is no output node");
    }
  }

 private:
  void tell(std::string node, std::string input, std::string what) {
    if (problems_.size() >= kProblemsMax) return;
    problems_.push_back({std::move(node), std::move(input), std::move(what)});
  }

  void check_value(const std::string& id, const std::string& name, const InputSchema& input,
                   const json::value& value) {
    if (const json::array* link = value.if_array()) return check_link(id, name, input, *link);
    if (input.type == "INT" || input.type == "FLOAT") return check_number(id, name, input, value);
    if (input.type == "COMBO") return check_choice(id, name, input, value);
    if (input.type == "STRING" && !value.is_string()) return tell(id, name, "must be a text");
    if (input.type == "BOOLEAN" && !value.is_bool()) return tell(id, name, "must be true or false");
    if (input.type != "STRING" && input.type != "BOOLEAN" && input.type != "*") {
      tell(id, name, "must be linked to a " + input.type);
    }
  }

  void check_number(const std::string& id, const std::string& name, const InputSchema& input,
                    const json::value& value) {
    const auto number = number_of(value);
    if (!number) return tell(id, name, "must be a number");
    if (input.type == "INT" && value.is_double()) return tell(id, name, "must be a whole number");
    if (input.min && *number < *input.min) tell(id, name, "is too small");
    if (input.max && *number > *input.max) tell(id, name, "is too large");
  }

  void check_choice(const std::string& id, const std::string& name, const InputSchema& input,
                    const json::value& value) {
    const json::string* text = value.if_string();
    if (text == nullptr) return tell(id, name, "must be a text");
    if (!input.closed) return;
    if (std::ranges::find(input.options, view(*text)) == input.options.end()) {
      tell(id, name, "is not among the choices");
    }
  }

  void check_link(const std::string& id, const std::string& name, const InputSchema& input,
                  const json::array& link) {
    const json::string* source = link.size() == 2 ? link[0].if_string() : nullptr;
    const auto slot = link.size() == 2 ? count_of(link[1]) : std::nullopt;
    if (source == nullptr || !slot) return tell(id, name, "must be [node, output]");
    const json::object* node = object_in(graph_, view(*source));
    if (node == nullptr) return tell(id, name, "is linked to a node that is missing");
    const auto schema = schemas_.find(text_in(*node, "class_type").value_or(""));
    if (schema == schemas_.end()) return;  // told at that node
    const auto& outputs = schema->second.outputs;
    if (*slot >= outputs.size()) return tell(id, name, "is linked to an output that is missing");
    if (!types_match(outputs[*slot], input.type)) {
      tell(id, name, "is linked to a " + outputs[*slot] + " and needs a " + input.type);
    }
  }

  const json::object& graph_;
  const NodeSchemas& schemas_;
  std::vector<GraphProblem> problems_;
};

}  // namespace

Result<NodeSchemas> parse_node_schemas(std::string_view text) {
  const auto answer = parse_object(text);
  if (!answer) return fail(ErrorCode::backend_down, "the schemas of the nodes are unreadable");
  NodeSchemas schemas;
  for (const auto& pair : *answer) {
    const json::object* node = pair.value().if_object();
    if (node != nullptr) schemas.emplace(std::string(pair.key()), schema_of(*node));
  }
  return schemas;
}

std::vector<std::string> options_of(const NodeSchemas& schemas, std::string_view class_type,
                                    std::string_view input) {
  const auto schema = schemas.find(class_type);
  if (schema == schemas.end()) return {};
  const auto found = schema->second.inputs.find(input);
  return found == schema->second.inputs.end() ? std::vector<std::string>() : found->second.options;
}

std::vector<GraphProblem> check_graph(std::string_view graph, const NodeSchemas& schemas,
                                      std::string_view output) {
  const auto nodes = parse_object(graph);
  if (!nodes) return {{"", "", "the workflow is no JSON object"}};
  GraphCheck check(*nodes, schemas);
  for (const auto& pair : *nodes) {
    const json::object* node = pair.value().if_object();
    if (node != nullptr) check.check_node(std::string(pair.key()), *node);
  }
  check.check_output(output);
  return check.take();
}

}  // namespace stoker::protocol::comfyui
