// Whether a request was meant for this server: the Host and Origin checks that keep other sites' pages out.
//
// Purpose: a page on another site, or a name that somebody else's DNS points here, must not reach the API of a machine
//   on the local network. Applies to pages as well.
// Threading: immutable after construction.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace stoker::api {

// Which machines may call: only this one, or others on the network too.
enum class Reach : std::uint8_t { loopback, network };

struct OriginRules {
  Reach reach = Reach::loopback;
  std::vector<std::string> hosts =
      {};  // names beside localhost and loopback addresses, without port
  std::vector<std::string> origins = {};  // further origins, "https://workshop.example"
};

class OriginCheck {
 public:
  explicit OriginCheck(OriginRules rules);

  bool host_is_ours(const net::RequestHead& head) const;
  // Requests without Origin come from no page, or from one of ours.
  bool origin_is_ours(const net::RequestHead& head) const;
  bool allows(const net::RequestHead& head) const {
    return host_is_ours(head) && origin_is_ours(head);
  }

 private:
  OriginRules rules_;
};

}  // namespace stoker::api
