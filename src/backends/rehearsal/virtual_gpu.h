// One simulated card: who holds how much of its memory, and how fast work gets on when it is
// shared.
//
// Purpose: the rehearsal engines of one device share it, as real engines share a card. Memory is
//   exact: what does not fit is refused, and nothing is given back twice.
// Threading: on the loop, except `snapshot`, which any thread may call (a sampler reads it off the
//   loop).
// Ownership: outlives the engines that use it.
// Limits: one holding per (backend, model), at most kModelsMax of them; used is never more than
//   total.
// Errors: load_failed when an allocation does not fit, conflict when the pair holds memory already.
#pragma once

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "backends/rehearsal/virtual_compute.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/loop.h"
#include "domain/ids.h"

namespace stoker {

struct VirtualHolding {
  BackendId backend;
  ModelId model;
  MiB resident;
  MiB working;  // what running work needs on top

  MiB sum() const { return resident + working; }
};

struct VirtualGpuSnapshot {
  DeviceId device;
  MiB total;
  MiB used;
  MiB foreign;
  std::vector<VirtualHolding> holdings;  // ordered by backend, then model
};

class VirtualGpu {
 public:
  VirtualGpu(Loop& loop, DeviceId device, MiB total, Contention contention = {});
  VirtualGpu(const VirtualGpu&) = delete;
  VirtualGpu& operator=(const VirtualGpu&) = delete;

  // Takes memory for a model; all or nothing.
  Result<void> take(BackendId backend, ModelId model, MiB amount);
  // Gives back all that the pair holds; nothing held is fine.
  void give_back(BackendId backend, ModelId model);

  // Working memory of running work on a model that is held. Takes what is free when there is less,
  // as engines that work in smaller tiles do, and says how much it got.
  MiB take_working(BackendId backend, ModelId model, MiB wanted);
  void give_back_working(BackendId backend, ModelId model, MiB amount);

  // Memory that nobody of ours holds. It takes what is free at once and the rest as it becomes
  // free.
  void set_foreign(MiB wanted);

  MiB total() const { return total_; }
  MiB held() const { return held_; }
  MiB foreign() const;
  MiB used() const { return held_ + foreign(); }
  MiB free() const { return total_ - used(); }
  MiB held_by(BackendId backend, ModelId model) const;

  VirtualCompute& compute() { return compute_; }

  VirtualGpuSnapshot snapshot() const;

 private:
  using Key = std::pair<BackendId, ModelId>;

  const DeviceId device_;
  const MiB total_;
  MiB held_;
  MiB foreign_wanted_;
  std::map<Key, VirtualHolding> holdings_;
  VirtualCompute compute_;
  mutable std::mutex mutex_;  // only for `snapshot`: writers lock, readers on the loop need not
};

}  // namespace stoker
