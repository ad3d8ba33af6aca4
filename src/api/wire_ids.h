// Ids as they are written on the wire: a letter and a number ("j17"); models and backends by their names.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "domain/ids.h"

namespace stoker::api {

template <class Id>
struct IdLetter;
template <>
struct IdLetter<JobId> {
  static constexpr char kLetter = 'j';
};
template <>
struct IdLetter<PersonId> {
  static constexpr char kLetter = 'p';
};
template <>
struct IdLetter<WorkshopId> {
  static constexpr char kLetter = 'w';
};
template <>
struct IdLetter<GroupId> {
  static constexpr char kLetter = 'g';
};
template <>
struct IdLetter<DeviceId> {
  static constexpr char kLetter = 'd';
};

template <class Id>
std::string wire_id(Id id) {
  return IdLetter<Id>::kLetter + std::to_string(id.value);
}

// Null on the wire when there is none.
template <class Id>
std::optional<std::string> wire_id_or_null(Id id) {
  return id ? std::optional(wire_id(id)) : std::nullopt;
}

// Decimal digits and nothing else.
template <class Number>
std::optional<Number> number_from_wire(std::string_view text) {
  Number number = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto read = std::from_chars(begin, end, number);
  const bool plain = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!plain || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// Exactly what wire_id writes: no leading zero, no sign, not zero.
template <class Id>
std::optional<Id> id_from_wire(std::string_view text) {
  if (text.size() < 2 || text.front() != IdLetter<Id>::kLetter || text[1] == '0')
    return std::nullopt;
  const auto number = number_from_wire<decltype(Id::value)>(text.substr(1));
  if (!number) return std::nullopt;
  return Id(*number);
}

}  // namespace stoker::api
