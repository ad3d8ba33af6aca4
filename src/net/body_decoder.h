// Bodies as a sequence of bytes, whatever their framing: a length, chunks or the end of the
// connection. No I/O.
//
// Purpose: one decoder for both ends. Chunk sizes, extensions and trailers are read here, because
//   Beast's chunk parser asserts on an empty last chunk that arrives byte by byte.
// Limits: kChunkLineBytesMax for a chunk header line, kTrailerBytesMax for all trailers; trailers
//   are dropped.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "net/input_buffer.h"

namespace stoker::net {

inline constexpr std::size_t kChunkLineBytesMax = 4 * 1024;
inline constexpr std::size_t kTrailerBytesMax = 8 * 1024;

struct BodyFraming {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
};

// Chunked transfer coding (RFC 9112 section 7.1), strict about line ends.
class ChunkDecoder {
 public:
  enum class State : std::uint8_t {
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_line,
    trailer_lf,
    last_lf,
    done,
    malformed
  };
  // Looks at `bytes` up to the next run of payload; returns how many were framing. Afterwards
  // either all bytes are used, or `payload()` > 0, or the state is done or malformed.
  std::size_t skip_framing(std::string_view bytes);
  // Payload bytes that follow directly.
  std::uint64_t payload() const { return state_ == State::data ? remaining_ : 0; }
  void took_payload(std::uint64_t bytes);
  bool done() const { return state_ == State::done; }
  bool malformed() const { return state_ == State::malformed; }

 private:
  void step(char c);
  void size_digit(char c);

  State state_ = State::size;
  std::uint64_t remaining_ = 0;
  std::size_t line_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  bool any_digit_ = false;
};

class BodyDecoder {
 public:
  explicit BodyDecoder(BodyFraming framing = {});

  // Moves body bytes from `input` to `into`; 0 with done() at the end, 0 otherwise when more input
  // is needed.
  std::size_t decode(InputBuffer& input, std::span<char> into);
  // How many bytes may be read from the connection straight into the caller's buffer (when `input`
  // is empty).
  std::uint64_t direct_bytes() const;
  void took_direct(std::uint64_t bytes);
  // The connection ended: true if that is a proper end of this body.
  bool end_of_input();

  bool done() const { return done_; }
  bool malformed() const { return chunks_.malformed(); }
  const BodyFraming& framing() const { return framing_; }
  // Known bytes still to come, for a body with a length.
  std::uint64_t remaining() const { return remaining_; }

 private:
  std::size_t decode_chunks(InputBuffer& input, std::span<char> into);

  BodyFraming framing_;
  std::uint64_t remaining_ = 0;
  ChunkDecoder chunks_;
  bool done_ = false;
};

}  // namespace stoker::net
