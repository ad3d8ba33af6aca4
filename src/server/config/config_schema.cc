#include "server/config/config_schema.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "domain/model.h"
#include "server/config/config.h"

namespace stoker::server {
namespace {

using enum ValueKind;
using enum Availability;

constexpr double kMibMax = 16.0 * 1024 * 1024;  // 16 TiB
constexpr double kSecondsMax = 24 * 3600;
constexpr double kLoadsParallelMax = 4;
constexpr double kPenaltyMax = 10;
constexpr double kEnvironmentMax = 64;
constexpr double kEngineOptionsMax = 64;
constexpr double kGraceMaxS = 600;
constexpr double kShareMin = 0.01;  // slower would be standing still

constexpr std::array kTables{
    TableRule{"server"},
    TableRule{"device", true, kDevicesMax},
    TableRule{"backend", true, kBackendsMax},
    TableRule{"model", true, kModelsMax},
    TableRule{"residency"},
    TableRule{"scheduling"},
    TableRule{"provider", true, kConfigKeysMax, later},
    TableRule{"key", true, kConfigKeysMax},
};

constexpr std::array kKeys{
    KeyRule{"server", "listen", text},
    KeyRule{"server", "public_url", text},
    KeyRule{"server", "hostnames", texts, false, 0, 32},
    KeyRule{"server", "tls_certificate", text},
    KeyRule{"server", "tls_key", text},
    KeyRule{"server", "data", text},

    KeyRule{"device", "id", name, true},
    KeyRule{"device", "vram_mib", whole, true, 1, kMibMax},
    KeyRule{"device", "kind", name, false, 0, 0, "simulated nvidia amd host"},
    KeyRule{"device", "card", text},
    KeyRule{"device", "loads_parallel", whole, false, 1, kLoadsParallelMax},
    KeyRule{"device", "text_parallel_penalty", number, false, 0, kPenaltyMax},
    KeyRule{"device", "generation_parallel_penalty", number, false, 0, kPenaltyMax},
    KeyRule{"device", "text_beside_generation", number, false, kShareMin, 1},
    KeyRule{"device", "generation_beside_text", number, false, kShareMin, 1},

    KeyRule{"backend", "id", name, true},
    KeyRule{"backend", "kind", name, true, 0, 0, "rehearsal ollama comfyui swarmui openai mistral"},
    KeyRule{"backend", "style", name, false, 0, 0, "ollama comfyui"},
    KeyRule{"backend", "devices", names, false, 1, kDevicesMax},
    KeyRule{"backend", "granularity", name, false, 0, 0, "model backend self"},
    KeyRule{"backend", "slots", whole, false, 1, 64},
    KeyRule{"backend", "url", text},
    KeyRule{"backend", "key_file", text},
    KeyRule{"backend", "key_env", text},
    KeyRule{"backend", "flavour", name, false, 0, 0,
            "llama_cpp llama_cpp_router vllm localai sd_cpp lm_studio plain"},
    KeyRule{"backend", "program", text},
    KeyRule{"backend", "command", texts, false, 1, 64},
    KeyRule{"backend", "environment", options, false, 0, kEnvironmentMax},
    KeyRule{"backend", "folder", text},
    KeyRule{"backend", "process_per", name, false, 0, 0, "backend model"},
    KeyRule{"backend", "ready_path", text},
    KeyRule{"backend", "ready_max_s", number, false, 1, kSecondsMax},
    KeyRule{"backend", "stop_signal", name, false, 0, 0, "TERM INT QUIT HUP KILL"},
    KeyRule{"backend", "stop_grace_s", number, false, 0, kGraceMaxS},

    KeyRule{"model", "id", name, true},
    KeyRule{"model", "title", text},
    KeyRule{"model", "backend", name, true},
    KeyRule{"model", "medium", name, true, 0, 0, "text image video audio music"},
    KeyRule{"model", "files", texts, false, 0, 64},
    KeyRule{"model", "vram_mib", whole, false, 1, kMibMax},
    KeyRule{"model", "declared_mib", whole, false, 1, kMibMax},
    KeyRule{"model", "load_s", number, false, 0, kSecondsMax},
    KeyRule{"model", "run_s", number, false, 0.001, kSecondsMax},
    KeyRule{"model", "steps", whole, false, 0, 10'000},
    KeyRule{"model", "pinned", flag},
    KeyRule{"model", "offered", flag},
    KeyRule{"model", "engine_name", text},
    KeyRule{"model", "load_options", options, false, 0, kEngineOptionsMax},
    KeyRule{"model", "run_options", options, false, 0, kEngineOptionsMax},
    KeyRule{"model", "template", text},
    KeyRule{"model", "weights", options, false, 0, kEngineOptionsMax},

    KeyRule{"residency", "reserve_mib", whole, false, 0, kMibMax},
    KeyRule{"residency", "pins", names, false, 0, kModelsMax},
    KeyRule{"residency", "preload", names, false, 0, kModelsMax},
    KeyRule{"residency", "misfit", name, false, 0, 0, "refuse turns"},

    KeyRule{"scheduling", "text_patience_s", number, false, 0, kSecondsMax},
    KeyRule{"scheduling", "generation_patience_s", number, false, 0, kSecondsMax},

    KeyRule{"provider", "url", text, true, 0, 0, {}, later},
    KeyRule{"provider", "region", text, false, 0, 0, {}, later},
    KeyRule{"provider", "allowed", flag, false, 0, 0, {}, later},

    KeyRule{"key", "role", name, true, 0, 0, "admin leader application"},
    KeyRule{"key", "name", name},
    KeyRule{"key", "token_file", text},
    KeyRule{"key", "env", text},
};

std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view value_kind_words(ValueKind kind) {
  switch (kind) {
    case text:
      return "a text";
    case name:
      return "a name";
    case names:
      return "a list of names";
    case texts:
      return "a list of texts";
    case whole:
      return "a whole number";
    case number:
      return "a number";
    case flag:
      return "true or false";
    case options:
      return "a table";
  }
  return "a value";
}

std::span<const TableRule> config_tables() {
  return kTables;
}
std::span<const KeyRule> config_keys() {
  return kKeys;
}

const TableRule* find_table(std::string_view table) {
  const auto found = std::ranges::find(kTables, table, &TableRule::name);
  return found == kTables.end() ? nullptr : found;
}

const KeyRule* find_key(std::string_view table, std::string_view key) {
  const auto found = std::ranges::find_if(
      kKeys, [&](const KeyRule& rule) { return rule.table == table && rule.key == key; });
  return found == kKeys.end() ? nullptr : found;
}

std::string nearest_word(std::string_view given, const std::vector<std::string_view>& known) {
  std::string_view best;
  if (given.size() < 3 || given.size() > 64) return {};
  std::size_t best_edits = 1 + (given.size() < 5 ? 1 : std::max<std::size_t>(2, given.size() / 3));
  for (const std::string_view word : known) {
    const std::size_t edits = edits_between(given, word);
    if (edits >= best_edits) continue;
    best = word;
    best_edits = edits;
  }
  return std::string(best);
}

std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> parts;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (end > 0) parts.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return parts;
}

}  // namespace stoker::server
