#include "staging/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "staging/ggml_type.h"
#include "staging/tensor_tally.h"
#include "staging/weight_bytes_for_tests.h"

namespace stoker::staging {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ4K = 12;

Result<WeightFacts> parsed(const std::string& file) {
  MemorySource source(file);
  return parse_gguf(source);
}

std::string refusal(const std::string& file) {
  const auto facts = parsed(file);
  if (facts) return "accepted";
  EXPECT_EQ(facts.error().code, ErrorCode::bad_request);
  return facts.error().detail;
}

TEST(Gguf, ReadsSizesAndWhatACacheNeeds) {
  const std::string file = small_text_model().file();
  const auto facts = parsed(file);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->format, WeightFormat::gguf);
  EXPECT_EQ(facts->file_bytes, file.size());
  EXPECT_EQ(facts->tensor_bytes, 576U + 2048U + 128U);
  EXPECT_EQ(facts->tensors, 3U);
  EXPECT_EQ(facts->parameters, 1024U + 1024U + 32U);
  EXPECT_EQ(facts->metadata_keys, 7U);
  EXPECT_THAT(facts->dtypes, ElementsAre(DtypeShare{"F16", 2048}, DtypeShare{"Q4_K", 576},
                                         DtypeShare{"F32", 128}));
  ASSERT_TRUE(facts->gguf);
  EXPECT_EQ(facts->gguf->architecture, "llama");
  EXPECT_EQ(facts->gguf->context_length, 2048U);
  EXPECT_EQ(facts->gguf->block_count, 2U);
  EXPECT_EQ(facts->gguf->embedding_length, 32U);
  EXPECT_EQ(facts->gguf->head_count, 4U);
  EXPECT_THAT(facts->gguf->kv_heads_per_block, ElementsAre(2U));
}

TEST(Gguf, ReadsHeadCountsOfEachBlockAndNumbersBeforeTheArchitecture) {
  const auto facts = parsed(GgufWriter()
                                .i32s("lfm2.attention.head_count_kv", {0, 8, 0, 4})
                                .i32s("lfm2.attention.head_count", {0, 32, 0, 16})
                                .number<std::uint64_t>("lfm2.block_count", GgufWriter::kU64, 4)
                                .u32("lfm2.attention.key_length", 64)
                                .u32("lfm2.attention.sliding_window", 512)
                                .u32("clip.vision.block_count", 27)
                                .text("general.architecture", "lfm2")
                                .file());
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_THAT(facts->gguf->kv_heads_per_block, ElementsAre(0U, 8U, 0U, 4U));
  EXPECT_EQ(facts->gguf->head_count, 32U);
  EXPECT_EQ(facts->gguf->block_count, 4U);
  EXPECT_EQ(facts->gguf->key_length, 64U);
  EXPECT_EQ(facts->gguf->sliding_window, 512U);
}

TEST(Gguf, PassesOverValuesOfEveryType) {
  std::string nested;
  put<std::uint32_t>(nested, GgufWriter::kArray);
  put<std::uint64_t>(nested, 1);
  put<std::uint32_t>(nested, GgufWriter::kText);
  put<std::uint64_t>(nested, 2);
  put<std::uint64_t>(nested, 3);
  nested += "abc";
  put<std::uint64_t>(nested, 0);
  const auto facts = parsed(GgufWriter()
                                .number<std::uint8_t>("u8", 0, 1)
                                .number<std::int8_t>("i8", 1, -1)
                                .number<std::int16_t>("i16", 3, -1)
                                .number<float>("f32", 6, 1.5F)
                                .number<std::uint8_t>("bool", 7, 1)
                                .number<std::int64_t>("i64", 11, -1)
                                .number<double>("f64", 12, 1.5)
                                .raw("nested", GgufWriter::kArray, nested)
                                .text("long", std::string(200'000, 'x'))
                                .text("general.architecture", "last")
                                .tensor("w", {2}, kF32, 8)
                                .file());
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->gguf->architecture, "last");
  EXPECT_EQ(facts->tensor_bytes, 8U);
}

TEST(Gguf, KnowsTheAlignmentThatAFileStates) {
  GgufWriter writer;
  writer.u32("general.alignment", 64).tensor_at("a", {1}, kF32, 0).tensor_at("b", {1}, kF32, 32);
  EXPECT_THAT(refusal(writer.file() + std::string(200, '\0')), HasSubstr("multiple of 64"));
  EXPECT_THAT(refusal(GgufWriter().u32("general.alignment", 0).file()), HasSubstr("alignment"));
  EXPECT_THAT(refusal(GgufWriter().u32("general.alignment", 48).file()), HasSubstr("alignment"));
  EXPECT_THAT(refusal(GgufWriter().u16("general.alignment", 64).file()), HasSubstr("alignment"));
}

TEST(Gguf, RefusesOtherVersionsByteOrdersAndFiles) {
  EXPECT_THAT(refusal(GgufWriter(1).file()), HasSubstr("version 1"));
  EXPECT_THAT(refusal(GgufWriter(4).file()), HasSubstr("version 4"));
  EXPECT_THAT(refusal(GgufWriter(0x03000000).file()), HasSubstr("big-endian"));
  EXPECT_TRUE(parsed(GgufWriter(2).file()));
  EXPECT_THAT(refusal("GGML" + std::string(100, '\0')), HasSubstr("does not begin"));
}

TEST(Gguf, RefusesWhatIsCutOff) {
  const std::string whole = small_text_model().file();
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_NE(refusal(whole.substr(0, size)), "accepted") << size;
  EXPECT_TRUE(parsed(whole));
}

TEST(Gguf, RefusesAbsurdCounts) {
  EXPECT_THAT(refusal(small_text_model().claim_tensors(~0ULL).file()), HasSubstr("tensors"));
  EXPECT_THAT(refusal(small_text_model().claim_tensors(kTensorsMax).file()),
              HasSubstr("within its header"));
  EXPECT_THAT(refusal(small_text_model().claim_pairs(~0ULL).file()), HasSubstr("values"));
  EXPECT_NE(refusal(small_text_model().claim_pairs(kGgufKeyValuesMax).file()), "accepted");
}

TEST(Gguf, RefusesAbsurdTextsAndArrays) {
  std::string length;
  put<std::uint64_t>(length, ~0ULL);
  EXPECT_NE(refusal(GgufWriter().raw("a", GgufWriter::kText, length).file()), "accepted");
  EXPECT_NE(refusal(GgufWriter().raw("general.architecture", GgufWriter::kText, length).file()),
            "accepted");
  for (const std::uint32_t element :
       {0U, GgufWriter::kU64, GgufWriter::kText, GgufWriter::kArray}) {
    std::string array;
    put(array, element);
    EXPECT_NE(refusal(GgufWriter().raw("a", GgufWriter::kArray, array + length).file()), "accepted")
        << element;
  }
  std::string deep;
  for (int i = 0; i < 1000; ++i) {
    put<std::uint32_t>(deep, GgufWriter::kArray);
    put<std::uint64_t>(deep, 1);
  }
  EXPECT_THAT(refusal(GgufWriter().raw("a", GgufWriter::kArray, deep).file()), HasSubstr("nested"));
  EXPECT_THAT(refusal(GgufWriter().raw("a", 13, "").file()), HasSubstr("unknown type 13"));
}

TEST(Gguf, RefusesNumbersThatNoNetworkHas) {
  const auto with = [](std::string_view key, std::uint32_t value) {
    return GgufWriter().text("general.architecture", "x").u32(key, value).file();
  };
  EXPECT_THAT(refusal(with("x.block_count", 5000)), HasSubstr("\"x.block_count\" of 5000"));
  EXPECT_NE(refusal(with("x.attention.head_count", 1U << 30)), "accepted");
  EXPECT_NE(refusal(with("x.attention.head_count_kv", 1U << 30)), "accepted");
  EXPECT_NE(refusal(with("x.attention.key_length", 1U << 30)), "accepted");
  EXPECT_EQ(refusal(with("y.block_count", 5000)), "accepted");
  EXPECT_THAT(
      refusal(GgufWriter().number<std::int32_t>("x.block_count", GgufWriter::kI32, -1).file()),
      HasSubstr("no whole number"));
  EXPECT_NE(refusal(GgufWriter().text("x.block_count", "many").file()), "accepted");
}

TEST(Gguf, RefusesTheSameNameOrKeyTwice) {
  EXPECT_THAT(refusal(GgufWriter().u32("a", 1).u32("a", 2).file()), HasSubstr("same key"));
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {1}, kF32, 4).tensor("a", {1}, kF32, 4).file()),
              HasSubstr("same name"));
}

