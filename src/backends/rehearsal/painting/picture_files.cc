#include "backends/rehearsal/painting/picture_files.h"

#include <png.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <vector>

namespace stoker::painting {
namespace {

// The two calls of libpng's error protocol: leaving by longjmp is the library's own way out.
void append_png(png_structp png, png_bytep data, png_size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), size);
}
void flush_png(png_structp) {}
void ignore_warning(png_structp, png_const_charp) {}

void write_png(png_structp png, png_infop info, const Canvas& canvas,
               const std::vector<png_bytep>& rows) {
  png_set_IHDR(png, info, canvas.width(), canvas.height(), 8, PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  char key[] = "Software";
  char text[sizeof kSoftwareMark];
  std::copy(std::begin(kSoftwareMark), std::end(kSoftwareMark), text);
  png_text mark{};
  mark.compression = PNG_TEXT_COMPRESSION_NONE;
  mark.key = key;
  mark.text = text;
  png_set_text(png, info, &mark, 1);
  // Flat shapes: few colours in long runs, so little effort already packs well.
  png_set_compression_level(png, 4);
  png_set_filter(png, 0, PNG_FILTER_NONE | PNG_FILTER_UP);
  png_write_info(png, info);
  png_set_filler(png, 0, PNG_FILLER_AFTER);
  png_write_image(png, const_cast<png_bytepp>(rows.data()));
  png_write_end(png, info);
}

Error webp_refused(const char* where) {
  return {ErrorCode::internal, std::string("WebP encoder: ") + where, {}, {}};
}

}  // namespace

Result<std::string> png_file(const Canvas& canvas) {
  std::string file;
  std::vector<png_bytep> rows(canvas.height());
  for (unsigned y = 0; y < canvas.height(); ++y) {
    rows[y] = const_cast<png_bytep>(canvas.rgba().data() + std::size_t{y} * canvas.width() * 4);
  }
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, ignore_warning);
  if (png == nullptr) return fail(ErrorCode::internal, "no PNG encoder");
  png_infop info = png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return fail(ErrorCode::internal, "the PNG encoder refused");
  }
  png_set_write_fn(png, &file, append_png, flush_png);
  write_png(png, info, canvas, rows);
  png_destroy_write_struct(&png, &info);
  return file;
}

struct WebpFilm::Encoder {
  WebPAnimEncoder* frames = nullptr;
  WebPConfig config{};
  int frame_ms = 0;
  int time_ms = 0;

  ~Encoder() { WebPAnimEncoderDelete(frames); }
};

WebpFilm::WebpFilm(unsigned width, unsigned height, int frame_ms)
    : encoder_(std::make_unique<Encoder>()) {
  WebPAnimEncoderOptions options;
  if (WebPAnimEncoderOptionsInit(&options) == 0) return;
  options.anim_params.loop_count = 0;
  options.kmin = 9;
  options.kmax = 18;
  encoder_->frame_ms = frame_ms;
  if (WebPConfigInit(&encoder_->config) == 0) return;
  encoder_->config.method = 0;
  encoder_->config.quality = 82;
  encoder_->frames =
      WebPAnimEncoderNew(static_cast<int>(width), static_cast<int>(height), &options);
}

WebpFilm::~WebpFilm() = default;

Result<void> WebpFilm::add(const Canvas& frame) {
  if (encoder_->frames == nullptr) return fail(webp_refused("start"));
  WebPPicture picture;
  if (WebPPictureInit(&picture) == 0) return fail(webp_refused("picture"));
  picture.use_argb = 1;
  picture.width = static_cast<int>(frame.width());
  picture.height = static_cast<int>(frame.height());
  const bool added =
      WebPPictureImportRGBX(&picture, frame.rgba().data(), picture.width * 4) != 0 &&
      WebPAnimEncoderAdd(encoder_->frames, &picture, encoder_->time_ms, &encoder_->config) != 0;
  WebPPictureFree(&picture);
  if (!added) return fail(webp_refused("frame"));
  encoder_->time_ms += encoder_->frame_ms;
  return {};
}

Result<std::string> WebpFilm::finish() {
  if (encoder_->frames == nullptr) return fail(webp_refused("start"));
  WebPData film;
  WebPDataInit(&film);
  if (WebPAnimEncoderAdd(encoder_->frames, nullptr, encoder_->time_ms, nullptr) == 0 ||
      WebPAnimEncoderAssemble(encoder_->frames, &film) == 0) {
    return fail(webp_refused("end"));
  }
  WebPMux* const mux = WebPMuxCreate(&film, 1);
  WebPDataClear(&film);
  if (mux == nullptr) return fail(webp_refused("container"));
  const std::string xmp =
      std::string(
          "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
          "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
          "xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:CreatorTool='") +
      kSoftwareMark + "'/></rdf:RDF></x:xmpmeta>";
  const WebPData mark{reinterpret_cast<const std::uint8_t*>(xmp.data()), xmp.size()};
  std::string file;
  if (WebPMuxSetChunk(mux, "XMP ", &mark, 1) == WEBP_MUX_OK &&
      WebPMuxAssemble(mux, &film) == WEBP_MUX_OK) {
    file.assign(reinterpret_cast<const char*>(film.bytes), film.size);
    WebPDataClear(&film);
  }
  WebPMuxDelete(mux);
  if (file.empty()) return fail(webp_refused("mark"));
  return file;
}

}  // namespace stoker::painting
