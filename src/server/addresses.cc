#include "server/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <memory>

#include "net/address.h"

namespace stoker::server {
namespace {

std::string first_network_address() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return "127.0.0.1";
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  for (const ifaddrs* card = list; card != nullptr; card = card->ifa_next) {
    const bool fits = card->ifa_addr != nullptr && card->ifa_addr->sa_family == AF_INET &&
                      (card->ifa_flags & IFF_UP) != 0 && (card->ifa_flags & IFF_LOOPBACK) == 0;
    if (!fits) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(card->ifa_addr);
    if (inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr)
      return text.data();
  }
  return "127.0.0.1";
}

}  // namespace

Result<bool> is_for_this_machine_only(const ListenAddress& address) {
  const auto endpoint = net::listen_endpoint(address.host, address.port);
  if (!endpoint) return fail(endpoint.error());
  return net::is_loopback(endpoint->address());
}

std::string base_url(const ListenAddress& address, std::uint16_t port, bool tls) {
  std::string host = address.host;
  if (host.empty() || host == "0.0.0.0" || host == "::") host = first_network_address();
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return std::string(tls ? "https://" : "http://") + host + ":" + std::to_string(port);
}

}  // namespace stoker::server
