// What POST /prompt answers.
//
// Threading: pure functions.
// Errors: a refused workflow. Details name nodes, classes, inputs and kinds of errors, and model files; never the text
//   of a prompt, which the engine's own messages may quote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace stoker::protocol::comfyui {

struct PromptAccepted {
  std::string prompt_id;
  double number = 0;  // its place in the engine's order
  // Output nodes that the engine dropped because they, or what they need, are wrong; the others run.
  std::vector<std::string> dropped_outputs;
};

// Errors: unknown_model (param: the file that the engine does not have), bad_request (param: the class of node, or the
// engine's own word for the error), backend_down (5xx or no JSON), too_large.
Result<PromptAccepted> parse_prompt_answer(int status, std::string_view body);

}  // namespace stoker::protocol::comfyui
