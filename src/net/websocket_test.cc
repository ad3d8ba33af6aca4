#include "net/websocket.h"

#include "net/http_client.h"
#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::begin;
using testing::connect_to;
using testing::Event;
using testing::finish;
using testing::Listener;
using testing::run;
using testing::serve;
using testing::Socket;
using testing::status_of;

constexpr std::string_view kUpgrade =
    "GET /ws?clientId=1 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
    "websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

// One frame as a client sends it (masked with zeros).
std::string client_frame(int opcode, std::string_view payload) {
  std::string frame;
  frame.push_back(static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    frame.push_back(static_cast<char>(0xff));
    for (int shift = 56; shift >= 0; shift -= 8)
      frame.push_back(static_cast<char>(payload.size() >> shift));
  }
  return frame.append(4, '\0').append(payload);
}

Task<void> echo(Exchange& exchange) {
  auto socket = co_await exchange.accept_websocket();
  if (!socket) {
    co_await exchange.respond({.status = 426, .headers = {}}, "");
    co_return;
  }
  while (auto message = co_await (*socket)->read()) {
    if (message->binary) co_await (*socket)->write_binary(message->bytes);
    if (!message->binary) co_await (*socket)->write_text(message->bytes);
  }
}

class WebSocketServer : public ::testing::Test {
 protected:
  void serve_with(Handler handler) { server_ = serve(network_, std::move(handler)); }
  Socket upgraded() {
    Socket socket = connect_to(server_->port());
    socket.send(kUpgrade);
    const std::string answer = socket.receive_until("\r\n\r\n");
    EXPECT_EQ(status_of(answer), 101);
    EXPECT_NE(answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    return socket;
  }

  Network network_;
  std::unique_ptr<HttpServer> server_ = serve(network_, echo);
};

TEST_F(WebSocketServer, EchoesTextAndBinary) {
  Socket socket = upgraded();
  socket.send(client_frame(1, "hello"));
  EXPECT_EQ(socket.receive_exactly(7), "\x81\x05hello");
  socket.send(client_frame(2, std::string_view("\0\1\2", 3)));
  EXPECT_EQ(socket.receive_exactly(5), std::string("\x82\x03\0\1\2", 5));
}

TEST_F(WebSocketServer, TakesFramesSentWithTheUpgrade) {
  Socket socket = connect_to(server_->port());
  socket.send(std::string(kUpgrade) + client_frame(1, "early"));
  socket.receive_until("\r\n\r\n");
  EXPECT_EQ(socket.receive_exactly(7),
            "\x81\x05"
            "early");
}

TEST_F(WebSocketServer, AnswersPings) {
  Socket socket = upgraded();
  socket.send(client_frame(9, "are you there"));
  EXPECT_EQ(socket.receive_exactly(15),
            "\x8a\x0d"
            "are you there");
}

TEST_F(WebSocketServer, JoinsFragments) {
  Socket socket = upgraded();
  std::string first = client_frame(1, "hel");
  first[0] = '\x01';
  socket.send(first + client_frame(9, "") + client_frame(0, "lo"));
  EXPECT_EQ(socket.receive_exactly(2), std::string("\x8a\0", 2));
  EXPECT_EQ(socket.receive_exactly(7), "\x81\x05hello");
}

TEST_F(WebSocketServer, AnswersGoodbye) {
  Socket socket = upgraded();
  socket.send(client_frame(8, "\x03\xe8"));
  EXPECT_EQ(socket.receive_exactly(4), "\x88\x02\x03\xe8");
  EXPECT_TRUE(socket.ends());
}

TEST_F(WebSocketServer, ClosesOnAMessageThatIsTooLarge) {
  Socket socket = upgraded();
  std::string frame("\x82\xff", 2);
  const std::uint64_t size = kWebSocketMessageBytesMax + 1;
  for (int shift = 56; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(size >> shift));
  socket.send(frame.append(4, '\0') + "begin");
  socket.send(std::string(1'000'000, 'x'));
  EXPECT_EQ(socket.receive_exactly(4), "\x88\x02\x03\xf1");  // 1009
}

TEST_F(WebSocketServer, ClosesOnBrokenFrames) {
  Socket socket = upgraded();
  socket.send("\x81\x05hello");                              // not masked
  EXPECT_EQ(socket.receive_exactly(4), "\x88\x02\x03\xea");  // 1002
}

TEST_F(WebSocketServer, RefusesWhatIsNoUpgrade) {
  Socket socket = connect_to(server_->port());
  socket.send("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(socket.receive_answer()), 426);
  socket.send("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  EXPECT_EQ(status_of(socket.receive_answer()), 426);
}

TEST_F(WebSocketServer, APeerThatVanishesFailsTheRead) {
  for (const bool abrupt : {false, true}) {
    Event over;
    serve_with([&](Exchange& e) -> Task<void> {
      auto socket = co_await e.accept_websocket();
      EXPECT_TRUE(socket.has_value());
      const auto message = co_await (*socket)->read();
      EXPECT_FALSE(message.has_value());
      if (!message) EXPECT_EQ(message.error().code, ErrorCode::bad_request);
      EXPECT_FALSE((co_await (*socket)->write_text("anyone?")).has_value());
      over.set();
    });
    Socket socket = upgraded();
    abrupt ? socket.reset() : socket.close();
    EXPECT_TRUE(over.happens());
  }
}

TEST_F(WebSocketServer, OutlivesItsHandler) {
  std::shared_ptr<WebSocket> kept;
  Event handed_over;
  serve_with([&](Exchange& e) -> Task<void> {
    auto socket = co_await e.accept_websocket();
    kept = std::move(*socket);
    handed_over.set();
  });
  Socket socket = upgraded();
  ASSERT_TRUE(handed_over.happens());
  server_.reset();
  auto sent = begin(network_, [](std::shared_ptr<WebSocket> s) -> Task<Result<void>> {
    co_return co_await s->write_text("still here");
  }(kept));
  EXPECT_TRUE(finish(std::move(sent)).has_value());
  EXPECT_EQ(socket.receive_exactly(12), "\x81\x0astill here");
  Event closed;
  network_.post([&] {
    kept.reset();
    closed.set();
  });
  EXPECT_TRUE(closed.happens());
  EXPECT_TRUE(socket.ends());
}

Task<Result<void>> write_to(std::shared_ptr<WebSocket> socket, std::string text) {
  co_return co_await socket->write_text(text);
}

TEST_F(WebSocketServer, WritesTakeTurns) {
  std::shared_ptr<WebSocket> kept;
  Event handed_over;
  serve_with([&](Exchange& e) -> Task<void> {
    auto socket = co_await e.accept_websocket();
    kept = std::move(*socket);
    handed_over.set();
  });
  Socket socket = upgraded();
  ASSERT_TRUE(handed_over.happens());
  std::vector<std::future<Result<void>>> writes;
  for (int i = 0; i < 20; ++i) {
    writes.push_back(
        begin(network_, write_to(kept, std::string(1'000'000, static_cast<char>('a' + i)))));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(socket.receive_exactly(10).substr(0, 2), "\x81\x7f");
    EXPECT_EQ(socket.receive_exactly(1'000'000),
              std::string(1'000'000, static_cast<char>('a' + i)));
  }
  for (auto& write : writes) EXPECT_TRUE(finish(std::move(write)).has_value());
  Event closed;
  network_.post([&] {
    kept.reset();
    closed.set();
  });
  EXPECT_TRUE(closed.happens());
}

TEST_F(WebSocketServer, DestroyingItFailsAWaitingRead) {
  std::shared_ptr<WebSocket> kept;
  Event handed_over;
  serve_with([&](Exchange& e) -> Task<void> {
    auto socket = co_await e.accept_websocket();
    kept = std::move(*socket);
    handed_over.set();
  });
  Socket socket = upgraded();
  ASSERT_TRUE(handed_over.happens());
  auto read = begin(network_, kept->read());
  network_.post([&] { kept.reset(); });
  EXPECT_FALSE(finish(std::move(read)).has_value());
  EXPECT_TRUE(socket.ends());
}

Url url_of(std::uint16_t port) {
  return {.tls = false, .host = "127.0.0.1", .port = port, .base_path = "/k/KEY"};
}

Task<Result<std::string>> converse(HttpClient& client, Url url) {
  Headers headers;
  headers.add("X-Token", "t");
  auto socket = co_await client.open_websocket(url, "/ws", headers, {});
  if (!socket) co_return fail(socket.error());
  std::string heard;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{5}, std::size_t{200}, std::size_t{3'000'000}}) {
    if (auto sent = co_await (*socket)->write_binary(std::string(size, 'b')); !sent)
      co_return fail(sent.error());
    auto answer = co_await (*socket)->read();
    if (!answer) co_return fail(answer.error());
    heard += std::to_string(answer->bytes.size()) + (answer->binary ? "b " : "t ");
  }
  co_await (*socket)->close(1000);
  co_return heard;
}

TEST_F(WebSocketServer, TalksToOurClient) {
  serve_with([](Exchange& e) -> Task<void> {
    EXPECT_EQ(e.head().target, "/k/KEY/ws");
    EXPECT_EQ(e.head().headers.find("X-Token"), "t");
    co_await echo(e);
  });
  const auto client = HttpClient::create(network_);
  const auto heard = run(network_, converse(*client, url_of(server_->port())));
  ASSERT_TRUE(heard.has_value()) << heard.error().detail;
  EXPECT_EQ(*heard, "0b 5b 200b 3000000b ");
}

Task<Error> refusal(HttpClient& client, Url url, Deadlines deadlines) {
  auto socket = co_await client.open_websocket(url, "/ws", {}, deadlines);
  EXPECT_FALSE(socket.has_value());
  co_return socket ? Error{} : socket.error();
}

TEST_F(WebSocketServer, TheClientSaysWhyItWasRefused) {
  serve_with(
      [](Exchange& e) -> Task<void> { co_await e.respond({.status = 403, .headers = {}}, "no"); });
  const auto client = HttpClient::create(network_);
  const Error error = run(network_, refusal(*client, url_of(server_->port()), {}));
  EXPECT_EQ(error.code, ErrorCode::backend_down);
  EXPECT_EQ(error.param, "403");
}

TEST_F(WebSocketServer, TheClientDoesNotWaitForever) {
  const Listener silent;
  const auto client = HttpClient::create(network_);
  const Error error = run(network_, refusal(*client, url_of(silent.port()),
                                            {.first_byte = milliseconds(50), .total = {}}));
  EXPECT_EQ(error.code, ErrorCode::run_timeout);
}

}  // namespace
}  // namespace stoker::net
