// Random damage to real files: every damaged file is read within its limits or refused with a
// reason.
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "staging/gguf.h"
#include "staging/safetensors.h"
#include "staging/weight_bytes_for_tests.h"

namespace stoker::staging {
namespace {

constexpr int kRounds = 20'000;

// Changes, removes, repeats or inserts bytes, mostly in the header.
std::string damaged(std::string file, Random& random) {
  const std::uint64_t changes = 1 + random.below(4);
  for (std::uint64_t i = 0; i < changes && !file.empty(); ++i) {
    const std::size_t at = random.below(file.size());
    const std::size_t length = random.below(std::min<std::size_t>(16, file.size() - at) + 1);
    switch (random.below(5)) {
      case 0:
        file[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        file.erase(at, length);
        break;
      case 2:
        file.insert(at, file.substr(at, length));
        break;
      case 3:
        file.replace(at, length, std::string(length, random.below(2) == 0 ? '\xff' : '9'));
        break;
      default:
        file.resize(at);
        break;
    }
  }
  return file;
}

// Whether the file was read.
bool check(const Result<WeightFacts>& facts, std::size_t file_bytes) {
  if (!facts) {
    EXPECT_EQ(facts.error().code, ErrorCode::bad_request);
    EXPECT_FALSE(facts.error().detail.empty());
    EXPECT_LT(facts.error().detail.size(), 300U);
    return false;
  }
  EXPECT_LE(facts->tensor_bytes, file_bytes);
  EXPECT_LE(facts->dtypes.size(), kDtypesMax);
  std::uint64_t shares = 0;
  for (const DtypeShare& share : facts->dtypes) shares += share.bytes;
  EXPECT_LE(shares, facts->tensor_bytes);
  return true;
}

TEST(WeightCorruption, SafetensorsAreReadOrRefused) {
  const std::string whole =
      safetensors_bytes("{\"__metadata__\":{\"format\":\"pt\"}," + entry("a", "F16", "2,3", 0, 12) +
                            "," + entry("b", "F8_E4M3", "20", 12, 32) + "}",
                        32);
  Random random(20261123);
  int read = 0;
  for (int round = 0; round < kRounds && !testing::Test::HasFailure(); ++round) {
    const std::string file = damaged(whole, random);
    if (check(parse_safetensors_header(file, file.size()), file.size())) ++read;
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, kRounds);
}

TEST(WeightCorruption, GgufIsReadOrRefused) {
  const std::string whole = small_text_model().file();
  Random random(20261124);
  int read = 0;
  for (int round = 0; round < kRounds && !testing::Test::HasFailure(); ++round) {
    const std::string file = damaged(whole, random);
    MemorySource source(file);
    const auto facts = parse_gguf(source);
    if (!check(facts, file.size())) continue;
    ++read;
    const auto per_token = kv_bytes_per_token(*facts->gguf, KvElement::f32);
    EXPECT_LT(per_token.value_or(0), 1ULL << 60);
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, kRounds);
}

}  // namespace
}  // namespace stoker::staging
