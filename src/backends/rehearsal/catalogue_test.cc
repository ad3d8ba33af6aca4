#include "backends/rehearsal/catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/error.h"

namespace stoker {
namespace {

const Model& model_named(const Catalogue& catalogue, const std::string& name) {
  const auto found = std::ranges::find(catalogue.models, name, &Model::name);
  STOKER_INVARIANT(found != catalogue.models.end(), "no such model");
  return *found;
}

TEST(Catalogue, GivesEveryModelAnEngineANumberAndTimes) {
  const Catalogue catalogue = rehearsal_catalogue();
  ASSERT_EQ(catalogue.models.size(), 12U);
  std::set<ModelId> ids;
  for (const Model& model : catalogue.models) {
    EXPECT_TRUE(ids.insert(model.id).second);
    const auto engine = std::ranges::find_if(
        catalogue.engines, [&](const RehearsalEngine& e) { return e.info.id == model.backend; });
    ASSERT_NE(engine, catalogue.engines.end());
    EXPECT_EQ(engine->style == RehearsalStyle::ollama, model.medium == Medium::text);
    EXPECT_GT(model.load_hint, Duration{});
    EXPECT_GT(model.run_hint, Duration{});
    EXPECT_GT(model.vram, MiB{});
    EXPECT_LT(model.vram, catalogue.device.vram - catalogue.device.reserve);
  }
}

TEST(Catalogue, PlansWithMeasuredSizesAndRemembersTheDeclaredOnes) {
  const Catalogue catalogue = rehearsal_catalogue();
  const Model& sd35 = model_named(catalogue, "sd3.5_large");
  EXPECT_EQ(sd35.vram, MiB{28 * 1024});
  EXPECT_EQ(sd35.vram_source, SizeSource::measured);
  EXPECT_EQ(sd35.declared_vram, MiB{8 * 1024});
  EXPECT_EQ(model_named(catalogue, "flux2").vram_source, SizeSource::files);
  EXPECT_EQ(model_named(catalogue, "qwen3:1.7b").vram_source, SizeSource::declared);
}

TEST(Catalogue, OffersNoSafetyModels) {
  const Catalogue catalogue = rehearsal_catalogue();
  for (const char* name : {"llama-guard3:1b", "qwen3:1.7b", "qwen3-vl:2b"}) {
    EXPECT_FALSE(model_named(catalogue, name).offered) << name;
  }
  EXPECT_EQ(std::ranges::count(catalogue.models, true, &Model::offered), 9);
}

TEST(Catalogue, TakesTimesFromTheTableOrFromTheSize) {
  const Catalogue catalogue = rehearsal_catalogue();
  EXPECT_EQ(model_named(catalogue, "gpt-oss:120b").load_hint, seconds(180));
  EXPECT_EQ(model_named(catalogue, "acenet").load_hint, seconds(60));
  EXPECT_EQ(model_named(catalogue, "gpt-oss:20b").load_hint,
            milliseconds(17'500));  // 21 GB at 1.2 GB/s
  EXPECT_EQ(model_named(catalogue, "flux2").run_hint,
            milliseconds(46'500));  // between 18 and 120 s
}

TEST(Catalogue, MakesEnginesThatPlayTheirPart) {
  const Catalogue catalogue = rehearsal_catalogue();
  const RehearsalOptions text = options_of(catalogue.engines.at(0), 60, 9);
  EXPECT_EQ(text.style, RehearsalStyle::ollama);
  EXPECT_EQ(text.slots, 3U);
  EXPECT_EQ(text.scaled(minutes(1)), seconds(1));
  const RehearsalOptions media = options_of(catalogue.engines.at(1), 1, 9);
  EXPECT_EQ(media.style, RehearsalStyle::comfyui);
  EXPECT_EQ(media.slots, 1U);
  EXPECT_EQ(media.granularity, EvictionGranularity::model);
}

}  // namespace
}  // namespace stoker
