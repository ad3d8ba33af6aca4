// The node classes that the played ComfyUI knows: their inputs, outputs and schemas.
//
// Purpose: one table behind GET /object_info, the validation of prompts and the play of a run.
// Threading: values; the table is constant once built. The folders of model files are handed in.
// Errors: an unknown class is a null pointer.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::engines::comfyui {

namespace json = boost::json;

// "checkpoints" -> names of its files, as the combo lists show them.
using Folders = std::map<std::string, std::vector<std::string>, std::less<>>;

enum class Combo : std::uint8_t {
  none,
  v1,  // [["a","b"],{...}]
  v3,  // ["COMBO",{"options":["a","b"]}]
};

// A class in a short notation. Inputs and outputs are separated by spaces. An input is [?]name:KIND[,argument…]; ?
// marks an optional one.
//   INT,default,min,max  FLOAT,default,min,max  SEED  TEXT  STRING,default  BOOL,default
//   FILES,folder (old combo)  FILES3,folder (new combo)  ONE,a|b  ONE3,a|b  PICTURE (an input file)
//   ANY, and everything else is the type of a link: MODEL, LATENT, …
// A class with an input of the kind FILES is a loader. One without outputs of weights (MODEL, CLIP, VAE, …) brings
// the weights that are linked to it into device memory.
struct NodeRow {
  std::string_view name;
  std::string_view category;
  std::string_view inputs;
  std::string_view outputs;
  bool output_node = false;
};

struct NodeInput {
  std::string name;
  std::string type;  // "MODEL", "INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "*" takes anything
  bool required = true;
  Combo combo = Combo::none;
  std::string folder;                // where the options come from; empty: `options`
  std::vector<std::string> options;  // of a fixed combo
  json::object facts;                // "default", "min", "max", "multiline", …

  std::vector<std::string> choices(const Folders& folders) const;
  // What object_info says of this input.
  json::array schema(const Folders& folders) const;
};

struct NodeClass {
  std::string name;
  std::string category;
  std::vector<NodeInput> inputs;
  std::vector<std::string> outputs;  // types
  bool output_node = false;

  const NodeInput* input(std::string_view wanted) const;
  json::object schema(const Folders& folders) const;
};

class NodeTable {
 public:
  NodeTable();
  void add(const NodeRow& row);

  const NodeClass* find(std::string_view name) const;
  json::object schema(const Folders& folders) const;

 private:
  std::map<std::string, NodeClass, std::less<>> classes_;
};

// Whether values of this type carry weights ("MODEL", "CLIP", "VAE", …).
bool carries_weights(std::string_view type);

}  // namespace stoker::engines::comfyui
