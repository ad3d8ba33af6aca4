// Request bodies: one flat JSON object, read field by field, strict about everything.
//
// Purpose: a wrong field is named, an unknown one too, and text is checked once, here.
// Threading: an object belongs to one request.
// Limits: kBodyBytesMax, kBodyDepthMax; lists and texts by the rule that reads them.
// Errors: the first fault is kept and comes out of `finish`; reads after it return nothing.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/refusal.h"

namespace stoker::api {

inline constexpr std::size_t kBodyBytesMax = 64 * 1024;
inline constexpr std::size_t kBodyDepthMax = 8;

enum class Lines : std::uint8_t { one, many };

struct TextRule {
  std::size_t characters_min = 1;  // Unicode code points, after trimming
  std::size_t characters_max = 80;
  Lines lines = Lines::one;
};

struct WholeRule {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};

// Trimmed text that keeps the rule, or the fault of `field`. `raw` is valid UTF-8.
Checked<std::string> checked_text(std::string_view raw, std::string_view field,
                                  const TextRule& rule);

class Body {
 public:
  // An empty body counts as an empty object. `content_type` must be JSON if it is there.
  static Checked<Body> parse(std::string_view bytes, std::optional<std::string_view> content_type);

  // Absent fields give nullopt; `null` counts as absent.
  std::optional<std::string> text(std::string_view name, const TextRule& rule);
  std::optional<std::uint64_t> whole(std::string_view name, const WholeRule& rule);
  std::optional<bool> flag(std::string_view name);
  // One of the words.
  std::optional<std::string> word(std::string_view name,
                                  std::initializer_list<std::string_view> words);
  std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t count_max,
                                                const TextRule& rule);
  std::optional<Body> object(std::string_view name);
  std::optional<std::vector<Body>> objects(std::string_view name, std::size_t count_max);

  // Notes a fault unless there is one already.
  void fault(Refusal refusal);
  bool faulty() const { return fault_.has_value(); }
  void require(bool present, std::string_view name);

  // The fault, or that of a field that nobody read.
  Checked<void> finish();

 private:
  explicit Body(boost::json::object fields, std::string prefix = {})
      : fields_(std::move(fields)), prefix_(std::move(prefix)) {}
  const boost::json::value* take(std::string_view name);
  std::string path(std::string_view name) const { return prefix_ + std::string(name); }
  std::nullopt_t wrong(std::string_view name, std::string_view expected);

  boost::json::object fields_;
  std::string prefix_;  // "groups[0]."
  std::set<std::string, std::less<>> read_;
  std::optional<Refusal> fault_;
};

}  // namespace stoker::api
