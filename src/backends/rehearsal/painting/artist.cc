#include "backends/rehearsal/painting/artist.h"

#include <cmath>
#include <utility>
#include <vector>

#include "backends/rehearsal/painting/canvas.h"
#include "backends/rehearsal/painting/picture_files.h"
#include "backends/rehearsal/painting/sound_file.h"
#include "base/random.h"

namespace stoker {

Result<RunOutput> paint(const PaintOrder& order) {
  using namespace painting;
  Random random(order.seed);
  RunOutput output{order.medium, {}, {}, {}};
  Result<std::string> file = std::string("[Rehearsal]\n");
  output.mime = "text/plain; charset=utf-8";
  output.extension = "txt";
  if (order.medium == Medium::image || order.medium == Medium::video) {
    Canvas canvas(256, 192, 0.25);
    canvas.fill_all({random.unit(), 0.5, 0.6, 1});
    canvas.fill(ellipse({500, 400}, 200, 200), {0.9, random.unit(), 0.3, 1});
    if (order.medium == Medium::image) {
      file = png_file(canvas);
      output.mime = "image/png";
      output.extension = "png";
    } else {
      WebpFilm film(256, 192, 83);
      if (auto added = film.add(canvas); !added) return fail(added.error());
      file = film.finish();
      output.mime = "image/webp";
      output.extension = "webp";
    }
  }
  if (order.medium == Medium::audio || order.medium == Medium::music) {
    std::vector<float> samples(kSampleRate * kChannels);
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<float>(0.2 * std::sin(0.04 * static_cast<double>(i)));
    file = flac_file(samples);
    output.mime = "audio/flac";
    output.extension = "flac";
  }
  if (!file) return fail(file.error());
  output.bytes = std::move(*file);
  return output;
}

}  // namespace stoker
