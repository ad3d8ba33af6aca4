// Writes JSON text member by member, for answers and events.
//
// Purpose: numbers as people write them (2.5, not 2.5E0), one line without spaces, no tree in between.
// Threading: a writer belongs to one owner.
// REQUIRES: calls that make sense in their order; strings are valid UTF-8.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stoker::api {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(std::same_as<bool> auto flag) { return literal(flag ? "true" : "false"); }
  JsonWriter& value(std::signed_integral auto number) { return literal(std::to_string(number)); }
  JsonWriter& value(std::unsigned_integral auto number)
    requires(!std::same_as<decltype(number), bool>)
  {
    return literal(std::to_string(number));
  }
  JsonWriter& value(double number);  // null unless finite
  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  JsonWriter& null() { return literal("null"); }
  // A value that is JSON already.
  JsonWriter& raw(std::string_view json) { return literal(json); }

  template <class T>
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  std::string take() { return std::move(text_); }
  std::size_t size() const { return text_.size(); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& literal(std::string_view word);
  void separate();

  std::string text_;
};

}  // namespace stoker::api
