// Streaming both ways: pieces arrive when they are written, and nobody buffers without bound.
#include <malloc.h>

#include <atomic>
#include <thread>

#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::connect_to;
using testing::Event;
using testing::serve;
using testing::Socket;
using testing::status_of;

constexpr std::size_t kMiB = 1024 * 1024;

class ServerStream : public ::testing::Test {
 protected:
  Socket peer(int receive_buffer_bytes = 0) {
    return connect_to(server_->port(), receive_buffer_bytes);
  }
  void serve_with(Handler handler, ServerLimits limits = {}) {
    server_ = serve(network_, std::move(handler), limits);
  }

  Network network_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServerStream, EachPieceLeavesAtOnce) {
  Socket socket;
  std::optional<Completion<int>> go_on;
  Event waiting;
  serve_with([&](Exchange& e) -> Task<void> {
    ResponseHead head;
    head.headers.add("Content-Type", "application/x-ndjson");
    EXPECT_TRUE((co_await e.start(head)).has_value());
    co_await async_call<int>(network_, [&](Completion<int> done) {
      go_on.emplace(std::move(done));
      waiting.set();
    });
    EXPECT_TRUE((co_await e.write("{\"n\":1}\n")).has_value());
    EXPECT_TRUE((co_await e.write("")).has_value());
    EXPECT_TRUE((co_await e.write("{\"n\":2}\n")).has_value());
    EXPECT_TRUE((co_await e.finish()).has_value());
  });
  socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(socket.receive_until("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"),
            std::string::npos);
  ASSERT_TRUE(waiting.happens());
  (*go_on)(1);
  EXPECT_EQ(socket.receive_until("0\r\n\r\n"), "8\r\n{\"n\":1}\n\r\n8\r\n{\"n\":2}\n\r\n0\r\n\r\n");
}

TEST_F(ServerStream, ManyPiecesAreOneChunk) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.start({});
    const std::vector<std::string_view> pieces(200, "ab");
    EXPECT_TRUE((co_await e.write_pieces(pieces)).has_value());
    co_await e.finish();
  });
  Socket socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  socket.receive_until("\r\n\r\n");
  std::string expected = "190\r\n";
  for (int i = 0; i < 200; ++i) expected += "ab";
  EXPECT_EQ(socket.receive_until("0\r\n\r\n"), expected + "\r\n0\r\n\r\n");
}

TEST_F(ServerStream, AnAnnouncedLengthIsKept) {
  serve_with([](Exchange& e) -> Task<void> {
    ResponseHead head;
    head.headers.add("Content-Length", "6");
    co_await e.start(head);
    co_await e.write("abc");
    co_await e.write("def");
    EXPECT_TRUE((co_await e.finish()).has_value());
  });
  Socket socket = peer();
  for (int i = 0; i < 2; ++i) {
    socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(socket.receive_answer().ends_with("\r\n\r\nabcdef"));
  }
}

TEST_F(ServerStream, ABrokenAnnouncementCutsTheConnection) {
  serve_with([](Exchange& e) -> Task<void> {
    ResponseHead head;
    head.headers.add("Content-Length", "6");
    co_await e.start(head);
    co_await e.write("abc");
    if (e.head().path == "/less") EXPECT_FALSE((co_await e.finish()).has_value());
    if (e.head().path == "/more") EXPECT_FALSE((co_await e.write("defg")).has_value());
  });
  for (const char* path : {"/less", "/more"}) {
    Socket socket = peer();
    socket.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(socket.ends());
  }
}

TEST_F(ServerStream, AnUnfinishedStreamIsVisiblyCut) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.start({});
    co_await e.write("half");
  });
  Socket socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(socket.receive_all().find("0\r\n\r\n"), std::string::npos);
}

TEST_F(ServerStream, AbortCutsAtOnce) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.start({});
    e.abort();
    EXPECT_FALSE((co_await e.write("more")).has_value());
  });
  Socket socket = peer();
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(socket.ends());
}

TEST_F(ServerStream, EchoesWhileReading) {
  serve_with([](Exchange& e) -> Task<void> {
    co_await e.start({});
    std::array<char, 1000> buffer;
    while (true) {
      const auto got = co_await e.read_some(buffer);
      EXPECT_TRUE(got.has_value());
      if (!got || *got == 0) break;
      co_await e.write({buffer.data(), *got});
    }
    co_await e.finish();
  });
  Socket socket = peer();
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  socket.receive_until("\r\n\r\n");
  for (const char* word : {"one", "two", "six"}) {
    socket.send(std::string("3\r\n") + word + "\r\n");
    EXPECT_EQ(socket.receive_until(std::string(word) + "\r\n"),
              std::string("3\r\n") + word + "\r\n");
  }
  socket.send("0\r\n\r\n");
  EXPECT_EQ(socket.receive_until("0\r\n\r\n"), "0\r\n\r\n");
}

