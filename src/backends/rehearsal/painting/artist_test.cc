#include "backends/rehearsal/painting/artist.h"

#include <gtest/gtest.h>
#include <png.h>
#include <sndfile.h>
#include <webp/demux.h>

#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "backends/rehearsal/painting/sound_file.h"

namespace stoker {
namespace {

RunOutput painted(Medium medium, const std::string& prompt, std::uint64_t seed = 1,
                  const std::string& model = "m", RehearsalDetail detail = RehearsalDetail::full) {
  const auto output = paint({medium, prompt, seed, model, detail});
  EXPECT_TRUE(output) << prompt;
  return output ? *output : RunOutput{};
}

struct Picture {
  unsigned width = 0;
  unsigned height = 0;
  std::vector<std::uint8_t> rgb;
};

Picture decoded(const std::string& bytes) {
  Picture picture;
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0)
      << image.message;
  image.format = PNG_FORMAT_RGB;
  picture.width = image.width;
  picture.height = image.height;
  picture.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr), 0)
      << image.message;
  return picture;
}

struct Source {
  const std::string* bytes;
  sf_count_t at;
};

// Samples of a sound file, checked for its form.
std::vector<float> heard(const std::string& bytes, std::string& comment) {
  Source source{&bytes, 0};
  SF_VIRTUAL_IO io{};
  io.get_filelen = [](void* s) {
    return static_cast<sf_count_t>(static_cast<Source*>(s)->bytes->size());
  };
  io.seek = [](sf_count_t offset, int whence, void* s) {
    auto& from = *static_cast<Source*>(s);
    const auto size = static_cast<sf_count_t>(from.bytes->size());
    from.at = offset + (whence == SEEK_CUR ? from.at : whence == SEEK_END ? size : 0);
    return from.at;
  };
  io.read = [](void* target, sf_count_t count, void* s) {
    auto& from = *static_cast<Source*>(s);
    const sf_count_t taken = std::min(count, static_cast<sf_count_t>(from.bytes->size()) - from.at);
    std::memcpy(target, from.bytes->data() + from.at, static_cast<std::size_t>(taken));
    from.at += taken;
    return taken;
  };
  io.write = [](const void*, sf_count_t, void*) { return sf_count_t{0}; };
  io.tell = [](void* s) { return static_cast<Source*>(s)->at; };
  SF_INFO info{};
  SNDFILE* const file = sf_open_virtual(&io, SFM_READ, &info, &source);
  if (file == nullptr) return {};
  EXPECT_EQ(info.channels, painting::kChannels);
  EXPECT_EQ(info.samplerate, painting::kSampleRate);
  EXPECT_EQ(info.format & SF_FORMAT_TYPEMASK, SF_FORMAT_FLAC);
  std::vector<float> samples(static_cast<std::size_t>(info.frames * info.channels));
  EXPECT_EQ(sf_readf_float(file, samples.data(), info.frames), info.frames);
  const char* const said = sf_get_string(file, SF_STR_COMMENT);
  comment = said == nullptr ? "" : said;
  sf_close(file);
  return samples;
}

TEST(Artist, PaintsAPngWithManyColoursAndItsMark) {
  const RunOutput output = painted(Medium::image, "Ein Leuchtturm im Sturm");
  EXPECT_EQ(output.mime, "image/png");
  EXPECT_EQ(output.extension, "png");
  const Picture picture = decoded(output.bytes);
  EXPECT_EQ(picture.width, 1024U);
  std::set<std::uint32_t> colours;
  for (std::size_t i = 0; i + 2 < picture.rgb.size(); i += 3) {
    colours.insert(std::uint32_t{picture.rgb[i]} << 16U | std::uint32_t{picture.rgb[i + 1]} << 8U |
                   std::uint32_t{picture.rgb[i + 2]});
  }
  EXPECT_GT(colours.size(), 200U);
  EXPECT_NE(output.bytes.find("tEXtSoftware"), std::string::npos);
  EXPECT_NE(output.bytes.find("Stoker rehearsal"), std::string::npos);
}

TEST(Artist, MakesSquaresForSomeModelsAndWidePicturesForOthers) {
  std::set<unsigned> heights;
  for (const char* model : {"sd3.5_large", "flux2", "qwen_image"}) {
    heights.insert(decoded(painted(Medium::image, "ein Haus", 1, model).bytes).height);
  }
  EXPECT_EQ(heights, (std::set<unsigned>{768, 1024}));
}

TEST(Artist, PutsNoPromptIntoAnyFileButText) {
  const std::string prompt = "Zwergpudelchen unterm Regenbogen";
  for (const Medium medium : {Medium::image, Medium::video, Medium::audio, Medium::music}) {
    const RunOutput output = painted(medium, prompt, 1, "m", RehearsalDetail::sketch);
    EXPECT_EQ(output.bytes.find("Zwergpudel"), std::string::npos);
    EXPECT_EQ(output.bytes.find("Regenbogen"), std::string::npos);
    EXPECT_NE(output.bytes.find("Stoker rehearsal"), std::string::npos);
  }
}

TEST(Artist, GivesTheSameBytesForTheSameOrderAndOthersOtherwise) {
  for (const Medium medium :
       {Medium::text, Medium::image, Medium::video, Medium::audio, Medium::music}) {
    const auto bytes = [&](const char* prompt, std::uint64_t seed, const char* model) {
      return painted(medium, prompt, seed, model, RehearsalDetail::sketch).bytes;
    };
    const std::string first = bytes("a fish in the sea", 1, "m");
    EXPECT_EQ(first, bytes("a fish in the sea", 1, "m"));
    std::set<std::string> others;
    for (std::uint64_t seed = 2; seed < 8; ++seed)
      others.insert(bytes("a fish in the sea", seed, "m"));
    EXPECT_GT(others.size(), 3U);
    EXPECT_NE(bytes("a cat in the forest", 1, "m"), first);
  }
}

