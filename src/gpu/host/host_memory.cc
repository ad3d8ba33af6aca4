#include "gpu/host/host_memory.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

std::optional<CardProcess> read_process(const std::string& proc_root, std::int32_t pid) {
  const auto text = read_small_file(in_folder(folder_of(proc_root, pid), "status"));
  if (!text) return std::nullopt;
  const auto anonymous = bytes_of_key(*text, "RssAnon");
  const auto file = bytes_of_key(*text, "RssFile");
  const auto shared = bytes_of_key(*text, "RssShmem");
  if (!anonymous || !file || !shared) return std::nullopt;  // ending, or a thread of the kernel
  CardProcess process{.pid = pid};
  process.name = program_name(proc_root, pid).value_or("");
  process.uncounted = mib_from_bytes(*file);
  process.used = mib_from_bytes(*anonymous + *shared) + process.uncounted;
  return process;
}

}  // namespace

HostMemory::HostMemory(std::string proc_root) : proc_root_(std::move(proc_root)) {}

void HostMemory::watch(std::vector<std::int32_t> pids) {
  if (pids.size() > kCardProcessesMax) pids.resize(kCardProcessesMax);
  pids_ = std::move(pids);
}

Result<std::vector<CardReading>> HostMemory::read() {
  const auto text = read_small_file(proc_root_ + "/meminfo");
  const auto total = text ? bytes_of_key(*text, "MemTotal") : std::nullopt;
  const auto available = text ? bytes_of_key(*text, "MemAvailable") : std::nullopt;
  if (!total || !available) {
    return fail(ErrorCode::backend_down,
                proc_root_ + "/meminfo does not tell MemTotal and MemAvailable");
  }
  CardReading card{.kind = CardKind::host, .name = "memory of this machine"};
  card.total = mib_from_bytes(*total);
  card.used = mib_from_bytes(*total - std::min(*available, *total));
  for (const std::int32_t pid : pids_)
    if (auto process = read_process(proc_root_, pid)) card.processes.push_back(std::move(*process));
  return std::vector{std::move(card)};
}

}  // namespace stoker::gpu
