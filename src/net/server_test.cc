// What an HTTP/1.1 peer sees of the server: framing, order, refusals.
#include "net/http_server.h"

#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::body_of;
using testing::connect_to;
using testing::serve;
using testing::Socket;
using testing::status_of;

// Answers with what it saw: "METHOD path?query:body".
Task<void> mirror(Exchange& exchange) {
  const RequestHead& head = exchange.head();
  auto body = co_await exchange.read_body(64 * 1024 * 1024);
  if (!body) co_return;
  ResponseHead answer;
  answer.headers.add("Content-Type", "text/plain");
  const auto sent = co_await exchange.respond(
      answer, head.method + " " + head.path + "?" + head.query + ":" + *body);
  EXPECT_TRUE(sent.has_value());
}

class Server : public ::testing::Test {
 protected:
  Socket peer() { return connect_to(server_->port()); }
  // Everything the server sends until it closes.
  std::string exchange(std::string_view request) {
    Socket socket = peer();
    socket.send(request);
    return socket.receive_all();
  }
  void serve_with(Handler handler, ServerLimits limits = {}) {
    server_ = serve(network_, std::move(handler), limits);
  }

  Network network_;
  std::unique_ptr<HttpServer> server_ = serve(network_, mirror);
};

TEST_F(Server, AnswersAndKeepsTheConnection) {
  Socket socket = peer();
  for (int i = 0; i < 3; ++i) {
    socket.send("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string answer = socket.receive_answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain\r\n"), std::string::npos);
    EXPECT_EQ(answer.find("Connection:"), std::string::npos);
    EXPECT_EQ(body_of(answer), "GET /a?b=c:");
  }
  EXPECT_EQ(server_->connection_count(), 1u);
}

TEST_F(Server, AnswersPipelinedRequestsInOrder) {
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests +=
        "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab";
  }
  Socket socket = peer();
  socket.send(requests);
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(body_of(socket.receive_answer()), "POST /" + std::to_string(i) + "?:ab");
}

TEST_F(Server, PipelinedRequestsOfSlowHandlersKeepTheirOrder) {
  serve_with([this](Exchange& e) -> Task<void> {
    if (e.head().path == "/slow") co_await network_.sleep(milliseconds(20));
    co_await mirror(e);
  });
  Socket socket = peer();
  socket.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "GET /slow?:");
  EXPECT_EQ(body_of(socket.receive_answer()), "GET /fast?:");
}

TEST_F(Server, ReadsChunkedBodiesWithTrailers) {
  Socket socket = peer();
  socket.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
      "world\r\n0\r\nX-T: 1\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "POST /?:hello world");
  socket.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "GET /next?:");
}

TEST_F(Server, RefusesABodyWithMalformedChunks) {
  serve_with([](Exchange& e) -> Task<void> {
    const auto body = co_await e.read_body(1000);
    EXPECT_FALSE(body.has_value());
    EXPECT_FALSE(e.gone());
    if (!body)
      co_await e.respond({.status = error_http_status(body.error().code), .headers = {}}, "");
  });
  const std::string answer =
      exchange("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX");
  EXPECT_EQ(status_of(answer), 400);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(Server, AsksForABodyOnlyWhenTheHandlerReadsIt) {
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("hello");
  EXPECT_EQ(body_of(socket.receive_answer()), "POST /?:hello");
}

TEST_F(Server, RefusesWithoutAskingForTheBody) {
  serve_with(
      [](Exchange& e) -> Task<void> { co_await e.respond({.status = 403, .headers = {}}, "no"); });
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  const std::string answer = socket.receive_answer();
  EXPECT_EQ(status_of(answer), 403);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(socket.ends());
}

TEST_F(Server, SaysNothingToAnExpectationWhoseBodyIsHereAlready) {
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_of(socket.receive_answer()), 200);
}

TEST_F(Server, AnswersHeadWithoutABody) {
  Socket socket = peer();
  socket.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = socket.receive_until("\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 9\r\n"), std::string::npos);
  EXPECT_EQ(body_of(socket.receive_answer()), "GET /b?:");
}

TEST_F(Server, AnswersHeadOfAStreamWithoutABody) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.start({});
    co_await e.write("body");
    co_await e.finish();
  });
  Socket socket = peer();
  socket.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(socket.receive_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_TRUE(socket.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(socket.receive_until("0\r\n\r\n"), "4\r\nbody\r\n0\r\n\r\n");
}

TEST_F(Server, ClosesAfterAnHttp10Request) {
  const std::string answer = exchange("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(answer), "GET /old?:");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(Server, KeepsAnHttp10ConnectionThatAsksForIt) {
  Socket socket = peer();
  for (int i = 0; i < 2; ++i) {
    socket.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(socket.receive_answer().find("Connection: keep-alive"), std::string::npos);
  }
}

TEST_F(Server, StreamsToHttp10WithoutChunks) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.start({});
    co_await e.write("one ");
    co_await e.write("two");
    co_await e.finish();
  });
  const std::string answer = exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(body_of(answer), "one two");
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(Server, ClosesWhenAskedTo) {
  const std::string answer = exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_EQ(body_of(answer), "GET /?:");
}

TEST_F(Server, PassesOptionsOn) {
  Socket socket = peer();
  socket.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "OPTIONS *?:");
  socket.send("PROPFIND /x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "PROPFIND /x?:");
}

TEST_F(Server, IgnoresEmptyLinesBeforeARequest) {
  Socket socket = peer();
  socket.send("\r\n\r\n");
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(socket.receive_answer()), 200);
}

