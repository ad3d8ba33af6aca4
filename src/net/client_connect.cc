#include "net/client_connect.h"

#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "net/callback_wait.h"

namespace stoker::net {
namespace {

namespace ip = boost::asio::ip;
using Endpoints = std::vector<ip::tcp::endpoint>;
using Clock = std::chrono::steady_clock;

struct Found {
  ErrorCode failure = ErrorCode::backend_down;
  Endpoints endpoints;
};

Duration left_until(Clock::time_point end) {
  return microseconds(
      std::chrono::duration_cast<std::chrono::microseconds>(end - Clock::now()).count());
}

Endpoints without_lookup(const Origin& origin) {
  if (origin.host == "localhost") {
    return {{ip::address_v4::loopback(), origin.port}, {ip::address_v6::loopback(), origin.port}};
  }
  boost::system::error_code error;
  const ip::address address = ip::make_address(origin.host, error);
  if (error) return {};
  return {{address, origin.port}};
}

Task<Found> look_up(Network::Impl& network, const Origin& origin, Duration patience) {
  if (Endpoints known = without_lookup(origin); !known.empty())
    co_return Found{.endpoints = std::move(known)};
  auto resolver = std::make_shared<ip::tcp::resolver>(network.io);
  boost::asio::steady_timer timer(network.io, std::chrono::microseconds(patience.us));
  co_return co_await CallbackWait<Found>([&](CallbackWait<Found>::Done done) {
    // A lookup of the system cannot be interrupted; its late answer is ignored.
    timer.async_wait([done](const boost::system::error_code& error) {
      if (!error) done(Found{.failure = ErrorCode::run_timeout, .endpoints = {}});
    });
    resolver->async_resolve(
        origin.host, std::to_string(origin.port),
        [done, resolver](boost::system::error_code, const ip::tcp::resolver::results_type& all) {
          Found found;
          for (const auto& entry : all) found.endpoints.push_back(entry.endpoint());
          done(std::move(found));
        });
  });
}

int connect_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Task<Io<void>> connect_channel(Channel& channel, const ip::tcp::endpoint& endpoint) {
  Transport& transport = channel.transport();
  const int fd = transport.socket().native_handle();
  if (::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0)
    co_return Io<void>();
  if (errno != EINPROGRESS) co_return std::unexpected(Halt::failed);
  co_await transport.ready(Transport::Side::writer, Transport::Interest::writable);
  if (channel.halted()) co_return std::unexpected(*channel.halted());
  if (connect_error(fd) != 0) co_return std::unexpected(Halt::failed);
  co_return Io<void>();
}

Error connect_failure(Halt halt, const char* what) {
  return Error{halt == Halt::timed_out ? ErrorCode::run_timeout : ErrorCode::backend_down, what};
}

Task<Result<std::unique_ptr<Channel>>> try_endpoint(ClientPool& pool, const Origin& origin,
                                                    const ip::tcp::endpoint& endpoint,
                                                    Duration patience) {
  ip::tcp::socket socket(pool.network().io);
  boost::system::error_code error;
  socket.open(endpoint.protocol(), error);
  if (error) co_return fail(ErrorCode::backend_down, "socket: " + error.message());
  auto channel = std::make_unique<Channel>(pool.network().deadlines,
                                           std::make_shared<Transport>(std::move(socket)));
  channel->deadline().set(patience);
  if (const auto done = co_await connect_channel(*channel, endpoint); !done) {
    co_return fail(connect_failure(done.error(), "connect"));
  }
  if (origin.tls) {
    channel->transport().use_tls(connecting_tls(**pool.tls(), origin.host));
    if (const auto done = co_await channel->handshake(); !done) {
      co_return fail(connect_failure(done.error(), "TLS handshake"));
    }
  }
  channel->deadline().clear();
  co_return channel;
}

}  // namespace

Task<Result<std::unique_ptr<Channel>>> connect_to(ClientPool& pool, Origin origin,
                                                  Duration patience) {
  if (origin.tls && !pool.tls()) co_return fail(pool.tls().error());
  const Clock::time_point end = Clock::now() + std::chrono::microseconds(patience.us);
  const Found found = co_await look_up(pool.network(), origin, patience);
  Error failure{found.failure, "name lookup"};
  for (std::size_t i = 0; i < found.endpoints.size(); ++i) {
    const auto share = static_cast<std::int64_t>(found.endpoints.size() - i);
    auto channel = co_await try_endpoint(pool, origin, found.endpoints[i], left_until(end) / share);
    if (channel) co_return channel;
    failure = channel.error();
  }
  co_return fail(std::move(failure));
}

}  // namespace stoker::net
