// Secrets of the API: tokens that stay, tickets that are used once.
//
// Purpose: only hashes are kept and compared. A ticket stands in for a token where no header can be sent (streams,
//   pictures, WebSocket).
// Threading: functions from any thread; a TicketTable belongs to the network thread.
// Limits: kTicketsMax tickets at a time, each good for one use within kTicketLife.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "storage/store.h"

namespace stoker::api {

inline constexpr std::size_t kTokenBytesMax = 256;
inline constexpr std::size_t kTicketsMax = 10'000;
inline constexpr Duration kTicketLife = seconds(60);

// "stk_" and 43 base64url characters: 32 random bytes.
std::string make_token();

// BLAKE2b-256.
TokenHash hash_of(std::string_view bytes);

// The credentials of "Authorization: Bearer TOKEN"; nullopt for another scheme or a token that cannot be one.
std::optional<std::string_view> bearer_token(std::string_view authorization);

bool same_hash(const TokenHash& a, const TokenHash& b);  // constant time

class TicketTable {
 public:
  // limit_reached when kTicketsMax are waiting to be used.
  Result<std::string> issue(const TokenHash& token, Instant now);
  // The token it was issued for. A ticket that was asked for is gone, whatever the answer.
  std::optional<TokenHash> redeem(std::string_view ticket, Instant now);
  std::size_t size() const { return tickets_.size(); }

 private:
  struct Entry {
    TokenHash token{};
    Instant expires;
  };
  void drop_expired(Instant now);

  std::map<TokenHash, Entry> tickets_;                   // by the hash of the ticket
  std::deque<std::pair<Instant, TokenHash>> by_expiry_;  // may name tickets that were redeemed
};

}  // namespace stoker::api
