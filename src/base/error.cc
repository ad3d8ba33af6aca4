#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace stoker {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  int http_status;
};

constexpr std::array<Row, kErrorCodeCount> kTable = {{
    {ErrorCode::bad_request, "bad_request", 400},
    {ErrorCode::too_large, "too_large", 413},
    {ErrorCode::unauthorised, "unauthorised", 401},
    {ErrorCode::forbidden, "forbidden", 403},
    {ErrorCode::wrong_code, "wrong_code", 403},
    {ErrorCode::not_found, "not_found", 404},
    {ErrorCode::conflict, "conflict", 409},
    {ErrorCode::out_of_focus, "out_of_focus", 409},
    {ErrorCode::paused, "paused", 409},
    {ErrorCode::not_started, "not_started", 409},
    {ErrorCode::ended, "ended", 410},
    {ErrorCode::limit_reached, "limit_reached", 429},
    {ErrorCode::queue_full, "queue_full", 429},
    {ErrorCode::misfit, "misfit", 409},
    {ErrorCode::unknown_model, "unknown_model", 404},
    {ErrorCode::backend_down, "backend_down", 503},
    {ErrorCode::load_failed, "load_failed", 502},
    {ErrorCode::run_timeout, "run_timeout", 504},
    {ErrorCode::provider_blocked, "provider_blocked", 403},
    {ErrorCode::provider_down, "provider_down", 502},
    {ErrorCode::budget_reached, "budget_reached", 429},
    {ErrorCode::blocked_text, "blocked_text", 422},
    {ErrorCode::checker_down, "checker_down", 503},
    {ErrorCode::disk_full, "disk_full", 507},
    {ErrorCode::internal, "internal", 500},
}};

constexpr bool table_is_in_enum_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].code) != i) return false;
  }
  return true;
}
static_assert(table_is_in_enum_order());

}  // namespace

std::string_view error_name(ErrorCode code) {
  return kTable[static_cast<std::size_t>(code)].name;
}

int error_http_status(ErrorCode code) {
  return kTable[static_cast<std::size_t>(code)].http_status;
}

std::optional<ErrorCode> error_from_name(std::string_view name) {
  for (const Row& row : kTable) {
    if (row.name == name) return row.code;
  }
  return std::nullopt;
}

void broken_invariant(std::string_view what, const char* file, int line) {
  std::fprintf(stderr, "broken invariant at %s:%d: %.*s\n", file, line,
               static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace stoker
