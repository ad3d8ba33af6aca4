#include "staging/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "staging/tensor_tally.h"
#include "staging/weight_bytes_for_tests.h"

namespace stoker::staging {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<WeightFacts> parsed(const std::string& header, std::size_t data_bytes) {
  const std::string file = safetensors_bytes(header, data_bytes);
  return parse_safetensors_header(file, file.size());
}

std::string refusal(const std::string& header, std::size_t data_bytes) {
  const auto facts = parsed(header, data_bytes);
  if (facts) return "accepted";
  EXPECT_EQ(facts.error().code, ErrorCode::bad_request);
  return facts.error().detail;
}

TEST(Safetensors, AddsUpTensorsByDtype) {
  const auto facts =
      parsed("{\"__metadata__\":{\"format\":\"pt\",\"long\":\"" + std::string(5000, 'x') + "\"}," +
                 entry("a", "F16", "2,3", 0, 12) + "," + entry("b", "F8_E4M3", "20", 12, 32) + "," +
                 entry("c", "F16", "2", 32, 36) + "}   ",
             36);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->format, WeightFormat::safetensors);
  EXPECT_EQ(facts->tensor_bytes, 36U);
  EXPECT_EQ(facts->tensors, 3U);
  EXPECT_EQ(facts->parameters, 28U);
  EXPECT_EQ(facts->metadata_keys, 2U);
  EXPECT_THAT(facts->dtypes, ElementsAre(DtypeShare{"F8_E4M3", 20}, DtypeShare{"F16", 16}));
}

TEST(Safetensors, TakesScalarsEmptyTensorsAndAnyOrder) {
  const auto facts =
      parsed("{" + entry("later", "F32", "1", 8, 12) + "," + entry("scalar", "I64", "", 0, 8) +
                 "," + entry("empty", "BF16", "0,4", 4, 4) + "}",
             12);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->tensors, 3U);
  EXPECT_EQ(facts->parameters, 2U);
}

TEST(Safetensors, CountsAnUnknownDtypeAsItsOffsetsSay) {
  const auto facts = parsed("{" + entry("a", "F3_NEW", "7", 0, 5) + "}", 5);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_THAT(facts->dtypes, ElementsAre(DtypeShare{"F3_NEW", 5}));
}

TEST(Safetensors, CountsHalfBytes) {
  EXPECT_TRUE(parsed("{" + entry("a", "F4", "2,4", 0, 4) + "}", 4));
  EXPECT_THAT(refusal("{" + entry("a", "F4", "3", 0, 2) + "}", 2), HasSubstr("does not follow"));
}

TEST(Safetensors, PassesOverMembersThatItDoesNotKnow) {
  const auto facts = parsed(
      R"({"a":{"x":{"dtype":[1,{"shape":2}]},"dtype":"U8","y":[null,[1.5]],"shape":[1],"z":-3,)"
      R"("data_offsets":[0,1],"w":"text"}})",
      1);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->tensors, 1U);
}

TEST(Safetensors, AFileWithoutTensorsHasNothingInMemory) {
  const auto facts = parsed(R"({"__metadata__":null})", 0);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->tensor_bytes, 0U);
}

TEST(Safetensors, RefusesAHeaderThatIsLongerThanTheFileOrTheFormatAllows) {
  std::string file;
  put<std::uint64_t>(file, 1000);
  file += "{}";
  EXPECT_THAT(parse_safetensors_header(file, file.size()).error().detail, HasSubstr("1000 bytes"));
  file.clear();
  put<std::uint64_t>(file, kSafetensorsHeaderMax + 1);
  EXPECT_THAT(parse_safetensors_header(file, 1ULL << 40).error().detail, HasSubstr("the format"));
  file.clear();
  put<std::uint64_t>(file, ~0ULL);
  EXPECT_FALSE(parse_safetensors_header(file, ~0ULL));
}

TEST(Safetensors, RefusesWhatIsCutOff) {
  const std::string whole = safetensors_bytes("{" + entry("a", "U8", "3", 0, 3) + "}", 3);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto facts = parse_safetensors_header(std::string_view(whole).substr(0, size), size);
    ASSERT_FALSE(facts) << size;
    EXPECT_EQ(facts.error().code, ErrorCode::bad_request);
  }
  EXPECT_TRUE(parse_safetensors_header(whole, whole.size()));
  EXPECT_FALSE(parse_safetensors_header(std::string_view(whole).substr(0, 20), whole.size()));
}

TEST(Safetensors, RefusesDataThatOverlapLeaveHolesOrReachTooFar) {
  EXPECT_THAT(
      refusal("{" + entry("a", "U8", "4", 0, 4) + "," + entry("b", "U8", "4", 2, 6) + "}", 6),
      HasSubstr("share byte 2"));
  EXPECT_THAT(
      refusal("{" + entry("a", "U8", "2", 0, 2) + "," + entry("b", "U8", "2", 3, 5) + "}", 5),
      HasSubstr("1 bytes of the data belong to no tensor"));
  EXPECT_THAT(refusal("{" + entry("a", "U8", "4", 0, 4) + "}", 5), HasSubstr("no tensor"));
  EXPECT_THAT(refusal("{" + entry("a", "U8", "4", 0, 4) + "}", 3), HasSubstr("beyond the end"));
  EXPECT_THAT(refusal("{" + entry("a", "U8", "4", 4, 0) + "}", 4), HasSubstr("before they begin"));
}