TEST(Gguf, RefusesTensorsThatCannotLieWhereTheySay) {
  EXPECT_THAT(
      refusal(GgufWriter().tensor("a", {32}, kF32, 128).tensor_at("b", {1}, kF32, 64).file()),
      HasSubstr("share byte 64"));
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {36}, kF32, 128).file()),
              HasSubstr("the data take"));
  EXPECT_THAT(refusal(GgufWriter().tensor_at("a", {1}, kF32, ~0ULL - 31).file()),
              HasSubstr("beyond the end"));
  EXPECT_THAT(refusal(GgufWriter().tensor_at("a", {1}, kF32, 7).file()), HasSubstr("multiple"));
}

TEST(Gguf, RefusesShapesThatCannotBe) {
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {-4}, kF32, 0).file()), HasSubstr("impossible"));
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {1LL << 40, 1LL << 40}, kF32, 0).file()),
              HasSubstr("impossible"));
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {1LL << 62}, kF32, 0).file()),
              HasSubstr("impossible"));
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {100}, kQ4K, 144).file()), HasSubstr("Q4_K"));
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {1, 1, 1, 1, 1}, kF32, 4).file()),
              HasSubstr("5 dimensions"));
  EXPECT_THAT(refusal(GgufWriter().tensor("a", {1}, 31, 4).file()), HasSubstr("unknown type 31"));
}

TEST(Gguf, ReadsAHeaderThatIsLongerThanItsWindow) {
  GgufWriter writer;
  std::vector<std::string> tokens;
  for (int i = 0; i < 20'000; ++i) tokens.push_back("token" + std::to_string(i));
  writer.texts("tokenizer.ggml.tokens", tokens).text("general.architecture", "llama");
  for (int i = 0; i < 3000; ++i) writer.tensor("tensor." + std::to_string(i), {8}, kF32, 32);
  const auto facts = parsed(writer.file());
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->tensors, 3000U);
  EXPECT_EQ(facts->tensor_bytes, 96'000U);
}

class DiskThatFails final : public ByteSource {
 public:
  std::uint64_t size() const override { return 1000; }
  Result<void> read(std::uint64_t, std::span<char>) override {
    return fail(ErrorCode::internal, "no answer");
  }
};

TEST(Gguf, HandsOnWhatTheDiskSays) {
  DiskThatFails disk;
  const auto facts = parse_gguf(disk);
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, ErrorCode::internal);
}

TEST(GgmlType, SizesFollowTheBlocks) {
  EXPECT_EQ(ggml_type(14)->word, "Q6_K");
  EXPECT_EQ(ggml_type(14)->block_bytes, 210U);
  EXPECT_EQ(ggml_type(39)->word, "MXFP4");
  EXPECT_FALSE(ggml_type(4));
  EXPECT_FALSE(ggml_type(1000));
}

}  // namespace
}  // namespace stoker::staging
