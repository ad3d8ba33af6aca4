#include "server/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <chrono>
#include <ctime>

namespace stoker::server {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "warning", "error", "off"};

// How many bytes a valid UTF-8 sequence at the front has; 0: none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return length;
}

}  // namespace

std::optional<LogLevel> log_level_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i)
    if (kLevelNames[i] == name) return static_cast<LogLevel>(i);
  return std::nullopt;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const char c = text.front();
    if (length == 0) {
      out += '?';
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

void Fields::begin(std::string_view name) {
  if (!text_.empty()) text_ += ',';
  text_ += '"';
  text_ += name;
  text_ += "\":";
}

Fields& Fields::add(std::string_view name, std::string_view value) {
  begin(name);
  text_ += json_quoted(value);
  return *this;
}

Fields& Fields::add(std::string_view name, std::int64_t value) {
  begin(name);
  text_ += std::to_string(value);
  return *this;
}

Fields& Fields::add(std::string_view name, std::uint64_t value) {
  begin(name);
  text_ += std::to_string(value);
  return *this;
}

Fields& Fields::add_ms(std::string_view name, double ms) {
  begin(name);
  text_ += fmt::format("{:.1f}", ms);
  return *this;
}

std::string log_line(std::int64_t wall_ms, LogLevel level, std::string_view event,
                     std::string_view fields) {
  const std::time_t second = static_cast<std::time_t>(wall_ms / 1000);
  std::tm utc{};
  gmtime_r(&second, &utc);
  return fmt::format(R"({{"at":"{:%Y-%m-%dT%H:%M:%S}.{:03}Z","level":"{}","event":"{}"{}{}}})", utc,
                     wall_ms % 1000, kLevelNames[static_cast<std::size_t>(level)], event,
                     fields.empty() ? "" : ",", fields);
}

struct Log::Sink {
  // The pool must outlive the logger's last line, so it comes first.
  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(kLogLinesWaitingMax, 1);
  std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
      "stoker", std::make_shared<spdlog::sinks::stderr_sink_mt>(), pool,
      spdlog::async_overflow_policy::overrun_oldest);
};

Log::Log(LogLevel level) : level_(level) {
  if (level == LogLevel::off) return;
  sink_ = std::make_unique<Sink>();
  sink_->logger->set_pattern("%v");
  sink_->logger->set_level(spdlog::level::trace);
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view event, std::string_view fields) {
  if (!wants(level) || !sink_) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  std::string line = log_line(ms, level, event, fields);
  if (line.size() > kLogLineBytesMax) line = log_line(ms, level, event, R"("cut":true)");
  sink_->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace stoker::server
