// Which models one rehearsal engine holds, loads and drops.
//
// Purpose: the loader of the engine: one load at a time in the order they were asked for, memory
//   taken from the start of a load on, an unload confirmed after a delay.
// Threading: on the loop; waiters are called from tasks of the loop, never inside the call they
//   were given to.
// Ownership: borrows the loop, the card and the faults; they outlive it.
// Limits: one entry per configured model; waiters are bounded by the calls of the engine.
// Errors: load_failed (does not fit, planned or chance fault), conflict (unloaded while loading),
//   backend_down.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/rehearsal/rehearsal_faults.h"
#include "backends/rehearsal/rehearsal_options.h"
#include "backends/rehearsal/virtual_gpu.h"
#include "base/loop.h"

namespace stoker {

class RehearsalResidency {
 public:
  using Loaded = std::move_only_function<void(Result<MiB>)>;
  using Gone = std::move_only_function<void(Result<void>)>;
  using WishId = StrongId<struct WishIdTag>;

  RehearsalResidency(Loop& loop, VirtualGpu& gpu, RehearsalFaults& faults,
                     const RehearsalOptions& options);
  ~RehearsalResidency();
  RehearsalResidency(const RehearsalResidency&) = delete;
  RehearsalResidency& operator=(const RehearsalResidency&) = delete;

  void set_models(const std::vector<Model>& models);
  const Model* find(ModelId model) const;

  bool resident(ModelId model) const;
  MiB held(ModelId model) const { return gpu_.held_by(options_.id, model); }
  std::vector<LoadedModel> list() const;
  std::vector<OfferedModel> catalogue() const;

  // Wants a model that is not resident. A wish that is dropped is never answered; a load that
  // nobody wants any more is broken off and its memory is free.
  WishId want(ModelId model, Loaded loaded);
  void drop_wish(ModelId model, WishId wish);

  // Running work keeps a resident model.
  void hold(ModelId model);
  void let_go(ModelId model);

  // Waits for running work, then drops the model. A load on its way is broken off.
  WishId unload(ModelId model, Gone gone);
  void drop_unload(ModelId model, WishId wish);

  // The engine loses a resident model by itself, running work or not. False: it was not resident.
  bool lose(ModelId model);
  // The engine dies: everything goes, every waiter hears backend_down after `delay`.
  void lose_everything(Duration delay);

 private:
  enum class State : std::uint8_t { absent, queued, loading, resident, unloading };
  struct Shelf {
    Model model;
    State state = State::absent;
    std::uint32_t holders = 0;
    std::uint64_t last_used = 0;
    std::uint64_t loads = 0;
    TimerId timer;
    std::map<WishId, Loaded> wishes;
    std::map<WishId, Gone> farewells;
  };

  Shelf* shelf(ModelId model);
  void line_up(Shelf& shelf);
  void start_next_load();
  Result<void> make_room(const Shelf& wanted);
  Shelf* idlest();
  void begin_load(Shelf& shelf);
  void end_load(ModelId model, Result<void> outcome);
  void break_off(Shelf& shelf, const Error& why);
  void begin_unload(Shelf& shelf);
  void begin_unload_of_idle();
  void end_unload(ModelId model);
  void forget(Shelf& shelf);
  MiB measured(const Model& model) const;
  Duration load_time(Shelf& shelf);
  WishId next_wish() { return WishId(++wishes_made_); }

  Loop& loop_;
  VirtualGpu& gpu_;
  RehearsalFaults& faults_;
  const RehearsalOptions& options_;
  std::map<ModelId, Shelf> shelves_;
  std::deque<ModelId> line_;  // wanted, not begun
  ModelId loading_;           // the one load that is under way
  std::uint64_t wishes_made_ = 0;
  std::uint64_t uses_ = 0;
};

}  // namespace stoker
