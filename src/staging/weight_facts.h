// What a weight file says about itself, and what planning takes from that before anything was
// measured.
//
// Purpose: sizes and kinds of weights as values; the first number for a model that never ran on
// this machine.
// Threading: values and pure functions. Limits: kDtypesMax dtypes, kBlocksMax blocks. Errors: none
// of these functions fails; what cannot be known is nullopt or zero.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace stoker::staging {

inline constexpr std::size_t kDtypesMax = 8;
inline constexpr std::uint64_t kBlocksMax = 4096;
// Head counts and lengths above this are refused; with kBlocksMax no estimate per token can
// overflow.
inline constexpr std::uint64_t kDimensionMax = 1ULL << 20;

enum class WeightFormat : std::uint8_t {
  safetensors,
  gguf,
  opaque,  // pickles and others that only their own loader reads: the size is all that is known
};
std::string_view weight_format_name(WeightFormat format);

// How many bytes a kind of number takes of the file: "F16", "BF16", "F8_E4M3", "Q4_K".
struct DtypeShare {
  std::string dtype;
  std::uint64_t bytes = 0;

  friend bool operator==(const DtypeShare&, const DtypeShare&) = default;
};

// The order of shares: more bytes first, then by word.
bool goes_before(const DtypeShare& a, const DtypeShare& b);

// What a GGUF file says about the network. Zero: not said.
struct GgufFacts {
  std::string architecture;
  std::uint64_t context_length = 0;  // tokens it was trained with
  std::uint64_t block_count = 0;
  std::uint64_t embedding_length = 0;
  std::uint64_t head_count = 0;  // the largest of all blocks
  // One number for all blocks, or one for each; 0: a block without attention.
  std::vector<std::uint32_t> kv_heads_per_block;
  std::uint64_t key_length = 0;      // per head
  std::uint64_t value_length = 0;    // per head
  std::uint64_t sliding_window = 0;  // tokens that some of the blocks look back
  std::uint64_t expert_count = 0;
  std::uint64_t split_number = 0;  // of a model in several files, from 0
  std::uint64_t split_count = 0;   // 0 and 1: one file

  friend bool operator==(const GgufFacts&, const GgufFacts&) = default;
};

struct WeightFacts {
  WeightFormat format = WeightFormat::opaque;
  std::uint64_t files = 1;
  std::uint64_t file_bytes = 0;
  // What will lie in memory. Of an opaque file its size, which is a little more.
  std::uint64_t tensor_bytes = 0;
  std::uint64_t tensors = 0;  // 0 for opaque files
  // Elements of all tensors, scales of quantised ones too; 0 for opaque files.
  std::uint64_t parameters = 0;
  std::vector<DtypeShare> dtypes;   // largest first
  std::uint64_t metadata_keys = 0;  // entries of safetensors' __metadata__, pairs of GGUF
  std::optional<GgufFacts> gguf;

  friend bool operator==(const WeightFacts&, const WeightFacts&) = default;
};

// The sum of two sets of files that are loaded together. The first keeps its format and its GGUF
// facts; it takes those of the second if it has none.
WeightFacts joined(WeightFacts first, const WeightFacts& second);

// What one number of the cache takes: 2 bytes by default; q8_0 and q4_0 are blocks of 32 with a
// scale.
enum class KvElement : std::uint8_t { f32, f16, q8_0, q4_0 };

// Bytes of the key-value cache that one token of one sequence takes:
//
//   sum over blocks of  kv_heads(block) x (key_length + value_length) x bytes of an element
//
// where key_length and value_length default to embedding_length / head_count, and kv_heads to
// head_count. This is the size of llama.cpp's unified cache (src/llama-kv-cache.cpp) and the
// estimate of Ollama (fs/ggml/ggml.go, GraphSize). Blocks with a sliding window are counted like
// the others, so it is an upper bound for those; recurrent state, which does not grow with tokens,
// and compute buffers are not in it. nullopt where the file does not say enough: no text model, or
// no block count.
std::optional<std::uint64_t> kv_bytes_per_token(const GgufFacts& facts, KvElement element);

// How an engine will be told to run a text model. num_ctx is tokens of one sequence; 0 leaves the
// cache out.
struct KvCacheSetting {
  std::uint64_t num_ctx = 0;
  std::uint64_t parallel = 1;  // sequences at the same time
  KvElement element = KvElement::f16;
};

struct FootprintPrior {
  MiB weights;
  MiB kv_cache;
  bool kv_cache_known =
      true;  // false: a GGUF text model whose file says too little, so that its cache is missing

  MiB total() const { return weights + kv_cache; }
};

// The GPU memory that planning assumes for these files together until it is measured: the sum of
// their tensors, plus for GGUF text models the cache for num_ctx (at most the trained context, as
// engines cap it) times parallel. Each part is rounded up to whole MiB. Compute buffers and the
// engine's own context are not in it: a reserve covers them, and the first load replaces the
// number.
FootprintPrior footprint_prior(std::span<const WeightFacts> files, const KvCacheSetting& setting);

}  // namespace stoker::staging
