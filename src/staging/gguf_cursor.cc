#include "staging/gguf_cursor.h"

#include <algorithm>
#include <utility>

#include "staging/gguf.h"

namespace stoker::staging {

GgufCursor::GgufCursor(ByteSource& source)
    : source_(source), end_(std::min(source.size(), kGgufHeaderMax)) {}

Result<void> GgufCursor::check_left(std::uint64_t bytes) const {
  if (bytes <= end_ - position_) return {};
  if (end_ < source_.size()) {
    return fail(ErrorCode::bad_request,
                "gguf: a header of more than " + std::to_string(kGgufHeaderMax) + " bytes");
  }
  return fail(ErrorCode::bad_request, "gguf: the file ends within its header, at byte " +
                                          std::to_string(position_) + " of " +
                                          std::to_string(source_.size()));
}

Result<void> GgufCursor::fill(std::size_t bytes) {
  const std::uint64_t window_end = window_begin_ + window_.size();
  if (position_ >= window_begin_ && position_ <= window_end && window_end - position_ >= bytes)
    return {};
  if (auto left = check_left(bytes); !left) return left;
  window_begin_ = position_;
  window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kWindowBytes, end_ - position_)));
  return source_.read(window_begin_, window_);
}

Result<std::string> GgufCursor::text(std::uint64_t bytes_max) {
  const auto length = number<std::uint64_t>();
  if (!length) return std::unexpected(length.error());
  if (*length > bytes_max) {
    return fail(ErrorCode::bad_request, "gguf: a text of " + std::to_string(*length) +
                                            " bytes where at most " + std::to_string(bytes_max) +
                                            " are expected");
  }
  if (auto left = check_left(*length); !left) return std::unexpected(std::move(left.error()));
  std::string text;
  text.reserve(static_cast<std::size_t>(*length));
  while (text.size() < *length) {
    const std::size_t piece =
        std::min<std::size_t>(kWindowBytes, static_cast<std::size_t>(*length) - text.size());
    if (auto ready = fill(piece); !ready) return std::unexpected(std::move(ready.error()));
    text.append(window_.data() + (position_ - window_begin_), piece);
    position_ += piece;
  }
  return text;
}

Result<void> GgufCursor::skip_text() {
  const auto length = number<std::uint64_t>();
  if (!length) return std::unexpected(length.error());
  return skip(*length);
}

Result<void> GgufCursor::skip(std::uint64_t bytes) {
  if (auto left = check_left(bytes); !left) return left;
  position_ += bytes;
  return {};
}

}  // namespace stoker::staging
