// Tokens that an operator set: [[key]] of the configuration and the variable STOKER_ADMIN_TOKEN.
//
// Purpose: from where they lie to hashes; a key that is gone from the configuration is revoked at the next reading.
// Threading: reads files and the environment on the calling thread.
// Limits: a token has kKeyBytesMin to kKeyBytesMaxAllowed visible ASCII characters.
// Errors: bad_request with a sentence that names the key and never its token.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "server/config/config.h"
#include "storage/store.h"

namespace stoker::server {

inline constexpr std::size_t kKeyBytesMin = 16;
inline constexpr std::size_t kKeyBytesMaxAllowed = 256;
inline constexpr const char* kAdminTokenVariable = "STOKER_ADMIN_TOKEN";

struct OperatorKey {
  Role role = Role::application;
  TokenHash hash{};

  friend bool operator==(const OperatorKey&, const OperatorKey&) = default;
};

Result<std::vector<OperatorKey>> read_operator_keys(const std::vector<KeySource>& sources);

// Which keys the last reading gave, as hashes: DATA/keys.json.
Result<std::vector<TokenHash>> read_known_keys(const std::string& path);
Result<void> write_known_keys(const std::string& path, const std::vector<OperatorKey>& keys);

// The rows that make the keys valid and those of `known` that are gone invalid.
std::vector<TokenRow> rows_of_keys(const std::vector<OperatorKey>& keys,
                                   const std::vector<TokenHash>& known, WallTime now);

}  // namespace stoker::server
