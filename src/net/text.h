// Comparisons of protocol words: ASCII, without case.
#pragma once

#include <cstdint>
#include <string_view>

namespace stoker::net {

bool same_word(std::string_view a, std::string_view b);
bool starts_with_word(std::string_view text, std::string_view prefix);
// Whether a comma-separated field value ("keep-alive, Upgrade") names the word.
bool list_has_word(std::string_view list, std::string_view word);
std::string_view trim(std::string_view text);
// Decimal digits only, the whole text; false on overflow.
bool parse_decimal(std::string_view text, std::uint64_t& out);

}  // namespace stoker::net
