#include "net/transport_stream.h"

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>

namespace stoker::net {
namespace {

constexpr std::chrono::seconds kTeardownTimeout{2};

struct Teardown : std::enable_shared_from_this<Teardown> {
  Teardown(std::shared_ptr<Transport> t, std::move_only_function<void()> d)
      : transport(std::move(t)),
        done(std::move(d)),
        timer(transport->socket().get_executor(), kTeardownTimeout) {}

  void start() {
    transport->shutdown_write();
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->transport->close();  // the reader sees it
    });
    read_on();
  }
  void read_on() {
    std::array<char, 4096> ignored;
    IoStep step = transport->read(ignored);
    for (int i = 0; step.progress == Progress::done && i < kStepsAtOnce; ++i)
      step = transport->read(ignored);
    if (step.progress == Progress::end || step.progress == Progress::failed) return finish();
    const auto interest = step.progress == Progress::needs_write ? Transport::Interest::writable
                                                                 : Transport::Interest::readable;
    transport->watch(Transport::Side::reader, interest,
                     [self = shared_from_this()] { self->read_on(); });
  }
  void finish() {
    timer.cancel();
    transport->close();
    boost::asio::post(transport->socket().get_executor(), std::move(done));
  }

  static constexpr int kStepsAtOnce = 64;
  std::shared_ptr<Transport> transport;
  std::move_only_function<void()> done;
  boost::asio::steady_timer timer;
};

}  // namespace

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
  const auto interest = step.progress == Progress::needs_read ? Transport::Interest::readable
                                                              : Transport::Interest::writable;
  transport_->watch(
      Transport::Side::reader, interest,
      [this, done = std::move(done), into]() mutable { read(std::move(done), into); });
}

void TransportStream::write(Completion done, Pieces pieces) {
  if (pieces.count == 0) return complete(std::move(done), {Progress::done, 0});
  const IoStep step = transport_->write({pieces.vectors.data(), pieces.count});
  if (step.progress != Progress::needs_read && step.progress != Progress::needs_write) {
    return complete(std::move(done), step);
  }
  const auto interest = step.progress == Progress::needs_read ? Transport::Interest::readable
                                                              : Transport::Interest::writable;
  transport_->watch(
      Transport::Side::writer, interest,
      [this, done = std::move(done), pieces]() mutable { write(std::move(done), pieces); });
}

void teardown(boost::beast::role_type, TransportStream& stream, boost::beast::error_code& error) {
  error = {};
  stream.transport().shutdown_write();
  stream.transport().close();
}

void tear_down(std::shared_ptr<Transport> transport, std::move_only_function<void()> done) {
  std::make_shared<Teardown>(std::move(transport), std::move(done))->start();
}

void beast_close_socket(TransportStream& stream) {
  stream.transport().close();
}

}  // namespace stoker::net
