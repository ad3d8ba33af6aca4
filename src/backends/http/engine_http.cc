#include "backends/http/engine_http.h"

#include <array>
#include <utility>

namespace stoker {
namespace {

constexpr std::size_t kPieceBytesMax = 64 * 1024;

std::string text_of(const net::ResponseHead& head, std::string_view field) {
  return std::string(head.headers.find(field).value_or(""));
}

}  // namespace

EngineHttp::EngineHttp(net::Network& network, net::Url url, std::string key)
    : network_(network),
      url_(std::move(url)),
      key_(std::move(key)),
      client_(net::HttpClient::create(network)) {}

net::ClientRequest EngineHttp::request_of(EngineAsk ask) const {
  net::ClientRequest request{.method = std::move(ask.method),
                             .url = url_,
                             .target = std::move(ask.target),
                             .headers = {},
                             .body = std::move(ask.body),
                             .deadlines = {.connect = std::min(kEngineConnectMax, ask.deadline),
                                           .first_byte = ask.first_byte_max.value_or(ask.deadline),
                                           .stall = ask.stall_max.value_or(ask.deadline),
                                           .total = ask.deadline}};
  if (!request.body.empty()) request.headers.add("Content-Type", ask.content_type);
  if (!key_.empty()) request.headers.add("Authorization", "Bearer " + key_);
  return request;
}

net::Task<Result<EngineAnswer>> EngineHttp::ask(std::shared_ptr<EngineHttp> http, EngineAsk ask) {
  const std::size_t bytes_max = ask.answer_bytes_max;
  auto response = co_await http->client_->send(http->request_of(std::move(ask)));
  if (!response) co_return fail(response.error());
  EngineAnswer answer{.status = (*response)->head().status,
                      .content_type = text_of((*response)->head(), "Content-Type"),
                      .body = {}};
  auto body = co_await (*response)->read_all(bytes_max);
  if (!body) co_return fail(body.error());
  answer.body = *std::move(body);
  co_return answer;
}

net::Task<Result<EngineAnswer>> EngineHttp::stream(std::shared_ptr<EngineHttp> http, EngineAsk ask,
                                                   Sink sink) {
  const std::size_t bytes_max = ask.answer_bytes_max;
  auto response = co_await http->client_->send(http->request_of(std::move(ask)));
  if (!response) co_return fail(response.error());
  EngineAnswer answer{.status = (*response)->head().status,
                      .content_type = text_of((*response)->head(), "Content-Type"),
                      .body = {}};
  if (!answer.ok()) {
    auto body = co_await (*response)->read_all(bytes_max);
    if (!body) co_return fail(body.error());
    answer.body = *std::move(body);
    co_return answer;
  }
  std::vector<char> buffer(kPieceBytesMax);
  std::size_t taken = 0;
  while (true) {
    const auto got = co_await (*response)->read_some(buffer);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return answer;
    taken += *got;
    if (taken > bytes_max) co_return fail(ErrorCode::too_large, "the engine's stream is too long");
    const auto more = sink(std::string_view(buffer.data(), *got));
    if (!more) co_return fail(more.error());
    if (!*more) co_return answer;
  }
}

net::Task<Result<std::unique_ptr<net::WebSocket>>> EngineHttp::open_websocket(
    std::shared_ptr<EngineHttp> http, std::string target, Duration deadline) {
  net::Headers headers;
  if (!http->key_.empty()) headers.add("Authorization", "Bearer " + http->key_);
  co_return co_await http->client_->open_websocket(
      http->url_, std::move(target), std::move(headers),
      {.connect = std::min(kEngineConnectMax, deadline), .first_byte = deadline, .total = {}});
}

}  // namespace stoker
