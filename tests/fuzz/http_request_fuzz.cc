// Requests of strangers: however the bytes are cut into pieces, the parser reads the same request or none at all.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/body_decoder.h"
#include "net/head_parser.h"
#include "net/input_buffer.h"

namespace {

using namespace stoker::net;

constexpr std::size_t kHeadBytesMax = 16 * 1024;

struct Reading {
  bool complete = false;
  std::string target;
  std::string fields;
  std::string body;
  bool whole = false;

  friend bool operator==(const Reading&, const Reading&) = default;
};

void append(InputBuffer& buffer, std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(buffer.room(bytes.size()).data(), bytes.data(), bytes.size());
  buffer.commit(bytes.size());
}

void read_body(BodyDecoder& decoder, InputBuffer& input, Reading& reading) {
  std::array<char, 512> block{};
  while (!decoder.done() && !decoder.malformed()) {
    const std::size_t bytes = decoder.decode(input, block);
    if (bytes == 0) break;
    reading.body.append(block.data(), bytes);
  }
  reading.whole = decoder.done();
}

Reading read(std::string_view bytes, std::size_t piece) {
  RequestParser parser(kHeadBytesMax);
  BodyDecoder decoder;
  InputBuffer input;
  Reading reading;
  HeadState head = HeadState::needs_more;
  while (!bytes.empty() && head != HeadState::refused) {
    append(input, bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    if (head == HeadState::needs_more) {
      head = parser.feed(input);
      if (head != HeadState::complete) continue;
      reading.complete = true;
      const ParsedRequest& request = parser.parsed();
      reading.target = request.head.target;
      for (const auto& [name, value] : request.head.headers.all())
        reading.fields += name + ":" + value + "\n";
      decoder = BodyDecoder(request.framing);
    }
    read_body(decoder, input, reading);
  }
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 32;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading at_once = read(bytes, bytes.size());
  const Reading in_pieces = read(bytes, piece);
  STOKER_INVARIANT(at_once == in_pieces, "a request read in pieces is the request read at once");
  STOKER_INVARIANT(at_once.target.size() <= kTargetBytesMax, "targets are bounded");
  return 0;
}
