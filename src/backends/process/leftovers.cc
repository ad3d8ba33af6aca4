#include "backends/process/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <utility>

namespace stoker {
namespace {

constexpr std::size_t kFileNameBytesMax = 80;
constexpr mode_t kOnlyOwner = 0600;

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

template <class T>
bool parse_number(std::string_view text, T& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && rest == text.data() + text.size() && !text.empty();
}

std::optional<PidRecord> read_pid_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::array<char, kPidFileBytesMax> text;
  const ssize_t got = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (got <= 0) return std::nullopt;
  return parse_pid_record({text.data(), static_cast<std::size_t>(got)});
}

std::string variable_of(const PidRecord& record) {
  return std::string(kEngineMarkVariable) + "=" + record.mark;
}

// One sweep: looks, signals, looks again until nobody is left.
class Sweep : public std::enable_shared_from_this<Sweep> {
 public:
  Sweep(Loop& loop, std::vector<std::string> files, Duration grace,
        std::move_only_function<void(Result<int>)> done)
      : loop_(loop), files_(std::move(files)), grace_(grace), done_(std::move(done)) {}

  void look() {
    loop_.offload([self = shared_from_this()] { self->find(); },
                  [self = shared_from_this()] { self->decide(); });
  }

 private:
  struct Found {
    PidRecord record;
    std::vector<ProcessEntry> known;  // everybody ever seen of it
  };

  // Slow work; the loop waits for it and touches nothing meanwhile.
  void find() {
    if (!read_) read_files();
    const std::vector<ProcessEntry> processes =
        found_.empty() ? std::vector<ProcessEntry>() : all_processes();
    living_.clear();
    for (Found& found : found_) look_for(found, processes);
  }

  void read_files() {
    read_ = true;
    for (const std::string& file : files_) {
      if (auto record = read_pid_file(file)) found_.push_back({*std::move(record), {}});
    }
  }

  void look_for(Found& found, const std::vector<ProcessEntry>& processes) {
    const std::string variable = variable_of(found.record);
    const auto has_mark = [&](int pid) { return environment_has(pid, variable); };
    for (const ProcessEntry& entry : leftovers_of(found.record, processes, has_mark)) {
      add_known(found, entry);
    }
    // As long as one of them is there, the group is still theirs: also those who came after the last look.
    const bool group_stays = std::ranges::any_of(processes, [&](const ProcessEntry& entry) {
      return entry.lives && entry.group == found.record.pid && is_known(found, entry);
    });
    for (const ProcessEntry& entry : processes) {
      if (group_stays && entry.group == found.record.pid) add_known(found, entry);
    }
    for (const ProcessEntry& entry : processes) {
      if (entry.lives && is_known(found, entry)) living_.push_back(entry);
    }
  }

  static void add_known(Found& found, const ProcessEntry& entry) {
    if (entry.pid != ::getpid() && !is_known(found, entry)) found.known.push_back(entry);
  }

  static bool is_known(const Found& found, const ProcessEntry& entry) {
    return std::ranges::any_of(found.known, [&](const ProcessEntry& known) {
      return known.pid == entry.pid && known.started == entry.started;
    });
  }

  void decide() {
    const Instant now = loop_.now();
    if (living_.empty()) return finish();
    if (!began_) {
      began_ = now;
      signal_all(SIGTERM);
    } else if (!killed_ && now - *began_ >= grace_) {
      killed_ = now;
    } else if (killed_ && now - *killed_ >= kLeftoverWaitMax) {
      return done_(fail(ErrorCode::internal, "processes of an earlier life stay:" + pids()));
    }
    if (killed_) signal_all(SIGKILL);  // again at each look, for those born meanwhile
    loop_.after(kLeftoverLook, [self = shared_from_this()] { self->look(); });
  }

  void signal_all(int signal) {
    for (const ProcessEntry& entry : living_) {
      ++signalled_[entry.pid];
      ::kill(entry.pid, signal);
    }
  }

  void finish() {
    loop_.offload(
        [self = shared_from_this()] {
          for (const std::string& file : self->files_) remove_pid_file(file);
        },
        [self = shared_from_this()] { self->done_(static_cast<int>(self->signalled_.size())); });
  }

  std::string pids() const {
    std::string text;
    for (const ProcessEntry& entry : living_) text += " " + std::to_string(entry.pid);
    return text;
  }

  Loop& loop_;
  const std::vector<std::string> files_;
  const Duration grace_;
  std::move_only_function<void(Result<int>)> done_;
  bool read_ = false;
  std::vector<Found> found_;
  std::vector<ProcessEntry> living_;
  std::map<int, int> signalled_;
  std::optional<Instant> began_;
  std::optional<Instant> killed_;
};

}  // namespace

std::string pid_record_text(const PidRecord& record) {
  std::string text = std::to_string(record.pid) + "\n" + std::to_string(record.started) + "\n";
  return text.append(record.program).append("\n").append(record.mark).append("\n");
}

std::optional<PidRecord> parse_pid_record(std::string_view text) {
  PidRecord record;
  if (!parse_number(take_line(text), record.pid) || record.pid <= 1) return std::nullopt;
  if (!parse_number(take_line(text), record.started)) return std::nullopt;
  record.program = take_line(text);
  record.mark = take_line(text);
  if (record.mark.empty()) return std::nullopt;
  return record;
}

std::string engine_file_name(std::string_view engine) {
  std::string name;
  for (const char c : engine.substr(0, kFileNameBytesMax)) name += is_plain(c) ? c : '_';
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(fnv1a(engine)));
  return name.append("-").append(hash.data(), 8);
}

bool write_pid_file(const std::string& path, int pid, const std::string& mark) {
  const auto process = find_process(pid);
  if (!process) return true;  // it has ended already
  std::string program = process->program;
  std::ranges::replace_if(program, [](char c) { return c < ' '; }, '?');
  const std::string text = pid_record_text({pid, process->started, program, mark});
  const std::string fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOnlyOwner);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written && std::rename(fresh.c_str(), path.c_str()) == 0;
}

void remove_pid_file(const std::string& path) {
  ::unlink(path.c_str());
}

std::vector<std::string> pid_files_in(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  std::vector<std::string> files;
  if (!open) return files;
  for (const dirent* file = ::readdir(open.get()); file != nullptr && files.size() < kPidFilesMax;
       file = ::readdir(open.get())) {
    const std::string_view name = file->d_name;
    if (name.ends_with(kPidFileEnding)) files.push_back(folder + "/" + std::string(name));
  }
  std::ranges::sort(files);
  return files;
}

std::vector<ProcessEntry> leftovers_of(const PidRecord& record,
                                       const std::vector<ProcessEntry>& processes,
                                       const std::function<bool(int pid)>& has_mark) {
  const auto is_noted = [&](const ProcessEntry& entry) {
    return entry.pid == record.pid && entry.started == record.started;
  };
  // Without the noted process the number of its group may belong to others.
  const bool noted = std::ranges::any_of(processes, is_noted);
  std::vector<ProcessEntry> left;
  for (const ProcessEntry& entry : processes) {
    if (!entry.lives) continue;
    const bool of_group = noted && entry.group == record.pid;
    if (is_noted(entry) || of_group || has_mark(entry.pid)) left.push_back(entry);
  }
  return left;
}

void sweep_leftovers(Loop& loop, std::vector<std::string> pid_files, Duration grace,
                     std::move_only_function<void(Result<int>)> done) {
  std::make_shared<Sweep>(loop, std::move(pid_files), grace, std::move(done))->look();
}

}  // namespace stoker
