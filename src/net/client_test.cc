// What the client does with well-behaved peers: pool, framing, streaming.
#include "net/http_client.h"

#include <thread>

#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::begin;
using testing::Event;
using testing::finish;
using testing::Listener;
using testing::run;
using testing::serve;
using testing::Socket;

struct Answer {
  int status = 0;
  std::string body;
  Headers headers;
};

Task<Result<Answer>> fetch(HttpClient& client, ClientRequest request) {
  auto response = co_await client.send(std::move(request));
  if (!response) co_return fail(response.error());
  auto body = co_await (*response)->read_all(256 * 1024 * 1024);
  if (!body) co_return fail(body.error());
  co_return Answer{(*response)->head().status, std::move(*body), (*response)->head().headers};
}

ClientRequest request_to(std::uint16_t port, std::string target = "/", std::string body = {}) {
  ClientRequest request{.method = body.empty() ? "GET" : "POST",
                        .target = std::move(target),
                        .body = std::move(body)};
  request.url = {.tls = false, .host = "127.0.0.1", .port = port, .base_path = ""};
  return request;
}

// Reads one request (head and Content-Length body) from a raw peer.
std::string take_request(Socket& socket) {
  return socket.receive_answer();
}

class Client : public ::testing::Test {
 protected:
  // Sends a request to a peer that answers with exactly `answer` and then closes.
  Result<Answer> answered_with(std::string_view answer, ClientRequest request = {}) {
    request.url = {.tls = false, .host = "127.0.0.1", .port = listener_.port(), .base_path = ""};
    auto future = begin(network_, fetch(*client_, std::move(request)));
    Socket socket = listener_.accept();
    take_request(socket);
    socket.send(answer);
    socket.close();
    return finish(std::move(future));
  }

  Network network_;
  Listener listener_;
  std::unique_ptr<HttpClient> client_ = HttpClient::create(network_);
};

TEST_F(Client, SendsWhatItWasGiven) {
  ClientRequest request = request_to(listener_.port(), "/api/generate?x=1", "{}");
  request.url.base_path = "/base";
  request.headers.add("Authorization", "Bearer k");
  request.headers.add("Connection", "close");
  request.headers.add("Transfer-Encoding", "gzip");
  auto future = begin(network_, fetch(*client_, request));
  Socket socket = listener_.accept();
  EXPECT_EQ(take_request(socket),
            "POST /base/api/generate?x=1 HTTP/1.1\r\nAuthorization: Bearer k\r\nHost: 127.0.0.1:" +
                std::to_string(listener_.port()) + "\r\nContent-Length: 2\r\n\r\n{}");
  socket.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok");
  const auto answer = finish(std::move(future));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "ok");
  EXPECT_EQ(answer->headers.find("x-a"), "b");
}

TEST_F(Client, APostWithoutABodySaysSo) {
  auto future =
      begin(network_, fetch(*client_, {.method = "POST", .url = request_to(listener_.port()).url}));
  Socket socket = listener_.accept();
  EXPECT_NE(take_request(socket).find("Content-Length: 0\r\n"), std::string::npos);
  socket.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(finish(std::move(future)).has_value());
}

TEST_F(Client, RefusesWhatMayNotBeSent) {
  const auto refused = [&](ClientRequest request) {
    const auto answer = run(network_, fetch(*client_, std::move(request)));
    EXPECT_FALSE(answer.has_value());
    return answer ? std::string() : std::string(error_name(answer.error().code));
  };
  EXPECT_EQ(refused(request_to(listener_.port(), "/a b")), "bad_request");
  EXPECT_EQ(refused(request_to(listener_.port(), "/a\r\nX: y")), "bad_request");
  EXPECT_EQ(refused(request_to(listener_.port(), "a")), "bad_request");
  ClientRequest fields = request_to(listener_.port());
  fields.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(refused(fields), "bad_request");
  ClientRequest method = request_to(listener_.port());
  method.method = "GET /x";
  EXPECT_EQ(refused(method), "bad_request");
}

