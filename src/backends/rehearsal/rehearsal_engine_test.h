// What the tests of the rehearsal engine share: three models, a card of 96 GB, and calls that
// remember their ends.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/rehearsal/rehearsal_backend.h"
#include "simulation/virtual_loop.h"

namespace stoker {

inline constexpr ModelId kPoet{1};     // text, 10 s, 10000 MiB
inline constexpr ModelId kPainter{2};  // image, 20 s in 20 steps, 30000 MiB
inline constexpr ModelId kFilmer{3};   // video, 60 s in 30 steps, 60000 MiB
inline constexpr BackendId kText{1};
inline constexpr BackendId kMedia{2};
inline constexpr Duration kLong = minutes(30);

inline std::vector<Model> models() {
  const auto model = [](ModelId id, const char* name, BackendId backend, Medium medium,
                        std::int64_t vram, Duration load, Duration run, std::uint32_t steps) {
    Model made;
    made.id = id;
    made.name = name;
    made.backend = backend;
    made.medium = medium;
    made.vram = MiB{vram};
    made.load_hint = load;
    made.run_hint = run;
    made.steps_hint = steps;
    return made;
  };
  return {model(kPoet, "poet", kText, Medium::text, 10'000, seconds(5), seconds(10), 0),
          model(kPainter, "painter", kMedia, Medium::image, 30'000, seconds(20), seconds(20), 20),
          model(kFilmer, "filmer", kMedia, Medium::video, 60'000, seconds(40), seconds(60), 30)};
}

inline RehearsalOptions exact(BackendId id) {
  RehearsalOptions options;
  options.id = id;
  options.style = id == kText ? RehearsalStyle::ollama : RehearsalStyle::comfyui;
  options.slots = id == kText ? 3 : 1;
  options.time_sigma = 0;
  options.vram_spread = 0;
  options.detail = RehearsalDetail::sketch;
  return options;
}

// One call to an engine and everything that came back, with the instants.
struct Played {
  std::vector<RunProgress> progress;
  std::optional<Result<RunReport>> end;
  double end_s = -1;
};

class RehearsalEngineTest : public testing::Test {
 protected:
  RehearsalBackend& engine(RehearsalOptions options) {
    engines_.push_back(std::make_unique<RehearsalBackend>(loop_, gpu_, options, models()));
    return *engines_.back();
  }
  RehearsalBackend& media() { return engine(exact(kMedia)); }
  RehearsalBackend& text() { return engine(exact(kText)); }

  static RunCall call(ModelId model, std::uint64_t attempt, Duration deadline = kLong) {
    const Medium medium = model == kPoet      ? Medium::text
                          : model == kPainter ? Medium::image
                                              : Medium::video;
    return {AttemptId(attempt), JobId(attempt), model, medium, "a whale", 5, deadline};
  }
  void run(RehearsalBackend& on, RunCall what, Played& played) {
    on.run(
        std::move(what), [&played](RunProgress p) { played.progress.push_back(p); }, ends(played));
  }
  Backend::Callback<RunReport> ends(Played& played) {
    return [this, &played](Result<RunReport> end) {
      ASSERT_FALSE(played.end) << "a call ended twice";
      played.end = std::move(end);
      played.end_s = (loop_.now() - Instant{}).seconds();
    };
  }
  Result<LoadReport> load(RehearsalBackend& on, ModelId model, Duration deadline = kLong) {
    std::optional<Result<LoadReport>> got;
    on.load(model, deadline, [&](Result<LoadReport> report) { got = std::move(report); });
    EXPECT_FALSE(got) << "answered inside the call";
    while (!got && loop_.run_one()) {
    }
    return got ? *got : Result<LoadReport>(fail(ErrorCode::internal, "never answered"));
  }
  Result<void> unload(RehearsalBackend& on, ModelId model, Duration deadline = kLong) {
    std::optional<Result<void>> got;
    on.unload(model, deadline, [&](Result<void> gone) { got = std::move(gone); });
    while (!got && loop_.run_one()) {
    }
    return got ? *got : Result<void>(fail(ErrorCode::internal, "never answered"));
  }
  static ErrorCode code(const Played& played) {
    return played.end && !*played.end ? played.end->error().code : ErrorCode::disk_full;
  }
  double now_s() const { return (loop_.now() - Instant{}).seconds(); }

  VirtualLoop loop_;
  VirtualGpu gpu_{loop_, DeviceId(1), MiB{98'304}};
  std::vector<std::unique_ptr<RehearsalBackend>> engines_;
};

}  // namespace stoker
