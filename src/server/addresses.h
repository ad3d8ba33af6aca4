// What an address to listen on means: who can reach it, and what people type into a browser.
//
// Threading: any; asks the system for names and network cards.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "server/config/config.h"

namespace stoker::server {

// False when other machines can reach it. bad_request for a host that does not resolve.
Result<bool> is_for_this_machine_only(const ListenAddress& address);

// "http://127.0.0.1:8420". For "all addresses" the first address of this machine on a network.
std::string base_url(const ListenAddress& address, std::uint16_t port, bool tls);

}  // namespace stoker::server
