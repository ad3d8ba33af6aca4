// Heads of requests and answers, parsed from bytes as they come; no I/O.
//
// Purpose: Beast's parser plus the rules it leaves open (framing that two programs could read
//   differently is refused).
// Limits: `head_bytes_max` over start line and fields; kTargetBytesMax for the target.
// Errors: an outcome `refused` carries the HTTP status a server answers with.
#pragma once

#include <cstdint>
#include <memory>

#include "net/body_decoder.h"
#include "net/http.h"
#include "net/input_buffer.h"

namespace stoker::net {

inline constexpr std::size_t kTargetBytesMax = 8 * 1024;

enum class HeadState : std::uint8_t { needs_more, complete, refused };

struct ParsedRequest {
  RequestHead head;
  BodyFraming framing;
  bool keep_alive = false;
  bool expects_continue = false;
};

struct ParsedResponse {
  ResponseHead head;
  BodyFraming framing;
  bool keep_alive = false;
  bool http_1_0 = false;
};

class RequestParser {
 public:
  explicit RequestParser(std::size_t head_bytes_max);
  ~RequestParser();
  // Consumes what it understood. Bytes of the body stay in `input`.
  HeadState feed(InputBuffer& input);
  int refused_status() const { return refused_status_; }
  // After `complete`.
  ParsedRequest& parsed();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int refused_status_ = 400;
};

class ResponseParser {
 public:
  // An answer to HEAD has no body whatever it says.
  ResponseParser(std::size_t head_bytes_max, std::string_view request_method);
  ~ResponseParser();
  HeadState feed(InputBuffer& input);
  // Whether it was refused for its size.
  bool too_large() const { return too_large_; }
  ParsedResponse& parsed();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  bool too_large_ = false;
};

}  // namespace stoker::net
