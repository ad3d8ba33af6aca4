// Peers that leave, stall or crowd in: in every phase the server notices and keeps nothing.
#include <atomic>
#include <thread>

#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::body_of;
using testing::connect_to;
using testing::Event;
using testing::serve;
using testing::Socket;
using testing::status_of;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

class ServerPeer : public ::testing::Test {
 protected:
  Socket peer() { return connect_to(server_->port()); }
  void serve_with(Handler handler, ServerLimits limits = {}) {
    server_ = serve(network_, std::move(handler), limits);
  }

  // Waits on the network thread's own clock for the connections to be gone.
  bool connections_become(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + testing::kGuard;
    while (server_->connection_count() != count) {
      if (std::chrono::steady_clock::now() > end) return false;
      Event turn;
      network_.post([&] { turn.set(); });
      if (!turn.happens()) return false;
    }
    return true;
  }

  Network network_;
  std::unique_ptr<HttpServer> server_;
};

Task<void> hello(Exchange& exchange) {
  co_await exchange.respond({}, "hello");
}

// A handler that waits until its peer is gone.
class UntilGone {
 public:
  explicit UntilGone(Network& network) : network_(network) {}
  Event waiting;
  Event over;
  bool was_gone = false;

  Task<void> handle(Exchange& exchange) {
    co_await async_call<int>(network_, [&](Completion<int> done) {
      exchange.on_gone([done = std::move(done)]() mutable { done(1); });
      waiting.set();
    });
    was_gone = exchange.gone();
    EXPECT_FALSE((co_await exchange.respond({}, "late")).has_value());
    over.set();
  }

 private:
  Network& network_;
};

TEST_F(ServerPeer, AHeadMayComeByteByByte) {
  serve_with(hello);
  Socket socket = peer();
  for (const char byte : kGet) ASSERT_TRUE(socket.send({&byte, 1}));
  EXPECT_EQ(body_of(socket.receive_answer()), "hello");
}

TEST_F(ServerPeer, AHeadThatNeverEndsIsCutOff) {
  serve_with(hello, {.head_timeout = milliseconds(50)});
  Socket socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  const std::string answer = socket.receive_all();
  EXPECT_EQ(status_of(answer), 408);
  EXPECT_EQ(body_of(answer), R"({"error":{"code":"run_timeout","params":{}}})");
  socket.close();
  EXPECT_TRUE(connections_become(0));
}

TEST_F(ServerPeer, DribblingDoesNotExtendTheHeadTimeout) {
  serve_with(hello, {.head_timeout = milliseconds(50)});
  Socket socket = peer();
  std::string_view head = "GET / HTTP/1.1\r\nX: ";
  socket.send(head);
  // Sends for as long as the server takes it; the timeout counts from the first byte, so the
  // sending comes to an end.
  while (socket.send("y")) {
    pollfd state{socket.fd(), POLLIN, 0};
    if (::poll(&state, 1, 1) > 0) break;
  }
  EXPECT_TRUE(socket.ends());
}

TEST_F(ServerPeer, AnIdleConnectionIsClosed) {
  serve_with(hello, {.idle_timeout = milliseconds(50)});
  Socket fresh = peer();
  Socket used = peer();
  used.send(kGet);
  EXPECT_EQ(body_of(used.receive_answer()), "hello");
  EXPECT_EQ(fresh.receive_all(), "");
  EXPECT_EQ(used.receive_all(), "");
  EXPECT_TRUE(connections_become(0));
}

TEST_F(ServerPeer, AStalledBodyIsGivenUp) {
  Event over;
  serve_with(
      [&](Exchange& e) -> Task<void> {
        const auto body = co_await e.read_body(100);
        EXPECT_FALSE(body.has_value());
        if (!body) EXPECT_EQ(body.error().code, ErrorCode::run_timeout);
        over.set();
      },
      {.body_stall_timeout = milliseconds(50)});
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_TRUE(over.happens());
  EXPECT_TRUE(socket.ends());
}

TEST_F(ServerPeer, APeerThatTakesNothingIsGivenUp) {
  Event over;
  serve_with(
      [&](Exchange& e) -> Task<void> {
        const std::string piece(1024 * 1024, 'x');
        auto sent = co_await e.start({});
        for (int i = 0; sent && i < 1000; ++i) sent = co_await e.write(piece);
        EXPECT_FALSE(sent.has_value());
        if (!sent) EXPECT_EQ(sent.error().code, ErrorCode::run_timeout);
        over.set();
      },
      {.write_stall_timeout = milliseconds(50)});
  Socket socket = peer();
  socket.send(kGet);
  EXPECT_TRUE(over.happens());
}

