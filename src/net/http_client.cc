#include "net/http_client.h"

#include <algorithm>

#include "net/client_call.h"
#include "net/client_connect.h"
#include "net/head_writer.h"
#include "net/websocket_endpoint.h"

namespace stoker::net {
namespace {

constexpr std::size_t kReadStepBytesMax = 1024 * 1024;

// These coroutines hold the call by value, so that a response may be destroyed while a read waits.
Task<Result<std::size_t>> read_some_of(std::shared_ptr<ClientCall> call, std::span<char> buffer) {
  co_return co_await call->read_some(buffer);
}

Task<Result<std::string>> read_all_of(std::shared_ptr<ClientCall> call, std::size_t bytes_max) {
  std::string body;
  while (true) {
    const std::size_t before = body.size();
    body.resize(before + std::clamp(before, kReadBytes, kReadStepBytesMax));
    const auto got = co_await call->read_some({body.data() + before, body.size() - before});
    if (!got) co_return fail(got.error());
    body.resize(before + *got);
    if (body.size() > bytes_max) {
      call->cancel();
      co_return fail(ErrorCode::too_large, "body of the answer");
    }
    if (*got == 0) co_return body;
  }
}

class Response final : public ClientResponse {
 public:
  explicit Response(std::shared_ptr<ClientCall> call) : call_(std::move(call)) {}
  ~Response() override { call_->cancel(); }

  const ResponseHead& head() const override { return call_->head(); }
  Task<Result<std::size_t>> read_some(std::span<char> buffer) override {
    return read_some_of(call_, buffer);
  }
  Task<Result<std::string>> read_all(std::size_t bytes_max) override {
    return read_all_of(call_, bytes_max);
  }
  void cancel() override { call_->cancel(); }

 private:
  std::shared_ptr<ClientCall> call_;
};

// A call whose task is destroyed or fails must not leave its connection open.
struct CancelUnlessAnswered {
  std::shared_ptr<ClientCall> call;
  ~CancelUnlessAnswered() {
    if (call) call->cancel();
  }
};

Task<Result<std::unique_ptr<ClientResponse>>> send_request(std::shared_ptr<ClientPool> pool,
                                                           ClientRequest request) {
  auto call = std::make_shared<ClientCall>(std::move(pool), std::move(request));
  CancelUnlessAnswered guard{call};
  if (auto done = co_await call->perform(); !done) co_return fail(done.error());
  guard.call = nullptr;
  co_return std::make_unique<Response>(std::move(call));
}

Task<Result<std::unique_ptr<WebSocket>>> open_websocket_to(std::shared_ptr<ClientPool> pool,
                                                           Url url, std::string target,
                                                           Headers headers, Deadlines deadlines) {
  const ClientRequest request{
      .url = url, .target = target, .headers = headers, .body = {}, .deadlines = deadlines};
  if (!request_text(request))
    co_return fail(ErrorCode::bad_request, "a request that may not be sent");
  auto channel = co_await connect_to(*pool, {url.tls, url.host, url.port}, deadlines.connect);
  if (!channel) co_return fail(channel.error());
  co_return co_await connect_websocket_on((*channel)->release(), host_field(url),
                                          url.base_path + target, std::move(headers),
                                          deadlines.first_byte);
}

class Client final : public HttpClient {
 public:
  Client(Network& network, ClientLimits limits)
      : mailbox_(network.mailbox()),
        pool_(std::make_shared<ClientPool>(network, std::move(limits))) {}
  ~Client() override {
    detail::post_to(*mailbox_, [pool = std::move(pool_)] { pool->close(); });
  }

  Task<Result<std::unique_ptr<ClientResponse>>> send(ClientRequest request) override {
    return send_request(pool_, std::move(request));
  }
  Task<Result<std::unique_ptr<WebSocket>>> open_websocket(Url url, std::string target,
                                                          Headers headers,
                                                          Deadlines deadlines) override {
    return open_websocket_to(pool_, std::move(url), std::move(target), std::move(headers),
                             deadlines);
  }

 private:
  std::shared_ptr<detail::Mailbox> mailbox_;
  std::shared_ptr<ClientPool> pool_;
};

}  // namespace

std::unique_ptr<HttpClient> HttpClient::create(Network& network, ClientLimits limits) {
  return std::make_unique<Client>(network, std::move(limits));
}

}  // namespace stoker::net
