// Messages of GenerateText2ImageWS: one JSON object each, one key decides what it is.
//
// Threading: pure functions. Unknown messages and broken ones are `other`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace stoker::protocol::swarmui {

enum class MessageKind : std::uint8_t {
  other,     // status, keep_alive, raw data
  progress,  // `share` of the whole is done
  image,     // `image`: a path or a data URL
  discard,   // the request has ended
  closing,   // every request of the socket has ended
  error
};

struct Message {
  MessageKind kind = MessageKind::other;
  double share = 0;  // 0 to 1
  std::string image;
  std::int64_t batch_index = 0;  // below zero: a grid, or something in between
  std::optional<Error> error;
};

Message parse_message(std::string_view text);

// "data:image/png;base64,…"
bool is_data_url(std::string_view image);
// Its bytes; nullopt: broken, or larger than allowed.
std::optional<std::string> data_url_bytes(std::string_view url, std::size_t bytes_max);

}  // namespace stoker::protocol::swarmui
