// A ZIP archive written piece by piece, for streaming: what was put in comes out as bytes to send.
//
// Threading: one owner.
// Errors: internal, with the library's words.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

struct archive;

namespace stoker::api {

enum class Packing : std::uint8_t { stored, deflated };

class ZipStream {
 public:
  static Result<std::unique_ptr<ZipStream>> create();
  ~ZipStream();
  ZipStream(const ZipStream&) = delete;
  ZipStream& operator=(const ZipStream&) = delete;

  // `size` bytes must follow.
  Result<void> begin_file(const std::string& name, std::uint64_t size, WallTime modified,
                          Packing packing);
  Result<void> append(std::string_view bytes);
  Result<void> finish();

  // What is ready to be sent.
  std::string take() { return std::exchange(ready_, {}); }

 private:
  explicit ZipStream(archive* handle) : archive_(handle) {}
  std::unexpected<Error> failure() const;

  archive* archive_;
  std::string ready_;
};

}  // namespace stoker::api
