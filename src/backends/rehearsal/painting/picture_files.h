// Canvases as files: PNG, and animated WebP frame by frame.
//
// Threading: values and owned encoders only. Every file says "Stoker rehearsal" in its metadata and
//   never a prompt.
// Errors: internal when the encoder refuses.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "backends/rehearsal/painting/canvas.h"
#include "base/error.h"

namespace stoker::painting {

inline constexpr char kSoftwareMark[] = "Stoker rehearsal";

Result<std::string> png_file(const Canvas& canvas);

class WebpFilm {
 public:
  WebpFilm(unsigned width, unsigned height, int frame_ms);
  ~WebpFilm();
  WebpFilm(const WebpFilm&) = delete;
  WebpFilm& operator=(const WebpFilm&) = delete;

  Result<void> add(const Canvas& frame);
  // Ends the film; it plays for ever.
  Result<std::string> finish();

 private:
  struct Encoder;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace stoker::painting
