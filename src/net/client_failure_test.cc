// Peers that fail at every point, deadlines of every phase, and calls that are given up.
#include <thread>

#include "net/http_client.h"
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

Task<Result<std::string>> fetch(HttpClient& client, ClientRequest request) {
  auto response = co_await client.send(std::move(request));
  if (!response) co_return fail(response.error());
  co_return co_await (*response)->read_all(256 * 1024 * 1024);
}

ClientRequest request_to(std::uint16_t port, Deadlines deadlines = {}) {
  ClientRequest request;
  request.url = {.tls = false, .host = "127.0.0.1", .port = port, .base_path = ""};
  request.deadlines = deadlines;
  return request;
}

class ClientFailure : public ::testing::Test {
 protected:
  ErrorCode error_of(std::future<Result<std::string>> future) {
    const auto answer = finish(std::move(future));
    EXPECT_FALSE(answer.has_value());
    return answer ? ErrorCode::internal : answer.error().code;
  }

  Network network_;
  Listener listener_;
  std::unique_ptr<HttpClient> client_ = HttpClient::create(network_);
};

TEST_F(ClientFailure, NobodyListens) {
  listener_.close();
  EXPECT_EQ(error_of(begin(network_, fetch(*client_, request_to(listener_.port())))),
            ErrorCode::backend_down);
}

TEST_F(ClientFailure, UnknownNames) {
  ClientRequest request = request_to(listener_.port());
  request.url.host = "no-such-machine.invalid";
  EXPECT_EQ(error_of(begin(network_, fetch(*client_, request))), ErrorCode::backend_down);
}

TEST_F(ClientFailure, ConnectDeadline) {
  // A full backlog leaves further connections unanswered.
  Listener full(0);
  std::vector<Socket> fillers;
  for (int i = 0; i < 8; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_in address = testing::loopback(full.port());
    ::connect(fillers.back().fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  EXPECT_EQ(
      error_of(begin(network_, fetch(*client_, request_to(full.port(), {.connect = milliseconds(50),
                                                                        .total = {}})))),
      ErrorCode::run_timeout);
}

TEST_F(ClientFailure, FirstByteDeadline) {
  auto future = begin(
      network_,
      fetch(*client_, request_to(listener_.port(), {.first_byte = milliseconds(50), .total = {}})));
  Socket silent = listener_.accept();
  EXPECT_EQ(error_of(std::move(future)), ErrorCode::run_timeout);
  EXPECT_TRUE(silent.ends());
}

TEST_F(ClientFailure, FirstByteDeadlineCoversTheWholeHead) {
  auto future = begin(
      network_,
      fetch(*client_, request_to(listener_.port(), {.first_byte = milliseconds(50), .total = {}})));
  Socket slow = listener_.accept();
  slow.send("HTTP/1.1 200 OK\r\nX: ");
  EXPECT_EQ(error_of(std::move(future)), ErrorCode::run_timeout);
}

TEST_F(ClientFailure, FirstByteDeadlineCoversAPeerThatTakesNothing) {
  ClientRequest request =
      request_to(listener_.port(), {.first_byte = milliseconds(100), .total = {}});
  request.method = "POST";
  request.body.assign(50'000'000, 'b');
  auto future = begin(network_, fetch(*client_, std::move(request)));
  Socket stuck = listener_.accept();
  EXPECT_EQ(error_of(std::move(future)), ErrorCode::run_timeout);
}

TEST_F(ClientFailure, StallDeadline) {
  auto future = begin(
      network_,
      fetch(*client_, request_to(listener_.port(), {.stall = milliseconds(50), .total = {}})));
  Socket slow = listener_.accept();
  slow.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  EXPECT_EQ(error_of(std::move(future)), ErrorCode::run_timeout);
  EXPECT_TRUE(slow.ends());
}

TEST_F(ClientFailure, TotalDeadline) {
  auto future =
      begin(network_, fetch(*client_, request_to(listener_.port(), {.total = milliseconds(100)})));
  Socket dribble = listener_.accept();
  dribble.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  // Progress all the time does not help against it.
  while (dribble.send("1\r\nx\r\n") &&
         future.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
  }
  EXPECT_EQ(error_of(std::move(future)), ErrorCode::run_timeout);
}

TEST_F(ClientFailure, EveryByteOfAnAnswerMayBeTheLast) {
  for (const std::string_view answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: "
        "1\r\n\r\n"}) {
    for (std::size_t bytes = 0; bytes <= answer.size(); ++bytes) {
      auto future = begin(network_, fetch(*client_, request_to(listener_.port())));
      Socket socket = listener_.accept();
      socket.receive_until("\r\n\r\n");
      socket.send(answer.substr(0, bytes));
      bytes % 2 == 0 ? socket.close() : socket.half_close();
      const auto got = finish(std::move(future));
      if (bytes == answer.size()) {
        EXPECT_TRUE(got.has_value());
        continue;
      }
      ASSERT_FALSE(got.has_value()) << bytes;
      EXPECT_EQ(got.error().code, ErrorCode::backend_down) << bytes;
      EXPECT_TRUE(bytes % 2 == 0 || socket.ends());
    }
  }
}

TEST_F(ClientFailure, EveryByteOfARequestMayBeTheLastThatIsRead) {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(listener_.port()) +
      "\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t bytes = 0; bytes < head.size(); ++bytes) {
    ClientRequest request = request_to(listener_.port());
    request.method = "POST";
    request.body = "hello";
    auto future = begin(network_, fetch(*client_, std::move(request)));
    Socket socket = listener_.accept();
    socket.receive_exactly(bytes);
    socket.reset();
    EXPECT_EQ(error_of(std::move(future)), ErrorCode::backend_down) << bytes;
  }
}

