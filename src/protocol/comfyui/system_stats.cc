#include "protocol/comfyui/system_stats.h"

#include <algorithm>
#include <charconv>

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

constexpr std::size_t kFlagsMax = 64;
constexpr std::size_t kFlagBytesMax = 120;

using Words = std::vector<std::string>;

bool is_flag(std::string_view word) {
  return word.starts_with("--") && word.size() > 2;
}

bool names_path(std::string_view word) {
  return word.find_first_of("/\\") != std::string_view::npos;
}

Words words_of(const json::object& system) {
  Words words;
  const json::array* argv = array_in(system, "argv");
  if (argv == nullptr) return words;
  for (const json::value& each : *argv) {
    const json::string* word = each.if_string();
    if (word != nullptr && words.size() < kFlagsMax) words.emplace_back(*word);
  }
  return words;
}

// "--cache-lru 10" as one flag; values that are paths are left out.
Words flags_of(const Words& words) {
  Words flags;
  for (const std::string& word : words) {
    if (is_flag(word)) {
      const std::size_t assigned = word.find('=');
      const bool path = assigned != std::string::npos && names_path(word.substr(assigned));
      flags.push_back(path ? word.substr(0, assigned) : word.substr(0, kFlagBytesMax));
    } else if (!flags.empty() && !names_path(word) &&
               flags.back().size() + word.size() < kFlagBytesMax) {
      flags.back() += " " + word;
    }
  }
  return flags;
}

bool has(const Words& flags, std::string_view flag) {
  return std::ranges::any_of(flags, [&](const std::string& each) {
    return each == flag || each.starts_with(std::string(flag) + " ") ||
           each.starts_with(std::string(flag) + "=");
  });
}

std::uint32_t number_after(const Words& flags, std::string_view flag) {
  for (const std::string& each : flags) {
    if (!each.starts_with(flag) || each.size() <= flag.size() + 1) continue;
    std::uint32_t value = 0;
    const char* from = each.data() + flag.size() + 1;
    std::from_chars(from, each.data() + each.size(), value);
    return value;
  }
  return 0;
}

// Whether anything outlives a prompt that does not use it: the machine has more than what is to be kept free.
bool keeps_by_ram(const Words& flags, MiB ram_total) {
  for (const std::string& each : flags) {
    if (each.starts_with("--high-ram")) return true;
    if (!each.starts_with("--cache-ram ")) continue;
    // GiB to be kept free while a prompt runs and for what is idle: the last number counts.
    const std::size_t last = each.rfind(' ');
    double gib = 0;
    std::from_chars(each.data() + last + 1, each.data() + each.size(), gib);
    return gib * 1024 < static_cast<double>(ram_total.count);
  }
  return ram_total > kRamKeptFree;
}

void read_flags(SystemStats& stats, std::string_view device_type) {
  const Words& flags = stats.flags;
  stats.cache = stats.version >= kRamCacheByDefault ? CachePolicy::ram : CachePolicy::classic;
  stats.lru_results = number_after(flags, "--cache-lru");
  if (has(flags, "--cache-ram") || has(flags, "--high-ram")) stats.cache = CachePolicy::ram;
  if (stats.cache == CachePolicy::ram && !keeps_by_ram(flags, stats.ram_total))
    stats.cache = CachePolicy::classic;
  if (stats.lru_results > 0) stats.cache = CachePolicy::lru;
  if (has(flags, "--cache-none")) stats.cache = CachePolicy::none;
  if (has(flags, "--cache-classic")) stats.cache = CachePolicy::classic;
  stats.unloads_after_run = has(flags, "--disable-smart-memory");
  stats.interrupts_one = stats.version >= kInterruptsOne;
  stats.on_cpu = device_type == "cpu";
  const bool fixed = has(flags, "--disable-dynamic-vram") || has(flags, "--highvram") ||
                     has(flags, "--gpu-only") || has(flags, "--novram") || has(flags, "--cpu");
  stats.pages_weights = has(flags, "--enable-dynamic-vram") ||
                        (stats.version >= kPagesByDefault && device_type == "cuda" && !fixed);
}

MiB mib_in(const json::object& object, std::string_view key) {
  return {static_cast<std::int64_t>(count_in(object, key).value_or(0) / kBytesPerMiB)};
}

}  // namespace

Version parse_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  Version version;
  for (std::uint32_t* part : {&version.major, &version.minor, &version.patch}) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (failed != std::errc()) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  return version;
}

std::uint32_t workflows_kept(const SystemStats& stats, std::size_t nodes) {
  if (stats.cache == CachePolicy::classic) return 1;
  if (stats.cache != CachePolicy::lru) return 0;
  const auto each = static_cast<std::uint32_t>(std::max<std::size_t>(nodes, 1));
  return std::max(1U, stats.lru_results / each);
}

Result<SystemStats> parse_system_stats(std::string_view body) {
  const auto answer = parse_object(body);
  const json::object* system = answer ? object_in(*answer, "system") : nullptr;
  if (system == nullptr) {
    return fail(ErrorCode::backend_down, "the engine's system statistics are unreadable");
  }
  SystemStats stats;
  stats.version_text = text_in(*system, "comfyui_version").value_or("").substr(0, 40);
  stats.version = parse_version(stats.version_text);
  stats.flags = flags_of(words_of(*system));
  stats.ram_total = mib_in(*system, "ram_total");
  stats.ram_free = mib_in(*system, "ram_free");
  std::string device_type;
  const json::array* devices = array_in(*answer, "devices");
  for (const json::value& each : devices == nullptr ? json::array() : *devices) {
    const json::object* device = each.if_object();
    if (device == nullptr) continue;
    if (device_type.empty()) device_type = text_in(*device, "type").value_or("");
    stats.device_total += mib_in(*device, "vram_total");
    stats.device_free += mib_in(*device, "vram_free");
    stats.torch_active += mib_in(*device, "torch_vram_total") - mib_in(*device, "torch_vram_free");
  }
  read_flags(stats, device_type);
  return stats;
}

}  // namespace stoker::protocol::comfyui
