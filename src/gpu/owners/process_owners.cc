#include "gpu/owners/process_owners.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

constexpr std::size_t kSocketTableBytesMax = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kFilesPerProcessMax = 16384;
// Sockets whose holder is not found (another account's engine) are searched for again only now and then.
constexpr int kPassesBetweenSearches = 10;

bool says_something(const OwnerRule& rule) {
  return rule.backend && (!rule.process_groups.empty() || rule.port != 0 || !rule.program.empty());
}

std::vector<ProcessFacts> all_processes(const std::string& proc_root, bool want_programs) {
  std::vector<ProcessFacts> processes;
  for (const std::int32_t pid : process_ids(proc_root)) {
    const auto text = read_small_file(in_folder(folder_of(proc_root, pid), "stat"));
    auto facts = text ? parse_stat(*text) : std::nullopt;
    if (!facts) continue;
    facts->pid = pid;
    if (want_programs) facts->program = program_name(proc_root, pid).value_or("");
    processes.push_back(std::move(*facts));
  }
  return processes;
}

std::optional<std::uint64_t> socket_inode(std::string_view link) {
  constexpr std::string_view kPrefix = "socket:[";
  if (!link.starts_with(kPrefix) || !link.ends_with(']')) return std::nullopt;
  return number_in(link.substr(kPrefix.size(), link.size() - kPrefix.size() - 1));
}

std::vector<std::uint64_t> sockets_of(const std::string& proc_root, std::int32_t pid) {
  const std::string folder = in_folder(folder_of(proc_root, pid), "fd");
  std::vector<std::uint64_t> inodes;
  for (const std::string& name : names_in(folder, kFilesPerProcessMax)) {
    const auto link = read_link(in_folder(folder, name));
    const auto inode = link ? socket_inode(*link) : std::nullopt;
    if (inode) inodes.push_back(*inode);
  }
  return inodes;
}

}  // namespace

ProcessOwners::ProcessOwners(std::string proc_root) : proc_root_(std::move(proc_root)) {}

void ProcessOwners::set_rule(OwnerRule rule) {
  const std::lock_guard lock(mutex_);
  if (!says_something(rule)) {
    rules_.erase(rule.backend);
    return;
  }
  if (rules_.size() >= kOwnerRulesMax && !rules_.contains(rule.backend)) return;
  rule.program = printable(rule.program, kProgramNameMax);
  rules_.insert_or_assign(rule.backend, std::move(rule));
}

void ProcessOwners::drop_rule(BackendId backend) {
  const std::lock_guard lock(mutex_);
  rules_.erase(backend);
}

OwnerTable ProcessOwners::look() {
  const std::vector<OwnerRule> now = rules();
  if (now.empty()) return {};
  const bool want_programs =
      std::ranges::any_of(now, [](const OwnerRule& rule) { return !rule.program.empty(); });
  std::vector<ListeningSocket> sockets = listening(now);
  std::vector<ProcessFacts> processes = all_processes(proc_root_, want_programs);
  find_holders(sockets, processes);
  return owners_of(processes, sockets, now);
}

std::vector<OwnerRule> ProcessOwners::rules() const {
  const std::lock_guard lock(mutex_);
  std::vector<OwnerRule> copy;
  for (const auto& [backend, rule] : rules_) copy.push_back(rule);
  return copy;
}

std::vector<ListeningSocket> ProcessOwners::listening(const std::vector<OwnerRule>& rules) const {
  std::vector<ListeningSocket> wanted;
  if (std::ranges::all_of(rules, [](const OwnerRule& rule) { return rule.port == 0; }))
    return wanted;
  for (const char* table : {"net/tcp", "net/tcp6"}) {
    const auto text = read_small_file(in_folder(proc_root_, table), kSocketTableBytesMax);
    if (!text) continue;
    for (ListeningSocket& socket : parse_listeners(*text)) {
      const bool asked = has(rules, socket.port, &OwnerRule::port);
      if (asked && wanted.size() < kSocketsMax) wanted.push_back(std::move(socket));
    }
  }
  return wanted;
}

bool ProcessOwners::still_holds(const Holder& holder,
                                const std::vector<ProcessFacts>& processes) const {
  if (holder.pids.empty()) return holder.passes_left > 0;
  for (std::size_t i = 0; i < holder.pids.size(); ++i) {
    const auto found = std::ranges::lower_bound(processes, holder.pids[i], {}, &ProcessFacts::pid);
    if (found == processes.end() || found->pid != holder.pids[i]) return false;
    if (found->started != holder.started[i]) return false;
  }
  return true;
}

// Looking through every file of every process is the dear part, so holders are remembered while they live.
void ProcessOwners::find_holders(std::vector<ListeningSocket>& sockets,
                                 std::vector<ProcessFacts>& processes) {
  std::map<std::uint64_t, Holder> known;
  std::map<std::uint64_t, Holder> searched;
  for (const ListeningSocket& socket : sockets) {
    const auto before = holders_.find(socket.inode);
    const bool keep = before != holders_.end() && still_holds(before->second, processes);
    if (keep) {
      known.insert_or_assign(socket.inode, before->second);
      --known[socket.inode].passes_left;
    } else {
      searched[socket.inode].passes_left = kPassesBetweenSearches;
    }
  }
  for (const ProcessFacts& process : processes) {
    if (searched.empty()) break;
    for (const std::uint64_t inode : sockets_of(proc_root_, process.pid)) {
      const auto wanted = searched.find(inode);
      if (wanted == searched.end() || has(wanted->second.pids, process.pid)) continue;
      wanted->second.pids.push_back(process.pid);
      wanted->second.started.push_back(process.started);
    }
  }
  holders_ = std::move(known);
  holders_.merge(searched);

  bool accounts_wanted = false;
  for (ListeningSocket& socket : sockets) {
    socket.holders = holders_[socket.inode].pids;
    accounts_wanted = accounts_wanted || socket.holders.empty();
  }
  if (!accounts_wanted) return;
  for (ProcessFacts& process : processes) {
    struct stat status{};
    const std::string folder = folder_of(proc_root_, process.pid);
    if (::stat(folder.c_str(), &status) == 0) process.user = status.st_uid;
  }
}

}  // namespace stoker::gpu
