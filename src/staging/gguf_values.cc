#include "staging/gguf_values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "staging/checked_arithmetic.h"
#include "staging/gguf.h"
#include "staging/tensor_tally.h"

namespace stoker::staging {
namespace {

constexpr std::uint64_t kKeyBytesMax = 65'535;  // the format's own maximum
constexpr std::uint64_t kArchitectureBytesMax = 64;
constexpr std::uint64_t kAlignmentMax = 1ULL << 20;
constexpr std::uint64_t kTokensMax = 1ULL << 32;
constexpr std::uint64_t kSplitsMax = 65'535;
// Numbers of several networks may stand in one file (text and vision); more than this is no model.
constexpr std::size_t kKeptMax = 256;

enum class ValueType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  text,
  array,
  u64,
  i64,
  f64,
};

// Bytes of a value of fixed size; 0 for texts, arrays and what is no type.
std::uint64_t fixed_bytes(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean:
      return 1;
    case ValueType::u16:
    case ValueType::i16:
      return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32:
      return 4;
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64:
      return 8;
    case ValueType::text:
    case ValueType::array:
      break;
  }
  return 0;
}

struct NumberKey {
  std::string_view suffix;  // after the architecture and a point
  std::uint64_t GgufFacts::* field;
  std::uint64_t largest;
};

constexpr std::array kNumberKeys = {
    NumberKey{"context_length", &GgufFacts::context_length, kTokensMax},
    NumberKey{"block_count", &GgufFacts::block_count, kBlocksMax},
    NumberKey{"embedding_length", &GgufFacts::embedding_length, kDimensionMax},
    NumberKey{"attention.key_length", &GgufFacts::key_length, kDimensionMax},
    NumberKey{"attention.value_length", &GgufFacts::value_length, kDimensionMax},
    NumberKey{"attention.sliding_window", &GgufFacts::sliding_window, kTokensMax},
    NumberKey{"expert_count", &GgufFacts::expert_count, kDimensionMax},
};
constexpr std::string_view kHeadCount = "attention.head_count";
constexpr std::string_view kHeadCountKv = "attention.head_count_kv";

bool is_wanted(std::string_view key) {
  const auto ends_with = [key](std::string_view suffix) {
    return key.size() > suffix.size() && key.ends_with(suffix) &&
           key[key.size() - suffix.size() - 1] == '.';
  };
  return ends_with(kHeadCount) || ends_with(kHeadCountKv) ||
         std::ranges::any_of(kNumberKeys, ends_with, &NumberKey::suffix);
}

std::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorCode::bad_request, "gguf: " + what);
}

// One number or an array of numbers that may turn out to be the network's.
struct Kept {
  std::string key;
  std::vector<std::uint64_t> numbers;
};

class ValueReader {
 public:
  explicit ValueReader(GgufCursor& cursor) : cursor_(cursor) {}

  Result<void> read_pair() {
    auto key = cursor_.text(kKeyBytesMax);
    if (!key) return std::unexpected(std::move(key.error()));
    key_hashes_.push_back(std::hash<std::string_view>()(*key));
    const auto type = read_type();
    if (!type) return std::unexpected(type.error());
    if (*key == "general.architecture") return read_architecture(*type);
    if (*key == "general.alignment") return read_alignment(*type);
    if (*key == "split.no") return read_into(values_.facts.split_number, *type, *key);
    if (*key == "split.count") return read_into(values_.facts.split_count, *type, *key);
    if (is_wanted(*key)) return keep(std::move(*key), *type);
    return skip_value(*type, 0);
  }

  Result<GgufValues> finish() {
    std::ranges::sort(key_hashes_);
    if (std::ranges::adjacent_find(key_hashes_) != key_hashes_.end())
      return malformed("two values have the same key");
    for (const Kept& kept : kept_) {
      if (auto taken = take(kept); !taken) return std::unexpected(std::move(taken.error()));
    }
    return std::move(values_);
  }

 private:
  Result<ValueType> read_type() {
    const auto number = cursor_.number<std::uint32_t>();
    if (!number) return std::unexpected(number.error());
    if (*number > static_cast<std::uint32_t>(ValueType::f64))
      return malformed("a value of the unknown type " + std::to_string(*number));
    return static_cast<ValueType>(*number);
  }

  Result<void> read_architecture(ValueType type) {
    if (type != ValueType::text) return malformed("an architecture that is no text");
    auto word = cursor_.text(kArchitectureBytesMax);
    if (!word) return std::unexpected(std::move(word.error()));
    const bool printable =
        std::ranges::all_of(*word, [](char c) { return c > ' ' && c <= '~' && c != '"'; });
    if (word->empty() || !printable) return malformed("an architecture that is no word");
    values_.facts.architecture = std::move(*word);
    return {};
  }

  Result<void> read_alignment(ValueType type) {
    if (type != ValueType::u32) return malformed("an alignment that is no 32-bit number");
    const auto alignment = cursor_.number<std::uint32_t>();
    if (!alignment) return std::unexpected(alignment.error());
    if (!std::has_single_bit(*alignment) || *alignment > kAlignmentMax)
      return malformed("an alignment of " + std::to_string(*alignment));
    values_.alignment = *alignment;
    return {};
  }

