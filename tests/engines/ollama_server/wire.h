// JSON as Go reads and writes it.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tests/engines/ollama_server/residency.h"

namespace stoker::engines::ollama {

inline constexpr std::string_view kJsonType = "application/json; charset=utf-8";

// With <, > and & written as Go writes them.
std::string go_json(const boost::json::value& value);
std::string error_json(std::string_view text);

enum class Kind : std::uint8_t { text, flag, integer, number, list, object, any };
struct Rule {
  std::string_view name;
  Kind kind;
};

// The body of a request whose fields have the types of the rules. A null counts as absent.
class Fields {
 public:
  // `go_type` appears in the texts of errors ("ChatRequest"), which have status 400.
  static std::expected<Fields, Refusal> parse(std::string_view body, std::string_view go_type,
                                              std::span<const Rule> rules);

  const boost::json::value* find(std::string_view name) const;
  std::string text(std::string_view name) const;  // "" if absent
  std::optional<bool> flag(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;
  std::size_t list_size(std::string_view name) const;

 private:
  explicit Fields(boost::json::object object) : object_(std::move(object)) {}
  boost::json::object object_;
};

std::string text_of(const boost::json::object& object, std::string_view name);

// §5 of the reference: absent stays absent.
std::expected<std::optional<Duration>, Refusal> keep_alive_of(const Fields& fields);

struct RunOptions {
  LoadSettings load;  // num_ctx not yet clamped
  std::optional<std::int64_t> num_ctx;
  std::optional<std::int64_t> num_predict;
};
std::expected<RunOptions, Refusal> options_of(const Fields& fields);

}  // namespace stoker::engines::ollama
