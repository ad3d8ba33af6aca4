// Fuzzes what src/net reads from strangers: heads, chunked bodies, queries, escapes, URLs and ranges.
//
// The first byte of the input chooses the size of the pieces in which the rest arrives, so that every state of the
// incremental parsers meets every cut. Broken promises abort.
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/body_decoder.h"
#include "net/head_parser.h"
#include "net/http.h"

namespace stoker::net {
namespace {

void put(InputBuffer& input, std::string_view bytes) {
  const auto room = input.room(bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  input.commit(bytes.size());
}

std::string decode_chunks(std::string_view text, std::size_t step) {
  BodyDecoder decoder({BodyFraming::Kind::chunked, 0});
  InputBuffer input;
  std::string body;
  std::array<char, 7> window;
  for (std::size_t at = 0; at < text.size(); at += step) {
    put(input, text.substr(at, step));
    for (std::size_t got = 1; got > 0;) {
      got = decoder.decode(input, window);
      body.append(window.data(), got);
    }
  }
  STOKER_INVARIANT(body.size() <= text.size(), "a body is not longer than its chunks");
  return body + (decoder.done() ? "|done" : decoder.malformed() ? "|malformed" : "|more");
}

void parse_request(std::string_view text, std::size_t step) {
  RequestParser parser(4096);
  InputBuffer input;
  for (std::size_t at = 0; at < text.size(); at += step) {
    put(input, text.substr(at, step));
    if (parser.feed(input) == HeadState::needs_more) continue;
    const ParsedRequest& parsed = parser.parsed();
    const bool both =
        parsed.head.headers.find("Content-Length") && parsed.head.headers.find("Transfer-Encoding");
    STOKER_INVARIANT(!both, "an accepted request has one framing");
    return;
  }
}

void parse_response(std::string_view text, std::size_t step) {
  ResponseParser parser(4096, "GET");
  InputBuffer input;
  for (std::size_t at = 0; at < text.size(); at += step) {
    put(input, text.substr(at, step));
    if (parser.feed(input) != HeadState::needs_more) return;
  }
}

void parse_values(std::string_view text) {
  const auto decoded = percent_decode(text, true);
  STOKER_INVARIANT(!decoded || decoded->find('\0') == std::string::npos, "decoded text has no NUL");
  static_cast<void>(query_value(text, "name"));
  if (const auto url = parse_url(text)) {
    STOKER_INVARIANT(!url->host.empty() && url->port != 0, "a URL names a host and a port");
    STOKER_INVARIANT(url->base_path.find_first_of("\r\n ") == std::string::npos,
                     "a base path fits into a request line");
  }
  ByteRange range;
  if (parse_range(text, 1000, range) == RangeVerdict::satisfiable) {
    STOKER_INVARIANT(range.first <= range.last && range.last < 1000,
                     "a range lies within its size");
  }
}

}  // namespace
}  // namespace stoker::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0] % 40;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  using namespace stoker::net;
  parse_request(text, step);
  parse_response(text, step);
  parse_values(text);
  const bool same = decode_chunks(text, step) == decode_chunks(text, text.size() + 1);
  STOKER_INVARIANT(same, "chunks mean the same however they are cut");
  return 0;
}
