#include "net/event_stream.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::connect_to;
using testing::Event;
using testing::serve;
using testing::Socket;

constexpr std::string_view kGet = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";

// The payload of a chunked answer, without its head, once `end` has been seen in it.
std::string receive_events(Socket& socket, std::string_view end) {
  socket.receive_until("\r\n\r\n");
  std::string events;
  while (events.find(end) == std::string::npos) {
    const std::string line = socket.receive_until("\r\n");
    if (line.empty()) break;
    const std::size_t size = std::stoul(line, nullptr, 16);
    if (size == 0) break;
    events += socket.receive_exactly(size);
    socket.receive_exactly(2);
  }
  return events;
}

class EventStreams : public ::testing::Test {
 protected:
  // Serves a new stream to each peer and remembers it.
  EventStreams() {
    server_ = serve(network_, [this](Exchange& e) -> Task<void> {
      auto stream = EventStream::create(network_);
      {
        const std::lock_guard lock(mutex_);
        streams_.push_back(stream);
      }
      Headers extra;
      extra.add("Access-Control-Allow-Origin", "http://x");
      co_await serve_event_stream(e, stream, extra);
      EXPECT_TRUE(stream->closed());
      ++ended_;
    });
  }

  std::vector<std::shared_ptr<EventStream>> streams(std::size_t count) {
    const auto guard = std::chrono::steady_clock::now() + testing::kGuard;
    while (std::chrono::steady_clock::now() < guard) {
      {
        const std::lock_guard lock(mutex_);
        if (streams_.size() >= count) return streams_;
      }
      std::this_thread::yield();
    }
    ADD_FAILURE() << "not all streams began";
    return {};
  }
  bool all_end(std::size_t count) {
    const auto guard = std::chrono::steady_clock::now() + testing::kGuard;
    while (ended_ != count && std::chrono::steady_clock::now() < guard) std::this_thread::yield();
    return ended_ == count;
  }

  Network network_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<EventStream>> streams_;
  std::atomic<std::size_t> ended_ = 0;
  std::unique_ptr<HttpServer> server_;
};

std::shared_ptr<const std::string> frame(std::uint64_t id, std::string_view data) {
  return std::make_shared<const std::string>(event_frame("upsert", id, data));
}

TEST(EventFrame, HasNameIdAndData) {
  EXPECT_EQ(event_frame("upsert", 7, "{\"a\":1}"), "event: upsert\nid: 7\ndata: {\"a\":1}\n\n");
}

TEST_F(EventStreams, SendTheirHeadAtOnce) {
  Socket socket = connect_to(server_->port());
  socket.send(kGet);
  const std::string head = socket.receive_until("\r\n\r\n");
  EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(head.find("Cache-Control: no-cache\r\n"), std::string::npos);
  EXPECT_NE(head.find("X-Accel-Buffering: no\r\n"), std::string::npos);
  EXPECT_NE(head.find("Access-Control-Allow-Origin: http://x\r\n"), std::string::npos);
}

TEST_F(EventStreams, FanOutToAHundredClients) {
  std::vector<Socket> sockets;
  for (int i = 0; i < 100; ++i) {
    sockets.push_back(connect_to(server_->port()));
    sockets.back().send(kGet);
  }
  const auto all = streams(100);
  ASSERT_EQ(all.size(), 100u);
  std::string expected;
  for (std::uint64_t id = 1; id <= 200; ++id) {
    const auto shared = frame(id, "{\"n\":" + std::to_string(id) + "}");
    expected += *shared;
    for (const auto& stream : all) EXPECT_TRUE(stream->push(shared));
  }
  for (Socket& socket : sockets) EXPECT_EQ(receive_events(socket, "{\"n\":200}\n\n"), expected);
  sockets.clear();
  EXPECT_TRUE(all_end(100));
  for (const auto& stream : all) EXPECT_FALSE(stream->push(frame(1, "{}")));
}

TEST_F(EventStreams, CloseSendsWhatWasPushedBefore) {
  Socket socket = connect_to(server_->port());
  socket.send(kGet);
  const auto stream = streams(1).front();
  stream->push(frame(1, "last"));
  stream->close();
  EXPECT_FALSE(stream->push(frame(2, "late")));
  EXPECT_EQ(receive_events(socket, "nothing"), event_frame("upsert", 1, "last"));
  EXPECT_TRUE(all_end(1));
}

TEST_F(EventStreams, AClientThatReadsTooSlowlyIsCutOff) {
  Socket slow = connect_to(server_->port(), 4096);
  slow.send(kGet);
  const auto stream = streams(1).front();
  const auto large = frame(1, std::string(256 * 1024, 'x'));
  std::size_t pushed = 0;
  while (stream->push(large)) {
    pushed += large->size();
    ASSERT_LT(pushed, 256u * 1024 * 1024);
  }
  EXPECT_TRUE(stream->closed());
  EXPECT_TRUE(all_end(1));
  EXPECT_TRUE(slow.ends());
}

TEST_F(EventStreams, AClientThatLeavesClosesItsStream) {
  Socket socket = connect_to(server_->port());
  socket.send(kGet);
  socket.receive_until("\r\n\r\n");
  const auto stream = streams(1).front();
  socket.close();
  EXPECT_TRUE(all_end(1));
  EXPECT_TRUE(stream->closed());
}

TEST_F(EventStreams, TakeFramesFromSeveralThreads) {
  Socket socket = connect_to(server_->port());
  socket.send(kGet);
  const auto stream = streams(1).front();
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&] {
      for (std::uint64_t id = 0; id < 500; ++id) EXPECT_TRUE(stream->push(frame(id, "{}")));
    });
  }
  for (std::thread& sender : senders) sender.join();
  stream->close();
  const std::string events = receive_events(socket, "nothing");
  std::size_t count = 0;
  for (std::size_t at = events.find("event: "); at != std::string::npos;
       at = events.find("event: ", at + 1))
    ++count;
  EXPECT_EQ(count, 2000u);
}

TEST_F(EventStreams, EndWithTheirServer) {
  Socket socket = connect_to(server_->port());
  socket.send(kGet);
  const auto stream = streams(1).front();
  socket.receive_until("\r\n\r\n");
  server_.reset();
  EXPECT_TRUE(stream->closed());
  EXPECT_FALSE(stream->push(frame(1, "{}")));
}

}  // namespace
}  // namespace stoker::net
