// HTTP messages as values, without I/O.
//
// Limits: heads are limited by whoever reads them (see http_server.h, http_client.h).
// Errors: parsing functions return std::nullopt for malformed input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stoker::net {

// Header fields in the order they came; names compare without case.
class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  // replaces all of that name
  void remove(std::string_view name);
  // The first value of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct RequestHead {
  std::string method;  // "GET", upper case as sent
  std::string target;  // as sent: path, query
  std::string path;    // before '?', still percent-encoded
  std::string query;   // after '?', still percent-encoded
  Headers headers;
  bool http_1_0 = false;
  std::string peer_address;  // "127.0.0.1", "::1"
  bool peer_is_loopback = false;
  bool tls = false;
};

struct ResponseHead {
  int status = 200;
  Headers headers;
};

std::string_view reason_phrase(int status);

// The decoded value of a query parameter ("a=1&b=x%20y"), the first of that name.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// "%20" and "+" (the latter only if plus_is_space) decoded; nullopt for broken escapes and NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// A URL of a backend or provider: http or https, host, port, base path without trailing slash.
struct Url {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  std::string base_path;
};
std::optional<Url> parse_url(std::string_view text);

// "bytes=0-99", "bytes=100-", "bytes=-5" against a known size; nullopt if absent or not
// satisfiable.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
};
enum class RangeVerdict : std::uint8_t { none, satisfiable, unsatisfiable };
RangeVerdict parse_range(std::string_view header, std::uint64_t size, ByteRange& out);

}  // namespace stoker::net