TEST(Artist, FilmsAMovingSceneThatBrowsersPlay) {
  const RunOutput output = painted(Medium::video, "ein Boot auf dem Meer");
  EXPECT_EQ(output.mime, "image/webp");
  const WebPData data{reinterpret_cast<const std::uint8_t*>(output.bytes.data()),
                      output.bytes.size()};
  WebPAnimDecoder* const decoder = WebPAnimDecoderNew(&data, nullptr);
  ASSERT_NE(decoder, nullptr);
  WebPAnimInfo info;
  ASSERT_NE(WebPAnimDecoderGetInfo(decoder, &info), 0);
  EXPECT_EQ(info.canvas_width, 512U);
  EXPECT_EQ(info.canvas_height, 384U);
  EXPECT_EQ(info.loop_count, 0U);
  EXPECT_EQ(info.frame_count, 36U);
  std::vector<std::uint8_t> before;
  int time_ms = 0;
  int moved = 0;
  while (WebPAnimDecoderHasMoreFrames(decoder) != 0) {
    std::uint8_t* frame = nullptr;
    ASSERT_NE(WebPAnimDecoderGetNext(decoder, &frame, &time_ms), 0);
    std::vector<std::uint8_t> now(frame,
                                  frame + std::size_t{info.canvas_width} * info.canvas_height * 4);
    moved += !before.empty() && before != now ? 1 : 0;
    before = std::move(now);
  }
  WebPAnimDecoderDelete(decoder);
  EXPECT_EQ(moved, 35);
  EXPECT_NEAR(time_ms, 3000, 60);
}

TEST(Artist, PlaysSoundsAndTunesThatAreNeitherSilentNorClipped) {
  for (const auto& [medium, seconds] : {std::pair{Medium::audio, 4}, {Medium::music, 8}}) {
    for (const char* prompt :
         {"Regen am Meer", "birds", "Glocken im Schloss", "Weltraum", "sturm", "irgendwas"}) {
      const RunOutput output = painted(medium, prompt);
      EXPECT_EQ(output.mime, "audio/flac");
      std::string comment;
      const std::vector<float> samples = heard(output.bytes, comment);
      EXPECT_EQ(samples.size(),
                static_cast<std::size_t>(seconds * painting::kSampleRate * painting::kChannels));
      EXPECT_EQ(comment, "Stoker rehearsal");
      float loudest = 0;
      double power = 0;
      for (const float sample : samples) {
        loudest = std::max(loudest, std::abs(sample));
        power += static_cast<double>(sample) * static_cast<double>(sample);
      }
      EXPECT_NEAR(loudest, 0.7, 0.01);
      EXPECT_GT(std::sqrt(power / static_cast<double>(samples.size())), 0.01) << prompt;
    }
  }
}

TEST(Artist, TellsAStoryInTheLanguageOfThePrompt) {
  const RunOutput german = painted(Medium::text, "ein Fuchs und eine Eule im Wald");
  EXPECT_EQ(german.mime, "text/plain; charset=utf-8");
  EXPECT_TRUE(german.bytes.starts_with("[Probelauf] "));
  EXPECT_NE(german.bytes.find("Fuchs"), std::string::npos);
  EXPECT_NE(german.bytes.find("Wald"), std::string::npos);
  const RunOutput english = painted(Medium::text, "the fox and the owl in the forest");
  EXPECT_TRUE(english.bytes.starts_with("[Rehearsal] "));
  EXPECT_NE(english.bytes.find("fox"), std::string::npos);
}

TEST(Artist, CopesWithAnyPrompt) {
  std::string noise;
  for (int i = 0; i < 4000; ++i) noise += static_cast<char>(i * 37 % 256);
  const std::string prompts[] = {"",
                                 " ",
                                 std::string(3'000'000, 'a'),
                                 "\xf0\x9f\x90\xb3\xf0\x9f\x8c\x8a",
                                 "\xd7\x93\xd7\x92 \xd7\x9b\xd7\x97\xd7\x95\xd7\x9c",
                                 "\xff\xfe\xc3\x28\xa0\xa1",
                                 std::string("null\0byte", 9),
                                 noise};
  for (const std::string& prompt : prompts) {
    for (const Medium medium :
         {Medium::text, Medium::image, Medium::video, Medium::audio, Medium::music}) {
      EXPECT_FALSE(painted(medium, prompt, 3, "m", RehearsalDetail::sketch).bytes.empty());
    }
  }
}

TEST(Artist, PaintsEveryPlaceAndFigureWithoutHarm) {
  const char* const prompts[] = {"lighthouse boat whale fish octopus jellyfish turtle penguin",
                                 "duck house castle windmill tent stairs bridge robot",
                                 "car train bicycle tree pine palm cactus flower",
                                 "mushroom bird owl cat dog fox bear rabbit",
                                 "hedgehog elephant snail horse unicorn dragon dinosaur frog",
                                 "lion butterfly bee balloon kite rocket planet ufo",
                                 "ghost child snowman star cat island",
                                 "underwater turtle star rainbow",
                                 "city car night rain",
                                 "desert lion sun",
                                 "mountain river goat snow",
                                 "space ufo planet cat robot"};
  for (const char* prompt : prompts) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      EXPECT_GT(painted(Medium::image, prompt, seed, "m", RehearsalDetail::sketch).bytes.size(),
                500U);
    }
  }
}

}  // namespace
}  // namespace stoker