TEST_F(Client, ReadsEveryFraming) {
  const auto body = [&](std::string_view answer, std::string method = "GET") {
    const auto got = answered_with(answer, {.method = std::move(method)});
    EXPECT_TRUE(got.has_value()) << (got ? "" : got.error().detail);
    return got ? got->body : "failed";
  };
  EXPECT_EQ(body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "hello");
  EXPECT_EQ(
      body(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"),
      "hello");
  EXPECT_EQ(body("HTTP/1.1 200 OK\r\n\r\nuntil the end"), "until the end");
  EXPECT_EQ(body("HTTP/1.0 200 OK\r\n\r\nuntil the end"), "until the end");
  EXPECT_EQ(body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"), "");
  EXPECT_EQ(body("HTTP/1.1 204 No Content\r\n\r\n"), "");
  EXPECT_EQ(body("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "");
  EXPECT_EQ(body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 "
                 "200 OK\r\nContent-Length: 2\r\n\r\nok"),
            "ok");
}

TEST_F(Client, SaysWhatIsWrongWithAnAnswer) {
  const auto code = [&](std::string_view answer) {
    const auto got = answered_with(answer);
    EXPECT_FALSE(got.has_value()) << answer.substr(0, 80);
    return got ? std::string() : std::string(error_name(got.error().code));
  };
  EXPECT_EQ(code(""), "backend_down");
  EXPECT_EQ(code("HTTP/1.1 200"), "backend_down");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), "backend_down");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            "backend_down");
  EXPECT_EQ(code("nonsense\r\n\r\n"), "bad_request");
  EXPECT_EQ(code("HTTP/2 200 OK\r\n\r\n"), "bad_request");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "bad_request");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            "bad_request");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "bad_request");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "bad_request");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), "bad_request");
  EXPECT_EQ(code("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "bad_request");
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n"), "too_large");
  std::string endless;
  for (int i = 0; i < 20; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(code(endless), "bad_request");
}

TEST_F(Client, ReusesAFullyReadConnection) {
  Socket socket;
  for (int i = 0; i < 3; ++i) {
    auto future = begin(network_, fetch(*client_, request_to(listener_.port(), "/", "x")));
    if (i == 0) socket = listener_.accept();
    take_request(socket);
    socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    EXPECT_TRUE(finish(std::move(future)).has_value());
  }
}

TEST_F(Client, DoesNotReuseWhatThePeerWillClose) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 unasked\r\n\r\n"}) {
    auto future = begin(network_, fetch(*client_, request_to(listener_.port())));
    Socket socket = listener_.accept();
    take_request(socket);
    socket.send(answer);
    EXPECT_TRUE(finish(std::move(future)).has_value());
    EXPECT_TRUE(socket.ends());
  }
}

TEST_F(Client, ForgetsAPooledConnectionThatThePeerClosed) {
  for (int i = 0; i < 5; ++i) {
    ClientRequest request = request_to(listener_.port(), "/", "body");
    auto future = begin(network_, fetch(*client_, request));
    Socket socket = listener_.accept();
    take_request(socket);
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_TRUE(finish(std::move(future)).has_value());
    i % 2 == 0 ? socket.close() : socket.reset();
  }
}

// The peer closes a pooled connection in the moment in which it gets the second request.
TEST_F(Client, SendsOnceMoreWhenAPooledConnectionTurnsOutClosed) {
  const auto second_request_meets_a_close = [&](std::string body) {
    auto first = begin(network_, fetch(*client_, request_to(listener_.port())));
    Socket pooled = listener_.accept();
    take_request(pooled);
    pooled.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_TRUE(finish(std::move(first)).has_value());
    auto second = begin(network_, fetch(*client_, request_to(listener_.port(), "/second", body)));
    take_request(pooled);
    pooled.close();
    if (!body.empty()) return finish(std::move(second));
    Socket fresh = listener_.accept();
    EXPECT_TRUE(take_request(fresh).starts_with("GET /second"));
    fresh.close();  // also this one: but a second resend would be one too many
    return finish(std::move(second));
  };
  const auto without_body = second_request_meets_a_close("");
  ASSERT_FALSE(without_body.has_value());
  EXPECT_EQ(without_body.error().code, ErrorCode::backend_down);
  const auto with_body = second_request_meets_a_close("sent");
  ASSERT_FALSE(with_body.has_value());
  EXPECT_EQ(with_body.error().code, ErrorCode::backend_down);
}

TEST_F(Client, KeepsFewIdleConnectionsAndNotForLong) {
  auto few = HttpClient::create(network_, {
                                              .idle_connections_max_per_host = 2,
                                              .idle_timeout = milliseconds(50),
                                          });
  std::vector<std::future<Result<Answer>>> futures;
  std::vector<Socket> sockets;
  for (int i = 0; i < 4; ++i) {
    futures.push_back(begin(network_, fetch(*few, request_to(listener_.port()))));
    sockets.push_back(listener_.accept());
    take_request(sockets.back());
  }
  for (int i = 0; i < 4; ++i) {
    sockets[static_cast<std::size_t>(i)].send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_TRUE(finish(std::move(futures[static_cast<std::size_t>(i)])).has_value());
  }
  for (Socket& socket : sockets) EXPECT_TRUE(socket.ends());
}

