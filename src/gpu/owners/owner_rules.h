// Rules and facts in, owners out: the part of process ownership that reads nothing.
//
// Purpose: who belongs to whom as a pure function of what one pass over /proc found.
// Threading: values and pure functions.
// Limits: chains of parents longer than kParentsMax end without an owner (a circle in torn facts does too).
// Errors: none; nobody's process has the backend "none".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.h"

namespace stoker::gpu {

inline constexpr std::size_t kOwnerRulesMax = 256;
inline constexpr std::size_t kParentsMax = 64;
inline constexpr std::size_t kSocketsMax = 4096;

// What is said about a backend's processes; 0 and empty say nothing.
struct OwnerRule {
  BackendId backend;
  std::vector<std::int32_t> process_groups =
      {};                    // of a managed engine, one for each of its processes
  std::uint16_t port = 0;    // where it listens, for an engine by URL on this machine
  std::string program = {};  // "ollama"

  friend bool operator==(const OwnerRule&, const OwnerRule&) = default;
};

// One process as /proc/PID/stat tells.
struct ProcessFacts {
  std::int32_t pid = 0;
  std::int32_t parent = 0;
  std::int32_t process_group = 0;
  std::uint64_t started = 0;  // in clock ticks since boot
  std::string command = {};   // cut to 15 bytes by the kernel
  std::string program = {};   // file name of the executable; empty: not known
  std::uint32_t user = 0;
};

struct ListeningSocket {
  std::uint16_t port = 0;
  std::uint32_t user = 0;
  std::uint64_t inode = 0;
  std::vector<std::int32_t> holders = {};  // ascending; empty: nobody whose files could be read
};

struct OwnedProcess {
  std::int32_t pid = 0;
  BackendId backend;

  friend bool operator==(const OwnedProcess&, const OwnedProcess&) = default;
};

class OwnerTable {
 public:
  OwnerTable() = default;
  // `owned` ascending by pid.
  explicit OwnerTable(std::vector<OwnedProcess> owned) : owned_(std::move(owned)) {}

  BackendId owner_of(std::int32_t pid) const;
  const std::vector<OwnedProcess>& owned() const { return owned_; }

 private:
  std::vector<OwnedProcess> owned_;
};

// The text of /proc/PID/stat.
std::optional<ProcessFacts> parse_stat(std::string_view text);

// The listening sockets in the text of /proc/net/tcp or tcp6.
std::vector<ListeningSocket> parse_listeners(std::string_view text);

// `processes` ascending by pid. Two backends with a rule that fits equally well: the smaller id.
OwnerTable owners_of(const std::vector<ProcessFacts>& processes,
                     const std::vector<ListeningSocket>& sockets,
                     const std::vector<OwnerRule>& rules);

}  // namespace stoker::gpu
