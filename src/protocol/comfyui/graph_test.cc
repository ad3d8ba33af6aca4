#include "protocol/comfyui/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "protocol/comfyui/graph_bindings.h"
#include "protocol/comfyui/graph_models.h"
#include "protocol/comfyui/graphs_for_tests.h"

namespace stoker::protocol::comfyui {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Error refusal(const std::string& text) {
  const auto graph = parse_graph(text);
  EXPECT_FALSE(graph) << text.substr(0, 80);
  return graph ? Error{} : graph.error();
}

NodeIndex at(const Graph& graph, std::string_view id) {
  return graph.index_of.find(id)->second;
}

TEST(ComfyGraph, KeepsSeedsExact) {
  const Graph graph = graph_of(
      R"({"1":{"class_type":"A","inputs":{"a":18446744073709551615,"b":9223372036854775808,"c":-3,
     "d":1.5}}})");
  const GraphNode& node = graph.nodes.at(0);
  EXPECT_EQ(std::get<std::uint64_t>(*node.input("a")), 18446744073709551615ULL);
  EXPECT_EQ(std::get<std::uint64_t>(*node.input("b")), 9223372036854775808ULL);
  EXPECT_EQ(std::get<std::int64_t>(*node.input("c")), -3);
  EXPECT_EQ(std::get<double>(*node.input("d")), 1.5);
}

TEST(ComfyGraph, TellsLinksFromLists) {
  const Graph graph =
      graph_of(R"({"b":{"class_type":"B","inputs":{"link":["a",1],"lost":["zz",0],"pair":[1,2],)"
               R"("texts":["a","b"],"one":["a"],"wrapped":{"__value__":["a",0]},"none":null}},)"
               R"("a":{"class_type":"A"}})");
  const GraphNode& node = graph.nodes.at(at(graph, "b"));
  EXPECT_EQ(*node.link("link"), (Link{at(graph, "a"), 1}));
  EXPECT_EQ(std::get<LostLink>(*node.input("lost")).node, "zz");
  for (const char* other : {"pair", "texts", "one", "wrapped", "none"})
    EXPECT_TRUE(std::holds_alternative<std::monostate>(*node.input(other))) << other;
  EXPECT_EQ(node.input("absent"), nullptr);
  EXPECT_EQ(node.link("lost"), nullptr);
}

TEST(ComfyGraph, RefusesWhatIsNoWorkflow) {
  EXPECT_EQ(refusal("").param, "json");
  EXPECT_EQ(refusal("[]").param, "json");
  EXPECT_EQ(refusal("{}").param, "nodes");
  EXPECT_EQ(refusal(R"({"1":{"inputs":{}}})").param, "class_type");
  EXPECT_EQ(refusal(R"({"1":[]})").param, "class_type");
  EXPECT_EQ(refusal(R"({"1":{"class_type":""}})").param, "class_type");
  EXPECT_EQ(refusal(R"({"1":{"class_type":7}})").param, "class_type");
  EXPECT_EQ(refusal(R"({"nodes":[],"links":[],"version":0.4})").param, "editor_format");
}

TEST(ComfyGraph, RefusesWhatIsBeyondItsLimits) {
  EXPECT_EQ(refusal(std::string(kGraphBytesMax + 1, ' ')).param, "size");
  std::string many = "{";
  for (std::size_t i = 0; i <= kGraphNodesMax; ++i)
    many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"class_type":"A"})";
  EXPECT_EQ(refusal(many + "}").param, "nodes");
  const std::string name(kGraphNameMax + 1, 'n');
  EXPECT_EQ(refusal("{\"" + name + R"(":{"class_type":"A"}})").param, "nodes");
  EXPECT_EQ(refusal(R"({"1":{"class_type":")" + name + "\"}}").param, "class_type");
  EXPECT_EQ(refusal(R"({"1":{"class_type":"A","inputs":{")" + name + "\":1}}}").param, "inputs");
  EXPECT_EQ(refusal(R"({"1":{"class_type":"A","inputs":{"a":[")" + name + "\",0]}}}").param,
            "links");
  const std::string text(kGraphTextMax + 1, 't');
  EXPECT_EQ(refusal(R"({"1":{"class_type":"A","inputs":{"a":")" + text + "\"}}}").param, "texts");
  std::string inputs;
  for (std::size_t i = 0; i <= kGraphInputsMax; ++i)
    inputs += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  EXPECT_EQ(refusal(R"({"1":{"class_type":"A","inputs":{)" + inputs + "}}}").param, "inputs");
  EXPECT_EQ(refusal("{\"1\":" + std::string(10'000, '[')).param, "json");
}

TEST(ComfyGraph, SaysNoTextInItsRefusals) {
  const Error error = refusal(R"({"secret words":{"class_type":"A","inputs":{"text":")" +
                              std::string(kGraphTextMax + 1, 'q') + "\"}}}");
  EXPECT_THAT(error.detail, testing::Not(HasSubstr("qqq")));
}

TEST(ComfyReach, LeavesOutWhatNoOutputNeeds) {
  const Graph graph = graph_of(kPicture);
  const Reach reach = reach_of(graph);
  EXPECT_TRUE(reach.contains(at(graph, "42")));
  EXPECT_FALSE(reach.contains(at(graph, "43")));
  EXPECT_EQ(reach.nodes.size(), graph.nodes.size() - 1);
  EXPECT_FALSE(reach.has_cycle);
  EXPECT_THAT(reach.lost, IsEmpty());
}

TEST(ComfyReach, SeesCyclesAndLinksToNowhere) {
  const Graph graph =
      graph_of(R"({"a":{"class_type":"SaveImage","inputs":{"images":["b",0]}},)"
               R"("b":{"class_type":"B","inputs":{"x":["c",0],"y":["zz",0],"z":["zz",1]}},)"
               R"("c":{"class_type":"C","inputs":{"x":["b",0]}},)"
               R"("d":{"class_type":"D","inputs":{"x":["d",0]}}})");
  const Reach reach = reach_of(graph);
  EXPECT_TRUE(reach.has_cycle);
  EXPECT_THAT(reach.lost, ElementsAre(at(graph, "b")));
  EXPECT_FALSE(reach.contains(at(graph, "d")));
  const NodeIndex self = at(graph, "d");
  EXPECT_TRUE(reach_back(graph, {&self, 1}).has_cycle);
}

TEST(ComfyReach, ADiamondIsNoCycle) {
  const Graph graph =
      graph_of(R"({"a":{"class_type":"SaveImage","inputs":{"x":["b",0],"y":["c",0]}},)"
               R"("b":{"class_type":"B","inputs":{"x":["d",0]}},"c":{"class_type":"C",
     "inputs":{"x":["d",0]}},)"
               R"("d":{"class_type":"D"}})");
  EXPECT_FALSE(reach_of(graph).has_cycle);
  EXPECT_EQ(reach_of(graph).nodes.size(), 4U);
}

