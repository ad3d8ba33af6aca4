// What OpenAI-compatible servers say when they refuse: every form that was seen.
//
// Threading: pure functions. Errors: none; text that is in no known form is its own message, cut short.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace stoker::protocol::openai {

struct WireError {
  std::string message;  // untrusted, may quote the prompt
  std::string type;     // "invalid_request_error", empty
  std::string code;     // "model_not_found", "503", empty
  std::string param;
};

// The body of an answer: an object below `error`, a string there, a flat error object, `detail`, or raw text.
WireError read_error(std::string_view body);

// The same for one event of a stream; false if it is no error.
bool is_error(const boost::json::value& event);
WireError read_error(const boost::json::value& event);

// What it means for the operator: trouble_of over message, type and code.
std::string trouble_of(const WireError& error);
// The server does not have the model, as opposed to not having the route.
bool names_unknown_model(const WireError& error);

}  // namespace stoker::protocol::openai
