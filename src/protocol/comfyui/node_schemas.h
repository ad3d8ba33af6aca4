// The schemas of node classes, and whether a workflow fits them.
//
// Purpose: finds out before a run what the engine would refuse: GET /object_info of a running engine and the table of
//   the shipped templates have the same form.
// Threading: a value; const functions from any thread.
// Limits: kProblemsMax problems are told. Errors: backend_down for a text that is none.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker::protocol::comfyui {

inline constexpr std::size_t kProblemsMax = 100;

struct InputSchema {
  std::string type;  // "MODEL", "INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"
  bool required = true;
  std::optional<double> min;
  std::optional<double> max;
  bool closed = false;               // a combo whose options are known
  std::vector<std::string> options;  // of a closed combo
};

struct NodeSchema {
  std::map<std::string, InputSchema, std::less<>> inputs;
  std::vector<std::string> outputs;
  bool output_node = false;
};

using NodeSchemas = std::map<std::string, NodeSchema, std::less<>>;

Result<NodeSchemas> parse_node_schemas(std::string_view text);

// The options of one input: the model files that an engine offers for a loader.
std::vector<std::string> options_of(const NodeSchemas& schemas, std::string_view class_type,
                                    std::string_view input);

struct GraphProblem {
  std::string node;
  std::string input;  // empty: the node as a whole
  std::string what;   // "class Nope is unknown"
};

// `output`: must be there and be an output node.
std::vector<GraphProblem> check_graph(std::string_view graph, const NodeSchemas& schemas,
                                      std::string_view output);

}  // namespace stoker::protocol::comfyui
