#include "api/tokens.h"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace stoker::api {
namespace {

// Tickets that were redeemed leave a trace until their minute is over.
constexpr std::size_t kTicketTracesMax = 4 * kTicketsMax;

// 32 random bytes as 43 base64url characters.
std::string random_text() {
  STOKER_INVARIANT(sodium_init() >= 0, "no source of randomness");
  std::array<unsigned char, 32> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)> text;
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return text.data();
}

bool is_visible_ascii(char c) {
  return c > 0x20 && c < 0x7f;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

}  // namespace

std::string make_token() {
  return "stk_" + random_text();
}

TokenHash hash_of(std::string_view bytes) {
  STOKER_INVARIANT(sodium_init() >= 0, "libsodium does not start");
  TokenHash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size(), nullptr, 0);
  return hash;
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return std::nullopt;
  if (!same_letters(authorization.substr(0, kScheme.size() - 1), "bearer")) return std::nullopt;
  if (authorization[kScheme.size() - 1] != ' ') return std::nullopt;
  const std::string_view token = authorization.substr(kScheme.size());
  if (token.size() > kTokenBytesMax || !std::ranges::all_of(token, is_visible_ascii))
    return std::nullopt;
  return token;
}

bool same_hash(const TokenHash& a, const TokenHash& b) {
  return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void TicketTable::drop_expired(Instant now) {
  while (!by_expiry_.empty() && by_expiry_.front().first <= now) {
    tickets_.erase(by_expiry_.front().second);
    by_expiry_.pop_front();
  }
}

Result<std::string> TicketTable::issue(const TokenHash& token, Instant now) {
  drop_expired(now);
  if (tickets_.size() >= kTicketsMax || by_expiry_.size() >= kTicketTracesMax) {
    Error error{ErrorCode::limit_reached, "too many tickets wait to be used"};
    error.retry_after_s = 10;
    return fail(std::move(error));
  }
  std::string ticket = random_text();
  const TokenHash hash = hash_of(ticket);
  const Instant expires = now + kTicketLife;
  tickets_[hash] = {token, expires};
  by_expiry_.emplace_back(expires, hash);
  return ticket;
}

std::optional<TokenHash> TicketTable::redeem(std::string_view ticket, Instant now) {
  drop_expired(now);
  if (ticket.size() > kTokenBytesMax) return std::nullopt;
  const auto found = tickets_.find(hash_of(ticket));
  if (found == tickets_.end()) return std::nullopt;
  const TokenHash token = found->second.token;
  tickets_.erase(found);
  return token;
}

}  // namespace stoker::api
