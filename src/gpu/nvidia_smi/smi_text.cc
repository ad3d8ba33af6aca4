#include "gpu/nvidia_smi/smi_text.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

constexpr std::size_t kFieldsBeforeName = 3;
constexpr std::size_t kFieldsAfterName = 4;
constexpr std::uint64_t kAmountMax = std::uint64_t{1} << 40U;  // MiB

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t comma = line.find(',');
    fields.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

// "1234", also "1234 MiB" of versions that ignore nounits. "[N/A]", "[Not Supported]" and the like are none.
std::optional<std::uint64_t> amount(std::string_view field) {
  const auto value = number_in(field.substr(0, field.find(' ')));
  if (!value || *value > kAmountMax) return std::nullopt;
  return value;
}

std::optional<MiB> mib(std::string_view field) {
  const auto value = amount(field);
  if (!value) return std::nullopt;
  return MiB{static_cast<std::int64_t>(*value)};
}

// Texts in brackets say that there is none.
std::string told(std::string_view field) {
  return field.starts_with('[') ? std::string() : printable(field, kCardNameMax);
}

std::optional<CardReading> parse_card(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() < kFieldsBeforeName + 1 + kFieldsAfterName) return std::nullopt;
  const auto index = amount(fields[0]);
  if (!index || *index >= kCardsMax || told(fields[1]).empty()) return std::nullopt;
  const std::size_t after = fields.size() - kFieldsAfterName;
  const char* name_begin = fields[kFieldsBeforeName].data();
  const char* name_end = fields[after - 1].data() + fields[after - 1].size();

  CardReading card{.kind = CardKind::nvidia, .index = static_cast<std::int32_t>(*index)};
  card.uuid = told(fields[1]);
  card.pci_bus_id = normal_pci_bus_id(told(fields[2]));
  card.name = told(std::string_view(name_begin, static_cast<std::size_t>(name_end - name_begin)));
  const auto total = mib(fields[after]);
  const auto used = mib(fields[after + 1]);
  const auto busy = amount(fields[after + 2]);
  if (busy && *busy <= 100) card.utilisation_percent = static_cast<int>(*busy);
  card.driver_version = told(fields[after + 3]);
  card.total = total.value_or(MiB{});
  card.used = used.value_or(MiB{});
  if (!total || !used) {
    card.trouble = Error{ErrorCode::backend_down,
                         "nvidia-smi does not tell the memory of this card: " +
                             printable(total ? fields[after + 1] : fields[after], 80)};
  }
  return card;
}

std::optional<SmiProcess> parse_process(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() != 3) return std::nullopt;
  const auto pid = number_in(fields[1]);
  if (!pid || *pid == 0 || *pid > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  SmiProcess found{.uuid = told(fields[0]), .process = {.pid = static_cast<std::int32_t>(*pid)}};
  found.process.used = mib(fields[2]);
  if (found.uuid.empty()) return std::nullopt;
  return found;
}

}  // namespace

SmiCardList parse_smi_cards(std::string_view text) {
  SmiCardList result;
  while (!text.empty() && result.cards.size() < kCardsMax) {
    const std::string_view line = take_line(text);
    if (trimmed(line).empty()) continue;
    auto card = parse_card(line);
    const bool twice = card && has(result.cards, card->uuid, &CardReading::uuid);
    if (card && !twice) {
      result.cards.push_back(std::move(*card));
    } else {
      ++result.lines_not_understood;
    }
  }
  return result;
}

SmiProcessList parse_smi_processes(std::string_view text) {
  SmiProcessList result;
  while (!text.empty() && result.processes.size() < kCardsMax * kCardProcessesMax) {
    const std::string_view line = take_line(text);
    if (trimmed(line).empty()) continue;
    if (auto process = parse_process(line)) {
      result.processes.push_back(std::move(*process));
    } else {
      ++result.lines_not_understood;
    }
  }
  return result;
}

}  // namespace stoker::gpu
