#include "backends/http/media_output.h"

#include <utility>

#include "domain/media_format.h"

namespace stoker {

Result<RunOutput> media_output(std::string bytes, Medium medium) {
  const auto format = sniff_format(bytes);
  if (!format || !format_suits(*format, medium)) {
    return fail(ErrorCode::internal, "the engine made a file of another kind", "output");
  }
  return RunOutput{.medium = medium,
                   .mime = std::string(format_mime(*format)),
                   .extension = std::string(format_extension(*format)),
                   .bytes = std::move(bytes)};
}

}  // namespace stoker
