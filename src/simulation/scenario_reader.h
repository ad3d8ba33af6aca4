// Reads values out of parsed JSON and keeps the first thing that is wrong, with its place.
//
// Purpose: what parse_scenario is made of; nobody else includes it.
// Threading: none. Ownership: JSON, places and problem are lent.
// Errors: after the first problem every reader returns an empty value; callers ask `found()` now and then.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "simulation/scenario.h"

namespace stoker::simulation {

namespace json = boost::json;

// A chain on the stack; becomes a text only when something is wrong.
struct Place {
  const Place* above = nullptr;
  std::string_view key;
  std::optional<std::size_t> index;

  std::string text() const;
};

class Problem {
 public:
  void say(const Place& place, std::string words, ErrorCode code = ErrorCode::bad_request);
  bool found() const { return first_.has_value(); }
  Error take() { return std::move(*first_); }

 private:
  std::optional<Error> first_;
};

enum class Sign : std::uint8_t { any, not_negative, positive };

// One JSON object in its place. A member that is null counts as missing.
class Node {
 public:
  // A value that is no object is a problem, and reads as an empty one.
  Node(const json::value& value, const Place& place, Problem& problem);

  const Place& place() const { return place_; }
  Problem& problem() const { return problem_; }
  void complain(std::string_view key, std::string words) const;

  const json::value* find(std::string_view key) const;
  // Missing is a problem.
  const json::value* need(std::string_view key) const;
  // The elements; missing reads as none, anything but a list is a problem.
  const json::array& list(std::string_view key, std::size_t elements_max) const;
  const json::array& needed_list(std::string_view key, std::size_t elements_max) const;

  std::string_view name(std::string_view key) const;  // not empty
  std::string_view text_or(std::string_view key, std::string_view otherwise) const;
  Duration duration(std::string_view key, Sign sign) const;
  Duration duration_or(std::string_view key, Duration otherwise, Sign sign) const;
  Instant instant(std::string_view key) const { return Instant{} + duration(key, Sign::any); }
  double ratio_or(std::string_view key, double otherwise, double low, double high) const;
  std::int64_t whole(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::int64_t whole_or(std::string_view key, std::int64_t otherwise, std::int64_t low,
                        std::int64_t high) const;

 private:
  const json::object* object_;
  const Place& place_;
  Problem& problem_;
};

// Readers of single values, for lists.
std::string_view read_name(const json::value& value, const Place& place, Problem& problem);
Duration read_duration(const json::value& value, const Place& place, Problem& problem, Sign sign);

}  // namespace stoker::simulation