TEST_F(ServerPeer, LeavingBeforeOrInTheHeadLeavesNothing) {
  serve_with(hello);
  for (std::size_t bytes = 0; bytes < kGet.size(); ++bytes) {
    Socket socket = peer();
    socket.send(kGet.substr(0, bytes));
    bytes % 2 == 0 ? socket.close() : socket.reset();
  }
  Socket last = peer();  // accepted after all others
  last.send(kGet);
  EXPECT_EQ(body_of(last.receive_answer()), "hello");
  EXPECT_TRUE(connections_become(1));
}

TEST_F(ServerPeer, LeavingInTheBodyFailsTheRead) {
  constexpr std::string_view kChunked =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const std::size_t head = kChunked.find("5\r\n");
  std::unique_ptr<Event> failed;
  serve_with([&](Exchange& e) -> Task<void> {
    const auto body = co_await e.read_body(100);
    EXPECT_FALSE(body.has_value());
    EXPECT_TRUE(e.gone());
    if (!body) EXPECT_EQ(body.error().code, ErrorCode::bad_request);
    failed->set();
  });
  for (std::size_t bytes = head; bytes < kChunked.size(); ++bytes) {
    failed = std::make_unique<Event>();
    Socket socket = peer();
    socket.send(kChunked.substr(0, bytes));
    socket.close();
    ASSERT_TRUE(failed->happens()) << bytes;
  }
  EXPECT_TRUE(connections_become(0));
}

TEST_F(ServerPeer, LeavingWhileTheHandlerWaitsIsNoticed) {
  const auto leave_by = [&](std::function<void(Socket&)> how) {
    UntilGone handler(network_);
    serve_with([&](Exchange& e) { return handler.handle(e); });
    Socket socket = peer();
    socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(handler.waiting.happens());
    how(socket);
    EXPECT_TRUE(handler.over.happens());
    EXPECT_TRUE(handler.was_gone);
    EXPECT_TRUE(connections_become(0));
  };
  leave_by([](Socket& s) { s.close(); });
  leave_by([](Socket& s) { s.reset(); });
  leave_by([](Socket& s) { s.half_close(); });
}

TEST_F(ServerPeer, LeavingAfterPipelinedRequestsIsNoticed) {
  UntilGone handler(network_);
  serve_with([&](Exchange& e) { return handler.handle(e); });
  Socket socket = peer();
  socket.send(std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(handler.waiting.happens());
  socket.close();
  EXPECT_TRUE(handler.over.happens());
}

TEST_F(ServerPeer, LeavingBehindMoreInputThanIsReadAheadIsNoticed) {
  UntilGone handler(network_);
  serve_with([&](Exchange& e) { return handler.handle(e); });
  Socket socket = peer();
  socket.send(kGet);
  ASSERT_TRUE(handler.waiting.happens());
  socket.send(std::string(64 * 1024, '\r'));
  socket.close();
  EXPECT_TRUE(handler.over.happens());
}

TEST_F(ServerPeer, ResettingWithAnUnreadBodyIsNoticed) {
  UntilGone handler(network_);
  serve_with([&](Exchange& e) { return handler.handle(e); });
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  ASSERT_TRUE(handler.waiting.happens());
  socket.reset();
  EXPECT_TRUE(handler.over.happens());
}

TEST_F(ServerPeer, AHalfCloseBeforeTheBodyIsReadIsNotTheEnd) {
  Event sent_all;
  std::optional<Completion<int>> go_on;
  Event waiting;
  serve_with([&](Exchange& e) -> Task<void> {
    co_await async_call<int>(network_, [&](Completion<int> done) {
      go_on.emplace(std::move(done));
      waiting.set();
    });
    const auto body = co_await e.read_body(100);
    EXPECT_TRUE(body.has_value());
    if (body) co_await e.respond({}, *body);
  });
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  socket.half_close();
  ASSERT_TRUE(waiting.happens());
  (*go_on)(1);
  EXPECT_EQ(body_of(socket.receive_answer()), "hello");
}

TEST_F(ServerPeer, LeavingAStreamStopsIt) {
  const auto leave_by = [&](std::function<void(Socket&)> how) {
    Event over;
    serve_with([&](Exchange& e) -> Task<void> {
      auto sent = co_await e.start({});
      const std::string piece(64 * 1024, 's');
      while (sent) sent = co_await e.write(piece);
      EXPECT_TRUE(e.gone());
      over.set();
    });
    Socket socket = peer();
    socket.send(kGet);
    socket.receive_until("\r\n\r\n");
    how(socket);
    EXPECT_TRUE(over.happens());
    EXPECT_TRUE(connections_become(0));
  };
  leave_by([](Socket& s) { s.close(); });
  leave_by([](Socket& s) { s.reset(); });
  leave_by([](Socket& s) { s.half_close(); });
}

TEST_F(ServerPeer, LeavingAKeptConnectionLeavesNothing) {
  serve_with(hello);
  for (int i = 0; i < 4; ++i) {
    Socket socket = peer();
    socket.send(kGet);
    EXPECT_EQ(body_of(socket.receive_answer()), "hello");
    EXPECT_TRUE(connections_become(1));
    if (i % 2 == 0) socket.reset();
    socket.close();
    EXPECT_TRUE(connections_become(0));
  }
}

TEST_F(ServerPeer, ACrowdClosesTheOldestIdleConnection) {
  serve_with(hello, {.connections_max = 3});
  std::vector<Socket> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(peer());
    sockets.back().send(kGet);
    EXPECT_EQ(body_of(sockets.back().receive_answer()), "hello");
  }
  sockets[0].send(kGet);  // now the second is the one that is idle for longest
  EXPECT_EQ(body_of(sockets[0].receive_answer()), "hello");
  Socket another = peer();
  another.send(kGet);
  EXPECT_EQ(body_of(another.receive_answer()), "hello");
  EXPECT_TRUE(sockets[1].ends());
  sockets[0].send(kGet);
  EXPECT_EQ(body_of(sockets[0].receive_answer()), "hello");
}