TEST_F(Server, RefusesBadRequestsWithACode) {
  const auto refused = [&](std::string_view request, int status, std::string_view code) {
    const std::string answer = exchange(request);
    EXPECT_EQ(status_of(answer), status) << request.substr(0, 60);
    EXPECT_EQ(body_of(answer), R"({"error":{"code":")" + std::string(code) + R"(","params":{}}})");
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    EXPECT_NE(answer.find("Content-Type: application/json"), std::string::npos);
  };
  refused("nonsense\r\n\r\n", 400, "bad_request");
  refused("GET / HTTP/1.1\r\n\r\n", 400, "bad_request");
  refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          400, "bad_request");
  refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400,
          "bad_request");
  refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "bad_request");
  refused("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "too_large");
  refused("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", 431,
          "too_large");
}

TEST_F(Server, AnswersForAHandlerThatDidNot) {
  serve_with([](Exchange&) -> Task<void> { co_return; });
  Socket socket = peer();
  for (int i = 0; i < 2; ++i) {
    socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string answer = socket.receive_answer();
    EXPECT_EQ(status_of(answer), 500);
    EXPECT_EQ(body_of(answer), R"({"error":{"code":"internal","params":{}}})");
  }
}

TEST_F(Server, ReadsAShortUnwantedBodyAndKeepsTheConnection) {
  serve_with([](Exchange& e) -> Task<void> { co_await e.respond({}, e.head().path); });
  Socket socket = peer();
  socket.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" +
              std::string(30'000, 'b') + "GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "/a");
  EXPECT_EQ(body_of(socket.receive_answer()), "/c");
}

TEST_F(Server, ALongUnwantedBodyDoesNotDestroyTheAnswer) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.respond({.status = 413, .headers = {}}, "too much");
  });
  Socket socket = peer();
  socket.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
              std::string(1'000'000, 'b'));
  const std::string answer = socket.receive_all();
  EXPECT_EQ(status_of(answer), 413);
  EXPECT_EQ(body_of(answer), "too much");
}

TEST_F(Server, SaysTooLargeBeforeReading) {
  serve_with([](Exchange& e) -> Task<void> {
    const auto body = co_await e.read_body(10);
    EXPECT_FALSE(body.has_value());
    if (!body)
      co_await e.respond({.status = error_http_status(body.error().code), .headers = {}}, "");
  });
  EXPECT_EQ(status_of(exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11000000\r\n\r\n")),
            413);
  EXPECT_EQ(
      status_of(exchange(
          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n")),
      413);
}

TEST_F(Server, ABodyOfExactlyTheLimitIsTaken) {
  serve_with([](Exchange& e) -> Task<void> {
    const auto body = co_await e.read_body(10);
    EXPECT_TRUE(body.has_value());
    if (body) co_await e.respond({}, *body);
  });
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789");
  EXPECT_EQ(body_of(socket.receive_answer()), "0123456789");
  socket.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "0123456789");
}

TEST_F(Server, StatusesWithoutABodyHaveNoLength) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.respond({.status = e.head().path == "/a" ? 204 : 304, .headers = {}}, "ignored");
  });
  Socket socket = peer();
  for (const char* path : {"/a", "/b"}) {
    socket.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(socket.receive_until("\r\n\r\n").find("Content-Length"), std::string::npos);
  }
}

TEST_F(Server, RefusesToSendFieldsThatSplitTheAnswer) {
  serve_with([](Exchange& e) -> Task<void> {
    ResponseHead head;
    head.headers.add("X-Name", "a\r\nSet-Cookie: b");
    const auto sent = co_await e.respond(head, "");
    EXPECT_FALSE(sent.has_value());
    EXPECT_FALSE(e.answered());
  });
  Socket socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(socket.receive_answer()), 500);
}

TEST_F(Server, RefusesCallsOutOfOrder) {
  serve_with([](Exchange& e) -> Task<void> {
    EXPECT_FALSE((co_await e.write("early")).has_value());
    EXPECT_FALSE((co_await e.finish()).has_value());
    EXPECT_TRUE((co_await e.respond({}, "once")).has_value());
    EXPECT_FALSE((co_await e.respond({}, "twice")).has_value());
    EXPECT_FALSE((co_await e.start({})).has_value());
    EXPECT_FALSE((co_await e.accept_websocket()).has_value());
  });
  Socket socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "once");
}

TEST_F(Server, SaysWhoAsks) {
  serve_with([](Exchange& e) -> Task<void> {
    EXPECT_TRUE(e.head().peer_is_loopback);
    EXPECT_FALSE(e.head().tls);
    co_await e.respond({}, e.head().peer_address);
  });
  Socket socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(socket.receive_answer()), "127.0.0.1");
}

TEST_F(Server, SaysWhyItCannotListen) {
  const auto failure = [&](ListenOptions options) {
    const auto server = HttpServer::listen(network_, options, mirror);
    return server ? std::string("listens") : std::string(error_name(server.error().code));
  };
  EXPECT_EQ(failure({.host = "127.0.0.1", .port = server_->port(), .tls = {}, .limits = {}}),
            "conflict");
  EXPECT_EQ(failure({.host = "192.0.2.1", .port = 0, .tls = {}, .limits = {}}), "bad_request");
  EXPECT_EQ(
      failure({.host = "127.0.0.1", .port = 0, .tls = TlsFiles{"/none", "/none"}, .limits = {}}),
      "bad_request");
}

}  // namespace
}  // namespace stoker::net
