#include "net/http.h"

#include <algorithm>

#include "net/text.h"

namespace stoker::net {
namespace {

// Ordered by status.
constexpr std::pair<int, std::string_view> kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_host_char(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_ipv6_char(char c) {
  return hex_digit(c) >= 0 || c == ':' || c == '.';
}

bool is_visible(char c) {
  return c > 0x20 && c != 0x7f;
}

// "host", "host:port", "[::1]:port"
bool parse_authority(std::string_view authority, Url& url) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    url.host = authority.substr(1, close - 1);
    if (!std::ranges::all_of(url.host, is_ipv6_char)) return false;
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const std::size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (url.host.empty() || !std::ranges::all_of(url.host, is_host_char)) return false;
    port = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
  }
  if (port.empty()) return true;
  std::uint64_t number = 0;
  if (!parse_decimal(port.substr(1), number) || number == 0 || number > 65535) return false;
  url.port = static_cast<std::uint16_t>(number);
  return true;
}

}  // namespace

void Headers::add(std::string_view name, std::string_view value) {
  fields_.emplace_back(name, value);
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [name](const auto& field) { return same_word(field.first, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (same_word(field, name)) return value;
  }
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  const auto* const found =
      std::ranges::lower_bound(kReasons, status, {}, [](const auto& entry) { return entry.first; });
  return found != std::end(kReasons) && found->first == status ? found->second : "Status";
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    const auto key = percent_decode(pair.substr(0, equals), true);
    if (!key || *key != name) continue;
    return equals == std::string_view::npos ? std::string()
                                            : percent_decode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

std::optional<Url> parse_url(std::string_view text) {
  Url url;
  if (starts_with_word(text, "https://")) {
    url.tls = true;
    url.port = 443;
    text.remove_prefix(8);
  } else if (starts_with_word(text, "http://")) {
    url.port = 80;
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const std::size_t slash = text.find('/');
  if (!parse_authority(text.substr(0, slash), url)) return std::nullopt;
  std::string_view path = slash == std::string_view::npos ? std::string_view() : text.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!std::ranges::all_of(path, is_visible) || path.find_first_of("?#") != path.npos)
    return std::nullopt;
  url.base_path = path;
  return url;
}

RangeVerdict parse_range(std::string_view header, std::uint64_t size, ByteRange& out) {
  header = trim(header);
  if (!starts_with_word(header, "bytes=")) return RangeVerdict::none;
  header.remove_prefix(6);
  if (header.find(',') != std::string_view::npos)
    return RangeVerdict::none;  // several ranges: the whole is allowed
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return RangeVerdict::none;
  const std::string_view first = trim(header.substr(0, dash));
  const std::string_view last = trim(header.substr(dash + 1));
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  if (first.empty()) {
    if (!parse_decimal(last, to)) return RangeVerdict::none;
    if (to == 0 || size == 0) return RangeVerdict::unsatisfiable;
    out = {size - std::min(to, size), size - 1};
    return RangeVerdict::satisfiable;
  }
  if (!parse_decimal(first, from)) return RangeVerdict::none;
  if (!last.empty() && (!parse_decimal(last, to) || to < from)) return RangeVerdict::none;
  if (from >= size) return RangeVerdict::unsatisfiable;
  out = {from, last.empty() ? size - 1 : std::min(to, size - 1)};
  return RangeVerdict::satisfiable;
}

}  // namespace stoker::net
