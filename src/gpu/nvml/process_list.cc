#include "gpu/nvml/process_list.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

namespace stoker::gpu::nvml {
namespace {

constexpr std::size_t kFirstCapacity = 64;
constexpr std::size_t kSpareEntries = 16;  // for processes that start between two calls
constexpr int kTriesMax = 6;

}  // namespace

std::size_t entry_bytes(std::span<const unsigned char> buffer, std::size_t entries) {
  if (entries == 0) return kProcessBytesV2;
  std::size_t written = buffer.size();
  while (written > 0 && buffer[written - 1] == kUnwritten) --written;
  for (const std::size_t bytes : {kProcessBytesV1, kProcessBytesV2, kProcessBytesV3})
    if (written == bytes * entries) return bytes;
  return kProcessBytesV2;
}

std::vector<CardProcess> parse_processes(std::span<const unsigned char> buffer,
                                         std::size_t entries) {
  const std::size_t stride = entry_bytes(buffer, entries);
  std::vector<CardProcess> processes;
  for (std::size_t i = 0; i < entries && (i + 1) * stride <= buffer.size(); ++i) {
    ProcessHead head;
    std::memcpy(&head, buffer.data() + i * stride, sizeof head);
    if (head.pid == 0 || head.pid > static_cast<unsigned>(std::numeric_limits<std::int32_t>::max()))
      continue;
    CardProcess process{.pid = static_cast<std::int32_t>(head.pid)};
    if (head.used != kValueNotAvailable) process.used = mib_from_bytes(head.used);
    processes.push_back(std::move(process));
  }
  return processes;
}

ProcessList list_processes(int (*function)(Device, unsigned*, void*), Device device) {
  if (function == nullptr) return {{}, false};
  std::size_t capacity = kFirstCapacity;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    // Room for the largest struct per entry, whichever the library writes.
    std::vector<unsigned char> buffer(capacity * kProcessBytesV3, kUnwritten);
    auto count = static_cast<unsigned>(capacity);
    const int code = function(device, &count, buffer.data());
    if (code == kSuccess && count <= capacity) return {parse_processes(buffer, count), true};
    if (code == kNotSupported) return {{}, true};
    if (code != kInsufficientSize || capacity == kCardProcessesMax) return {{}, false};
    capacity = std::min(std::max<std::size_t>(count, capacity) + kSpareEntries, kCardProcessesMax);
  }
  return {{}, false};
}

std::vector<CardProcess> merge_processes(std::vector<CardProcess> compute,
                                         const std::vector<CardProcess>& graphics) {
  std::map<std::int32_t, CardProcess> by_pid;
  compute.insert(compute.end(), graphics.begin(), graphics.end());
  for (CardProcess& process : compute) {
    const auto [known, added] = by_pid.try_emplace(process.pid, process);
    if (!added) known->second.used = std::max(known->second.used, process.used);
  }
  std::vector<CardProcess> merged;
  for (auto& [pid, process] : by_pid)
    if (merged.size() < kCardProcessesMax) merged.push_back(std::move(process));
  return merged;
}

}  // namespace stoker::gpu::nvml
