#include "backends/rehearsal/painting/sound.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "backends/rehearsal/painting/path.h"
#include "backends/rehearsal/painting/sound_file.h"
#include "base/random.h"

namespace stoker::painting {
namespace {

constexpr double kTau = 2 * kPi;

// A recording that sounds are mixed into.
class Tape {
 public:
  Tape(double seconds, std::uint64_t seed)
      : frames_(static_cast<std::size_t>(seconds * kSampleRate)),
        random_(seed),
        samples_(frames_ * kChannels) {}

  Random& random() { return random_; }
  std::size_t frames() const { return frames_; }
  double seconds() const { return static_cast<double>(frames_) / kSampleRate; }

  // `voice` gives the sample at a time since `start`; pan 0 is left, 1 right.
  template <class Voice>
  void add(double start, double length, double pan, Voice voice) {
    const auto first = static_cast<std::size_t>(std::max(0.0, start) * kSampleRate);
    const auto last = std::min(frames_, first + static_cast<std::size_t>(length * kSampleRate));
    for (std::size_t frame = first; frame < last; ++frame) {
      const double value = voice(static_cast<double>(frame - first) / kSampleRate);
      samples_[frame * 2] += static_cast<float>(value * std::cos(pan * kPi / 2));
      samples_[frame * 2 + 1] += static_cast<float>(value * std::sin(pan * kPi / 2));
    }
  }

  // Fades both ends, echoes a little and sets the loudest sample to 0.7.
  std::vector<float> finish(double echo_s, double echo) {
    const auto delay = static_cast<std::size_t>(echo_s * kSampleRate) * kChannels;
    for (std::size_t i = delay; i < samples_.size(); ++i)
      samples_[i] += static_cast<float>(echo) * samples_[i - delay];
    const std::size_t fade = std::min(frames_ / 4, static_cast<std::size_t>(kSampleRate) / 4);
    float loudest = 1e-6F;
    for (std::size_t frame = 0; frame < frames_; ++frame) {
      const std::size_t edge = std::min(frame, frames_ - 1 - frame);
      const float gain = edge < fade ? static_cast<float>(edge) / static_cast<float>(fade) : 1.0F;
      for (std::size_t c = 0; c < 2; ++c) {
        samples_[frame * 2 + c] *= gain;
        loudest = std::max(loudest, std::abs(samples_[frame * 2 + c]));
      }
    }
    for (float& sample : samples_) sample *= 0.7F / loudest;
    return std::move(samples_);
  }

