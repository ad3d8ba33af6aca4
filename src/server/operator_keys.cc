#include "server/operator_keys.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "api/tokens.h"
#include "server/links.h"

namespace stoker::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kKnownKeysBytesMax = 64 * 1024;
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string name_of(const KeySource& source) {
  if (!source.name.empty()) return "key \"" + source.name + "\"";
  return source.env.empty() ? "the key in " + source.token_file : "the key in $" + source.env;
}

Result<std::string> token_of(const KeySource& source) {
  if (!source.token_file.empty())
    return read_private_file(source.token_file, kKeyBytesMaxAllowed + 2);
  const char* value = std::getenv(source.env.c_str());
  if (value == nullptr) return fail(ErrorCode::bad_request, "the environment has no " + source.env);
  return std::string(value);
}

bool can_be_a_token(std::string_view text) {
  return text.size() >= kKeyBytesMin && text.size() <= kKeyBytesMaxAllowed &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<OperatorKey> read_key(const KeySource& source) {
  const auto token = token_of(source);
  if (!token) return fail(ErrorCode::bad_request, name_of(source) + ": " + token.error().detail);
  if (!can_be_a_token(*token))
    return fail(ErrorCode::bad_request,
                name_of(source) + " must have " + std::to_string(kKeyBytesMin) + " to " +
                    std::to_string(kKeyBytesMaxAllowed) + " visible characters without spaces");
  return OperatorKey{source.role, api::hash_of(*token)};
}

std::string hex_of(const TokenHash& hash) {
  std::string text;
  for (const std::uint8_t byte : hash) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

std::optional<TokenHash> hash_from(std::string_view hex) {
  TokenHash hash{};
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const std::size_t high = kHexDigits.find(hex[2 * i]);
    const std::size_t low = kHexDigits.find(hex[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return hash;
}

}  // namespace

Result<std::vector<OperatorKey>> read_operator_keys(const std::vector<KeySource>& sources) {
  std::vector<KeySource> all = sources;
  if (const char* token = std::getenv(kAdminTokenVariable); token != nullptr && *token != '\0')
    all.push_back({Role::admin, "", "", kAdminTokenVariable});
  std::vector<OperatorKey> keys;
  for (const KeySource& source : all) {
    auto key = read_key(source);
    if (!key) return fail(key.error());
    keys.push_back(*key);
  }
  return keys;
}

Result<std::vector<TokenHash>> read_known_keys(const std::string& path) {
  const auto text = read_private_file(path, kKnownKeysBytesMax);
  if (!text && text.error().code == ErrorCode::not_found) return std::vector<TokenHash>{};
  if (!text) return fail(text.error());
  boost::system::error_code error;
  const json::value root = json::parse(*text, error);
  const json::array* list = !error && root.is_array() ? &root.get_array() : nullptr;
  if (list == nullptr)
    return fail(ErrorCode::internal, path + " is damaged; remove it after revoking old keys");
  std::vector<TokenHash> hashes;
  for (const json::value& value : *list)
    if (const auto hash = value.is_string() ? hash_from(value.get_string()) : std::nullopt)
      hashes.push_back(*hash);
  return hashes;
}

Result<void> write_known_keys(const std::string& path, const std::vector<OperatorKey>& keys) {
  json::array list;
  for (const OperatorKey& key : keys) list.push_back(json::string(hex_of(key.hash)));
  return write_private_file(path, json::serialize(list) + "\n");
}

std::vector<TokenRow> rows_of_keys(const std::vector<OperatorKey>& keys,
                                   const std::vector<TokenHash>& known, WallTime now) {
  std::vector<TokenRow> rows;
  for (const OperatorKey& key : keys) rows.push_back({key.hash, key.role, {}, {}, now, false});
  for (const TokenHash& hash : known)
    if (std::ranges::find(keys, hash, &OperatorKey::hash) == keys.end())
      rows.push_back({hash, Role::application, {}, {}, now, true});
  return rows;
}

}  // namespace stoker::server
