// Single requests and what their answers mean.
#include <utility>

#include "backends/openai/openai_calls.h"
#include "protocol/json_access.h"
#include "protocol/openai/errors.h"

namespace stoker::openai {
namespace {

namespace wire = protocol::openai;

constexpr int kNotFound = 404;

ErrorCode code_of(int status, const wire::WireError& error, Doing doing) {
  switch (status) {
    case 400:
    case 405:
    case 415:
    case 422:
    case 501:
      return ErrorCode::bad_request;
    case 401:
    case 403:  // a key: nothing works until somebody sets it right
      return ErrorCode::backend_down;
    case kNotFound:
      return wire::names_unknown_model(error) ? ErrorCode::unknown_model : ErrorCode::bad_request;
    case 408:
    case 504:
      return ErrorCode::run_timeout;
    case 413:
      return ErrorCode::too_large;
    case 429:
      return ErrorCode::queue_full;
    case 502:
    case 503:  // it loads, it cools down, its engine has died
      return ErrorCode::backend_down;
    default:
      return doing == Doing::loading ? ErrorCode::load_failed : ErrorCode::internal;
  }
}

}  // namespace

Error error_of(Error transport) {
  // For the client of HTTP a malformed answer is a bad request; here it is the engine's fault.
  if (transport.code == ErrorCode::bad_request) transport.code = ErrorCode::internal;
  return transport;
}

Error error_of(const EngineAnswer& answer, Doing doing) {
  const wire::WireError words = wire::read_error(std::string_view(answer.body));
  Error error{.code = code_of(answer.status, words, doing),
              .detail = "the engine answers " + std::to_string(answer.status),
              .param = wire::trouble_of(words)};
  if (doing != Doing::running && !words.message.empty()) error.detail += ": " + words.message;
  if (answer.status == 401 || answer.status == 403) error.param = "refused";
  return error;
}

EngineAsk get(std::string target, Duration deadline) {
  return {.method = "GET", .target = std::move(target), .deadline = deadline};
}

EngineAsk post(std::string target, std::string body, Duration deadline) {
  return {
      .method = "POST", .target = std::move(target), .body = std::move(body), .deadline = deadline};
}

net::Task<Result<EngineAnswer>> ask_any(SharedSite site, EngineAsk request) {
  auto answer = co_await EngineHttp::ask(site->http(), std::move(request));
  if (!answer) co_return fail(error_of(answer.error()));
  co_return answer;
}

net::Task<Result<EngineAnswer>> ask(SharedSite site, EngineAsk request, Doing doing) {
  auto answer = co_await ask_any(std::move(site), std::move(request));
  if (!answer) co_return fail(answer.error());
  if (!answer->ok()) co_return fail(error_of(*answer, doing));
  co_return answer;
}

net::Task<Result<std::vector<wire::ListedModel>>> listed_models(SharedSite site, std::string target,
                                                                Duration deadline) {
  const auto answer = co_await ask(site, get(std::move(target), deadline), Doing::asking);
  if (!answer) co_return fail(answer.error());
  co_return wire::parse_models(answer->body);
}

net::Task<Result<std::optional<bool>>> sleeping(SharedSite site, Duration deadline) {
  const auto answer = co_await ask_any(site, get("/is_sleeping", deadline));
  if (!answer) co_return fail(answer.error());
  site->can_sleep.store(answer->status != kNotFound);
  if (answer->status == kNotFound) co_return std::nullopt;
  if (!answer->ok()) co_return fail(error_of(*answer, Doing::asking));
  const auto asleep = wire::parse_is_sleeping(answer->body);
  if (!asleep) co_return fail(asleep.error());
  co_return *asleep;
}

bool is_served_as(std::string_view listed, std::string_view upstream) {
  constexpr std::string_view kWeights = ".gguf";
  if (upstream.empty() || listed == upstream) return true;
  const std::size_t slash = listed.find_last_of("/\\");
  std::string_view file = slash == std::string_view::npos ? listed : listed.substr(slash + 1);
  if (file == upstream) return true;
  if (!file.ends_with(kWeights)) return false;
  file.remove_suffix(kWeights.size());
  return file == upstream;
}

std::string in_query(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 0xf];
    }
  }
  return encoded;
}

}  // namespace stoker::openai
