#include "backends/rehearsal/catalogue.h"

#include <array>
#include <cmath>
#include <string_view>

namespace stoker {
namespace {

// A GB of the catalogue is 1024 MiB: its sums are made with the card's "96 GB", which is 98304 MiB.
constexpr double kMibPerGb = 1024.0;
// Where nobody has timed a cold load: the weights come from disk at 0.36 GB/s (slow) to 4 GB/s
// (NVMe); the geometric mean of both is 1.2 GB/s.
constexpr double kLoadGbPerSecond = 1.2;
constexpr double kNotTimed = 0.0;

constexpr BackendId kTextEngine{1};
constexpr BackendId kMediaEngine{2};

struct Entry {
  std::string_view name;
  std::string_view title;
  Medium medium;
  double declared_gb;  // the upper end where a range is declared
  double vram_gb;
  SizeSource source;
  double cold_s;
  double warm_low_s;
  double warm_high_s;
  std::uint32_t steps;
  bool offered;
};

using enum SizeSource;

constexpr std::array kEntries{
    Entry{"gpt-oss:120b", "gpt-oss 120b", Medium::text, 65, 65, files, 180, 2, 10, 0, true},
    Entry{"gpt-oss:20b", "gpt-oss 20b", Medium::text, 21, 21, files, kNotTimed, 2, 5, 0, true},
    Entry{"llama-guard3:1b", "Llama Guard 3", Medium::text, 1.5, 1.5, declared, kNotTimed, 0.5, 4,
          0, false},
    Entry{"qwen3:1.7b", "Qwen 3", Medium::text, 1.5, 1.5, declared, kNotTimed, 0.5, 4, 0, false},
    Entry{"qwen3-vl:2b", "Qwen 3 VL", Medium::text, 1.5, 1.5, declared, kNotTimed, 0.5, 4, 0,
          false},
    Entry{"sd3.5_large", "Stable Diffusion 3.5", Medium::image, 8, 28, measured, 10, 10.4, 10.4, 28,
          true},
    Entry{"flux2", "Flux 2", Medium::image, 18, 40, files, kNotTimed, 18, 120, 20, true},
    Entry{"qwen_image", "Qwen Image", Medium::image, 6, 28, files, 24, 42, 42, 20, true},
    Entry{"ltx_video", "LTX Video", Medium::video, 16, 26, files, 21, 13, 13, 30, true},
    Entry{"wan22_video", "Wan 2.2", Medium::video, 20, 17, files, kNotTimed, 141, 141, 30, true},
    Entry{"stableaudio", "Stable Audio", Medium::audio, 15, 4.6, files, 3, 7, 7, 50, true},
    Entry{"acenet", "ACE-Step", Medium::music, 8, 7.2, files, 60, 7, 7, 50, true},
};

MiB mib(double gb) {
  return MiB{std::llround(gb * kMibPerGb)};
}

Duration tenths(double s) {
  return milliseconds(std::llround(s * 10.0) * 100);
}

Model model_of(const Entry& entry, std::uint32_t number) {
  Model model;
  model.id = ModelId(number);
  model.name = entry.name;
  model.title = entry.title;
  model.medium = entry.medium;
  model.backend = entry.medium == Medium::text ? kTextEngine : kMediaEngine;
  model.vram = mib(entry.vram_gb);
  model.vram_source = entry.source;
  model.declared_vram = mib(entry.declared_gb);
  model.load_hint = tenths(entry.cold_s > 0 ? entry.cold_s : entry.vram_gb / kLoadGbPerSecond);
  model.run_hint = tenths(std::sqrt(entry.warm_low_s * entry.warm_high_s));
  model.steps_hint = entry.steps;
  model.offered = entry.offered;
  return model;
}

}  // namespace

Catalogue rehearsal_catalogue() {
  Catalogue catalogue;
  catalogue.device = {DeviceId(1), "rehearsal", MiB{98304}, MiB{2048}};
  const auto engine = [&](BackendId id, const char* name, std::uint32_t slots,
                          RehearsalStyle style) {
    catalogue.engines.push_back(
        {{id, name, "rehearsal", catalogue.device.id, slots, EvictionGranularity::model, true},
         style});
  };
  engine(kTextEngine, "text", 3, RehearsalStyle::ollama);
  engine(kMediaEngine, "media", 1, RehearsalStyle::comfyui);
  std::uint32_t number = 0;
  for (const Entry& entry : kEntries) catalogue.models.push_back(model_of(entry, ++number));
  return catalogue;
}

RehearsalOptions options_of(const RehearsalEngine& engine, double speed, std::uint64_t seed) {
  RehearsalOptions options;
  options.id = engine.info.id;
  options.style = engine.style;
  options.granularity = engine.info.granularity;
  options.slots = engine.info.slots;
  options.speed = speed;
  options.seed = seed;
  return options;
}

}  // namespace stoker
