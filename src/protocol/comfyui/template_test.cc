#include "protocol/comfyui/template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "protocol/comfyui/graph_models.h"
#include "protocol/comfyui/json_reading.h"
#include "protocol/comfyui/node_schemas.h"

namespace stoker::protocol::comfyui {
namespace {

namespace json = boost::json;

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::filesystem::path kTemplates = std::filesystem::path(STOKER_SOURCE_DIR) / "templates";

NodeSchemas schemas() {
  return parse_node_schemas(file_text(kTemplates / "node_schemas.json")).value();
}

constexpr std::string_view kSmall =
    R"({"template":1,"name":"small","medium":"image","model_files":[],
  "graph":{"1":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"m.safetensors"}},
           "2":{"class_type":"CLIPTextEncode","inputs":{"text":"old","clip":["1",1]}},
           "3":{"class_type":"EmptyLatentImage","inputs":{"width":512,"height":512,"batch_size":1}},
           "4":{"class_type":"KSampler","inputs":{"model":["1",0],"seed":1,"steps":20,"cfg":7,
                "sampler_name":"euler","scheduler":"simple","positive":["2",0],"negative":["2",0],
                "latent_image":["3",0],"denoise":1}},
           "5":{"class_type":"VAEDecode","inputs":{"samples":["4",0],"vae":["1",2]}},
           "6":{"class_type":"SaveImage","inputs":{"images":["5",0],"filename_prefix":"x"}},
           "7":{"class_type":"SaveImage","inputs":{"images":["5",0],"filename_prefix":"y"}}},
  "bindings":{"prompt":["2","text"],"seed":[["4","seed"]],"width":["3","width"],
              "height":["3","height"],"steps":["4","steps"],"output":"6"},
  "defaults":{"width":640},"warm_up":{"width":64,"height":64}})";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kSmall);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

json::object node(const std::string& graph, std::string_view id) {
  return parse_object(graph)->at(json::string_view(id.data(), id.size())).as_object();
}

TEST(Template, ValuesGoToTheirPlaces) {
  const auto workflow = parse_template(kSmall);
  ASSERT_TRUE(workflow) << workflow.error().detail;
  TemplateValues values;
  values.prompt = "a \"red\" fox\n";
  values.seed = 18446744073709551615ULL;
  values.height = 768;
  const auto graph = instantiate(*workflow, values);
  ASSERT_TRUE(graph);
  EXPECT_EQ(node(*graph, "2").at("inputs").at("text").as_string(), "a \"red\" fox\n");
  EXPECT_EQ(node(*graph, "4").at("inputs").at("seed").as_uint64(), 18446744073709551615ULL);
  EXPECT_EQ(node(*graph, "3").at("inputs").at("width").to_number<int>(), 640);   // default
  EXPECT_EQ(node(*graph, "3").at("inputs").at("height").to_number<int>(), 768);  // value
  EXPECT_EQ(node(*graph, "4").at("inputs").at("steps").to_number<int>(), 20);    // graph
}

TEST(Template, AWarmUpKeepsLoadersAndDropsOtherOutputs) {
  const auto workflow = parse_template(kSmall);
  const auto warm = warm_up(*workflow, 7);
  ASSERT_TRUE(warm);
  const auto run = instantiate(*workflow, {.prompt = "x"});
  EXPECT_EQ(json::serialize(node(warm->graph, "1")), json::serialize(node(*run, "1")));
  EXPECT_FALSE(parse_object(warm->graph)->contains("7"));
  EXPECT_EQ(node(warm->graph, "6").at("class_type").as_string(), "PreviewImage");
  EXPECT_EQ(node(warm->graph, "4").at("inputs").at("steps").to_number<int>(), 1);
  EXPECT_EQ(node(warm->graph, "3").at("inputs").at("width").to_number<int>(), 64);
}

TEST(Template, EveryWarmUpRunsAnew) {
  const auto workflow = parse_template(kSmall);
  const auto one = warm_up(*workflow, 1);
  const auto two = warm_up(*workflow, 2);
  EXPECT_NE(node(one->graph, "2"), node(two->graph, "2"));  // the text encoder works
  EXPECT_NE(node(one->graph, "4"), node(two->graph, "4"));  // the sampler works
}

TEST(Template, AnInputPictureIsBlankAtAWarmUp) {
  const auto workflow = parse_template(
      R"({"template":1,"name":"i","medium":"image","model_files":[],"graph":{
        "1":{"class_type":"LoadImage","inputs":{"image":"a.png"}},
        "2":{"class_type":"Edit","inputs":{"image":["1",0],"prompt":"","seed":0}},
        "3":{"class_type":"SaveImage","inputs":{"images":["2",0],"filename_prefix":""}}},
        "bindings":{"prompt":["2","prompt"],"seed":["2","seed"],"image":["1","image"],"output":"3"}})");
  ASSERT_TRUE(workflow) << workflow.error().detail;
  const auto warm = warm_up(*workflow, 1);
  EXPECT_EQ(node(warm->graph, "1").at("class_type").as_string(), "EmptyImage");
  const auto run = instantiate(*workflow, {.image = "b.png"});
  EXPECT_EQ(node(*run, "1").at("inputs").at("image").as_string(), "b.png");
}

