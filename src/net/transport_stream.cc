#include "net/transport_stream.h"

#include <boost/asio/error.hpp>
#include <cstring>

namespace stoker::net {

void TransportStream::complete(Completion done, IoStep step) {
  boost::beast::error_code error;
  if (step.progress == Progress::end) error = boost::asio::error::eof;
  if (step.progress == Progress::failed) error = boost::asio::error::connection_reset;
  boost::asio::post(get_executor(), [done = std::move(done), error, bytes = step.bytes]() mutable {
    done(error, bytes);
  });
}

void TransportStream::read(Completion done, std::span<char> into) {
  if (into.empty()) return complete(std::move(done), {Progress::done, 0});
  if (!early_.empty()) {
    const std::size_t bytes = std::min(early_.size(), into.size());
    std::memcpy(into.data(), early_.data(), bytes);
    early_.erase(0, bytes);
    return complete(std::move(done), {Progress::done, bytes});
  }
  const IoStep step = transport_->read(into);
  if (step.progress != Progress::needs_read && step.progress != Progress::needs_write) {
    return complete(std::move(done), step);
  }
  const auto interest =
      step.progress == Progress::needs_read ? Transport::Interest::readable : Transport::Interest::writable;
  transport_->watch(Transport::Side::reader, interest, [this, done = std::move(done), into]() mutable {
    read(std::move(done), into);
  });
}

void TransportStream::write(Completion done, Pieces pieces) {
  if (pieces.count == 0) return complete(std::move(done), {Progress::done, 0});
  const IoStep step = transport_->write({pieces.vectors.data(), pieces.count});
  if (step.progress != Progress::needs_read && step.progress != Progress::needs_write) {
    return complete(std::move(done), step);
  }
  const auto interest =
      step.progress == Progress::needs_read ? Transport::Interest::readable : Transport::Interest::writable;
  transport_->watch(Transport::Side::writer, interest, [this, done = std::move(done), pieces]() mutable {
    write(std::move(done), pieces);
  });
}

void teardown(boost::beast::role_type, TransportStream& stream, boost::beast::error_code& error) {
  error = {};
  stream.transport().shutdown_write();
  stream.transport().close();
}

void beast_close_socket(TransportStream& stream) { stream.transport().close(); }

}  // namespace stoker::net