 private:
  std::size_t frames_;
  Random random_;
  std::vector<float> samples_;
};

// Noise through a low-pass; `swell` shapes its loudness over time.
template <class Swell>
void noise(Tape& tape, double brightness, double loudness, double pan, Swell swell) {
  Random grains(tape.random().next());
  double low = 0;
  double lower = 0;
  tape.add(0, tape.seconds(), pan, [&](double t) {
    low += brightness * (grains.between(-1, 1) - low);
    lower += 0.02 * (low - lower);
    return loudness * (low - lower) * swell(t);
  });
}

void play_waves(Tape& tape) {
  for (const double pan : {0.3, 0.7}) {
    const double shift = tape.random().unit() * 2;
    noise(tape, 0.10, 1.0, pan,
          [shift](double t) { return 0.25 + std::pow(0.5 + 0.5 * std::sin(t * 1.7 + shift), 2); });
    noise(tape, 0.55, 0.16, pan,
          [shift](double t) { return std::pow(0.5 + 0.5 * std::sin(t * 1.7 + shift - 0.9), 4); });
  }
}

void play_rain(Tape& tape) {
  for (const double pan : {0.2, 0.8}) noise(tape, 0.65, 0.22, pan, [](double) { return 1.0; });
  for (int i = 0; i < 90; ++i) {
    const double pitch = tape.random().between(900, 2600);
    tape.add(tape.random().unit() * tape.seconds(), 0.05, tape.random().unit(), [pitch](double t) {
      return 0.10 * std::sin(kTau * pitch * (1 + 2 * t) * t) * std::exp(-t * 90);
    });
  }
}

void play_wind(Tape& tape) {
  for (const double pan : {0.25, 0.75}) {
    const double shift = tape.random().unit() * 6;
    noise(tape, 0.05, 1.4, pan, [shift](double t) {
      return 0.5 + 0.4 * std::sin(t * 1.1 + shift) + 0.2 * std::sin(t * 2.9);
    });
  }
}

void play_birds(Tape& tape) {
  for (int i = 0; i < 9; ++i) {
    const double start = tape.random().unit() * (tape.seconds() - 0.5);
    const double pitch = tape.random().between(2200, 3900);
    const double pan = tape.random().unit();
    const double trill = tape.random().between(9, 22);
    for (int chirp = 0; chirp < 3; ++chirp) {
      tape.add(start + chirp * 0.13, 0.11, pan, [pitch, trill](double t) {
        return 0.20 * std::sin(kTau * pitch * t + 5 * std::sin(kTau * trill * t)) *
               std::sin(kPi * t / 0.11);
      });
    }
  }
}

void bell(Tape& tape, double start, double pitch, double pan, double loudness) {
  tape.add(start, 2.4, pan, [pitch, loudness](double t) {
    double value = 0;
    for (const auto& [ratio, level, decay] :
         {std::array{1.0, 1.0, 2.2}, {2.0, 0.5, 3.0}, {2.76, 0.32, 4.2}, {5.4, 0.12, 7.0}}) {
      value += level * std::sin(kTau * pitch * ratio * t) * std::exp(-decay * t);
    }
    return loudness * value * std::min(1.0, t * 400);
  });
}

void play_bells(Tape& tape) {
  static constexpr std::array<double, 5> kScale{523.25, 587.33, 659.26, 783.99, 880.0};
  for (int i = 0; i < 7; ++i) {
    bell(tape, i * tape.seconds() / 8, kScale.at(tape.random().below(kScale.size())),
         tape.random().between(0.2, 0.8), 0.22);
  }
}

void play_hum_of_space(Tape& tape) {
  for (const auto& [pitch, pan] :
       {std::array{110.0, 0.2}, {164.8, 0.5}, {220.5, 0.8}, {277.2, 0.35}}) {
    const double shift = tape.random().unit() * 6;
    tape.add(0, tape.seconds(), pan, [pitch, shift](double t) {
      return 0.16 * std::sin(kTau * pitch * t + 0.8 * std::sin(t * 2.1 + shift)) *
             (0.6 + 0.4 * std::sin(t * 1.4 + shift));
    });
  }
}

double pitch_of(int steps_from_a4) {
  return 440.0 * std::pow(2.0, steps_from_a4 / 12.0);
}

void pluck(Tape& tape, double start, double length, int note, double pan, double loudness) {
  const double pitch = pitch_of(note);
  tape.add(start, length, pan, [pitch, loudness](double t) {
    const double decay = std::exp(-3.2 * t) * std::min(1.0, t * 250);
    return loudness * decay *
           (std::sin(kTau * pitch * t) + 0.35 * std::sin(2 * kTau * pitch * t) * std::exp(-4 * t) +
            0.12 * std::sin(3 * kTau * pitch * t) * std::exp(-7 * t));
  });
}

void pad(Tape& tape, double start, double length, int note, double pan) {
  const double pitch = pitch_of(note);
  tape.add(start, length, pan, [pitch, length](double t) {
    const double swell = std::min({1.0, t * 4, (length - t) * 5});
    return 0.075 * swell *
           (std::sin(kTau * pitch * t) + 0.4 * std::sin(kTau * pitch * 1.003 * t) +
            0.2 * std::sin(2 * kTau * pitch * t));
  });
}

}  // namespace

std::vector<float> play_sound(const Reading& reading, std::uint64_t seed, double part) {
  Tape tape(std::max(0.2, kSoundSeconds * part), mix64(reading.hash ^ mix64(seed)));
  const auto about = [&](std::initializer_list<Motif> motifs) {
    return std::ranges::any_of(motifs, [&](Motif m) { return reading.speaks_of(m); });
  };
  using enum Motif;
  bool any = false;
  const auto when = [&](bool wanted, void (*play)(Tape&)) {
    if (!wanted) return;
    play(tape);
    any = true;
  };
  when(about({sea, underwater, island, boat, whale, lighthouse, river, fish}), play_waves);
  when(about({rain, storm}), play_rain);
  when(about({storm, mountain, desert, snow, kite, windmill, balloon, cloud}), play_wind);
  when(about({bird, forest, meadow, tree, morning, flower, duck, owl}), play_birds);
  when(about({castle, star, snowman, pine, night, ghost, butterfly}), play_bells);
  when(about({space, planet, rocket, ufo, robot}), play_hum_of_space);
  if (!any) {
    constexpr std::array kAny{play_waves, play_wind, play_birds, play_bells, play_hum_of_space};
    kAny.at(tape.random().below(kAny.size()))(tape);
  }
  return tape.finish(0.19, 0.25);
}

std::vector<float> play_tune(const Reading& reading, std::uint64_t seed, double part) {
  Tape tape(std::max(0.2, kTuneSeconds * part), mix64(reading.hash ^ mix64(seed)));
  // Steps from the key note: four chords to a tune; all of them end at home.
  static constexpr std::array<std::array<std::array<int, 3>, 4>, 4> kChords{{
      {{{0, 4, 7}, {9, 12, 16}, {5, 9, 12}, {7, 11, 14}}},
      {{{0, 4, 7}, {5, 9, 12}, {7, 11, 14}, {0, 4, 7}}},
      {{{-3, 0, 4}, {5, 9, 12}, {0, 4, 7}, {7, 11, 14}}},
      {{{0, 4, 7}, {4, 7, 11}, {5, 9, 12}, {7, 11, 14}}},
  }};
  static constexpr std::array<int, 8> kScale{0, 2, 4, 7, 9, 12, 14, 16};
  const bool dark = reading.speaks_of(Motif::night) || reading.speaks_of(Motif::storm) ||
                    reading.speaks_of(Motif::space);
  const int key = static_cast<int>(tape.random().below(7)) - (dark ? 9 : 4);
  const auto& chords = kChords.at(dark ? 2 : tape.random().below(kChords.size()));
  const double bar = 2.0;
  std::size_t step = 3;
  for (std::size_t i = 0; i < chords.size(); ++i) {
    const double start = static_cast<double>(i) * bar;
    for (const int note : chords.at(i))
      pad(tape, start, bar, key + note - 12, 0.35 + 0.1 * (note % 4));
    pluck(tape, start, bar, key + chords.at(i)[0] - 24, 0.5, 0.34);
    for (int beat = 0; beat < 8; ++beat) {
      const bool rest = beat > 0 && tape.random().below(4) == 0;
      const auto move = static_cast<std::ptrdiff_t>(tape.random().below(5)) - 2;
      step = static_cast<std::size_t>(
          std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(step) + move, 0, 7));
      // Every strong beat takes a note of the chord.
      const int note = beat % 4 == 0 ? chords.at(i)[tape.random().below(3)] : kScale.at(step);
      if (!rest)
        pluck(tape, start + beat * bar / 8, 0.9, key + note, 0.4 + 0.05 * (beat % 4), 0.26);
    }
  }
  return tape.finish(0.25, 0.28);
}

}  // namespace stoker::painting
