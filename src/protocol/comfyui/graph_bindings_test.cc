#include "protocol/comfyui/graph_bindings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "protocol/comfyui/graph_models.h"
#include "protocol/comfyui/graphs_for_tests.h"
#include "protocol/comfyui/template.h"

namespace stoker::protocol::comfyui {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

BindingProposal proposed(std::string_view text) {
  const Graph graph = graph_of(text);
  auto proposal = propose_bindings(graph, outputs_of(graph));
  EXPECT_TRUE(proposal) << proposal.error().detail;
  return proposal ? *std::move(proposal) : BindingProposal{};
}

std::vector<InputPlace> places(const BindingProposal& proposal, std::string_view name) {
  const Binding* binding = proposal.binding(name);
  return binding == nullptr ? std::vector<InputPlace>{} : binding->places;
}

TEST(BindingProposal, FindsWhatAPictureNeeds) {
  const BindingProposal picture = proposed(kPicture);
  EXPECT_EQ(picture.output, "9");
  EXPECT_EQ(picture.medium, "image");
  EXPECT_THAT(places(picture, "prompt"), ElementsAre(InputPlace{"6", "text"}));
  EXPECT_THAT(places(picture, "negative"), ElementsAre(InputPlace{"7", "text"}));
  EXPECT_THAT(places(picture, "seed"), ElementsAre(InputPlace{"3", "seed"}));
  EXPECT_THAT(places(picture, "steps"), ElementsAre(InputPlace{"3", "steps"}));
  EXPECT_THAT(places(picture, "width"), ElementsAre(InputPlace{"5", "width"}));
  EXPECT_THAT(places(picture, "height"), ElementsAre(InputPlace{"5", "height"}));
  EXPECT_THAT(places(picture, "image"), IsEmpty());
  EXPECT_THAT(picture.doubts, IsEmpty());
}

TEST(BindingProposal, FollowsPrimitivesAndBothSidesOfOneNode) {
  const BindingProposal film = proposed(kFilmFromPicture);
  EXPECT_EQ(film.medium, "video");
  EXPECT_THAT(places(film, "prompt"), ElementsAre(InputPlace{"words", "value"}));
  EXPECT_THAT(places(film, "negative"), ElementsAre(InputPlace{"negative", "text"}));
  EXPECT_THAT(places(film, "seed"), ElementsAre(InputPlace{"first", "noise_seed"}));
  EXPECT_THAT(places(film, "length"), ElementsAre(InputPlace{"film", "length"}));
  EXPECT_THAT(places(film, "image"), ElementsAre(InputPlace{"picture", "image"}));
  EXPECT_THAT(places(film, "steps"), IsEmpty());
  EXPECT_THAT(film.doubts, ElementsAre(Doubt{DoubtKind::split_steps, "first"}));
}

TEST(BindingProposal, FollowsGuidersNoiseAndSigmas) {
  const BindingProposal guided = proposed(kGuided);
  EXPECT_EQ(guided.output, "save");
  EXPECT_THAT(places(guided, "prompt"),
              ElementsAre(InputPlace{"text", "clip_l"}, InputPlace{"text", "t5xxl"}));
  EXPECT_THAT(places(guided, "negative"), IsEmpty());
  EXPECT_THAT(places(guided, "seed"), ElementsAre(InputPlace{"seed", "value"}));
  EXPECT_THAT(places(guided, "steps"), ElementsAre(InputPlace{"steps", "steps"}));
  EXPECT_THAT(places(guided, "width"), IsEmpty());
  EXPECT_THAT(guided.doubts, IsEmpty());
}

// A sampler whose conditioning is `nodes`, and an output.
std::string sampled(std::string_view nodes, std::string_view inputs) {
  return R"({"s":{"class_type":"KSampler","inputs":{"steps":4,"seed":1,"latent_image":["l",0],)" +
         std::string(inputs) +
         R"(}},"l":{"class_type":"EmptyLatentImage","inputs":{"width":8,"height":8}},)" +
         R"("o":{"class_type":"SaveImage","inputs":{"images":["s",0]}},)" + std::string(nodes) +
         "}";
}

TEST(BindingProposal, ZeroedOrSharedTextsAreNoNegative) {
  const std::string text = R"("t":{"class_type":"CLIPTextEncode","inputs":{"text":"x"}})";
  EXPECT_THAT(places(proposed(sampled(text + R"(,"z":{"class_type":"ConditioningZeroOut","inputs":)"
                                             R"({"conditioning":["t",0]}})",
                                      R"("positive":["t",0],"negative":["z",0])")),
                     "negative"),
              IsEmpty());
  EXPECT_THAT(
      places(proposed(sampled(text, R"("positive":["t",0],"negative":["t",0])")), "negative"),
      IsEmpty());
}

TEST(BindingProposal, FollowsConditioningOfExtensions) {
  const BindingProposal fused = proposed(sampled(
      R"("f":{"class_type":"my_fusion","inputs":{"clip_conditioning":["a",0],
     "other_conditioning":["a",0]}},)"
      R"("a":{"class_type":"CLIPTextEncode","inputs":{"text":"x"}})",
      R"("positive":["f",0])"));
  EXPECT_THAT(places(fused, "prompt"), ElementsAre(InputPlace{"a", "text"}));
}

