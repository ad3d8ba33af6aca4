#include "tests/engines/comfyui_server/node_classes.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "tests/engines/comfyui_server/node_rows.h"

namespace stoker::engines::comfyui {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

json::value whole_number(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

json::value real_number(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void read_number(NodeInput& input, const std::vector<std::string_view>& words,
                 json::value (*read)(std::string_view)) {
  input.type = words[0];
  if (words.size() < 4) return;
  input.facts["default"] = read(words[1]);
  input.facts["min"] = read(words[2]);
  input.facts["max"] = read(words[3]);
}

void read_options(NodeInput& input, std::string_view kind, std::string_view argument) {
  input.type = "COMBO";
  input.combo = kind.ends_with('3') ? Combo::v3 : Combo::v1;
  if (kind.starts_with("FILES")) {
    input.folder = argument;
    return;
  }
  for (const std::string_view option : split(argument, '|')) input.options.emplace_back(option);
  if (input.combo == Combo::v3) input.facts["default"] = input.options.front();
}

// "?name:KIND,argument"
NodeInput read_input(std::string_view notation) {
  NodeInput input;
  input.required = !notation.starts_with('?');
  if (!input.required) notation.remove_prefix(1);
  const std::size_t colon = notation.find(':');
  input.name = notation.substr(0, colon);
  const auto words = split(notation.substr(colon + 1), ',');
  const std::string_view kind = words[0];
  if (kind == "INT") {
    read_number(input, words, whole_number);
  } else if (kind == "FLOAT") {
    read_number(input, words, real_number);
  } else if (kind == "SEED") {
    input.type = "INT";
    input.facts = {
        {"default", 0}, {"min", 0}, {"max", UINT64_MAX}, {"control_after_generate", true}};
  } else if (kind == "TEXT") {
    input.type = "STRING";
    input.facts = {{"multiline", true}, {"dynamicPrompts", true}};
  } else if (kind == "STRING") {
    input.type = "STRING";
    input.facts["default"] = words[1];
  } else if (kind == "BOOL") {
    input.type = "BOOLEAN";
    input.facts["default"] = words[1] == "true";
  } else if (kind == "PICTURE") {
    input.type = "COMBO";
    input.combo = Combo::v1;
    input.folder = "input";
    input.facts["image_upload"] = true;
  } else if (kind == "ANY") {
    input.type = "*";
  } else if (words.size() > 1) {
    read_options(input, kind, words[1]);
  } else {
    input.type = kind;
  }
  return input;
}

NodeClass read_row(const NodeRow& row) {
  NodeClass node;
  node.name = row.name;
  node.category = row.category;
  node.output_node = row.output_node;
  if (!row.inputs.empty()) {
    for (const std::string_view notation : split(row.inputs, ' '))
      node.inputs.push_back(read_input(notation));
  }
  if (row.outputs.empty()) return node;
  for (const std::string_view type : split(row.outputs, ' ')) node.outputs.emplace_back(type);
  return node;
}

json::array as_array(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

}  // namespace

std::vector<std::string> NodeInput::choices(const Folders& folders) const {
  if (folder.empty()) return options;
  const auto found = folders.find(folder);
  return found == folders.end() ? std::vector<std::string>() : found->second;
}

json::array NodeInput::schema(const Folders& folders) const {
  if (combo == Combo::none) {
    if (facts.empty()) return {type};
    return {type, facts};
  }
  const json::array choices_now = as_array(choices(folders));
  if (combo == Combo::v1) {
    if (facts.empty()) return json::array{json::value(choices_now)};
    return json::array{json::value(choices_now), facts};
  }
  json::object with_options = facts;
  with_options["multiselect"] = false;
  with_options["options"] = choices_now;
  return {"COMBO", with_options};
}

const NodeInput* NodeClass::input(std::string_view wanted) const {
  const auto found = std::ranges::find(inputs, wanted, &NodeInput::name);
  return found == inputs.end() ? nullptr : &*found;
}

json::object NodeClass::schema(const Folders& folders) const {
  json::object required;
  json::object optional;
  json::array required_order;
  json::array optional_order;
  for (const NodeInput& input : inputs) {
    (input.required ? required : optional)[input.name] = input.schema(folders);
    (input.required ? required_order : optional_order).emplace_back(input.name);
  }
  json::object all{{"required", required}};
  json::object order{{"required", required_order}};
  if (!optional.empty()) {
    all["optional"] = optional;
    order["optional"] = optional_order;
  }
  if (output_node) all["hidden"] = {{"prompt", "PROMPT"}, {"extra_pnginfo", "EXTRA_PNGINFO"}};
  return {{"input", all},
          {"input_order", order},
          {"output", as_array(outputs)},
          {"output_is_list", json::array(outputs.size(), false)},
          {"output_name", as_array(outputs)},
          {"name", name},
          {"display_name", name},
          {"description", ""},
          {"python_module", "nodes"},
          {"category", category},
          {"output_node", output_node}};
}

NodeTable::NodeTable() {
  for (const NodeRow& row : kNodeRows) add(row);
}

void NodeTable::add(const NodeRow& row) {
  classes_.insert_or_assign(std::string(row.name), read_row(row));
}

const NodeClass* NodeTable::find(std::string_view name) const {
  const auto found = classes_.find(name);
  return found == classes_.end() ? nullptr : &found->second;
}

json::object NodeTable::schema(const Folders& folders) const {
  json::object all;
  for (const auto& [name, node] : classes_) all[name] = node.schema(folders);
  return all;
}

bool carries_weights(std::string_view type) {
  static constexpr std::array kTypes = {"MODEL",         "CLIP",        "VAE",
                                        "CONTROL_NET",   "CLIP_VISION", "STYLE_MODEL",
                                        "UPSCALE_MODEL", "GUIDER"};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

}  // namespace stoker::engines::comfyui
