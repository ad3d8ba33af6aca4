// Reads one parsed table of the configuration by the rules of the schema, and collects every problem.
//
// Purpose: the only file besides config.cc that knows the TOML library.
// Threading: one reader per file, one thread.
// Limits: kConfigProblemsMax problems are kept.
#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/options.h"
#include "server/config/config.h"
#include "server/config/config_schema.h"

namespace stoker::server {

class Problems {
 public:
  void add(const toml::source_region& where, std::string words);
  bool empty() const { return list_.empty(); }
  // In the order of the lines.
  std::vector<ConfigProblem> take();

 private:
  std::vector<ConfigProblem> list_;
};

// One [table] or one element of [[table]] after its keys and the kinds of their values were checked: what is left here
// has the right kind and range.
class CheckedTable {
 public:
  CheckedTable(std::string_view name, const toml::table& table, Problems& problems);

  std::string text(std::string_view key, std::string_view otherwise = {}) const;
  std::optional<std::int64_t> whole(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  // A table of numbers, texts and flags, in the order of its keys.
  protocol::Options options(std::string_view key) const;
  bool has(std::string_view key) const { return nodes_.contains(key); }

  // Where the value stands; the table when it does not.
  const toml::source_region& where(std::string_view key) const;
  // Where the n-th element of a list stands.
  const toml::source_region& where(std::string_view key, std::size_t n) const;
  void complain(std::string_view key, std::string words) const {
    problems_.add(where(key), std::move(words));
  }
  // At the n-th element of a list.
  void complain(std::string_view key, std::size_t n, std::string words) const {
    problems_.add(where(key, n), std::move(words));
  }

 private:
  void check_key(const toml::key& key, const toml::node& node);
  void check_required() const;

  std::string_view name_;
  const toml::table& table_;
  Problems& problems_;
  std::map<std::string_view, const toml::node*> nodes_;
};

// A path of the file: relative ones count from the file's folder; empty stays empty.
std::string resolved_path(const std::string& path, const std::string& folder);
Duration duration_of_seconds(double s);

// The checked tables of one file by name; unknown and too many tables have been complained about.
std::map<std::string_view, std::vector<CheckedTable>> check_tables(const toml::table& root,
                                                                   Problems& problems);

}  // namespace stoker::server
