#include "staging/weight_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "staging/weight_bytes_for_tests.h"
#include "staging/weight_names.h"

namespace stoker::staging {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class WeightFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "weights-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& bytes) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  std::string write_tensors(const std::string& name, std::size_t bytes) {
    const std::string size = std::to_string(bytes);
    return write(name, safetensors_bytes("{" + entry("w", "U8", size, 0, bytes) + "}", bytes));
  }
  Result<WeightFacts> read(const std::string& name = "") const {
    return read_weight_facts(name.empty() ? folder_.string() : (folder_ / name).string());
  }

  fs::path folder_;
};

TEST_F(WeightFile, ReadsSafetensorsByEnding) {
  write_tensors("a.safetensors", 100);
  write_tensors("b.SFT", 7);
  EXPECT_EQ(read("a.safetensors")->tensor_bytes, 100U);
  EXPECT_EQ(read("b.SFT")->tensor_bytes, 7U);
}

TEST_F(WeightFile, KnowsGgufByItsFirstBytes) {
  write("sha256-0123", small_text_model().file());
  EXPECT_EQ(read("sha256-0123")->gguf->architecture, "llama");
}

TEST_F(WeightFile, TakesTheSizeOfWhatOnlyItsLoaderReads) {
  write("old.ckpt", std::string(1234, 'x'));
  const auto facts = read("old.ckpt");
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->format, WeightFormat::opaque);
  EXPECT_EQ(facts->file_bytes, 1234U);
  EXPECT_EQ(facts->tensor_bytes, 1234U);
}

TEST_F(WeightFile, SaysWhatIsWrong) {
  EXPECT_EQ(read("absent.gguf").error().code, ErrorCode::not_found);
  write("notes.txt", "hello");
  EXPECT_EQ(read("notes.txt").error().detail, "notes.txt: is no weight file");
  write("empty.ckpt", "");
  EXPECT_EQ(read("empty.ckpt").error().code, ErrorCode::bad_request);
  write("empty.safetensors", "");
  EXPECT_EQ(read("empty.safetensors").error().code, ErrorCode::bad_request);
  write("empty.gguf", "");
  EXPECT_EQ(read("empty.gguf").error().code, ErrorCode::bad_request);
  write("html.gguf", "<html>not a model</html>");
  const auto error = read("html.gguf").error();
  EXPECT_THAT(error.detail, HasSubstr("does not begin with GGUF"));
  EXPECT_EQ(error.param, "html.gguf");
}

TEST_F(WeightFile, DoesNotWaitForAPipe) {
  const std::string path = (folder_ / "pipe.gguf").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(read("pipe.gguf").error().code, ErrorCode::bad_request);
}

TEST_F(WeightFile, SumsThePartsOfASplitModel) {
  write("m-00001-of-00002.gguf",
        small_text_model().u16("split.no", 0).u16("split.count", 2).file());
  write(
      "m-00002-of-00002.gguf",
      GgufWriter().u16("split.no", 1).u16("split.count", 2).tensor("blk.1.w", {32}, 0, 128).file());
  for (const char* part : {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}) {
    const auto facts = read(part);
    ASSERT_TRUE(facts) << facts.error().detail;
    EXPECT_EQ(facts->files, 2U);
    EXPECT_EQ(facts->tensor_bytes, 576U + 2048U + 128U + 128U);
    EXPECT_EQ(facts->gguf->architecture, "llama");
    EXPECT_EQ(facts->gguf->split_count, 2U);
  }
  EXPECT_EQ(read()->tensors, 4U);
  fs::remove(folder_ / "m-00002-of-00002.gguf");
  const auto missing = read("m-00001-of-00002.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.error().param, "m-00002-of-00002.gguf");
}

TEST_F(WeightFile, SumsTheComponentsThatADiffusersIndexNames) {
  write("model_index.json",
        R"({"_class_name":"P","unet":["diffusers","U"],"vae":["diffusers","V"],)"
        R"("text_encoder":["transformers","T"],)"
        R"("safety_checker":[null,null],"scheduler":["diffusers","S"]})");
  write_tensors("unet/diffusion_pytorch_model.safetensors", 100);
  write_tensors("unet/diffusion_pytorch_model.fp16.safetensors", 50);
  write_tensors("vae/diffusion_pytorch_model.safetensors", 30);
  write("vae/diffusion_pytorch_model.bin", "the same once more");
  write("text_encoder/pytorch_model.bin", std::string(7, 'x'));
  write_tensors("safety_checker/model.safetensors", 1000);
  write_tensors("whole_checkpoint.safetensors", 5000);
  const auto facts = read();
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->files, 3U);
  EXPECT_EQ(facts->tensor_bytes, 137U);
}