TEST(ComfyReach, WalksALongChainWithoutRecursion) {
  std::string text = R"({"0":{"class_type":"A"})";
  for (std::size_t i = 1; i < kGraphNodesMax; ++i) {
    text += ",\"" + std::to_string(i) +
            R"(":{"class_type":"SaveImage","inputs":{"latent_image":[")" + std::to_string(i - 1) +
            R"(",0],"steps":2,"positive":[")" + std::to_string(i - 1) + "\",0]}}";
  }
  const Graph graph = graph_of(text + "}");
  const Reach reach = reach_of(graph);
  EXPECT_EQ(reach.nodes.size(), kGraphNodesMax);
  EXPECT_EQ(sampler_passes(graph, reach).size(), kSamplerPassesMax);
  EXPECT_TRUE(propose_bindings(graph, outputs_of(graph)));
}

TEST(ComfyLiterals, AreFollowedThroughPrimitives) {
  const Graph graph =
      graph_of(R"({"a":{"class_type":"PrimitiveString","inputs":{"value":["b",0]}},)"
               R"("b":{"class_type":"PrimitiveStringMultiline","inputs":{"value":"deep"}},)"
               R"("c":{"class_type":"Loader","inputs":{"name":["a",0],"own":"here","n":["d",0],
     "loop":["e",0]}},)"
               R"("d":{"class_type":"StringConcatenate","inputs":{"string_a":"x"}},)"
               R"("e":{"class_type":"PrimitiveInt","inputs":{"value":["e",0]}}})");
  const NodeIndex node = at(graph, "c");
  EXPECT_EQ(text_behind(graph, node, "name"), "deep");
  EXPECT_EQ(literal_behind(graph, node, "name")->node, at(graph, "b"));
  EXPECT_EQ(text_behind(graph, node, "own"), "here");
  EXPECT_FALSE(literal_behind(graph, node, "n"));
  EXPECT_FALSE(literal_behind(graph, node, "loop"));
  EXPECT_FALSE(literal_behind(graph, node, "absent"));
}

TEST(ComfyLiterals, CountsAreWholeAndAboveZero) {
  const Graph graph = graph_of(
      R"({"a":{"class_type":"A","inputs":{"w":4,"d":4.0,"z":0,"n":-1,"f":1.5,"big":1e300,"t":"4",
     "nan":true}}})");
  EXPECT_EQ(count_behind(graph, 0, "w"), 4U);
  EXPECT_EQ(count_behind(graph, 0, "d"), 4U);
  for (const char* input : {"z", "n", "f", "big", "t", "nan"})
    EXPECT_FALSE(count_behind(graph, 0, input)) << input;
  EXPECT_EQ(number_behind(graph, 0, "n"), -1.0);
  EXPECT_EQ(number_behind(graph, 0, "f"), 1.5);
}

// Random damage to a real workflow: everything that can be read can be analysed.
TEST(ComfyGraph, DamagedWorkflowsAreAnalysedOrRefused) {
  Random random(20261123);
  int read = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text(round % 2 == 0 ? kFilmFromPicture : kGuided);
    for (std::uint64_t i = 0; i <= random.below(3); ++i) {
      const std::size_t from = random.below(text.size());
      const std::size_t length = random.below(std::min<std::size_t>(12, text.size() - from) + 1);
      if (random.below(2) == 0) {
        text.replace(from, length, text.substr(random.below(text.size() - 12), length));
      } else {
        text[from] = static_cast<char>(random.below(128));
      }
    }
    const auto graph = parse_graph(text);
    if (!graph) continue;
    ++read;
    const auto outputs = outputs_of(*graph);
    const Reach reach = reach_back(*graph, outputs);
    const Needs needs = needs_of(*graph, reach);
    EXPECT_EQ(needs.bundle_id.empty(), needs.models.empty() && needs.unknown.empty());
    EXPECT_LE(work_of(sampler_passes(*graph, reach)), 1ULL << 63);
    EXPECT_EQ(propose_bindings(*graph, outputs).has_value(), !outputs.empty());
  }
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace stoker::protocol::comfyui
