#include "staging/gguf.h"

#include <string>
#include <utility>

#include "staging/checked_arithmetic.h"
#include "staging/ggml_type.h"
#include "staging/gguf_cursor.h"
#include "staging/gguf_values.h"
#include "staging/tensor_tally.h"

namespace stoker::staging {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kVersionOldest = 2;
constexpr std::uint32_t kVersionNewest = 3;
// Two, read on a machine of the other byte order.
constexpr std::uint32_t kVersionSwappedMask = 0xff00'0000;
constexpr std::uint64_t kTensorNameBytesMax = 1024;
constexpr std::uint32_t kRankMax = 4;

std::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorCode::bad_request, "gguf: " + what);
}

struct TensorInfo {
  std::string name;
  GgmlType type;
  std::uint64_t elements = 1;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // from the start of the data part
};

Result<void> check_version(GgufCursor& cursor) {
  const auto version = cursor.number<std::uint32_t>();
  if (!version) return std::unexpected(version.error());
  if ((*version & kVersionSwappedMask) != 0 && (*version & ~kVersionSwappedMask) == 0)
    return malformed("a big-endian file");
  if (*version < kVersionOldest || *version > kVersionNewest)
    return malformed("version " + std::to_string(*version) + "; 2 and 3 are read");
  return {};
}

// Elements and bytes of a tensor from its shape.
Result<void> read_shape(GgufCursor& cursor, TensorInfo& tensor, std::uint64_t& row) {
  const auto rank = cursor.number<std::uint32_t>();
  if (!rank) return std::unexpected(rank.error());
  if (*rank > kRankMax) {
    return malformed("tensor " + shown_name(tensor.name) + " of " + std::to_string(*rank) +
                     " dimensions");
  }
  for (std::uint32_t dimension = 0; dimension < *rank; ++dimension) {
    const auto extent = cursor.number<std::int64_t>();
    if (!extent) return std::unexpected(extent.error());
    const auto elements =
        *extent < 0 ? std::nullopt
                    : checked_product(tensor.elements, static_cast<std::uint64_t>(*extent));
    if (!elements)
      return malformed("tensor " + shown_name(tensor.name) + " has an impossible shape");
    tensor.elements = *elements;
    if (dimension == 0) row = static_cast<std::uint64_t>(*extent);
  }
  return {};
}

Result<TensorInfo> read_tensor(GgufCursor& cursor) {
  TensorInfo tensor;
  auto name = cursor.text(kTensorNameBytesMax);
  if (!name) return std::unexpected(std::move(name.error()));
  tensor.name = std::move(*name);
  std::uint64_t row = 1;
  if (auto shape = read_shape(cursor, tensor, row); !shape)
    return std::unexpected(std::move(shape.error()));
  const auto number = cursor.number<std::uint32_t>();
  if (!number) return std::unexpected(number.error());
  const auto type = ggml_type(*number);
  if (!type) {
    return malformed("tensor " + shown_name(tensor.name) + " is of the unknown type " +
                     std::to_string(*number));
  }
  tensor.type = *type;
  if (row % type->block_elements != 0) {
    return malformed("tensor " + shown_name(tensor.name) +
                     " has rows that are no whole blocks of " + std::string(type->word));
  }
  const auto bytes = checked_product(tensor.elements / type->block_elements, type->block_bytes);
  if (!bytes) return malformed("tensor " + shown_name(tensor.name) + " has an impossible shape");
  tensor.bytes = *bytes;
  const auto offset = cursor.number<std::uint64_t>();
  if (!offset) return std::unexpected(offset.error());
  tensor.offset = *offset;
  return tensor;
}

// Where data would begin if the header ended at `position`.
std::uint64_t aligned(std::uint64_t position, std::uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

// The infos end where the data begin, so places are checked against the end of the file at first,
// and the largest end again once the beginning is known.
Result<void> read_tensors(GgufCursor& cursor, std::uint64_t count, std::uint64_t alignment,
                          std::uint64_t file_bytes, TensorTally& tally) {
  std::uint64_t data_end = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto tensor = read_tensor(cursor);
    if (!tensor) return std::unexpected(tensor.error());
    if (tensor->offset % alignment != 0) {
      return malformed("tensor " + shown_name(tensor->name) + " does not begin at a multiple of " +
                       std::to_string(alignment));
    }
    const auto added = tally.add({.name = tensor->name,
                                  .dtype = tensor->type.word,
                                  .elements = tensor->elements,
                                  .begin = tensor->offset,
                                  .bytes = tensor->bytes},
                                 file_bytes);
    if (!added) return malformed(added.error().detail);
    data_end = std::max(data_end, tensor->offset + tensor->bytes);
  }
  const std::uint64_t data_begin = aligned(cursor.position(), alignment);
  if (data_end > 0 && (data_begin > file_bytes || data_end > file_bytes - data_begin)) {
    return malformed("the data take " + std::to_string(data_end) + " bytes; the file ends after " +
                     std::to_string(file_bytes - std::min(data_begin, file_bytes)));
  }
  return {};
}

}  // namespace

bool begins_like_gguf(std::string_view first_bytes) {
  return first_bytes.starts_with(kMagic);
}

Result<WeightFacts> parse_gguf(ByteSource& source) {
  GgufCursor cursor(source);
  std::string magic(kMagic.size(), '\0');
  for (char& c : magic) {
    const auto byte = cursor.number<char>();
    if (!byte) return std::unexpected(byte.error());
    c = *byte;
  }
  if (magic != kMagic) return malformed("the file does not begin with GGUF");
  if (auto version = check_version(cursor); !version)
    return std::unexpected(std::move(version.error()));
  const auto tensor_count = cursor.number<std::uint64_t>();
  if (!tensor_count) return std::unexpected(tensor_count.error());
  const auto value_count = cursor.number<std::uint64_t>();
  if (!value_count) return std::unexpected(value_count.error());
  if (*tensor_count > kTensorsMax) {
    return malformed(std::to_string(*tensor_count) + " tensors; at most " +
                     std::to_string(kTensorsMax) + " are read");
  }

  auto values = read_gguf_values(cursor, *value_count);
  if (!values) return std::unexpected(std::move(values.error()));
  TensorTally tally;
  auto read = read_tensors(cursor, *tensor_count, values->alignment, source.size(), tally);
  if (!read) return std::unexpected(std::move(read.error()));
  if (auto apart = tally.check_apart(); !apart) return malformed(apart.error().detail);

  WeightFacts facts;
  facts.format = WeightFormat::gguf;
  facts.file_bytes = source.size();
  facts.metadata_keys = *value_count;
  facts.gguf = std::move(values->facts);
  tally.write_to(facts);
  return facts;
}

}  // namespace stoker::staging
