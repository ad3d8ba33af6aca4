// Which models are in memory, for all flavours.
//
// Purpose: loads and unloads run on their own, whoever asked; requests wait for them.
// Threading: network thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "net/task_list.h"
#include "tests/engines/openai_server.h"

namespace stoker::engines::openai {

struct World {
  net::Network& network;
  Watch& watch;
  Gates& gates;
  Faults& faults;
  std::function<Instant()> now;
  std::function<std::int64_t()> unix_s;
};

enum class Status : std::uint8_t { unloaded, loading, loaded, sleeping, leaving, failed };
std::string_view status_name(Status status);

struct Entry {
  OpenAiModel model;
  Status status = Status::unloaded;
  std::size_t in_use = 0;
  std::uint64_t last_used = 0;
  Instant idle_since;
  Duration ttl;  // 0: stays
  int exit_code = 0;
  bool weights_valid = true;   // false after a deep sleep until they are read again
  bool weights_awake = false;  // woken by tag, the cache not yet
  std::size_t slots_taken = 0;
  std::unique_ptr<WaitList> slot_free;
};

class Models {
 public:
  Models(World world, const OpenAiOptions& options, OpenAiCounters& counters);

  Entry* find(std::string_view id);
  std::list<Entry>& all() { return entries_; }
  Entry& first() { return entries_.front(); }

  // Nothing happens if it is loaded or on its way.
  void begin_load(Entry& entry);
  void begin_unload(Entry& entry);
  void begin_sleep(Entry& entry);
  void begin_wake(Entry& entry);
  // Waits while the model is on its way anywhere; false if `life` ended.
  net::Task<bool> moved(Life& life) { return moves_.wait(life); }
  net::Task<bool> settled(const Entry& entry, Life& life);

  void time_passed();
  void forget();
  std::int64_t gpu_bytes_in_use() const;

  // One request that uses the model.
  class Use {
   public:
    Use(Models& models, Entry& entry);
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();

   private:
    Models& models_;
    Entry& entry_;
  };

 private:
  net::Task<void> load(Entry& entry);
  net::Task<void> unload(Entry& entry);
  net::Task<void> sleep(Entry& entry);
  net::Task<void> wake(Entry& entry);
  net::Task<void> make_room(const Entry& entry);
  void move(Entry& entry, Status status);

  World world_;
  const OpenAiOptions& options_;
  OpenAiCounters& counters_;
  std::list<Entry> entries_;
  WaitList moves_;
  std::uint64_t uses_ = 0;
  std::int64_t lost_bytes_ = 0;
  Life process_;
  net::TaskList tasks_;
};

}  // namespace stoker::engines::openai
