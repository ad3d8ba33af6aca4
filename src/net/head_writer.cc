#include "net/head_writer.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "net/text.h"

namespace stoker::net {
namespace {

bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_value_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u == '\t' || (u >= 0x20 && u != 0x7f);
}

// These describe one connection, and the connection decides about them.
bool is_hop_field(std::string_view name) {
  return same_word(name, "Connection") || same_word(name, "Keep-Alive") ||
         same_word(name, "Transfer-Encoding") || same_word(name, "Content-Length") ||
         same_word(name, "Proxy-Connection");
}

// "Sun, 06 Nov 1994 08:49:37 GMT", made once per second.
std::string_view http_date() {
  thread_local std::time_t made_at = -1;
  thread_local std::array<char, 40> text{};
  thread_local std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now == made_at) return {text.data(), size};
  std::tm parts{};
  gmtime_r(&now, &parts);
  size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  made_at = now;
  return {text.data(), size};
}

void append_fields(std::string& text, const Headers& headers) {
  for (const auto& [name, value] : headers.all()) {
    if (!is_hop_field(name)) append_field(text, name, value);
  }
}

}  // namespace

bool sendable(const Headers& headers) {
  return std::ranges::all_of(headers.all(), [](const auto& field) {
    return !field.first.empty() && std::ranges::all_of(field.first, is_token_char) &&
           std::ranges::all_of(field.second, is_value_char);
  });
}

void append_field(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ").append(value).append("\r\n");
}

std::string response_head_text(const ResponseHead& head) {
  std::string text;
  text.reserve(512);
  text.append("HTTP/1.1 ")
      .append(std::to_string(head.status))
      .append(" ")
      .append(reason_phrase(head.status));
  text.append("\r\n");
  if (!head.headers.find("Date")) append_field(text, "Date", http_date());
  append_fields(text, head.headers);
  return text;
}

std::string request_head_text(std::string_view method, std::string_view target,
                              const Headers& headers) {
  std::string text;
  text.reserve(512);
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  append_fields(text, headers);
  return text;
}

std::string error_body(ErrorCode code) {
  return std::string(R"({"error":{"code":")").append(error_name(code)).append(R"(","params":{}}})");
}

ErrorCode code_of_refusal(int status) {
  switch (status) {
    case 408:
      return ErrorCode::run_timeout;
    case 413:
    case 414:
    case 431:
      return ErrorCode::too_large;
    case 500:
      return ErrorCode::internal;
    case 503:
      return ErrorCode::limit_reached;
    default:
      return ErrorCode::bad_request;
  }
}

std::string refusal_text(int status) {
  const std::string body = error_body(code_of_refusal(status));
  std::string text = response_head_text({.status = status, .headers = {}});
  append_field(text, "Content-Type", "application/json");
  append_field(text, "Content-Length", std::to_string(body.size()));
  append_field(text, "Connection", "close");
  return text.append("\r\n").append(body);
}

}  // namespace stoker::net
