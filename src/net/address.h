// Addresses of peers: one spelling per machine, and whether it is this machine.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace stoker::net {

// IPv4 inside IPv6 ("::ffff:127.0.0.1") becomes plain IPv4.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

// 127.0.0.0/8, ::1, and the former as ::ffff:127.x.y.z.
bool is_loopback(const boost::asio::ip::address& address);

// Where to listen. A name is resolved here and now; an empty host means all addresses.
Result<boost::asio::ip::tcp::endpoint> listen_endpoint(const std::string& host, std::uint16_t port);

}  // namespace stoker::net
