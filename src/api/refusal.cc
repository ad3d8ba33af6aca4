#include "api/refusal.h"

#include "api/json_writer.h"

namespace stoker::api {

Refusal refusal_of(Error error) {
  Refusal refusal{
      .code = error.code, .detail = std::move(error.detail), .retry_after_s = error.retry_after_s};
  const bool names_field =
      error.code == ErrorCode::bad_request || error.code == ErrorCode::too_large;
  (names_field ? refusal.field : refusal.value) = std::move(error.param);
  return refusal;
}

void add_safety_headers(net::Headers& headers) {
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cache-Control", "no-store");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
}

int status_of(const Refusal& refusal) {
  return refusal.status != 0 ? refusal.status : error_http_status(refusal.code);
}

std::string refusal_body(const Refusal& refusal) {
  JsonWriter json;
  json.begin_object().key("error").begin_object().field("code", error_name(refusal.code));
  json.key("params").begin_object();
  if (!refusal.field.empty()) json.field("field", refusal.field);
  if (!refusal.detail.empty()) json.field("detail", refusal.detail);
  if (!refusal.value.empty()) json.field("value", refusal.value);
  json.end_object();
  if (refusal.retry_after_s) json.field("retry_after_s", *refusal.retry_after_s);
  return json.end_object().end_object().take();
}

}  // namespace stoker::api
