// Workflow templates by name or file: those that ship with the program, and an operator's own.
//
// Threading: reads files on the calling thread.
// Errors: not_found, too_large, bad_request; the detail says what is wrong, for operators.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace stoker::server {

// Of the templates that ship with the program, by name.
std::vector<std::string> shipped_templates();

// `name` is that of a shipped template, or a file; relative ones count from `folder`.
Result<std::string> template_source(const std::string& name, const std::string& folder);

// The same template with other weight files: (file in the template, file at the engine). Each must occur in it.
using WeightNames = std::vector<std::pair<std::string, std::string>>;
Result<std::string> with_weights(std::string_view text, const WeightNames& weights);

// What the engine's node schemas say about the nodes that shipped templates use; JSON.
std::string_view shipped_node_schemas();

}  // namespace stoker::server
