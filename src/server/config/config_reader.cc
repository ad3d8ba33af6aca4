#include "server/config/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

namespace stoker::server {
namespace {

constexpr std::size_t kTextBytesShown = 40;
constexpr std::size_t kConfigTextBytesMax = 4096;
constexpr std::size_t kOptionNameBytesMax = 128;

std::string shown(std::string_view text) {
  std::string words;
  for (const char c : text.substr(0, kTextBytesShown))
    words += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return "\"" + words + (text.size() > kTextBytesShown ? "...\"" : "\"");
}

std::string_view what_it_is(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::string joined(std::string_view words) {
  std::string list;
  for (const std::string_view word : split_words(words))
    list += (list.empty() ? "" : ", ") + std::string(word);
  return list;
}

std::string similar(std::string_view given, const std::vector<std::string_view>& known) {
  const std::string nearest = nearest_word(given, known);
  return nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest);
}

bool is_name(std::string_view text) {
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || text.size() > 64 || !letter_or_digit(text.front())) return false;
  return std::ranges::all_of(text, [&](char c) {
    return letter_or_digit(c) || c == '.' || c == '_' || c == '-' || c == ':';
  });
}

// What is wrong with one word or text; empty: nothing.
std::string fault_of_text(const KeyRule& rule, const toml::node& node) {
  const bool wants_name = rule.kind == ValueKind::name || rule.kind == ValueKind::names;
  const auto* value = node.as_string();
  if (value == nullptr)
    return fmt::format("must be {}, not {}", wants_name ? "a name" : "a text", what_it_is(node));
  const std::string& text = value->get();
  if (text.size() > kConfigTextBytesMax)
    return fmt::format("may have {} bytes", kConfigTextBytesMax);
  if (!rule.words.empty()) {
    const auto words = split_words(rule.words);
    if (std::ranges::find(words, text) != words.end()) return {};
    return fmt::format("must be one of {}, not {}{}", joined(rule.words), shown(text),
                       similar(text, words));
  }
  if (wants_name && !is_name(text)) {
    return fmt::format("must be a name of letters, digits and . _ - : (64 at most), not {}",
                       shown(text));
  }
  return text.empty() ? "must not be empty" : "";
}

std::string fault_of_number(const KeyRule& rule, const toml::node& node) {
  const bool is_whole = node.is_integer();
  if (!is_whole && (rule.kind == ValueKind::whole || !node.is_floating_point()))
    return fmt::format("must be {}, not {}", value_kind_words(rule.kind), what_it_is(node));
  const double value =
      is_whole ? static_cast<double>(node.as_integer()->get()) : node.as_floating_point()->get();
  if (std::isfinite(value) && value >= rule.low && value <= rule.high) return {};
  return fmt::format("must lie between {} and {}, not {}", rule.low, rule.high, value);
}

std::string fault_of_list(const KeyRule& rule, const toml::node& node) {
  const auto* list = node.as_array();
  if (list == nullptr)
    return fmt::format("must be {}, not {}", value_kind_words(rule.kind), what_it_is(node));
  const auto count = static_cast<double>(list->size());
  if (count < rule.low || count > rule.high)
    return fmt::format("must have between {} and {} elements, not {}", rule.low, rule.high, count);
  return {};
}

std::string fault_of_options(const KeyRule& rule, const toml::node& node) {
  const auto* options = node.as_table();
  if (options == nullptr) return fmt::format("must be a table, not {}", what_it_is(node));
  if (static_cast<double>(options->size()) > rule.high)
    return fmt::format("may have {} entries", rule.high);
  for (const auto& [key, value] : *options) {
    if (key.str().empty() || key.str().size() > kOptionNameBytesMax)
      return fmt::format("has a name that is too long: {}", shown(key.str()));
    const bool is_plain =
        value.is_string() || value.is_integer() || value.is_floating_point() || value.is_boolean();
    if (!is_plain) {
      return fmt::format("{} must be a number, a text or true or false, not {}", shown(key.str()),
                         what_it_is(value));
    }
    if (value.is_string() && value.as_string()->get().size() > kConfigTextBytesMax)
      return fmt::format("{} may have {} bytes", shown(key.str()), kConfigTextBytesMax);
  }
  return {};
}

}  // namespace

void Problems::add(const toml::source_region& where, std::string words) {
  if (list_.size() < kConfigProblemsMax)
    list_.push_back({where.begin.line, where.begin.column, std::move(words)});
}

std::vector<ConfigProblem> Problems::take() {
  std::ranges::stable_sort(list_, {},
                           [](const ConfigProblem& p) { return std::pair(p.line, p.column); });
  return std::move(list_);
}

CheckedTable::CheckedTable(std::string_view name, const toml::table& table, Problems& problems)
    : name_(name), table_(table), problems_(problems) {
  for (const auto& [key, node] : table) check_key(key, node);
  check_required();
}

