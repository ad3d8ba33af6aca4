// What the API says when it does not do what was asked, and what it says when it does.
//
// Purpose: one shape for every failure: {"error":{"code","params","retry_after_s"?}} with the status of the code.
// Threading: values.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/http.h"

namespace stoker::api {

// `field` is the member, header or parameter at fault, `value` what it should or did hold; `detail` is English and for
// developers. None of them ever holds prompts, names or tokens.
struct Refusal {
  ErrorCode code = ErrorCode::internal;
  std::string detail = {};
  std::string field = {};
  std::string value = {};
  std::optional<int> retry_after_s = {};
  int status = 0;          // 0: the status of the code
  std::string allow = {};  // the methods of a path, for 405
};

template <class T>
using Checked = std::expected<T, Refusal>;

inline std::unexpected<Refusal> refuse(Refusal refusal) {
  return std::unexpected(std::move(refusal));
}

// The parameter of an error names a field for malformed input, else the subject ("flux2").
Refusal refusal_of(Error error);

int status_of(const Refusal& refusal);
std::string refusal_body(const Refusal& refusal);

struct Reply {
  int status = 200;
  std::string body = {};
  std::string type = "application/json";
  net::Headers headers = {};
  bool sent = false;  // the handler has answered the exchange itself
};

using Answer = Checked<Reply>;

// What every answer of the API carries: nothing is kept, guessed or shared with other sites.
void add_safety_headers(net::Headers& headers);

inline Reply json_reply(std::string body, int status = 200) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

inline Reply sent_reply() {
  Reply reply;
  reply.sent = true;
  return reply;
}

}  // namespace stoker::api
