// The keys of the configuration file, as one table. `stoker check --list-keys` prints it; docs/reference/config.md
// describes each.
//
// Threading: constant data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::server {

enum class ValueKind : std::uint8_t { text, name, names, texts, whole, number, flag, options };
std::string_view value_kind_words(ValueKind kind);

// Keys of later versions are known, so that a file that uses them gets a sentence instead of "unknown key".
enum class Availability : std::uint8_t { works, later };

struct KeyRule {
  std::string_view table;
  std::string_view key;
  ValueKind kind = ValueKind::text;
  bool required = false;
  double low = 0;  // numbers: smallest and largest; names and texts: how many
  double high = 0;
  std::string_view words = {};  // the allowed ones, separated by spaces; empty: any
  Availability availability = Availability::works;
};

struct TableRule {
  std::string_view name;
  bool repeated = false;  // [[name]]
  std::size_t count_max = 1;
  Availability availability = Availability::works;
};

std::span<const TableRule> config_tables();
std::span<const KeyRule> config_keys();

const TableRule* find_table(std::string_view table);
const KeyRule* find_key(std::string_view table, std::string_view key);

// The most similar of the words, empty when none is similar enough to be meant.
std::string nearest_word(std::string_view given, const std::vector<std::string_view>& known);

std::vector<std::string_view> split_words(std::string_view words);

}  // namespace stoker::server