  Result<void> read_into(std::uint64_t& field, ValueType type, std::string_view key) {
    const auto number = read_whole(type);
    if (!number) return std::unexpected(number.error());
    if (!*number || **number > kSplitsMax)
      return malformed(shown_name(key) + " that is no count of files");
    field = **number;
    return {};
  }

  // nullopt: read, but no whole number from zero on.
  Result<std::optional<std::uint64_t>> read_whole(ValueType type) {
    switch (type) {
      case ValueType::u8:
        return widened<std::uint8_t>();
      case ValueType::i8:
        return widened<std::int8_t>();
      case ValueType::u16:
        return widened<std::uint16_t>();
      case ValueType::i16:
        return widened<std::int16_t>();
      case ValueType::u32:
        return widened<std::uint32_t>();
      case ValueType::i32:
        return widened<std::int32_t>();
      case ValueType::u64:
        return widened<std::uint64_t>();
      case ValueType::i64:
        return widened<std::int64_t>();
      default:
        break;
    }
    if (auto skipped = skip_value(type, 0); !skipped) return std::unexpected(skipped.error());
    return std::nullopt;
  }

  template <class Number>
  Result<std::optional<std::uint64_t>> widened() {
    const auto number = cursor_.number<Number>();
    if (!number) return std::unexpected(number.error());
    if (std::cmp_less(*number, 0)) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
  }

  Result<void> keep(std::string key, ValueType type) {
    if (kept_.size() >= kKeptMax) return malformed("numbers of too many networks");
    Kept kept{.key = std::move(key), .numbers = {}};
    std::uint64_t count = 1;
    if (type == ValueType::array) {
      const auto element = read_type();
      if (!element) return std::unexpected(element.error());
      const auto length = cursor_.number<std::uint64_t>();
      if (!length) return std::unexpected(length.error());
      if (*length > kBlocksMax)
        return malformed(shown_name(kept.key) + " for " + std::to_string(*length) + " blocks");
      type = *element;
      count = *length;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto number = read_whole(type);
      if (!number) return std::unexpected(number.error());
      if (!*number) return malformed(shown_name(kept.key) + " is no whole number from zero on");
      kept.numbers.push_back(**number);
    }
    kept_.push_back(std::move(kept));
    return {};
  }

  Result<void> skip_value(ValueType type, int depth) {
    if (type == ValueType::text) return cursor_.skip_text();
    if (type != ValueType::array) return cursor_.skip(fixed_bytes(type));
    if (depth >= kGgufArrayDepthMax) return malformed("arrays nested too deep");
    const auto element = read_type();
    if (!element) return std::unexpected(element.error());
    const auto length = cursor_.number<std::uint64_t>();
    if (!length) return std::unexpected(length.error());
    if (const std::uint64_t each = fixed_bytes(*element); each != 0)
      return cursor_.skip(saturating_product(*length, each));
    // Every element takes at least eight bytes, so that the end of the header ends this.
    for (std::uint64_t i = 0; i < *length; ++i) {
      if (auto skipped = skip_value(*element, depth + 1); !skipped) return skipped;
    }
    return {};
  }

  Result<void> take(const Kept& kept) {
    const std::string& architecture = values_.facts.architecture;
    if (architecture.empty() || !kept.key.starts_with(architecture)) return {};
    if (kept.key.size() <= architecture.size() || kept.key[architecture.size()] != '.') return {};
    const std::string_view suffix = std::string_view(kept.key).substr(architecture.size() + 1);
    if (suffix == kHeadCount) return take_head_count(kept);
    if (suffix == kHeadCountKv) return take_kv_heads(kept);
    const auto* const known = std::ranges::find(kNumberKeys, suffix, &NumberKey::suffix);
    if (known == kNumberKeys.end() || kept.numbers.empty()) return {};
    const std::uint64_t number = std::ranges::max(kept.numbers);
    if (number > known->largest)
      return malformed(shown_name(kept.key) + " of " + std::to_string(number));
    values_.facts.*(known->field) = number;
    return {};
  }

  Result<void> take_head_count(const Kept& kept) {
    if (kept.numbers.empty()) return {};
    const std::uint64_t heads = std::ranges::max(kept.numbers);
    if (heads > kDimensionMax)
      return malformed(shown_name(kept.key) + " of " + std::to_string(heads));
    values_.facts.head_count = heads;
    return {};
  }

  Result<void> take_kv_heads(const Kept& kept) {
    for (const std::uint64_t heads : kept.numbers) {
      if (heads > kDimensionMax)
        return malformed(shown_name(kept.key) + " of " + std::to_string(heads));
      values_.facts.kv_heads_per_block.push_back(static_cast<std::uint32_t>(heads));
    }
    return {};
  }

  GgufCursor& cursor_;
  GgufValues values_;
  std::vector<Kept> kept_;
  std::vector<std::uint64_t> key_hashes_;
};

}  // namespace

Result<GgufValues> read_gguf_values(GgufCursor& cursor, std::uint64_t count) {
  if (count > kGgufKeyValuesMax) {
    return malformed(std::to_string(count) + " values; at most " +
                     std::to_string(kGgufKeyValuesMax) + " are read");
  }
  ValueReader reader(cursor);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (auto pair = reader.read_pair(); !pair) return std::unexpected(std::move(pair.error()));
  }
  return reader.finish();
}

}  // namespace stoker::staging
