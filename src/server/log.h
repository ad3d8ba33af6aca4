// One JSON object per line on standard error: {"at","level","event",...}.
//
// Purpose: what operators and machines read afterwards. Never prompts, names, tokens or join codes.
// Threading: any thread; lines are handed to one writer thread and never block the caller.
// Ownership: one Log per process, made in main; it writes what waits when it is destroyed.
// Limits: kLogLinesWaitingMax lines wait; beyond that the oldest are dropped. A line is cut to kLogLineBytesMax.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace stoker::server {

inline constexpr std::size_t kLogLinesWaitingMax = 512;
inline constexpr std::size_t kLogLineBytesMax = 4096;

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };
std::optional<LogLevel> log_level_from_name(std::string_view name);

// The members of a line behind its event, as JSON text: "status":200,"route":"/healthz".
class Fields {
 public:
  Fields& add(std::string_view name, std::string_view value);
  Fields& add(std::string_view name, const char* value) {
    return add(name, std::string_view(value));
  }
  Fields& add(std::string_view name, std::int64_t value);
  Fields& add(std::string_view name, std::uint64_t value);
  Fields& add(std::string_view name, int value) {
    return add(name, static_cast<std::int64_t>(value));
  }
  Fields& add_ms(std::string_view name, double ms);
  const std::string& text() const { return text_; }

 private:
  void begin(std::string_view name);
  std::string text_;
};

class Log {
 public:
  explicit Log(LogLevel level);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool wants(LogLevel level) const { return level >= level_; }
  void write(LogLevel level, std::string_view event, std::string_view fields = {});
  void write(LogLevel level, std::string_view event, const Fields& fields) {
    write(level, event, fields.text());
  }

 private:
  struct Sink;
  const LogLevel level_;
  std::unique_ptr<Sink> sink_;
};

// The line without its end, for the tests.
std::string log_line(std::int64_t wall_ms, LogLevel level, std::string_view event,
                     std::string_view fields);

// A text as a JSON string with its quotes; invalid UTF-8 becomes "?".
std::string json_quoted(std::string_view text);

}  // namespace stoker::server
