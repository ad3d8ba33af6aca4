// Which process belongs to which backend: rules per backend, asked of /proc once per sample.
//
// Purpose: a driver names memory by process id; the ledger needs it by backend. A rule may say up to three
//   things: the process group of an engine that Stoker started, the TCP port where it listens on this
//   machine, and the program's name, an operator's word for engines in containers. Descendants belong to
//   their ancestor's backend; the nearest rule wins, so that the ComfyUI which SwarmUI starts is its own
//   backend if it has a rule.
// Threading: `set_rule` and `drop_rule` from any thread at any time (a mutex guards the rules alone); they
//   act from the next `look` on. `look` from one thread at a time; it blocks for some milliseconds.
// Ownership: tables are values and stay as they are when processes come and go.
// Limits: kOwnerRulesMax rules, kPidsMax processes, kParentsMax generations, kSocketsMax listening sockets.
// Errors: none. A process that is gone meanwhile or may not be looked into belongs to nobody, unless its
//   port tells: a listener of a system account that runs a single tree of processes is that tree. A look
//   into other accounts' files needs the capability SYS_PTRACE, or a rule by program.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "domain/ids.h"
#include "gpu/owners/owner_rules.h"

namespace stoker::gpu {

class ProcessOwners {
 public:
  explicit ProcessOwners(std::string proc_root = "/proc");

  // Replaces the rule of this backend. A rule that says nothing, and one beyond kOwnerRulesMax, is dropped.
  void set_rule(OwnerRule rule);
  void drop_rule(BackendId backend);

  // One pass over the processes of this machine. Without rules it reads nothing.
  OwnerTable look();

 private:
  struct Holder {
    std::vector<std::int32_t> pids;
    std::vector<std::uint64_t> started;  // start times, so that a pid used again is noticed
    int passes_left = 0;  // until the sockets of all processes are looked through again
  };

  std::vector<OwnerRule> rules() const;
  std::vector<ListeningSocket> listening(const std::vector<OwnerRule>& rules) const;
  bool still_holds(const Holder& holder, const std::vector<ProcessFacts>& processes) const;
  void find_holders(std::vector<ListeningSocket>& sockets, std::vector<ProcessFacts>& processes);

  const std::string proc_root_;
  mutable std::mutex mutex_;
  std::map<BackendId, OwnerRule> rules_;     // guarded by mutex_
  std::map<std::uint64_t, Holder> holders_;  // by inode; only `look` touches it
};

}  // namespace stoker::gpu