TEST_F(Client, DestroyingItClosesItsIdleConnections) {
  auto future = begin(network_, fetch(*client_, request_to(listener_.port())));
  Socket socket = listener_.accept();
  take_request(socket);
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(finish(std::move(future)).has_value());
  client_.reset();
  EXPECT_TRUE(socket.ends());
}

TEST_F(Client, TakesAnAnswerThatComesBeforeTheRequestIsSent) {
  auto future = begin(
      network_, fetch(*client_, request_to(listener_.port(), "/", std::string(50'000'000, 'b'))));
  Socket socket = listener_.accept();
  socket.receive_until("\r\n\r\n");
  socket.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch");
  const auto answer = finish(std::move(future));
  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(answer->body, "much");
  EXPECT_TRUE(socket.ends());
}

TEST_F(Client, GoesOnSendingAfterAnInterimAnswer) {
  const std::string body(20'000'000, 'b');
  auto future = begin(network_, fetch(*client_, request_to(listener_.port(), "/", body)));
  Socket socket = listener_.accept();
  const std::string head = socket.receive_until("\r\n\r\n");
  socket.send("HTTP/1.1 102 Processing\r\n\r\n");
  EXPECT_EQ(socket.receive_exactly(body.size()).size(), body.size());
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const auto answer = finish(std::move(future));
  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->body, "ok");
}

Task<std::string> read_pieces(HttpClient& client, ClientRequest request,
                              std::function<void(std::string)> seen) {
  auto response = co_await client.send(std::move(request));
  if (!response) co_return "failed";
  seen("head");
  std::array<char, 100> buffer;
  while (true) {
    const auto got = co_await (*response)->read_some(buffer);
    if (!got) co_return "failed";
    if (*got == 0) co_return "end";
    seen(std::string(buffer.data(), *got));
  }
}

TEST_F(Client, GivesEachPieceAsItComes) {
  std::mutex mutex;
  std::vector<std::string> seen;
  std::vector<Event> events(3);
  auto future =
      begin(network_, read_pieces(*client_, request_to(listener_.port()), [&](std::string piece) {
              const std::lock_guard lock(mutex);
              seen.push_back(piece);
              if (seen.size() <= events.size()) events[seen.size() - 1].set();
            }));
  Socket socket = listener_.accept();
  take_request(socket);
  socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_TRUE(events[0].happens());
  socket.send("3\r\none\r\n");
  EXPECT_TRUE(events[1].happens());
  socket.send("3\r\ntwo\r\n");
  EXPECT_TRUE(events[2].happens());
  socket.send("0\r\n\r\n");
  EXPECT_EQ(finish(std::move(future)), "end");
  EXPECT_EQ(seen, (std::vector<std::string>{"head", "one", "two"}));
}

TEST_F(Client, CarriesLargeBodiesBothWays) {
  const auto server = serve(network_, [](Exchange& e) -> Task<void> {
    const auto body = co_await e.read_body(256 * 1024 * 1024);
    EXPECT_TRUE(body.has_value());
    if (!body) co_return;
    co_await e.start({});
    for (std::size_t at = 0; at < body->size(); at += 1'000'000) {
      if (!co_await e.write(std::string_view(*body).substr(at, 1'000'000))) co_return;
    }
    co_await e.finish();
  });
  const std::string body(30'000'000, 'c');
  const auto answer = run(network_, fetch(*client_, request_to(server->port(), "/", body)));
  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_TRUE(answer->body == body);
}

Task<Result<std::string>> fetch_limited(HttpClient& client, ClientRequest request,
                                        std::size_t bytes_max) {
  auto response = co_await client.send(std::move(request));
  if (!response) co_return fail(response.error());
  co_return co_await (*response)->read_all(bytes_max);
}

TEST_F(Client, LimitsWhatItReads) {
  for (const std::size_t limit : {std::size_t{4}, std::size_t{5}}) {
    auto future = begin(network_, fetch_limited(*client_, request_to(listener_.port()), limit));
    Socket socket = listener_.accept();
    take_request(socket);
    socket.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    const auto body = finish(std::move(future));
    EXPECT_EQ(body.has_value(), limit == 5);
    if (!body) EXPECT_EQ(body.error().code, ErrorCode::too_large);
  }
}

}  // namespace
}  // namespace stoker::net