TEST_F(ServerStream, TakesAThirtyMegabyteUpload) {
  serve_with([](Exchange& e) -> Task<void> {
    const auto body = co_await e.read_body(64 * kMiB);
    EXPECT_TRUE(body.has_value());
    if (!body) co_return;
    EXPECT_EQ(body->find_first_not_of('u'), std::string::npos);
    co_await e.respond({}, std::to_string(body->size()));
  });
  const std::string part(kMiB, 'u');
  Socket socket = peer();
  socket.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(30 * kMiB) +
              "\r\n\r\n");
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(socket.send(part));
  EXPECT_TRUE(socket.receive_answer().ends_with(std::to_string(30 * kMiB)));
  socket.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(socket.send("100000\r\n" + part + "\r\n"));
  socket.send("0\r\n\r\n");
  EXPECT_TRUE(socket.receive_answer().ends_with(std::to_string(30 * kMiB)));
}

TEST_F(ServerStream, ASlowReaderStopsTheWriter) {
  std::atomic<std::size_t> written = 0;
  serve_with([&](Exchange& e) -> Task<void> {
    const std::string piece(64 * 1024, 'd');
    EXPECT_TRUE((co_await e.start({})).has_value());
    for (std::size_t sent = 0; sent < 100 * kMiB; sent += piece.size()) {
      if (!co_await e.write(piece)) {
        ADD_FAILURE() << "write";
        co_return;
      }
      written += piece.size();
    }
    EXPECT_TRUE((co_await e.finish()).has_value());
  });
  Socket socket = peer(64 * 1024);
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  // Whoever reads a little sees the writer at most the kernel's buffers ahead, however long the
  // stream is.
  std::size_t received = 0;
  std::size_t ahead_max = 0;
  while (received < 20 * kMiB) {
    received += socket.receive(256 * 1024).size();
    ahead_max = std::max(ahead_max, written.load() - std::min(written.load(), received));
  }
  EXPECT_LT(ahead_max, 16 * kMiB);
  while (received < 100 * kMiB) {
    const std::string piece = socket.receive(kMiB);
    if (piece.empty()) break;
    received += piece.size();
  }
  EXPECT_GT(received, 100 * kMiB);
}

TEST_F(ServerStream, ADownloadNeedsNoMemory) {
  std::atomic<std::size_t> heap_max = 0;
  serve_with([&](Exchange& e) -> Task<void> {
    const std::string piece(256 * 1024, 'd');
    co_await e.start({});
    for (std::size_t sent = 0; sent < 100 * kMiB; sent += piece.size()) {
      co_await e.write(piece);
      heap_max = std::max<std::size_t>(heap_max, mallinfo2().uordblks);
    }
    co_await e.finish();
  });
  Socket socket = peer();
  const std::size_t heap_before = mallinfo2().uordblks;
  socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::size_t received = 0;
  std::string tail;
  for (std::string piece = socket.receive(); !piece.empty(); piece = socket.receive()) {
    received += piece.size();
    tail = (tail + piece.substr(piece.size() - std::min<std::size_t>(piece.size(), 5)));
    tail.erase(0, tail.size() - std::min<std::size_t>(tail.size(), 5));
    if (tail == "0\r\n\r\n") break;
  }
  EXPECT_GT(received, 100 * kMiB);
  EXPECT_LT(heap_max.load(), heap_before + 8 * kMiB);
}

TEST_F(ServerStream, AWriterThatNeverWaitsLetsOthersIn) {
  std::atomic<bool> stop = false;
  serve_with([&](Exchange& e) -> Task<void> {
    if (e.head().path == "/other") {
      co_await e.respond({}, "served");
      stop = true;
      co_return;
    }
    co_await e.start({});
    while (!stop) {
      if (!co_await e.write("x")) co_return;
    }
    co_await e.finish();
  });
  Socket endless = peer();
  endless.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::thread reader([&] { endless.receive_until("0\r\n\r\n"); });
  Socket other = peer();
  other.send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(other.receive_answer().ends_with("served"));
  reader.join();
}

}  // namespace
}  // namespace stoker::net
