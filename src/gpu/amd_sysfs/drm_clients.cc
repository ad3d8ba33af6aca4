#include "gpu/amd_sysfs/drm_clients.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <set>
#include <vector>

#include "gpu/driver.h"
#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

constexpr std::size_t kNodesMax = 256;

std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (!line.starts_with(key)) continue;
    const std::string_view rest = line.substr(key.size());
    if (rest.starts_with(':') || rest.starts_with(' ')) return trimmed(rest.substr(1));
  }
  return std::nullopt;
}

std::string hex(std::uint64_t value, std::size_t digits) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, 16).ptr;
  const std::string plain(text.data(), end);
  return std::string(digits - std::min(digits, plain.size()), '0') + plain;
}

// The compute driver names cards by its own numbers; its topology tells where on the bus they are.
std::map<std::string, std::string> pci_by_compute_id(const std::string& sys_root) {
  const std::string nodes = sys_root + "/class/kfd/kfd/topology/nodes";
  std::map<std::string, std::string> ids;
  for (const std::string& node : names_in(nodes, kNodesMax)) {
    const std::string folder = in_folder(nodes, node);
    const auto id = read_small_file(in_folder(folder, "gpu_id"));
    const auto properties = read_small_file(in_folder(folder, "properties"));
    if (!id || !properties || trimmed(*id) == "0") continue;
    const auto location = number_in(value_of(*properties, "location_id").value_or(""));
    const auto domain = number_in(value_of(*properties, "domain").value_or("0"));
    if (!location || !domain || *location > 0xFFFF || *domain > 0xFFFF) continue;
    const std::string pci = hex(*domain, 4) + ":" + hex(*location >> 8U, 2) + ":" +
                            hex((*location >> 3U) & 0x1FU, 2) + "." + hex(*location & 7U, 1);
    ids.emplace(trimmed(*id), pci);
  }
  return ids;
}

}  // namespace

std::optional<DrmClient> parse_drm_client(std::string_view text) {
  if (value_of(text, "drm-driver") != "amdgpu") return std::nullopt;
  const auto pci = value_of(text, "drm-pdev");
  const auto id = number_in(value_of(text, "drm-client-id").value_or(""));
  // Older kernels say "memory" for what newer ones call "resident".
  auto bytes = bytes_of_key(text, "drm-resident-vram");
  if (!bytes) bytes = bytes_of_key(text, "drm-memory-vram");
  if (!pci || !id || !bytes) return std::nullopt;
  return DrmClient{normal_pci_bus_id(*pci), *id, *bytes};
}

DrmHolders drm_holders(const std::string& proc_root) {
  DrmHolders holders;
  std::set<std::pair<std::string, std::uint64_t>> seen;
  for (const std::int32_t pid : process_ids(proc_root)) {
    const std::string folder = folder_of(proc_root, pid);
    const std::string files = in_folder(folder, "fd");
    const std::string notes = in_folder(folder, "fdinfo");
    if (::access(files.c_str(), R_OK | X_OK) != 0) holders.complete = false;
    for (const std::string& fd : names_in(files, kDrmFilesMax)) {
      const auto target = read_link(in_folder(files, fd));
      if (!target || !target->starts_with("/dev/dri/")) continue;
      const auto text = read_small_file(in_folder(notes, fd));
      const auto client = text ? parse_drm_client(*text) : std::nullopt;
      if (!client || seen.size() >= kDrmClientsMax) continue;
      if (!seen.emplace(client->pci_bus_id, client->id).second) continue;
      auto& sum = holders.bytes[{client->pci_bus_id, pid}];
      sum += std::min(client->vram_bytes, std::numeric_limits<std::uint64_t>::max() - sum);
    }
  }
  return holders;
}

CardHolders compute_holders(const std::string& sys_root) {
  const auto pci_ids = pci_by_compute_id(sys_root);
  const std::string processes = sys_root + "/class/kfd/kfd/proc";
  CardHolders holders;
  if (pci_ids.empty()) return holders;
  for (const std::int32_t pid : process_ids(processes)) {
    for (const auto& [id, pci] : pci_ids) {
      const auto text = read_small_file(in_folder(folder_of(processes, pid), "vram_" + id));
      const auto bytes = text ? number_in(*text) : std::nullopt;
      if (bytes && *bytes > 0) holders[{pci, pid}] = *bytes;
    }
  }
  return holders;
}

}  // namespace stoker::gpu