TEST_F(ServerPeer, ABusyCrowdIsRefusedPolitely) {
  UntilGone handler(network_);
  serve_with([&](Exchange& e) { return handler.handle(e); }, {.connections_max = 1});
  Socket busy = peer();
  busy.send(kGet);
  ASSERT_TRUE(handler.waiting.happens());
  Socket refused = peer();
  const std::string answer = refused.receive_all();
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_EQ(body_of(answer), R"({"error":{"code":"limit_reached","params":{}}})");
  busy.close();
  EXPECT_TRUE(handler.over.happens());
}

TEST_F(ServerPeer, DrainLetsRunningExchangesEnd) {
  std::optional<Completion<int>> go_on;
  Event waiting;
  serve_with([&](Exchange& e) -> Task<void> {
    if (e.head().path == "/wait") {
      co_await async_call<int>(network_, [&](Completion<int> done) {
        go_on.emplace(std::move(done));
        waiting.set();
      });
    }
    co_await e.respond({}, "done");
  });
  Socket idle = peer();
  idle.send(kGet);
  EXPECT_EQ(body_of(idle.receive_answer()), "done");
  Socket running = peer();
  running.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(waiting.happens());
  Event drained;
  server_->drain(minutes(5), [&] {
    EXPECT_TRUE(network_.on_network_thread());
    drained.set();
  });
  EXPECT_TRUE(idle.ends());
  (*go_on)(1);
  const std::string answer = running.receive_answer();
  EXPECT_EQ(body_of(answer), "done");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(drained.happens());
  EXPECT_EQ(server_->connection_count(), 0u);
  const Socket late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = testing::loopback(server_->port());
  EXPECT_NE(::connect(late.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

TEST_F(ServerPeer, DrainCutsWhatDoesNotEnd) {
  Event waiting;
  Event told;
  auto alive = std::make_shared<int>(1);
  serve_with([&, alive](Exchange& e) -> Task<void> {
    const auto kept = alive;
    e.on_gone([&] { told.set(); });
    waiting.set();
    co_await network_.sleep(minutes(60));
  });
  Socket running = peer();
  running.send(kGet);
  ASSERT_TRUE(waiting.happens());
  Event drained;
  server_->drain(milliseconds(20), [&] { drained.set(); });
  EXPECT_TRUE(drained.happens());
  EXPECT_TRUE(told.happens());
  EXPECT_TRUE(running.ends());
  EXPECT_EQ(alive.use_count(), 2);  // the handler's own capture
}

TEST_F(ServerPeer, DrainOfAQuietServerIsImmediate) {
  serve_with(hello);
  Event drained;
  server_->drain(minutes(5), [&] { drained.set(); });
  EXPECT_TRUE(drained.happens());
}

TEST_F(ServerPeer, DestroyingTheServerEndsItsHandlers) {
  Event waiting;
  auto alive = std::make_shared<int>(1);
  serve_with([&, alive](Exchange&) -> Task<void> {
    const auto kept = alive;
    waiting.set();
    co_await network_.sleep(minutes(60));
  });
  Socket socket = peer();
  socket.send(kGet);
  ASSERT_TRUE(waiting.happens());
  server_.reset();
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_TRUE(socket.ends());
}

}  // namespace
}  // namespace stoker::net
