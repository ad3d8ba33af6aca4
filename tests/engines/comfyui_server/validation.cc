#include "tests/engines/comfyui_server/validation.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

namespace stoker::engines::comfyui {
namespace {

constexpr std::size_t kListedOptionsMax = 20;

json::object reason(std::string_view type, std::string_view message, std::string details,
                    json::object extra = {}) {
  return {{"type", type}, {"message", message}, {"details", details}, {"extra_info", extra}};
}

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

// What Python's int() and float() would take.
std::optional<long double> as_number(const json::value& value) {
  if (value.is_int64()) return static_cast<long double>(value.get_int64());
  if (value.is_uint64()) return static_cast<long double>(value.get_uint64());
  if (value.is_double()) return static_cast<long double>(value.get_double());
  if (value.is_bool()) return value.get_bool() ? 1.0L : 0.0L;
  if (!value.is_string()) return std::nullopt;
  const json::string& text = value.get_string();
  double number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

class Walk {
 public:
  Walk(const json::object& prompt, const ValidationSubject& subject)
      : prompt_(prompt), subject_(subject) {}

  // Whether the node and all it depends on are valid.
  bool valid(const std::string& id) {
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    if (!under_way_.insert(id).second) return refuse_cycle(id);
    const bool holds = inputs_valid(id);
    under_way_.erase(id);
    known_[id] = holds && errors_of(id).empty();
    return known_[id];
  }

  std::set<std::string> visited() const {
    std::set<std::string> ids;
    for (const auto& [id, holds] : known_) ids.insert(id);
    return ids;
  }
  const json::array& errors_of(const std::string& id) { return errors_[id]; }
  // Forgets which nodes were visited for the last output; their errors stay.
  void begin_output() { known_.clear(); }

 private:
  bool refuse_cycle(const std::string& id) {
    const bool recent = subject_.era == Era::recent;
    add(id, reason(recent ? "dependency_cycle" : "exception_during_validation",
                   recent ? "Dependency cycle" : "Exception when validating node", id));
    return false;
  }

  void add(const std::string& id, const json::object& why) {
    json::array& errors = errors_[id];
    if (std::ranges::find(errors, json::value(why)) == errors.end()) errors.emplace_back(why);
  }

  bool inputs_valid(const std::string& id) {
    const json::object* node = node_of(prompt_, id);
    const NodeClass* known = node == nullptr ? nullptr : subject_.table.find(class_of(*node));
    if (known == nullptr) {
      add(id, reason("exception_during_validation", "Exception when validating node", id));
      return false;
    }
    bool holds = true;
    const json::object& inputs = inputs_of(*node);
    for (const NodeInput& input : known->inputs) {
      const json::value* value = inputs.if_contains(input.name);
      if (value == nullptr) {
        if (!input.required) continue;
        add(id, reason("required_input_missing", "Required input is missing", input.name,
                       {{"input_name", input.name}}));
      } else if (value->is_array()) {
        holds = link_valid(id, input, *value) && holds;
      } else {
        check_literal(id, input, literal_of(*value));
      }
    }
    return holds;
  }

  json::object about(const NodeInput& input, const json::value& received) const {
    return {{"input_name", input.name},
            {"input_config", input.schema(subject_.folders)},
            {"received_value", received}};
  }

  bool link_valid(const std::string& id, const NodeInput& input, const json::value& value) {
    const auto link = as_link(value);
    if (!link) {
      add(id, reason("bad_linked_input",
                     "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                     input.name, about(input, value)));
      return false;
    }
    const json::object* source = node_of(prompt_, link->node);
    const NodeClass* made_by = source == nullptr ? nullptr : subject_.table.find(class_of(*source));
    if (made_by == nullptr || link->slot >= made_by->outputs.size()) {
      add(id, reason("exception_during_inner_validation", "Exception when validating inner node",
                     input.name, about(input, value)));
      return false;
    }
    const std::string& received = made_by->outputs[link->slot];
    const bool fits = received == input.type || input.type == "*" ||
                      (input.type == "COMBO" && received == "STRING") ||
                      (input.type == "FLOAT" && received == "INT");
    if (!fits) {
      json::object extra = about(input, nullptr);
      extra.erase("received_value");
      extra["received_type"] = received;
      extra["linked_node"] = value;
      add(id, reason("return_type_mismatch", "Return type mismatch between linked nodes",
                     input.name + ", received_type(" + received + ") mismatch input_type(" +
                         input.type + ")",
                     extra));
      return false;
    }
    return valid(link->node);
  }

  void check_literal(const std::string& id, const NodeInput& input, const json::value& value) {
    if (input.facts.contains("image_upload")) return check_picture(id, input, value);
    if (input.combo != Combo::none) return check_choice(id, input, value);
    if (input.type == "INT" || input.type == "FLOAT") return check_number(id, input, value);
    if (input.type == "STRING" || input.type == "BOOLEAN" || input.type == "*") return;
    add(id, reason("bad_linked_input",
                   "Bad linked input, must be a length-2 list of [node_id, slot_index]", input.name,
                   about(input, value)));
  }

  void check_picture(const std::string& id, const NodeInput& input, const json::value& value) {
    if (value.is_string() && subject_.has_picture(value.get_string())) return;
    add(id, reason("custom_validation_failed", "Custom validation failed for node",
                   input.name + " - Invalid image file: " + text_of(value), about(input, value)));
  }

  void check_choice(const std::string& id, const NodeInput& input, const json::value& value) {
    const std::vector<std::string> choices = input.choices(subject_.folders);
    if (std::ranges::find(choices, text_of(value)) != choices.end()) return;
    json::object extra = about(input, value);
    std::string listed = "(list of length " + std::to_string(choices.size()) + ")";
    if (choices.size() > kListedOptionsMax) {
      extra["input_config"] = nullptr;
    } else {
      listed = "[";
      for (const std::string& choice : choices)
        listed += (listed.size() > 1 ? ", '" : "'") + choice + "'";
      listed += "]";
    }
    add(id, reason("value_not_in_list", "Value not in list",
                   input.name + ": '" + text_of(value) + "' not in " + listed, extra));
  }

  void check_number(const std::string& id, const NodeInput& input, const json::value& value) {
    const auto number = as_number(value);
    if (!number) {
      json::object extra = about(input, value);
      extra["exception_message"] = "could not convert the value";
      return add(id, reason("invalid_input_type",
                            "Failed to convert an input value to a " + input.type + " value",
                            input.name + ", " + text_of(value), extra));
    }
    const json::value* min = input.facts.if_contains("min");
    const json::value* max = input.facts.if_contains("max");
    if (min != nullptr && *number < *as_number(*min)) {
      add(id, reason("value_smaller_than_min",
                     "Value " + text_of(value) + " smaller than min of " + text_of(*min),
                     input.name, about(input, value)));
    } else if (max != nullptr && *number > *as_number(*max)) {
      add(id, reason("value_bigger_than_max",
                     "Value " + text_of(value) + " bigger than max of " + text_of(*max), input.name,
                     about(input, value)));
    }
  }

  const json::object& prompt_;
  const ValidationSubject& subject_;
  std::map<std::string, bool> known_;
  std::map<std::string, json::array> errors_;
  std::set<std::string> under_way_;
};

// Every node must have a known class, also those that nothing reaches.
std::optional<json::object> class_error(const json::object& prompt,
                                        const ValidationSubject& subject) {
  const std::string_view type = subject.era == Era::recent ? "missing_node_type" : "invalid_prompt";
  for (const auto& [id, value] : prompt) {
    const json::object* node = value.if_object();
    const std::string details = "Node ID '#" + std::string(id) + "'";
    const std::string name = node == nullptr ? "" : class_of(*node);
    if (name.empty()) {
      return reason(type, "Cannot execute because a node is missing the class_type property.",
                    details);
    }
    if (subject.table.find(name) != nullptr) continue;
    json::object extra;
    if (subject.era == Era::recent)
      extra = {{"node_id", id}, {"class_type", name}, {"node_title", name}};
    return reason(type, "Cannot execute because node " + name + " does not exist.", details, extra);
  }
  return std::nullopt;
}

std::vector<std::string> output_nodes(const json::object& prompt,
                                      const ValidationSubject& subject) {
  std::vector<std::string> ids;
  for (const auto& [id, value] : prompt) {
    const NodeClass* known = subject.table.find(class_of(value.get_object()));
    if (!known->output_node) continue;
    const bool wanted =
        !subject.targets || std::ranges::find(*subject.targets, id) != subject.targets->end();
    if (wanted) ids.emplace_back(id);
  }
  return ids;
}

// Writes the errors of all nodes that `output` depends on.
void report(Walk& walk, const json::object& prompt, const std::string& output, Verdict& verdict,
            std::string& details) {
  for (const std::string& id : walk.visited()) {
    const json::array& errors = walk.errors_of(id);
    if (errors.empty()) continue;
    if (!verdict.node_errors.contains(id)) {
      const json::object* node = node_of(prompt, id);
      const std::string name = node == nullptr ? "" : class_of(*node);
      verdict.node_errors[id] = {
          {"errors", errors}, {"dependent_outputs", json::array()}, {"class_type", name}};
      details.append(details.empty() ? "* " : "\n* ").append(name).append(" ").append(id) += ":";
      for (const json::value& error : errors) {
        details.append("\n  - ").append(text_of(error.at("message"))).append(": ");
        details += text_of(error.at("details"));
      }
    }
    verdict.node_errors[id].as_object()["dependent_outputs"].as_array().emplace_back(output);
  }
}

}  // namespace

Verdict validate(const json::object& prompt, const ValidationSubject& subject) {
  Verdict verdict;
  verdict.error = class_error(prompt, subject);
  if (verdict.error) return verdict;
  const std::vector<std::string> outputs = output_nodes(prompt, subject);
  if (outputs.empty()) {
    verdict.error = reason("prompt_no_outputs", "Prompt has no outputs", "");
    return verdict;
  }
  Walk walk(prompt, subject);
  std::string details;
  for (const std::string& output : outputs) {
    walk.begin_output();
    if (walk.valid(output)) {
      verdict.outputs.push_back(output);
    } else {
      report(walk, prompt, output, verdict, details);
    }
  }
  if (!verdict.outputs.empty()) return verdict;
  verdict.error =
      reason("prompt_outputs_failed_validation", "Prompt outputs failed validation", details);
  return verdict;
}

bool looks_like_link(const json::value& value) {
  return value.is_array() && value.get_array().size() == 2;
}

std::optional<Link> as_link(const json::value& value) {
  if (!looks_like_link(value)) return std::nullopt;
  const json::array& pair = value.get_array();
  if (!pair[0].is_string() || !pair[1].is_int64() || pair[1].get_int64() < 0) return std::nullopt;
  return Link{.node = std::string(pair[0].get_string()),
              .slot = static_cast<std::size_t>(pair[1].get_int64())};
}

json::value literal_of(const json::value& value) {
  const json::object* wrapped = value.if_object();
  if (wrapped == nullptr || wrapped->size() != 1) return value;
  const json::value* inner = wrapped->if_contains("__value__");
  return inner == nullptr ? value : *inner;
}

const json::object* node_of(const json::object& prompt, std::string_view id) {
  const json::value* node = prompt.if_contains(id);
  return node == nullptr ? nullptr : node->if_object();
}

std::string class_of(const json::object& node) {
  const json::value* name = node.if_contains("class_type");
  return name == nullptr || !name->is_string() ? std::string() : std::string(name->get_string());
}

const json::object& inputs_of(const json::object& node) {
  static const json::object kNone;
  const json::value* inputs = node.if_contains("inputs");
  return inputs == nullptr || !inputs->is_object() ? kNone : inputs->get_object();
}

}  // namespace stoker::engines::comfyui
