#include "net/address.h"

#include <boost/asio/io_context.hpp>

namespace stoker::net {

namespace ip = boost::asio::ip;

ip::address unmapped(const ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

bool is_loopback(const ip::address& address) {
  return unmapped(address).is_loopback();
}

Result<ip::tcp::endpoint> listen_endpoint(const std::string& host, std::uint16_t port) {
  if (host.empty()) return ip::tcp::endpoint(ip::tcp::v6(), port);
  if (host == "localhost") return ip::tcp::endpoint(ip::address_v4::loopback(), port);
  boost::system::error_code error;
  const ip::address address = ip::make_address(host, error);
  if (!error) return ip::tcp::endpoint(address, port);

  boost::asio::io_context io;
  ip::tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(host, std::to_string(port), ip::tcp::resolver::passive, error);
  if (error || found.empty())
    return fail(ErrorCode::bad_request, "no such address to listen on", host);
  return found.begin()->endpoint();
}

}  // namespace stoker::net
