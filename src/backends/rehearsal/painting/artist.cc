#include "backends/rehearsal/painting/artist.h"

#include <cmath>
#include <utility>
#include <vector>

#include "backends/rehearsal/painting/canvas.h"
#include "backends/rehearsal/painting/picture_files.h"
#include "backends/rehearsal/painting/scene.h"
#include "backends/rehearsal/painting/sound.h"
#include "backends/rehearsal/painting/sound_file.h"
#include "backends/rehearsal/painting/story.h"
#include "base/random.h"

namespace stoker {
namespace {

using namespace painting;

// The coordinates that scenes are planned in.
constexpr double kSceneWidth = 1024;
constexpr double kSceneHeight = 768;
constexpr unsigned kFilmWidth = 512;
constexpr unsigned kFilmHeight = 384;
constexpr int kFilmFrames = 36;
constexpr int kFrameMs = 83;
constexpr double kSketchScale = 0.125;

std::uint64_t text_hash(const std::string& text) {
  std::uint64_t hash = 0x5704e5;
  for (const char c : text) hash = mix64(hash ^ static_cast<unsigned char>(c));
  return hash;
}

Result<std::string> picture(const PaintOrder& order, const Reading& reading, std::uint64_t seed) {
  // Some models make squares, as real ones have formats they like.
  const bool square = text_hash(order.model) % 2 == 0;
  const double height = square ? kSceneWidth : kSceneHeight;
  const double scale = order.detail == RehearsalDetail::full ? 1.0 : kSketchScale;
  const auto pixels = [scale](double side) {
    return static_cast<unsigned>(std::lround(side * scale));
  };
  Canvas canvas(pixels(kSceneWidth), pixels(height), scale);
  paint_scene(canvas, plan_scene(reading, seed, kSceneWidth, height), 0.0);
  paint_mark(canvas, kSceneWidth, height, 1.0);
  return png_file(canvas);
}

Result<std::string> film(const PaintOrder& order, const Reading& reading, std::uint64_t seed) {
  const bool full = order.detail == RehearsalDetail::full;
  const unsigned width = full ? kFilmWidth : kFilmWidth / 4;
  const unsigned height = full ? kFilmHeight : kFilmHeight / 4;
  const int frames = full ? kFilmFrames : 2;
  const Scene scene = plan_scene(reading, seed, kSceneWidth, kSceneHeight);
  WebpFilm reel(width, height, kFrameMs);
  for (int frame = 0; frame < frames; ++frame) {
    Canvas canvas(width, height, width / kSceneWidth);
    paint_scene(canvas, scene, static_cast<double>(frame) / frames);
    paint_mark(canvas, kSceneWidth, kSceneHeight, 1.6);
    if (auto added = reel.add(canvas); !added) return fail(added.error());
  }
  return reel.finish();
}

}  // namespace

Result<RunOutput> paint(const PaintOrder& order) {
  const Reading reading = read(order.prompt);
  const std::uint64_t seed = mix64(order.seed) ^ text_hash(order.model);
  RunOutput output{order.medium, {}, {}, {}};
  Result<std::string> file;
  switch (order.medium) {
    case Medium::image:
      output.mime = "image/png";
      output.extension = "png";
      file = picture(order, reading, seed);
      break;
    case Medium::video:
      output.mime = "image/webp";
      output.extension = "webp";
      file = film(order, reading, seed);
      break;
    case Medium::audio:
    case Medium::music: {
      const double part = order.detail == RehearsalDetail::full ? 1.0 : 0.05;
      output.mime = "audio/flac";
      output.extension = "flac";
      file = flac_file(order.medium == Medium::audio ? play_sound(reading, seed, part)
                                                     : play_tune(reading, seed, part));
      break;
    }
    case Medium::text:
      output.mime = "text/plain; charset=utf-8";
      output.extension = "txt";
      file = tell_story(reading, seed);
      break;
  }
  if (!file) return fail(file.error());
  output.bytes = std::move(*file);
  return output;
}

}  // namespace stoker
