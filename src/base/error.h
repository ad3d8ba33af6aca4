// Errors as values: the closed list of error codes that Stoker answers with, and the value that carries one.
//
// Purpose: one list for every seam, from a storage write to the JSON body of an HTTP answer.
// Threading: values, no shared state. The table behind the functions is constant.
// Errors: none of these functions fails.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace stoker {

enum class ErrorCode : std::uint8_t {
  bad_request,
  too_large,
  unauthorised,
  forbidden,
  wrong_code,
  not_found,
  conflict,
  out_of_focus,
  paused,
  not_started,
  ended,
  limit_reached,
  queue_full,
  misfit,
  unknown_model,
  backend_down,
  load_failed,
  run_timeout,
  provider_blocked,
  provider_down,
  budget_reached,
  blocked_text,
  checker_down,
  disk_full,
  internal,
};

inline constexpr std::size_t kErrorCodeCount = 25;

// The word on the wire, for example "out_of_focus".
std::string_view error_name(ErrorCode code);

// The HTTP status of a native API answer with this code.
int error_http_status(ErrorCode code);

// The inverse of error_name.
std::optional<ErrorCode> error_from_name(std::string_view name);

// A failure. `detail` is for logs and for developers, in English, and never holds prompts, names or tokens.
// `param` is the machine-readable subject that pages put into their sentence ("flux2", "prompt", "4000").
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;
  std::string param = {};
  std::optional<int> retry_after_s = {};
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string detail, std::string param = {}) {
  return std::unexpected(Error{code, std::move(detail), std::move(param), std::nullopt});
}

inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

// A broken invariant: writes where and why to standard error and aborts. Never for bad input.
[[noreturn]] void broken_invariant(std::string_view what, const char* file, int line);

}  // namespace stoker

// Checks an invariant in every build. The process is restarted by its supervisor and recovers from the journal.
#define STOKER_INVARIANT(condition, what) \
  ((condition) ? static_cast<void>(0) : ::stoker::broken_invariant((what), __FILE__, __LINE__))
