#include "net/http_server.h"

#include <boost/asio/ip/v6_only.hpp>

#include "net/address.h"
#include "net/head_writer.h"
#include "net/server_connection.h"
#include "net/server_state.h"

namespace stoker::net {
namespace {

namespace ip = boost::asio::ip;

constexpr Duration kAcceptPause = milliseconds(100);
constexpr int kListenBacklog = 1024;

Result<ServerState::Acceptor> open_acceptor(boost::asio::io_context& io,
                                            const ip::tcp::endpoint& endpoint) {
  ServerState::Acceptor acceptor(io);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(ip::tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    boost::system::error_code ignored;  // a system without dual sockets serves IPv6 alone
    acceptor.set_option(ip::v6_only(false), ignored);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kListenBacklog, error);
  if (!error) return acceptor;
  const bool taken = error == boost::asio::error::address_in_use;
  return fail(taken ? ErrorCode::conflict : ErrorCode::bad_request, "listen: " + error.message(),
              std::to_string(endpoint.port()));
}

class Server final : public HttpServer {
 public:
  Server(Network& network, std::shared_ptr<ServerState> state, std::uint16_t port)
      : network_(network), state_(std::move(state)), port_(port) {
    network_.post([kept = state_] { kept->accept_next(); });
  }
  ~Server() override {
    run_and_wait(network_, [kept = state_] { kept->shut_down(); });
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connection_count() const override { return state_->count(); }
  void drain(Duration deadline, std::move_only_function<void()> drained) override {
    network_.post([kept = state_, deadline, drained = std::move(drained)]() mutable {
      kept->drain(deadline, std::move(drained));
    });
  }

 private:
  Network& network_;
  std::shared_ptr<ServerState> state_;
  std::uint16_t port_;
};

}  // namespace

ServerState::ServerState(Network& network, ServerLimits limits, Handler handler, SslContext tls,
                         Acceptor acceptor)
    : network_(network),
      limits_(limits),
      handler_(std::move(handler)),
      tls_(std::move(tls)),
      acceptor_(std::move(acceptor)),
      accept_pause_(network.impl().deadlines, [this] { accept_next(); }),
      drain_deadline_(network.impl().deadlines, [this] { end_drain(); }) {}

void ServerState::accept_next() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_accept([self = shared_from_this()](boost::system::error_code error,
                                                     ip::tcp::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (error && error != boost::asio::error::connection_aborted) {  // no descriptors, no memory
      self->accept_pause_.set(kAcceptPause);  // asking again at once would spin
      return;
    }
    if (!error) self->accepted(std::move(socket));
    self->accept_next();
  });
}

void ServerState::accepted(ip::tcp::socket socket) {
  auto transport = std::make_shared<Transport>(std::move(socket));
  if (make_place())
    return tasks_.start(
        ServerConnection::run(std::make_unique<ServerConnection>(*this, transport)));
  if (!tls_) {
    const std::string text = refusal_text(503);
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    transport->write({&piece, 1});
  }
  transport->close();
}

bool ServerState::make_place() {
  if (count() < limits_.connections_max) return true;
  if (idle_.empty()) return false;
  idle_.front()->close_idle();
  return true;
}

ServerState::Connections::iterator ServerState::join(ServerConnection& connection) {
  count_.fetch_add(1, std::memory_order_relaxed);
  return idle_.insert(idle_.end(), &connection);
}

void ServerState::leave(Connections::iterator place, bool idle) {
  (idle ? idle_ : busy_).erase(place);
  count_.fetch_sub(1, std::memory_order_relaxed);
  if (draining_ && count() == 0) report_drained();
}

void ServerState::became_idle(Connections::iterator place) {
  idle_.splice(idle_.end(), busy_, place);
}

void ServerState::became_busy(Connections::iterator place) {
  busy_.splice(busy_.end(), idle_, place);
}

void ServerState::drain(Duration deadline, std::move_only_function<void()> drained) {
  drained_ = std::move(drained);
  draining_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  while (!idle_.empty()) idle_.front()->close_idle();
  if (count() == 0) return report_drained();
  drain_deadline_.set(deadline);
}

void ServerState::end_drain() {
  const Connections cut = busy_;
  for (ServerConnection* connection : cut) connection->cut();
  tasks_.destroy_all();
}

// Posted, because it may be reached from a connection's destructor and the receiver may destroy the
// server.
void ServerState::report_drained() {
  drain_deadline_.clear();
  if (drained_) network_.post(std::exchange(drained_, nullptr));
}

void ServerState::shut_down() {
  drained_ = nullptr;
  accept_pause_.clear();
  drain_deadline_.clear();
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  tasks_.destroy_all();
  handler_ = nullptr;
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(Network& network, ListenOptions options,
                                                       Handler handler) {
  SslContext tls;
  if (options.tls) {
    auto context =
        server_tls_context(options.tls->certificate_chain_pem, options.tls->private_key_pem);
    if (!context) return fail(context.error());
    tls = std::move(*context);
  }
  const auto endpoint = listen_endpoint(options.host, options.port);
  if (!endpoint) return fail(endpoint.error());
  auto acceptor = open_acceptor(network.impl().io, *endpoint);
  if (!acceptor) return fail(acceptor.error());
  const std::uint16_t port = acceptor->local_endpoint().port();
  auto state = std::make_shared<ServerState>(network, options.limits, std::move(handler),
                                             std::move(tls), std::move(*acceptor));
  return std::make_unique<Server>(network, std::move(state), port);
}

}  // namespace stoker::net