void CheckedTable::check_key(const toml::key& key, const toml::node& node) {
  const KeyRule* rule = find_key(name_, key.str());
  if (rule == nullptr) {
    std::vector<std::string_view> known;
    for (const KeyRule& other : config_keys())
      if (other.table == name_) known.push_back(other.key);
    problems_.add(key.source(), fmt::format("unknown key {} in [{}]{}", shown(key.str()), name_,
                                            similar(key.str(), known)));
    return;
  }
  if (rule->availability == Availability::later) {
    problems_.add(key.source(),
                  fmt::format("{} in [{}] is not available in this version", rule->key, name_));
    return;
  }
  std::string fault;
  switch (rule->kind) {
    case ValueKind::text:
    case ValueKind::name:
      fault = fault_of_text(*rule, node);
      break;
    case ValueKind::whole:
    case ValueKind::number:
      fault = fault_of_number(*rule, node);
      break;
    case ValueKind::names:
    case ValueKind::texts:
      fault = fault_of_list(*rule, node);
      break;
    case ValueKind::flag:
      if (!node.is_boolean())
        fault = fmt::format("must be true or false, not {}", what_it_is(node));
      break;
    case ValueKind::options:
      fault = fault_of_options(*rule, node);
      break;
  }
  if (!fault.empty()) {
    problems_.add(node.source(), fmt::format("{} {}", rule->key, fault));
    return;
  }
  bool elements_are_right = true;
  if (const auto* list = node.as_array()) {
    for (const toml::node& element : *list) {
      const std::string wrong = fault_of_text(*rule, element);
      if (wrong.empty()) continue;
      problems_.add(element.source(), fmt::format("{}: each element {}", rule->key, wrong));
      elements_are_right = false;
    }
  }
  if (elements_are_right) nodes_.emplace(rule->key, &node);
}

void CheckedTable::check_required() const {
  for (const KeyRule& rule : config_keys()) {
    if (rule.table != name_ || !rule.required || table_.contains(rule.key)) continue;
    problems_.add(table_.source(), fmt::format("{} is missing in [{}]", rule.key, name_));
  }
}

std::string CheckedTable::text(std::string_view key, std::string_view otherwise) const {
  const auto found = nodes_.find(key);
  return found == nodes_.end() ? std::string(otherwise) : found->second->as_string()->get();
}

std::optional<std::int64_t> CheckedTable::whole(std::string_view key) const {
  const auto found = nodes_.find(key);
  if (found == nodes_.end()) return std::nullopt;
  return found->second->as_integer()->get();
}

std::optional<double> CheckedTable::number(std::string_view key) const {
  const auto found = nodes_.find(key);
  return found == nodes_.end() ? std::nullopt : found->second->value<double>();
}

std::optional<bool> CheckedTable::flag(std::string_view key) const {
  const auto found = nodes_.find(key);
  if (found == nodes_.end()) return std::nullopt;
  return found->second->as_boolean()->get();
}

std::vector<std::string> CheckedTable::texts(std::string_view key) const {
  std::vector<std::string> list;
  const auto found = nodes_.find(key);
  if (found == nodes_.end()) return list;
  for (const toml::node& element : *found->second->as_array())
    list.push_back(element.as_string()->get());
  return list;
}

protocol::Options CheckedTable::options(std::string_view key) const {
  protocol::Options list;
  const auto found = nodes_.find(key);
  if (found == nodes_.end()) return list;
  for (const auto& [name, node] : *found->second->as_table()) {
    protocol::OptionValue value;
    if (const auto* flag = node.as_boolean()) value = flag->get();
    if (const auto* whole = node.as_integer()) value = whole->get();
    if (const auto* number = node.as_floating_point()) value = number->get();
    if (const auto* text = node.as_string()) value = text->get();
    list.emplace_back(std::string(name.str()), std::move(value));
  }
  return list;
}

std::string resolved_path(const std::string& path, const std::string& folder) {
  if (path.empty() || std::filesystem::path(path).is_absolute()) return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

Duration duration_of_seconds(double s) {
  return microseconds(std::llround(s * 1e6));
}

const toml::source_region& CheckedTable::where(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node == nullptr ? table_.source() : node->source();
}

const toml::source_region& CheckedTable::where(std::string_view key, std::size_t n) const {
  const toml::node* node = table_.get(key);
  const toml::array* list = node == nullptr ? nullptr : node->as_array();
  return list != nullptr && n < list->size() ? list->get(n)->source() : where(key);
}

std::map<std::string_view, std::vector<CheckedTable>> check_tables(const toml::table& root,
                                                                   Problems& problems) {
  std::map<std::string_view, std::vector<CheckedTable>> tables;
  std::vector<std::string_view> known;
  for (const TableRule& rule : config_tables()) known.push_back(rule.name);
  for (const auto& [key, node] : root) {
    const TableRule* rule = find_table(key.str());
    if (rule == nullptr) {
      problems.add(key.source(),
                   fmt::format("unknown table {}{}", shown(key.str()), similar(key.str(), known)));
      continue;
    }
    if (rule->availability == Availability::later) {
      problems.add(key.source(),
                   fmt::format("[[{}]] is not available in this version", rule->name));
      continue;
    }
    std::vector<CheckedTable>& list = tables[rule->name];
    if (!rule->repeated && node.is_table()) {
      list.emplace_back(rule->name, *node.as_table(), problems);
    } else if (rule->repeated && node.is_array_of_tables()) {
      const toml::array& elements = *node.as_array();
      if (elements.size() > rule->count_max)
        problems.add(key.source(), fmt::format("at most {} [[{}]]", rule->count_max, rule->name));
      for (const toml::node& element : elements)
        list.emplace_back(rule->name, *element.as_table(), problems);
    } else {
      problems.add(key.source(),
                   fmt::format("must be written as {0}{2}{1}", rule->repeated ? "[[" : "[",
                               rule->repeated ? "]]" : "]", rule->name));
    }
  }
  return tables;
}

}  // namespace stoker::server