TEST(Safetensors, RefusesSizesThatCannotBe) {
  EXPECT_THAT(refusal("{" + entry("a", "U8", "-1", 0, 4) + "}", 4), HasSubstr("negative"));
  EXPECT_THAT(refusal("{" + entry("a", "U8", "4294967296,4294967296", 0, 4) + "}", 4),
              HasSubstr("can be counted"));
  EXPECT_THAT(refusal("{" + entry("a", "F64", "4611686018427387904", 0, 4) + "}", 4),
              HasSubstr("does not follow"));
  EXPECT_THAT(refusal("{" + entry("a", "U8", "1.5", 0, 4) + "}", 4), HasSubstr("no whole number"));
  EXPECT_THAT(refusal("{" + entry("a", "U8", "36893488147419103232", 0, 4) + "}", 4),
              HasSubstr("no whole number"));
  std::string many = "1";
  for (std::size_t i = 0; i < kSafetensorsRankMax; ++i) many += ",1";
  EXPECT_THAT(refusal("{" + entry("a", "U8", many, 0, 1) + "}", 1), HasSubstr("dimensions"));
}

TEST(Safetensors, NamesTheTensorThatIsWrong) {
  EXPECT_THAT(refusal("{" + entry("blk\\u0007\\\"x", "U8", "3", 0, 4) + "}", 4),
              HasSubstr("tensor \"blk??x\": a length"));
  EXPECT_LT(refusal("{" + entry(std::string(4000, 'n'), "U8", "3", 0, 4) + "}", 4).size(), 200U);
  EXPECT_NE(refusal("{" + entry(std::string(5000, 'n'), "U8", "4", 0, 4) + "}", 4), "accepted");
}

TEST(Safetensors, RefusesTheSameNameTwice) {
  EXPECT_THAT(
      refusal("{" + entry("a", "U8", "1", 0, 1) + "," + entry("a", "U8", "1", 1, 2) + "}", 2),
      HasSubstr("same name"));
  EXPECT_THAT(refusal(R"({"__metadata__":{},"__metadata__":{}})", 0), HasSubstr("second"));
}

TEST(Safetensors, RefusesEntriesThatMissSomethingOrSayItTwice) {
  for (const char* header : {
           R"({"a":{"dtype":"U8","shape":[1]}})",
           R"({"a":{"dtype":"U8","data_offsets":[0,1]}})",
           R"({"a":{"shape":[1],"data_offsets":[0,1]}})",
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})",
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})",
           R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
           R"({"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})",
           R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})",
           R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})",
           R"({"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})",
           R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})",
           R"({"a":{"dtype":"","shape":[1],"data_offsets":[0,1]}})",
           R"({"a":{"dtype":"a dtype of many words","shape":[1],"data_offsets":[0,1]}})",
           R"({"a":[]})",
           R"({"a":"text"})",
           R"({"a":1})",
           R"({"__metadata__":{"a":1}})",
           R"({"__metadata__":{"a":{}}})",
           R"({"__metadata__":[]})",
       }) {
    EXPECT_NE(refusal(header, 1), "accepted") << header;
  }
}

TEST(Safetensors, RefusesWhatIsNoJsonObject) {
  for (const char* header : {"", "[]", "{", "{}x", "{\"a\"", "nonsense", "{\"a\":tru}"})
    EXPECT_NE(refusal(header, 0), "accepted") << header;
  EXPECT_NE(refusal("{\"\xff\":1}", 0), "accepted");
  EXPECT_NE(refusal("{\"a\":{\"x\":" + std::string(100'000, '['), 0), "accepted");
}

TEST(Safetensors, RefusesMoreTensorsThanTheLimit) {
  std::string header = "{";
  for (std::uint64_t i = 0; i <= kTensorsMax; ++i) {
    if (i != 0) header += ',';
    header += entry(std::to_string(i), "U8", "0", 0, 0);
  }
  EXPECT_THAT(refusal(header + "}", 0), HasSubstr("more than"));
}

TEST(Safetensors, RefusesTooManyDtypes) {
  std::string header = "{";
  for (std::size_t i = 0; i <= kDtypeWordsMax; ++i) {
    if (i != 0) header += ',';
    header += entry(std::to_string(i), "X" + std::to_string(i), "1", i, i + 1);
  }
  EXPECT_THAT(refusal(header + "}", kDtypeWordsMax + 1), HasSubstr("different dtypes"));
}

}  // namespace
}  // namespace stoker::staging
