// Heads of requests and answers as text, and the JSON form of the server's own refusals. No I/O.
//
// Limits: a field name that is no token, or a value with control characters, makes a head
//   unsendable.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace stoker::net {

// Whether every field may be put on the wire; otherwise a value could smuggle in fields of its own.
bool sendable(const Headers& headers);

// "HTTP/1.1 200 OK", Date and the given fields, without the empty line. Framing fields are the
// caller's.
std::string response_head_text(const ResponseHead& head);
std::string request_head_text(std::string_view method, std::string_view target,
                              const Headers& headers);

void append_field(std::string& text, std::string_view name, std::string_view value);

// {"error":{"code":"bad_request","params":{}}}
std::string error_body(ErrorCode code);
// The code that goes with a status the server answers by itself.
ErrorCode code_of_refusal(int status);
// A whole answer that closes the connection.
std::string refusal_text(int status);

}  // namespace stoker::net
