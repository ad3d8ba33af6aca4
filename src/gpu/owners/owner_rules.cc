#include "gpu/owners/owner_rules.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

constexpr std::size_t kCommandBytes = 15;
constexpr std::uint32_t kPersonUserMin = 1000;

const ProcessFacts* find_process(const std::vector<ProcessFacts>& processes, std::int32_t pid) {
  const auto found = std::ranges::lower_bound(processes, pid, {}, &ProcessFacts::pid);
  return found == processes.end() || found->pid != pid ? nullptr : &*found;
}

bool is_called(const ProcessFacts& process, const std::string& program) {
  if (process.program == program) return true;
  return process.command == std::string_view(program).substr(0, kCommandBytes);
}

// A socket of a system account whose files cannot be read: if that account runs a single tree, its root.
std::optional<std::int32_t> only_tree_of(std::uint32_t user,
                                         const std::vector<ProcessFacts>& processes) {
  if (user == 0 || user >= kPersonUserMin) return std::nullopt;
  std::optional<std::int32_t> root;
  for (const ProcessFacts& process : processes) {
    if (process.user != user) continue;
    const ProcessFacts* parent = find_process(processes, process.parent);
    if (parent != nullptr && parent->user == user) continue;
    if (root) return std::nullopt;
    root = process.pid;
  }
  return root;
}

// What the rules say about single processes, before parents are asked.
class NearRules {
 public:
  NearRules(const std::vector<ProcessFacts>& processes, const std::vector<ListeningSocket>& sockets,
            const std::vector<OwnerRule>& rules) {
    for (const OwnerRule& rule : rules) {
      for (const std::int32_t group : rule.process_groups) groups_.emplace(group, rule.backend);
      if (!rule.program.empty()) programs_.push_back(rule);
      if (rule.port == 0) continue;
      for (const ListeningSocket& socket : sockets)
        if (socket.port == rule.port) add_socket(socket, rule.backend, processes);
    }
  }

  BackendId of(const ProcessFacts& process) const {
    if (const auto found = listeners_.find(process.pid); found != listeners_.end())
      return found->second;
    for (const OwnerRule& rule : programs_)
      if (is_called(process, rule.program)) return rule.backend;
    const auto leader = groups_.find(process.pid);
    return leader == groups_.end() ? BackendId{} : leader->second;
  }

  BackendId by_group(const ProcessFacts& process) const {
    const auto found = groups_.find(process.process_group);
    return found == groups_.end() ? BackendId{} : found->second;
  }

 private:
  void add_socket(const ListeningSocket& socket, BackendId backend,
                  const std::vector<ProcessFacts>& processes) {
    for (const std::int32_t pid : socket.holders) listeners_.emplace(pid, backend);
    if (!socket.holders.empty()) return;
    if (const auto pid = only_tree_of(socket.user, processes)) listeners_.emplace(*pid, backend);
  }

  std::map<std::int32_t, BackendId> listeners_;
  std::map<std::int32_t, BackendId> groups_;
  std::vector<OwnerRule> programs_;
};

BackendId owner_along_parents(const ProcessFacts& process,
                              const std::vector<ProcessFacts>& processes, const NearRules& rules) {
  BackendId by_group;
  const ProcessFacts* ancestor = &process;
  for (std::size_t generation = 0; ancestor != nullptr && generation < kParentsMax; ++generation) {
    if (const BackendId near = rules.of(*ancestor)) return near;
    // A group keeps its members when the leader is gone and its children have a new parent.
    if (!by_group) by_group = rules.by_group(*ancestor);
    ancestor = find_process(processes, ancestor->parent);
  }
  return by_group;
}

std::string_view take_word(std::string_view& text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(first);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::int32_t> small_number(std::string_view word) {
  const auto value = number_in(word);
  if (!value || *value > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return static_cast<std::int32_t>(*value);
}

std::optional<ListeningSocket> parse_listener(std::string_view line) {
  constexpr std::string_view kListening = "0A";
  std::array<std::string_view, 10>
      words;  // sl local remote st queues timer retransmits uid timeout inode
  for (std::string_view& word : words) word = take_word(line);
  const std::size_t colon = words[1].rfind(':');
  if (words[3] != kListening || colon == std::string_view::npos) return std::nullopt;
  const auto port = number_in(words[1].substr(colon + 1), 16);
  const auto user = number_in(words[7]);
  const auto inode = number_in(words[9]);
  if (!port || *port == 0 || *port > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  if (!user || *user > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  if (!inode || *inode == 0) return std::nullopt;
  return ListeningSocket{static_cast<std::uint16_t>(*port), static_cast<std::uint32_t>(*user),
                         *inode};
}

}  // namespace

BackendId OwnerTable::owner_of(std::int32_t pid) const {
  const auto found = std::ranges::lower_bound(owned_, pid, {}, &OwnedProcess::pid);
  return found == owned_.end() || found->pid != pid ? BackendId{} : found->backend;
}

std::optional<ProcessFacts> parse_stat(std::string_view text) {
  // "PID (COMMAND) S PARENT GROUP …": the command may hold blanks and brackets, so the last bracket ends it.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  ProcessFacts facts;
  const auto pid = small_number(text.substr(0, open));
  facts.command = printable(text.substr(open + 1, close - open - 1), kProgramNameMax);
  std::string_view rest = trimmed(text.substr(close + 1));
  take_word(rest);
  const auto parent = small_number(take_word(rest));
  const auto group = small_number(take_word(rest));
  // From field 5 (group) on to field 22.
  for (int skipped = 6; skipped < 22; ++skipped) take_word(rest);
  const auto started = number_in(take_word(rest));
  if (!pid || *pid == 0 || !parent || !group || !started) return std::nullopt;
  facts.pid = *pid;
  facts.parent = *parent;
  facts.process_group = *group;
  facts.started = *started;
  return facts;
}

std::vector<ListeningSocket> parse_listeners(std::string_view text) {
  std::vector<ListeningSocket> sockets;
  take_line(text);  // the heading
  while (!text.empty() && sockets.size() < kSocketsMax) {
    if (auto socket = parse_listener(take_line(text))) sockets.push_back(std::move(*socket));
  }
  return sockets;
}

OwnerTable owners_of(const std::vector<ProcessFacts>& processes,
                     const std::vector<ListeningSocket>& sockets,
                     const std::vector<OwnerRule>& rules) {
  std::vector<OwnerRule> ordered = rules;
  std::ranges::sort(ordered, {}, &OwnerRule::backend);
  const NearRules near(processes, sockets, ordered);
  std::vector<OwnedProcess> owned;
  for (const ProcessFacts& process : processes) {
    const BackendId backend = owner_along_parents(process, processes, near);
    if (backend) owned.push_back({process.pid, backend});
  }
  return OwnerTable(std::move(owned));
}

}  // namespace stoker::gpu
