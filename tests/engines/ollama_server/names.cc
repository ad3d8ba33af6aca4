#include "tests/engines/ollama_server/names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace stoker::engines::ollama {
namespace {

constexpr std::string_view kHost = "registry.ollama.ai/";
constexpr std::string_view kNamespace = "library/";

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool part_allowed(std::string_view part) {
  if (part.empty() || part.size() > 80) return false;
  if (!letter_or_digit(part.front()) && part.front() != '_') return false;
  return std::ranges::all_of(
      part, [](char c) { return letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

std::unexpected<std::string> bad_duration(std::string_view words, std::string_view text) {
  return std::unexpected("time: " + std::string(words) + " \"" + std::string(text) + "\"");
}

std::optional<double> unit_us(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{
      {"ns", 1e-3},
      {"us", 1},
      {"\xC2\xB5s", 1},
      {"\xCE\xBCs", 1},
      {"ms", 1e3},
      {"s", 1e6},
      {"m", 6e7},
      {"h", 3.6e9},
  }};
  const auto found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, double>::first);
  if (found == kUnits.end()) return std::nullopt;
  return found->second;
}

}  // namespace

std::optional<std::string> full_name(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  std::string_view rest = lower;
  if (rest.ends_with(":local")) rest.remove_suffix(6);
  std::string_view tag = "latest";
  const std::size_t colon = rest.rfind(':');
  const std::size_t last_slash = rest.rfind('/');
  if (colon != std::string_view::npos &&
      (last_slash == std::string_view::npos || colon > last_slash)) {
    tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  std::string path(rest);
  const auto slashes = std::ranges::count(path, '/');
  if (slashes > 2) return std::nullopt;
  if (slashes == 0) path.insert(0, kNamespace);
  if (slashes < 2) path.insert(0, kHost);
  const std::size_t first = path.find('/');
  const std::size_t second = path.find('/', first + 1);
  if (first == 0 || !part_allowed(std::string_view(path).substr(first + 1, second - first - 1)) ||
      !part_allowed(std::string_view(path).substr(second + 1)) || !part_allowed(tag)) {
    return std::nullopt;
  }
  return path + ":" + std::string(tag);
}

std::string short_name(std::string_view full) {
  if (full.starts_with(kHost)) full.remove_prefix(kHost.size());
  if (full.starts_with(kNamespace)) full.remove_prefix(kNamespace.size());
  return std::string(full);
}

bool names_cloud(std::string_view name) {
  return name.ends_with(":cloud") || name.ends_with("-cloud");
}

std::expected<Duration, std::string> parse_go_duration(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return Duration{};
  if (rest.empty()) return bad_duration("invalid duration", text);
  double total_us = 0;
  while (!rest.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc() || rest.starts_with('-'))
      return bad_duration("invalid duration", text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::size_t unit_end = std::min(rest.find_first_of("0123456789.-+"), rest.size());
    const std::string_view unit = rest.substr(0, unit_end);
    rest.remove_prefix(unit_end);
    if (unit.empty()) return bad_duration("missing unit in duration", text);
    const auto factor = unit_us(unit);
    if (!factor) {
      return bad_duration("unknown unit \"" + std::string(unit) + "\" in duration", text);
    }
    total_us += number * *factor;
  }
  if (total_us >= static_cast<double>(kForever.us)) return bad_duration("invalid duration", text);
  return Duration{std::llround(negative ? -total_us : total_us)};
}

}  // namespace stoker::engines::ollama
