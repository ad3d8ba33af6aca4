// Every shipped template at a server that plays ComfyUI and validates workflows as the real one does.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "backends/comfyui/comfyui_backend.h"
#include "backends/comfyui/comfyui_bench_test.h"
#include "protocol/comfyui/node_schemas.h"
#include "protocol/comfyui/template.h"
#include "tests/engines/test_client.h"

namespace stoker {
namespace {

const std::filesystem::path kTemplates = std::filesystem::path(STOKER_SOURCE_DIR) / "templates";

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
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
  std::ranges::replace(name, '.', '_');
  return name;
}

class ShippedTemplateRun : public ComfyUiBench, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    text_ = file_text(kTemplates / (GetParam() + ".json"));
    shape_ = protocol::comfyui::parse_template(text_).value();
    engines::ComfyUiOptions engine;
    for (const std::string& path : shape_.model_files) {
      const std::size_t slash = path.find('/');
      engine.files.push_back({path.substr(0, slash), path.substr(slash + 1), engines::kGiB});
    }
    begin(std::move(engine));
    medium_ = medium_from_name(shape_.medium).value();
    backend_->set_models({{.id = kA, .medium = medium_, .planned = {1024}, .workflow = text_}});
  }
  // The class of a node that the played engine does not have; it knows fewer than the real one.
  std::string unknown_class() {
    engines::TestClient client(network_, server().url());
    const auto schemas =
        protocol::comfyui::parse_node_schemas(client.get("/object_info").body).value();
    for (const auto& problem :
         protocol::comfyui::check_graph(shape_.graph, schemas, shape_.output)) {
      if (problem.input.empty()) return problem.what;
      ADD_FAILURE() << problem.node << " " << problem.input << " " << problem.what;
    }
    return {};
  }
  RunCall run_call() const {
    RunCall call = ComfyUiBench::call(kA, 1);
    call.medium = medium_;
    return call;
  }

  std::string text_;
  protocol::comfyui::WorkflowTemplate shape_;
  Medium medium_ = Medium::image;
};

TEST_P(ShippedTemplateRun, LoadsAllOfItsFilesAndRunsWithoutLoadingAgain) {
  if (const std::string unknown = unknown_class(); !unknown.empty()) GTEST_SKIP() << unknown;
  const auto loaded = load(*backend_, kA);
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_FALSE(loaded->was_there);
  EXPECT_THAT(server().output_files(), testing::IsEmpty());
  const auto report = run(*backend_, run_call());
  ASSERT_TRUE(report) << report.error().detail;
  ASSERT_EQ(report->outputs.size(), 1U);
  EXPECT_EQ(report->outputs.front().medium, medium_);
  for (const std::string& path : shape_.model_files) {
    EXPECT_EQ(server().counts().disk_loads_of(path.substr(path.find('/') + 1)), 1U) << path;
  }
  EXPECT_TRUE(load(*backend_, kA)->was_there);
}

INSTANTIATE_TEST_SUITE_P(All, ShippedTemplateRun, testing::ValuesIn(shipped_names()), test_name);

}  // namespace
}  // namespace stoker
