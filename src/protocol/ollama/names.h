// Names of models as Ollama compares them.
//
// Threading: pure functions. Errors: none; anything is a name.
#pragma once

#include <string>
#include <string_view>

namespace stoker::protocol::ollama {

// Two names mean the same model if these are equal: lower case, with a tag (`latest` if there is none), without the
// default host and namespace, without a `:local` that only forces the machine.
std::string canonical_name(std::string_view name);

// Names that send the text to another machine: `:cloud`, `-cloud`.
bool is_cloud_name(std::string_view name);

}  // namespace stoker::protocol::ollama