TEST(Template, WhatIsWrongIsNamed) {
  struct Row {
    std::string text;
    std::string_view param;
  };
  const Row rows[] = {
      {"nope", "template"},
      {with(R"("template":1)", R"("template":2)"), "template"},
      {with(R"("name":"small")", R"("name":"a/b")"), "name"},
      {with(R"("medium":"image")", R"("medium":"smell")"), "medium"},
      {with(R"("model_files":[])", R"("model_files":["../x"])"), "model_files"},
      {with(R"("model_files":[],)", ""), "model_files"},
      {with(R"("class_type":"KSampler",)", ""), "graph.4"},
      {with(R"("prompt":["2","text"])", R"("prompt":["20","text"])"), "bindings.prompt"},
      {with(R"("prompt":["2","text"])", R"("prompt":["2","txt"])"), "bindings.prompt"},
      {with(R"("prompt":["2","text"])", R"("prompt":["2","clip"])"), "bindings.prompt"},
      {with(R"("prompt":["2","text"],)", ""), "bindings.prompt"},
      {with(R"("seed":[["4","seed"]])", R"("seed":[["4"]])"), "bindings.seed"},
      {with(R"("seed":[["4","seed"]])", R"("seed":[])"), "bindings.seed"},
      {with(R"("steps":["4","steps"])", R"("cfg":["4","cfg"])"), "bindings.cfg"},
      {with(R"("output":"6")", R"("output":"60")"), "bindings.output"},
      {with(R"(,"output":"6")", ""), "bindings.output"},
      {with(R"("defaults":{"width":640})", R"("defaults":{"length":5})"), "defaults.length"},
      {with(R"("defaults":{"width":640})", R"("defaults":{"width":0})"), "defaults.width"},
      {with(R"("warm_up":{"width":64)", R"("warm_up":{"width":"64")"), "warm_up.width"},
  };
  for (const Row& row : rows) {
    const auto workflow = parse_template(row.text);
    ASSERT_FALSE(workflow) << row.param;
    EXPECT_EQ(workflow.error().code, ErrorCode::bad_request);
    EXPECT_EQ(workflow.error().param, row.param) << workflow.error().detail;
  }
}

