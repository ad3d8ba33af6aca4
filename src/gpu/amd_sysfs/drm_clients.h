// Who holds memory of AMD cards: the kernel's notes about open graphics files and about compute processes.
//
// Purpose: amounts by process and card, from two places that each see a part.
// Threading: `parse_drm_client` is pure; the others read files, one caller at a time.
// Limits: kDrmFilesMax open files per process, kDrmClientsMax clients in all.
// Errors: what cannot be read is left out; files of other accounts make the list incomplete.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace stoker::gpu {

inline constexpr std::size_t kDrmFilesMax = 4096;
inline constexpr std::size_t kDrmClientsMax = 8192;

// One open graphics file. Files that share a client share its memory.
struct DrmClient {
  std::string pci_bus_id;
  std::uint64_t id = 0;
  std::uint64_t vram_bytes = 0;
};

// The text of /proc/PID/fdinfo/FD; nothing for files of other drivers.
std::optional<DrmClient> parse_drm_client(std::string_view text);

using CardHolders =
    std::map<std::pair<std::string, std::int32_t>, std::uint64_t>;  // (pci, pid) → bytes

struct DrmHolders {
  CardHolders bytes;
  bool complete = true;
};
DrmHolders drm_holders(const std::string& proc_root);

// What the compute driver says: /sys/class/kfd/kfd/proc/PID/vram_GPU.
CardHolders compute_holders(const std::string& sys_root);

}  // namespace stoker::gpu
