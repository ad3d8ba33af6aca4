#include "protocol/comfyui/prompt_id.h"

#include "base/random.h"

namespace stoker::protocol::comfyui {
namespace {

constexpr std::uint64_t kVersionMask = 0xF000ULL;
constexpr std::uint64_t kVersion4 = 0x4000ULL;
constexpr std::uint64_t kVariantMask = 0xC000'0000'0000'0000ULL;
constexpr std::uint64_t kVariantRfc = 0x8000'0000'0000'0000ULL;

// FNV-1a, 64 bits.
std::uint64_t hash_of(std::string_view text, std::uint64_t hash) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

void append_hex(std::string& to, std::uint64_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    to += "0123456789abcdef"[(value >> shift) & 0xFU];
  }
}

}  // namespace

std::string prompt_uuid(std::string_view salt, std::uint64_t number) {
  std::uint64_t high = mix64(hash_of(salt, 0xcbf29ce484222325ULL) ^ mix64(number));
  std::uint64_t low = mix64(hash_of(salt, 0x84222325cbf29ce4ULL) + mix64(~number) + high);
  high = (high & ~kVersionMask) | kVersion4;
  low = (low & ~kVariantMask) | kVariantRfc;
  std::string text;
  text.reserve(36);
  append_hex(text, high >> 32U, 8);
  text += '-';
  append_hex(text, (high >> 16U) & 0xFFFFU, 4);
  text += '-';
  append_hex(text, high & 0xFFFFU, 4);
  text += '-';
  append_hex(text, low >> 48U, 4);
  text += '-';
  append_hex(text, low & 0xFFFF'FFFF'FFFFULL, 12);
  return text;
}

}  // namespace stoker::protocol::comfyui
