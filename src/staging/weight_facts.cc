#include "staging/weight_facts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "staging/checked_arithmetic.h"

namespace stoker::staging {
namespace {

// Bytes of 32 numbers in the cache.
constexpr std::uint64_t kBlockNumbers = 32;

std::uint64_t bytes_of_32(KvElement element) {
  switch (element) {
    case KvElement::f32:
      return 128;
    case KvElement::f16:
      return 64;
    case KvElement::q8_0:
      return 34;
    case KvElement::q4_0:
      return 18;
  }
  return 128;
}

MiB rounded_up(std::uint64_t bytes) {
  const std::uint64_t whole = bytes / kBytesPerMiB + (bytes % kBytesPerMiB == 0 ? 0 : 1);
  return {static_cast<std::int64_t>(whole)};
}

std::uint64_t kv_heads_of_all_blocks(const GgufFacts& facts) {
  const auto& heads = facts.kv_heads_per_block;
  if (heads.empty()) return facts.head_count * facts.block_count;
  if (heads.size() == 1) return heads.front() * facts.block_count;
  std::uint64_t sum = 0;
  for (std::size_t block = 0; block < std::min<std::size_t>(heads.size(), facts.block_count);
       ++block)
    sum += heads[block];
  return sum;
}

void merge_dtypes(std::vector<DtypeShare>& into, const std::vector<DtypeShare>& more) {
  for (const DtypeShare& share : more) {
    const auto same = std::ranges::find(into, share.dtype, &DtypeShare::dtype);
    if (same == into.end()) {
      into.push_back(share);
    } else {
      same->bytes = saturating_sum(same->bytes, share.bytes);
    }
  }
  std::ranges::sort(into, goes_before);
  if (into.size() > kDtypesMax) into.resize(kDtypesMax);
}

bool is_text_model(const GgufFacts& facts) {
  return facts.context_length > 0;
}

}  // namespace

bool goes_before(const DtypeShare& a, const DtypeShare& b) {
  return a.bytes != b.bytes ? a.bytes > b.bytes : a.dtype < b.dtype;
}

std::string_view weight_format_name(WeightFormat format) {
  switch (format) {
    case WeightFormat::safetensors:
      return "safetensors";
    case WeightFormat::gguf:
      return "gguf";
    case WeightFormat::opaque:
      return "opaque";
  }
  return "opaque";
}

WeightFacts joined(WeightFacts first, const WeightFacts& second) {
  first.files = saturating_sum(first.files, second.files);
  first.file_bytes = saturating_sum(first.file_bytes, second.file_bytes);
  first.tensor_bytes = saturating_sum(first.tensor_bytes, second.tensor_bytes);
  first.tensors = saturating_sum(first.tensors, second.tensors);
  first.parameters = saturating_sum(first.parameters, second.parameters);
  first.metadata_keys = saturating_sum(first.metadata_keys, second.metadata_keys);
  merge_dtypes(first.dtypes, second.dtypes);
  if (!first.gguf) first.gguf = second.gguf;
  return first;
}

std::optional<std::uint64_t> kv_bytes_per_token(const GgufFacts& facts, KvElement element) {
  if (facts.block_count == 0 || facts.block_count > kBlocksMax) return std::nullopt;
  if (facts.head_count == 0 && facts.kv_heads_per_block.empty()) return std::nullopt;
  const std::uint64_t from_embedding =
      facts.head_count == 0 ? 0 : facts.embedding_length / facts.head_count;
  const std::uint64_t key = facts.key_length != 0 ? facts.key_length : from_embedding;
  const std::uint64_t value = facts.value_length != 0 ? facts.value_length : from_embedding;
  if (key == 0 || value == 0) return std::nullopt;
  const std::uint64_t numbers =
      saturating_product(kv_heads_of_all_blocks(facts), saturating_sum(key, value));
  const std::uint64_t blocks = numbers / kBlockNumbers + (numbers % kBlockNumbers == 0 ? 0 : 1);
  return saturating_product(blocks, bytes_of_32(element));
}

FootprintPrior footprint_prior(std::span<const WeightFacts> files, const KvCacheSetting& setting) {
  std::uint64_t weights = 0;
  std::uint64_t cache = 0;
  FootprintPrior prior;
  for (const WeightFacts& facts : files) {
    weights = saturating_sum(weights, facts.tensor_bytes);
    if (setting.num_ctx == 0 || !facts.gguf || !is_text_model(*facts.gguf)) continue;
    const auto per_token = kv_bytes_per_token(*facts.gguf, setting.element);
    if (!per_token) {
      prior.kv_cache_known = false;
      continue;
    }
    const std::uint64_t tokens =
        saturating_product(std::min(setting.num_ctx, facts.gguf->context_length), setting.parallel);
    cache = saturating_sum(cache, saturating_product(*per_token, tokens));
  }
  prior.weights = rounded_up(weights);
  prior.kv_cache = rounded_up(cache);
  return prior;
}

}  // namespace stoker::staging
