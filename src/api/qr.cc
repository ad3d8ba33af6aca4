#include "api/qr.h"

#include <qrencode.h>

#include <memory>

namespace stoker::api {
namespace {

constexpr std::uint32_t kQuietZone = 4;

void append_run(std::string& path, std::uint32_t x, std::uint32_t y, std::uint32_t length) {
  const std::string width = std::to_string(length);
  path.append("M")
      .append(std::to_string(x + kQuietZone))
      .append(" ")
      .append(std::to_string(y + kQuietZone));
  path.append("h").append(width).append("v1h-").append(width).append("z");
}

}  // namespace

Result<QrPath> qr_path(std::string_view text) {
  struct Free {
    void operator()(QRcode* code) const { QRcode_free(code); }
  };
  const std::unique_ptr<QRcode, Free> code(
      QRcode_encodeData(static_cast<int>(text.size()),
                        reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_M));
  if (!code) return fail(ErrorCode::too_large, "the text does not fit a QR code");
  const auto side = static_cast<std::uint32_t>(code->width);
  QrPath out{.path = {}, .size = side + 2 * kQuietZone};
  for (std::uint32_t y = 0; y < side; ++y) {
    const unsigned char* row = code->data + static_cast<std::size_t>(y) * side;
    for (std::uint32_t x = 0; x < side;) {
      std::uint32_t end = x;
      while (end < side && (row[end] & 1U) != 0) ++end;
      if (end > x) append_run(out.path, x, y, end - x);
      x = end + 1;
    }
  }
  return out;
}

}  // namespace stoker::api
