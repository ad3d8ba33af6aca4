// A loop whose planning time runs faster than the clock of another: a day of rehearsal in a minute.
//
// Purpose: `now` and `after` are scaled by a factor; the clock on the wall, the order of tasks and slow work are not.
//   Heartbeats and HTTP deadlines stay on the loop behind it.
// Threading: as the loop behind it.
// Ownership: borrows that loop; it outlives this one.
// Limits: a factor from 1 to kSpeedMax.
#pragma once

#include "base/loop.h"

namespace stoker {

inline constexpr double kSpeedMax = 1000;

class ScaledLoop final : public Loop {
 public:
  ScaledLoop(Loop& real, double speed);

  double speed() const { return speed_; }
  // How long a stretch of real time is in planning time.
  Duration planned(Duration real) const;

  Instant now() const override;
  WallTime wall_now() const override { return real_.wall_now(); }
  void post(std::move_only_function<void()> task) override { real_.post(std::move(task)); }
  TimerId after(Duration delay, std::move_only_function<void()> task) override;
  void cancel(TimerId timer) override { real_.cancel(timer); }
  void offload(std::move_only_function<void()> work,
               std::move_only_function<void()> done) override {
    real_.offload(std::move(work), std::move(done));
  }

 private:
  Loop& real_;
  const double speed_;
  const Instant began_;
};

}  // namespace stoker
