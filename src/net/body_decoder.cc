#include "net/body_decoder.h"

#include <algorithm>
#include <limits>

namespace stoker::net {
namespace {

constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u == '\t' || (u >= 0x20 && u != 0x7f);
}

}  // namespace

std::size_t ChunkDecoder::skip_framing(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && state_ != State::data && state_ != State::done &&
         state_ != State::malformed) {
    step(bytes[used]);
    ++used;
  }
  return used;
}

void ChunkDecoder::size_digit(char c) {
  const int digit = hex_value(c);
  if (digit >= 0 && remaining_ <= (kUnbounded >> 8)) {
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    any_digit_ = true;
    return;
  }
  if (digit >= 0 || !any_digit_) {
    state_ = State::malformed;
  } else if (c == '\r') {
    state_ = State::size_lf;
  } else if (c == ';' || c == ' ' || c == '\t') {
    state_ = State::extension;
  } else {
    state_ = State::malformed;
  }
}

void ChunkDecoder::step(char c) {
  const auto expect = [&](char wanted, State next) {
    state_ = c == wanted ? next : State::malformed;
  };
  switch (state_) {
    case State::size:
      size_digit(c);
      if (++line_bytes_ > kChunkLineBytesMax) state_ = State::malformed;
      return;
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
      } else if (!is_text(c) || ++line_bytes_ > kChunkLineBytesMax) {
        state_ = State::malformed;
      }
      return;
    case State::size_lf:
      expect('\n', remaining_ == 0 ? State::trailer_start : State::data);
      return;
    case State::data_cr:
      expect('\r', State::data_lf);
      return;
    case State::data_lf:
      expect('\n', State::size);
      line_bytes_ = 0;
      any_digit_ = false;
      return;
    case State::trailer_start:
      if (c == '\r') {
        state_ = State::last_lf;
        return;
      }
      state_ = State::trailer_line;
      [[fallthrough]];
    case State::trailer_line:
      if (c == '\r') {
        state_ = State::trailer_lf;
      } else if (!is_text(c) || ++trailer_bytes_ > kTrailerBytesMax) {
        state_ = State::malformed;
      }
      return;
    case State::trailer_lf:
      expect('\n', State::trailer_start);
      return;
    case State::last_lf:
      expect('\n', State::done);
      return;
    case State::data:
    case State::done:
    case State::malformed:
      return;
  }
}

void ChunkDecoder::took_payload(std::uint64_t bytes) {
  remaining_ -= bytes;
  if (remaining_ == 0) state_ = State::data_cr;
}

BodyDecoder::BodyDecoder(BodyFraming framing) : framing_(framing), remaining_(framing.length) {
  done_ = framing.kind == BodyFraming::Kind::none ||
          (framing.kind == BodyFraming::Kind::length && framing.length == 0);
}

std::size_t BodyDecoder::decode(InputBuffer& input, std::span<char> into) {
  if (done_ || into.empty()) return 0;
  if (framing_.kind == BodyFraming::Kind::chunked) return decode_chunks(input, into);
  if (framing_.kind == BodyFraming::Kind::until_close) return input.take(into);
  const std::size_t bytes =
      input.take(into.first(std::min<std::uint64_t>(into.size(), remaining_)));
  took_direct(bytes);
  return bytes;
}

std::size_t BodyDecoder::decode_chunks(InputBuffer& input, std::span<char> into) {
  std::size_t moved = 0;
  while (!input.empty() && moved < into.size()) {
    input.consume(chunks_.skip_framing(input.view()));
    if (chunks_.malformed()) return moved;
    if (chunks_.done()) break;
    const std::uint64_t part = std::min<std::uint64_t>(into.size() - moved, chunks_.payload());
    const std::size_t bytes = input.take(into.subspan(moved, static_cast<std::size_t>(part)));
    if (bytes > 0) chunks_.took_payload(bytes);
    moved += bytes;
  }
  // The end may follow directly, so that a reader who asked for exactly the body sees it done at
  // once.
  if (!chunks_.done() && chunks_.payload() == 0) input.consume(chunks_.skip_framing(input.view()));
  done_ = chunks_.done();
  return moved;
}

std::uint64_t BodyDecoder::direct_bytes() const {
  if (done_) return 0;
  switch (framing_.kind) {
    case BodyFraming::Kind::length:
      return remaining_;
    case BodyFraming::Kind::until_close:
      return kUnbounded;
    case BodyFraming::Kind::chunked:
      return chunks_.payload();
    case BodyFraming::Kind::none:
      break;
  }
  return 0;
}

void BodyDecoder::took_direct(std::uint64_t bytes) {
  if (bytes == 0) return;
  if (framing_.kind == BodyFraming::Kind::chunked) return chunks_.took_payload(bytes);
  if (framing_.kind != BodyFraming::Kind::length) return;
  remaining_ -= bytes;
  done_ = remaining_ == 0;
}

bool BodyDecoder::end_of_input() {
  if (framing_.kind == BodyFraming::Kind::until_close) done_ = true;
  return done_;
}

}  // namespace stoker::net