TEST(NodeSchemas, BothFormsOfChoicesAreRead) {
  const auto read = parse_node_schemas(
      R"({"A":{"input":{"required":{"f":[["a","b"],{}],"g":["COMBO",{"options":["c"]}]}},"output":[]}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(options_of(*read, "A", "f"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options_of(*read, "A", "g"), (std::vector<std::string>{"c"}));
  EXPECT_TRUE(options_of(*read, "A", "h").empty());
  EXPECT_TRUE(options_of(*read, "B", "f").empty());
}

TEST(NodeSchemas, EveryKindOfMistakeIsFound) {
  struct Row {
    std::string_view from;
    std::string_view to;
    std::string_view node;
    std::string_view input;
  };
  const Row rows[] = {
      {R"("class_type":"VAEDecode")", R"("class_type":"Nope")", "5", ""},
      {R"("width":512,)", "", "3", "width"},
      {R"("width":512)", R"("width":2)", "3", "width"},
      {R"("width":512)", R"("width":1.5)", "3", "width"},
      {R"("sampler_name":"euler")", R"("sampler_name":"oiler")", "4", "sampler_name"},
      {R"("latent_image":["3",0])", R"("latent_image":["2",0])", "4", "latent_image"},
      {R"("latent_image":["3",0])", R"("latent_image":["3",1])", "4", "latent_image"},
      {R"("latent_image":["3",0])", R"("latent_image":["33",0])", "4", "latent_image"},
      {R"("latent_image":["3",0])", R"("latent_image":5)", "4", "latent_image"},
      {R"("text":"old")", R"("text":7)", "2", "text"},
      {R"("batch_size":1)", R"("batch_size":1,"colour":2)", "3", "colour"},
  };
  for (const Row& row : rows) {
    const auto file = parse_object(with(row.from, row.to));
    ASSERT_TRUE(file) << row.to;
    const auto problems = check_graph(json::serialize(file->at("graph")), schemas(), "6");
    ASSERT_FALSE(problems.empty()) << row.to;
    EXPECT_EQ(problems[0].node, row.node) << row.to;
    EXPECT_EQ(problems[0].input, row.input) << row.to;
  }
  const auto sound = parse_object(kSmall);
  EXPECT_TRUE(check_graph(json::serialize(sound->at("graph")), schemas(), "6").empty());
  EXPECT_FALSE(check_graph(json::serialize(sound->at("graph")), schemas(), "5").empty());
}

std::string told(const std::vector<GraphProblem>& problems) {
  std::string text;
  for (const GraphProblem& each : problems)
    text += each.node + "." + each.input + " " + each.what + "\n";
  return text;
}

class ShippedTemplate : public testing::TestWithParam<std::string> {
 protected:
  WorkflowTemplate workflow() const {
    auto read = parse_template(file_text(kTemplates / (GetParam() + ".json")));
    EXPECT_TRUE(read) << read.error().detail;
    return *std::move(read);
  }
};

TEST_P(ShippedTemplate, FitsTheSchemasOfItsNodes) {
  const WorkflowTemplate shipped = workflow();
  EXPECT_EQ(shipped.name, GetParam());
  const auto run = instantiate(shipped, {.prompt = "a fox", .seed = 18446744073709551615ULL});
  ASSERT_TRUE(run);
  EXPECT_EQ(told(check_graph(*run, schemas(), shipped.output)), "");
}

TEST_P(ShippedTemplate, IsReadAgainAsItWasWritten) {
  const WorkflowTemplate shipped = workflow();
  const auto again = parse_template(template_text(shipped));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(template_text(*again), template_text(shipped));
  EXPECT_EQ(warm_up(*again, 5)->graph, warm_up(shipped, 5)->graph);
  EXPECT_EQ(*instantiate(*again, {.prompt = "x"}), *instantiate(shipped, {.prompt = "x"}));
  EXPECT_EQ(again->model_files, shipped.model_files);
}

TEST_P(ShippedTemplate, HasAWarmUpThatFitsToo) {
  const WorkflowTemplate shipped = workflow();
  const auto warm = warm_up(shipped, 1);
  ASSERT_TRUE(warm);
  EXPECT_EQ(told(check_graph(warm->graph, schemas(), warm->output)), "");
}

TEST_P(ShippedTemplate, LeavesNoWarmUpFileInTheOutputFolder) {
  const auto warm = warm_up(workflow(), 1);
  const json::object output = node(warm->graph, warm->output);
  EXPECT_TRUE(output.at("class_type").as_string().starts_with("Preview"));
}

TEST_P(ShippedTemplate, HasNothingThatItsOutputDoesNotNeed) {
  const WorkflowTemplate shipped = workflow();
  const auto warm = warm_up(shipped, 1);
  std::set<std::string> unneeded;
  const auto whole = parse_object(shipped.graph);
  for (const auto& pair : *whole) {
    const std::string id(pair.key());
    const bool film = pair.value().at("class_type").as_string() == "CreateVideo";
    if (!film && !parse_object(warm->graph)->contains(id)) unneeded.insert(id);
  }
  EXPECT_EQ(unneeded, std::set<std::string>());
}

TEST_P(ShippedTemplate, NeedsTheModelFilesThatItNames) {
  const WorkflowTemplate shipped = workflow();
  const auto graph = parse_graph(shipped.graph);
  ASSERT_TRUE(graph) << graph.error().detail;
  const NodeIndex output = graph->index_of.at(shipped.output);
  const Needs needs = needs_of(*graph, reach_back(*graph, {&output, 1}));
  EXPECT_TRUE(needs.unknown.empty());
  std::set<std::string> found;
  for (const ModelReference& model : needs.models) found.insert(model.folder + "/" + model.file);
  EXPECT_EQ(found, std::set<std::string>(shipped.model_files.begin(), shipped.model_files.end()));
}

TEST_P(ShippedTemplate, WarmsUpWithTheSameBundle) {
  const WorkflowTemplate shipped = workflow();
  const auto bundle_of = [](const std::string& text, const std::string& output) {
    const Graph graph = parse_graph(text).value();
    const NodeIndex node = graph.index_of.at(output);
    return needs_of(graph, reach_back(graph, {&node, 1})).bundle_id;
  };
  const auto warm = warm_up(shipped, 1);
  EXPECT_EQ(bundle_of(warm->graph, warm->output), bundle_of(shipped.graph, shipped.output));
  std::set<std::string> of_run;
  std::set<std::string> of_warm_up;
  for (const LoaderNode& loader : loader_nodes(shipped.graph)) of_run.insert(loader.text);
  for (const LoaderNode& loader : loader_nodes(warm->graph)) of_warm_up.insert(loader.text);
  EXPECT_FALSE(of_run.empty());
  EXPECT_EQ(of_run, of_warm_up);
}

std::vector<std::string> shipped_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kTemplates)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".json" && name != "node_schemas") names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (c == '.' || c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, ShippedTemplate, testing::ValuesIn(shipped_names()), test_name);

TEST(ShippedTemplates, AreAllThatWereAnnounced) {
  const auto names = shipped_names();
  for (const std::string_view name :
       {"sd15", "sd3.5_large", "flux2", "wan22_video", "ltx_video", "stableaudio", "acenet"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  }
}

}  // namespace
}  // namespace stoker::protocol::comfyui
