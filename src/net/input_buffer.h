// Bytes received and not yet used, in one piece; holds no memory while empty and released.
//
// Limits: grows to the size the caller asks room for, never by itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace stoker::net {

inline constexpr std::size_t kReadBytes = 16 * 1024;

class InputBuffer {
 public:
  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  // Free space behind the bytes, at least `bytes`; moves or enlarges the buffer for it.
  std::span<char> room(std::size_t bytes) {
    if (capacity_ - end_ < bytes) make_room(bytes);
    return {data_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t bytes) { end_ += bytes; }
  void consume(std::size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Moves out as much as fits.
  std::size_t take(std::span<char> into) {
    const std::size_t bytes = std::min(into.size(), size());
    if (bytes > 0) std::memcpy(into.data(), data_.get() + begin_, bytes);
    consume(bytes);
    return bytes;
  }
  void release_if_empty() {
    if (!empty()) return;
    data_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void make_room(std::size_t bytes) {
    const std::size_t used = size();
    const std::size_t wanted = std::max(used + bytes, kReadBytes);
    if (wanted <= capacity_) {
      std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
      auto larger = std::make_unique_for_overwrite<char[]>(wanted);
      if (used > 0) std::memcpy(larger.get(), data_.get() + begin_, used);
      data_ = std::move(larger);
      capacity_ = wanted;
    }
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace stoker::net
