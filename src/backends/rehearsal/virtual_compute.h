// The computing side of a simulated card: work that runs at the same time slows each other down.
//
// Purpose: with nt text and ng generation works running, each gets on per second by
//     text        1 / (1 + text_parallel_penalty       * (nt - 1))  * text_rate_beside_generation if ng > 0
//     generation  1 / (1 + generation_parallel_penalty * (ng - 1))  * generation_rate_beside_text if nt > 0
// Rates change only when a work starts or ends; every pending step is then timed again.
// Threading: on the loop; `on_step` comes from a timer of the loop, never inside a call.
// Limits: the callers bound how many works run (slots of engines).
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/loop.h"
#include "base/strong_id.h"
#include "base/time.h"

namespace stoker {

struct Contention {
  double text_parallel_penalty = 0.25;
  double generation_parallel_penalty = 1.0;
  double text_rate_beside_generation = 0.6;
  double generation_rate_beside_text = 0.6;
};

enum class WorkKind : std::uint8_t { text, generation };

using WorkId = StrongId<struct WorkIdTag>;

class VirtualCompute {
 public:
  // How many steps are finished now. After the last one the work is gone.
  using OnStep = std::function<void(std::uint32_t finished)>;

  VirtualCompute(Loop& loop, Contention contention);
  ~VirtualCompute();
  VirtualCompute(const VirtualCompute&) = delete;
  VirtualCompute& operator=(const VirtualCompute&) = delete;

  // `work` is the time it takes alone on the card, in `steps` equal steps (at least 1).
  WorkId start(WorkKind kind, Duration work, std::uint32_t steps, OnStep on_step);
  // Ends it early; an ended work is ignored.
  void stop(WorkId id);

  std::size_t running(WorkKind kind) const;
  // Progress per second of one work of this kind among those that run now.
  double rate(WorkKind kind) const;

 private:
  struct Work {
    WorkKind kind = WorkKind::text;
    double total_us = 0;
    double done_us = 0;
    std::uint32_t steps = 1;
    std::uint32_t finished = 0;
    TimerId timer;
    OnStep on_step;

    double boundary_us() const { return total_us * (finished + 1) / steps; }
  };

  void settle();
  void time_all_again();
  void time_next_step(WorkId id, Work& work);
  void step(WorkId id);

  Loop& loop_;
  const Contention contention_;
  Instant settled_at_;
  std::uint64_t started_ = 0;
  std::map<WorkId, Work> works_;
};

}  // namespace stoker