TEST(BindingProposal, DoubtsTextsThatAreCombinedOrComputed) {
  const BindingProposal combined = proposed(sampled(
      R"("c":{"class_type":"ConditioningCombine","inputs":{"conditioning_1":["a",0],
     "conditioning_2":["b",0]}},)"
      R"("a":{"class_type":"CLIPTextEncode","inputs":{"text":"x"}},)"
      R"("b":{"class_type":"CLIPTextEncode","inputs":{"text":"y"}})",
      R"("positive":["c",0])"));
  EXPECT_THAT(places(combined, "prompt"), ElementsAre(InputPlace{"a", "text"}));
  EXPECT_THAT(combined.doubts, Contains(Doubt{DoubtKind::several_prompts, "b"}));
  const BindingProposal computed = proposed(sampled(
      R"("a":{"class_type":"CLIPTextEncode","inputs":{"text":["j",0]}},)"
      R"("j":{"class_type":"StringConcatenate","inputs":{"string_a":["p",0],"string_b":"style"}},)"
      R"("p":{"class_type":"PrimitiveString","inputs":{"value":"words"}})",
      R"("positive":["a",0])"));
  EXPECT_THAT(places(computed, "prompt"), ElementsAre(InputPlace{"p", "value"}));
  EXPECT_THAT(computed.doubts, Contains(Doubt{DoubtKind::computed_text, "j"}));
}

TEST(BindingProposal, SaysWhatItDidNotFind) {
  const BindingProposal bare =
      proposed(R"({"o":{"class_type":"SaveImage","inputs":{"images":["e",0]}},)"
               R"("e":{"class_type":"EmptyImage","inputs":{"width":8,"height":8}}})");
  EXPECT_THAT(bare.doubts,
              ElementsAre(Doubt{DoubtKind::no_sampler, "o"}, Doubt{DoubtKind::no_prompt, "o"},
                          Doubt{DoubtKind::no_seed, "o"}));
  EXPECT_THAT(bare.bindings, IsEmpty());
  const Graph none = graph_of(R"({"e":{"class_type":"EmptyImage"}})");
  EXPECT_EQ(propose_bindings(none, {}).error().code, ErrorCode::bad_request);
}

TEST(BindingProposal, EndsInCycles) {
  const BindingProposal cycle =
      proposed(sampled(R"("a":{"class_type":"FluxGuidance","inputs":{"conditioning":["b",0]}},)"
                       R"("b":{"class_type":"FluxGuidance","inputs":{"conditioning":["a",0]}})",
                       R"("positive":["a",0],"negative":["s",0])"));
  EXPECT_THAT(places(cycle, "prompt"), IsEmpty());
}

TEST(BindingProposal, PrefersWhatIsSavedAndDoubtsSeveral) {
  const BindingProposal two = proposed(
      R"({"p":{"class_type":"PreviewImage","inputs":{}},"a":{"class_type":"SaveImage",
     "inputs":{}},)"
      R"("b":{"class_type":"SaveAudio","inputs":{}}})");
  EXPECT_EQ(two.output, "a");
  EXPECT_THAT(two.doubts, Contains(Doubt{DoubtKind::several_outputs, "a"}));
}

TEST(BindingProposal, DoubtsHaveWords) {
  EXPECT_EQ(doubt_name(DoubtKind::split_steps), "split_steps");
  EXPECT_EQ(doubt_name(DoubtKind::no_sampler), "no_sampler");
}

// The templates of the product are the measure: what their authors bound is what is proposed.
class TemplateProposal : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::ifstream file(STOKER_SOURCE_DIR "/templates/" + GetParam() + ".json");
    std::stringstream text;
    text << file.rdbuf();
    auto read = parse_template(text.str());
    ASSERT_TRUE(read) << read.error().detail;
    template_ = *std::move(read);
  }

  WorkflowTemplate template_;
};

TEST_P(TemplateProposal, IsProposedAsItWasWritten) {
  const BindingProposal proposal = proposed(template_.graph);
  EXPECT_EQ(proposal.output, template_.output);
  EXPECT_EQ(proposal.medium, template_.medium);
  EXPECT_THAT(proposal.doubts, IsEmpty());
  EXPECT_EQ(proposal.bindings.size(), template_.bindings.size());
  for (const Binding& binding : template_.bindings)
    EXPECT_EQ(places(proposal, binding.name), binding.places) << binding.name;
}

TEST_P(TemplateProposal, NeedsTheFilesThatItNames) {
  const Graph graph = graph_of(template_.graph);
  const Needs needs = needs_of(graph, reach_of(graph));
  std::set<std::string> files;
  for (const ModelReference& model : needs.models) files.insert(model.folder + "/" + model.file);
  EXPECT_EQ(files,
            std::set<std::string>(template_.model_files.begin(), template_.model_files.end()));
  EXPECT_THAT(needs.unknown, IsEmpty());
  EXPECT_TRUE(sampler_passes(graph, reach_of(graph)).at(0).size_known);
}

INSTANTIATE_TEST_SUITE_P(All, TemplateProposal,
                         testing::Values("sd15", "sd3.5_large", "flux2", "wan22_video", "ltx_video",
                                         "stableaudio", "acenet"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::erase_if(name, [](char c) { return c == '.' || c == '_'; });
                           return name;
                         });

}  // namespace
}  // namespace stoker::protocol::comfyui
