// QR codes as SVG path data.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace stoker::api {

struct QrPath {
  std::string path;        // "M4 4h7v1h-7z…": one rectangle per run of dark modules
  std::uint32_t size = 0;  // side of the square viewBox, with the quiet zone of four modules
};

// Errors: too_large when the text does not fit a code.
Result<QrPath> qr_path(std::string_view text);

}  // namespace stoker::api
