#include "gpu/driver.h"

#include <algorithm>

namespace stoker::gpu {

std::string_view card_kind_name(CardKind kind) {
  switch (kind) {
    case CardKind::nvidia:
      return "nvidia";
    case CardKind::amd:
      return "amd";
    case CardKind::host:
      return "host";
  }
  return "nvidia";
}

std::optional<CardKind> card_kind_from_name(std::string_view name) {
  for (const CardKind kind : {CardKind::nvidia, CardKind::amd, CardKind::host})
    if (name == card_kind_name(kind)) return kind;
  return std::nullopt;
}

MiB mib_from_bytes(std::uint64_t bytes) {
  const std::uint64_t half = (bytes % kBytesPerMiB) >= kBytesPerMiB / 2 ? 1 : 0;
  return {static_cast<std::int64_t>(bytes / kBytesPerMiB + half)};
}

std::string normal_pci_bus_id(std::string_view text) {
  std::string id(text.substr(0, 32));
  std::ranges::transform(
      id, id.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::size_t domain = id.find(':');
  if (domain == std::string::npos) return id;
  if (std::ranges::count(id, ':') == 1) return "0000:" + id;
  if (domain < 4) return std::string(4 - domain, '0') + id;
  std::size_t surplus = 0;
  while (domain - surplus > 4 && id[surplus] == '0') ++surplus;
  return id.substr(surplus);
}

}  // namespace stoker::gpu
