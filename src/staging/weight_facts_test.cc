#include "staging/weight_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace stoker::staging {
namespace {

using testing::ElementsAre;

// The numbers of a common text model of eight billion parameters.
GgufFacts eight_billion() {
  GgufFacts facts;
  facts.architecture = "llama";
  facts.context_length = 131'072;
  facts.block_count = 32;
  facts.embedding_length = 4096;
  facts.head_count = 32;
  facts.kv_heads_per_block = {8};
  return facts;
}

WeightFacts gguf_file(GgufFacts gguf, std::uint64_t tensor_bytes) {
  WeightFacts facts;
  facts.format = WeightFormat::gguf;
  facts.tensor_bytes = tensor_bytes;
  facts.gguf = std::move(gguf);
  return facts;
}

TEST(KvBytesPerToken, FollowsBlocksHeadsAndLengths) {
  EXPECT_EQ(kv_bytes_per_token(eight_billion(), KvElement::f16), 32U * 8 * (128 + 128) * 2);
  EXPECT_EQ(kv_bytes_per_token(eight_billion(), KvElement::f32), 32U * 8 * (128 + 128) * 4);
  EXPECT_EQ(kv_bytes_per_token(eight_billion(), KvElement::q8_0), 32U * 8 * 256 / 32 * 34);
  EXPECT_EQ(kv_bytes_per_token(eight_billion(), KvElement::q4_0), 32U * 8 * 256 / 32 * 18);
}

TEST(KvBytesPerToken, TakesStatedLengthsAndHeadsOfEachBlock) {
  GgufFacts facts = eight_billion();
  facts.key_length = 192;
  facts.value_length = 64;
  EXPECT_EQ(kv_bytes_per_token(facts, KvElement::f16), 32U * 8 * 256 * 2);
  facts.block_count = 4;
  facts.kv_heads_per_block = {0, 8, 0, 4, 99};
  EXPECT_EQ(kv_bytes_per_token(facts, KvElement::f16), 12U * 256 * 2);
}

TEST(KvBytesPerToken, CountsEveryHeadWhereNoOtherNumberIsGiven) {
  GgufFacts facts = eight_billion();
  facts.kv_heads_per_block.clear();
  EXPECT_EQ(kv_bytes_per_token(facts, KvElement::f16), 32U * 32 * 256 * 2);
}

TEST(KvBytesPerToken, SaysNothingWithoutBlocksHeadsOrLengths) {
  EXPECT_FALSE(kv_bytes_per_token(GgufFacts{}, KvElement::f16));
  GgufFacts facts = eight_billion();
  facts.embedding_length = 0;
  EXPECT_FALSE(kv_bytes_per_token(facts, KvElement::f16));
  facts = eight_billion();
  facts.head_count = 0;
  EXPECT_FALSE(kv_bytes_per_token(facts, KvElement::f16));
}

TEST(FootprintPrior, AddsFilesAndTheCacheOfTheTextModel) {
  WeightFacts image;
  image.tensor_bytes = 3 * kBytesPerMiB + 1;
  const std::array files = {gguf_file(eight_billion(), 10 * kBytesPerMiB), image};
  const FootprintPrior prior = footprint_prior(files, {.num_ctx = 8192, .parallel = 2});
  EXPECT_EQ(prior.weights, MiB{14});
  EXPECT_EQ(prior.kv_cache, MiB{2048});
  EXPECT_EQ(prior.total(), MiB{2062});
  EXPECT_TRUE(prior.kv_cache_known);
}

TEST(FootprintPrior, CapsTheContextAtTheTrainedOne) {
  GgufFacts facts = eight_billion();
  facts.context_length = 1024;
  const std::array files = {gguf_file(facts, 0)};
  EXPECT_EQ(footprint_prior(files, {.num_ctx = 8192}).kv_cache, MiB{128});
}

TEST(FootprintPrior, LeavesTheCacheOutWithoutAContext) {
  const std::array files = {gguf_file(eight_billion(), kBytesPerMiB)};
  EXPECT_EQ(footprint_prior(files, {}).total(), MiB{1});
}

TEST(FootprintPrior, SaysWhenATextModelsCacheIsNotKnown) {
  GgufFacts facts;
  facts.context_length = 2048;
  const std::array text = {gguf_file(facts, kBytesPerMiB)};
  EXPECT_FALSE(footprint_prior(text, {.num_ctx = 2048}).kv_cache_known);
  const std::array picture = {gguf_file(GgufFacts{.architecture = "flux"}, kBytesPerMiB)};
  EXPECT_TRUE(footprint_prior(picture, {.num_ctx = 2048}).kv_cache_known);
}

TEST(FootprintPrior, StaysPositiveForImpossibleSizes) {
  const std::array files = {gguf_file(eight_billion(), ~0ULL), gguf_file(eight_billion(), ~0ULL)};
  const FootprintPrior prior = footprint_prior(files, {.num_ctx = ~0ULL, .parallel = ~0ULL});
  EXPECT_GT(prior.total(), MiB{0});
  EXPECT_EQ(footprint_prior({}, {.num_ctx = 1}).total(), MiB{0});
}

TEST(Joined, AddsSizesAndKeepsTheLargestDtypes) {
  WeightFacts a;
  a.format = WeightFormat::safetensors;
  a.file_bytes = 10;
  a.dtypes = {{"F16", 6}, {"F32", 3}};
  WeightFacts b = gguf_file(eight_billion(), 4);
  b.file_bytes = 5;
  b.dtypes = {{"F32", 4}};
  const WeightFacts both = joined(a, b);
  EXPECT_EQ(both.format, WeightFormat::safetensors);
  EXPECT_EQ(both.files, 2U);
  EXPECT_EQ(both.file_bytes, 15U);
  EXPECT_THAT(both.dtypes, ElementsAre(DtypeShare{"F32", 7}, DtypeShare{"F16", 6}));
  EXPECT_TRUE(both.gguf);
}

TEST(WeightFormat, HasAWord) {
  EXPECT_EQ(weight_format_name(WeightFormat::gguf), "gguf");
  EXPECT_EQ(weight_format_name(WeightFormat::safetensors), "safetensors");
  EXPECT_EQ(weight_format_name(WeightFormat::opaque), "opaque");
}

}  // namespace
}  // namespace stoker::staging
