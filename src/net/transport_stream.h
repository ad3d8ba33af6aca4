// Transport in the shape that Beast's WebSocket stream asks for.
//
// Threading: network thread. Completions are never called inside the call that starts an operation.
#pragma once

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/role.hpp>
#include <memory>
#include <string>

#include "net/transport.h"

namespace stoker::net {

class TransportStream {
 public:
  using executor_type = Transport::Socket::executor_type;
  using Completion = std::move_only_function<void(boost::beast::error_code, std::size_t)>;

  // `early` was read from the transport before and comes first.
  TransportStream(std::shared_ptr<Transport> transport, std::string early)
      : transport_(std::move(transport)), early_(std::move(early)) {}

  executor_type get_executor() { return transport_->socket().get_executor(); }
  Transport& transport() { return *transport_; }
  std::shared_ptr<Transport> shared_transport() { return transport_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    boost::asio::mutable_buffer into;
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         at != boost::asio::buffer_sequence_end(buffers); ++at) {
      into = *at;
      if (into.size() > 0) break;
    }
    return boost::asio::async_initiate<Token, void(boost::beast::error_code, std::size_t)>(
        [](auto handler, TransportStream* self, std::span<char> span) {
          self->read({std::move(handler)}, span);
        },
        token, this, std::span<char>(static_cast<char*>(into.data()), into.size()));
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    Pieces pieces;
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         at != boost::asio::buffer_sequence_end(buffers); ++at) {
      if (pieces.count == pieces.vectors.size()) break;
      const boost::asio::const_buffer buffer = *at;
      if (buffer.size() > 0)
        pieces.vectors[pieces.count++] = {const_cast<void*>(buffer.data()), buffer.size()};
    }
    return boost::asio::async_initiate<Token, void(boost::beast::error_code, std::size_t)>(
        [](auto handler, TransportStream* self, Pieces taken) {
          self->write({std::move(handler)}, taken);
        },
        token, this, pieces);
  }

 private:
  struct Pieces {
    std::array<iovec, 16> vectors{};
    std::size_t count = 0;
  };

  void read(Completion done, std::span<char> into);
  void write(Completion done, Pieces pieces);
  void complete(Completion done, IoStep step);

  std::shared_ptr<Transport> transport_;
  std::string early_;
};

// Says that nothing more comes, reads what the peer still sends (for kTeardownTimeout at most) and
// closes. Closing with unread bytes would reset the connection and could destroy the goodbye before
// the peer has read it.
void tear_down(std::shared_ptr<Transport> transport, std::move_only_function<void()> done);

// Found by Beast for closing a WebSocket.
void teardown(boost::beast::role_type role, TransportStream& stream,
              boost::beast::error_code& error);
void beast_close_socket(TransportStream& stream);
template <class Handler>
void async_teardown(boost::beast::role_type, TransportStream& stream, Handler&& handler) {
  tear_down(stream.shared_transport(), [handler = std::forward<Handler>(handler)]() mutable {
    handler(boost::beast::error_code());
  });
}

}  // namespace stoker::net