TEST_F(WeightFile, SumsTheShardsThatAnIndexNames) {
  write("model.safetensors.index.json",
        R"({"metadata":{},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors",)"
        R"("c":"m-1.safetensors"}})");
  write_tensors("m-1.safetensors", 10);
  write_tensors("m-2.safetensors", 20);
  write_tensors("consolidated.safetensors", 30);
  EXPECT_EQ(read()->tensor_bytes, 30U);
  fs::remove(folder_ / "m-2.safetensors");
  EXPECT_EQ(read().error().code, ErrorCode::not_found);
}

TEST_F(WeightFile, FollowsNoNameOutOfItsFolder) {
  for (const char* shard : {"../secret.safetensors", "/etc/passwd", "..", "", "a\\u0000b"}) {
    write("model.safetensors.index.json", std::string(R"({"weight_map":{"a":")") + shard + "\"}}");
    EXPECT_EQ(read().error().code, ErrorCode::bad_request) << shard;
  }
}

TEST_F(WeightFile, RefusesAnIndexThatIsNone) {
  for (const char* text : {"", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{"a":1}})",
                           R"({"a":[[[[[[[[[[[[]]]]]]]]]]]]})"}) {
    write("model.safetensors.index.json", text);
    EXPECT_EQ(read().error().code, ErrorCode::bad_request) << text;
  }
}

TEST_F(WeightFile, TakesAGgufModelWithItsProjectorButNotSeveralModels) {
  write("model-q4.gguf", small_text_model().file());
  write("mmproj-model.gguf",
        GgufWriter().text("general.architecture", "clip").tensor("v.w", {32}, 0, 128).file());
  const auto facts = read();
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->files, 2U);
  EXPECT_EQ(facts->gguf->architecture, "llama");
  write("model-q8.gguf", small_text_model().file());
  EXPECT_THAT(read().error().detail, HasSubstr("several GGUF models"));
}

TEST_F(WeightFile, RefusesAFolderWithoutWeights) {
  write("readme.md", "nothing");
  EXPECT_EQ(read().error().code, ErrorCode::bad_request);
}

TEST_F(WeightFile, ABrokenFileMakesTheFolderFail) {
  write_tensors("a.safetensors", 10);
  write("b.safetensors", "short");
  EXPECT_EQ(read().error().param, "b.safetensors");
}

TEST_F(WeightFile, DoesNotWalkInCircles) {
  write_tensors("a.safetensors", 10);
  fs::create_directory_symlink(folder_, folder_ / "again");
  const auto facts = read();
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->tensor_bytes, 10U);
}

TEST(WeightNames, KnowSplitsByTheirDigits) {
  EXPECT_EQ(split_name("m-00002-of-00005.gguf"), (SplitName{"m", 2, 5}));
  EXPECT_EQ(split_file_name({"m", 2, 5}, 3), "m-00003-of-00005.gguf");
  for (const char* name :
       {"m.gguf", "m-2-of-5.gguf", "m-00006-of-00005.gguf", "m-00000-of-00005.gguf",
        "-00001-of-00002.gguf", "m-00001-of-00002.safetensors", "m-0000a-of-00002.gguf"}) {
    EXPECT_FALSE(split_name(name)) << name;
  }
}

TEST(WeightNames, KnowVariants) {
  EXPECT_EQ(plain_variant("model.fp16.safetensors"), "model.safetensors");
  EXPECT_FALSE(plain_variant("model.safetensors"));
  EXPECT_FALSE(plain_variant("model"));
}

}  // namespace
}  // namespace stoker::staging