TEST_F(ClientFailure, EveryByteOfARequestMayBeTheLastThatTheServerGets) {
  std::atomic<int> answered = 0;
  const auto server = serve(network_, [&](Exchange& e) -> Task<void> {
    const auto body = co_await e.read_body(1000);
    if (!body) co_return;
    co_await e.respond({}, *body);
    ++answered;
  });
  for (const std::string_view request :
       {"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: 1\r\n\r\n"}) {
    for (std::size_t bytes = 0; bytes < request.size(); ++bytes) {
      Socket socket = testing::connect_to(server->port());
      socket.send(request.substr(0, bytes));
      socket.half_close();
      EXPECT_TRUE(socket.ends()) << bytes;
    }
  }
  EXPECT_EQ(answered, 0);
}

struct Shared {
  std::unique_ptr<ClientResponse> response;
  Event begun;
};

Task<Result<std::size_t>> read_forever(HttpClient& client, ClientRequest request, Shared& shared) {
  auto response = co_await client.send(std::move(request));
  if (!response) co_return fail(response.error());
  shared.response = std::move(*response);
  auto read = shared.response->read_some({});
  static_cast<void>(co_await read);
  shared.begun.set();
  std::string buffer(100, '\0');
  co_return co_await shared.response->read_some(buffer);
}

TEST_F(ClientFailure, CancelEndsAWaitingReadAndClosesTheConnection) {
  for (const bool destroy : {false, true}) {
    Shared shared;
    auto future = begin(network_, read_forever(*client_, request_to(listener_.port()), shared));
    Socket socket = listener_.accept();
    socket.receive_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    ASSERT_TRUE(shared.begun.happens());
    network_.post([&] {
      if (destroy) shared.response.reset();
      if (!destroy) shared.response->cancel();
    });
    const auto got = finish(std::move(future));
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, ErrorCode::backend_down);
    EXPECT_TRUE(socket.ends());
    Event gone;
    network_.post([&] {
      shared.response.reset();
      gone.set();
    });
    EXPECT_TRUE(gone.happens());
  }
}

TEST_F(ClientFailure, AnUnreadAnswerClosesItsConnection) {
  auto future = begin(network_, [](HttpClient& client, ClientRequest request) -> Task<bool> {
    co_return (co_await client.send(std::move(request))).has_value();
  }(*client_, request_to(listener_.port())));
  Socket socket = listener_.accept();
  socket.receive_until("\r\n\r\n");
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_TRUE(finish(std::move(future)));
  EXPECT_TRUE(socket.ends());
}

TEST_F(ClientFailure, StoppingTheNetworkEndsCallsInEveryPhase) {
  Listener listener;
  std::vector<Socket> sockets;
  {
    Network network;
    const auto client = HttpClient::create(network);
    const auto start = [&](std::string_view answer) {
      network.spawn([](HttpClient& c, ClientRequest request) -> Task<void> {
        static_cast<void>(co_await fetch(c, std::move(request)));
      }(*client, request_to(listener.port())));
      sockets.push_back(listener.accept());
      sockets.back().receive_until("\r\n\r\n");
      sockets.back().send(answer);
    };
    start("");
    start("HTTP/1.1 200 OK\r\n");
    start("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    start("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe");
  }
  for (Socket& socket : sockets) EXPECT_TRUE(socket.ends());
}

}  // namespace
}  // namespace stoker::net
