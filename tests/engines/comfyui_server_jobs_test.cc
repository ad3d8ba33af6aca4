// The job routes that newer versions of the played ComfyUI have.
#include <gmock/gmock.h>

#include "tests/engines/comfyui_server.h"
#include "tests/engines/comfyui_server/test_bench.h"

namespace stoker::engines::comfyui {
namespace {

class ComfyUiJobs : public ComfyUi {
 protected:
  ComfyUiJobs() { restart(with_models()); }
  json::value job(const std::string& id) { return client().get("/api/jobs/" + id).json(); }
};

TEST_F(ComfyUiJobs, ExistBelowApiOnly) {
  EXPECT_EQ(client().get("/api/jobs").status, 200);
  EXPECT_EQ(client().get("/api/api/jobs").status, 200);
  EXPECT_EQ(client().get("/jobs").status, 404);
  restart({.era = ComfyUiEra::established});
  EXPECT_EQ(client().get("/api/jobs").status, 404);
}

TEST_F(ComfyUiJobs, TellHowFarAPromptIs) {
  server().hold(Gate::step);
  const std::string running = queue(TextToImage{.seed = 1}.prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::step));
  const std::string pending = queue(TextToImage{.seed = 2}.prompt(), 2);
  EXPECT_EQ(job(running).at("status"), json::value("in_progress"));
  EXPECT_EQ(job(pending).at("status"), json::value("pending"));
  EXPECT_EQ(client().get("/api/jobs/" + uuid(9)).status, 404);
  EXPECT_EQ(client().get("/api/jobs/" + uuid(9)).body, R"({"error":"Job not found"})");
  server().advance(seconds(5));
  server().release(Gate::step);
  ASSERT_TRUE(server().wait_for_end(2));
  const json::value done = job(running);
  EXPECT_EQ(done.at("status"), json::value("completed"));
  EXPECT_EQ(done.at("outputs_count"), json::value(1));
  EXPECT_EQ(done.at("execution_end_time").as_int64() - done.at("execution_start_time").as_int64(),
            5000);
  EXPECT_TRUE(done.at("workflow").at("prompt").is_object());
}

TEST_F(ComfyUiJobs, AreFilteredAndPaged) {
  for (unsigned i = 1; i <= 3; ++i) queue(picture_prompt(), i);
  ASSERT_TRUE(server().wait_for_end(3));
  const json::value page = client().get("/api/jobs?status=completed&limit=2&offset=1").json();
  EXPECT_EQ(page.at("jobs").as_array().size(), 2u);
  EXPECT_EQ(page.at("pagination"),
            (json::object{{"offset", 1}, {"limit", 2}, {"total", 3}, {"has_more", false}}));
  EXPECT_EQ(client().get("/api/jobs?status=pending").json().at("jobs"), json::array());
  for (const char* bad : {"status=nope", "sort_by=nope", "sort_order=nope", "limit=x", "limit=0"})
    EXPECT_EQ(client().get(std::string("/api/jobs?") + bad).status, 400) << bad;
}

TEST_F(ComfyUiJobs, CancellingHitsRunningAndPendingOnly) {
  server().hold(Gate::step);
  const std::string running = queue(TextToImage{.seed = 1}.prompt(), 1);
  ASSERT_TRUE(server().wait_at(Gate::step));
  const std::string pending = queue(TextToImage{.seed = 2}.prompt(), 2);
  const auto cancel = [&](const std::string& id) {
    return client().post("/api/jobs/" + id + "/cancel", "").body;
  };
  EXPECT_EQ(cancel(pending), R"({"cancelled":true})");
  EXPECT_EQ(cancel(running), R"({"cancelled":true})");
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(job(running).at("status"), json::value("cancelled"));
  EXPECT_EQ(history(pending), json::object());
  EXPECT_EQ(cancel(running), R"({"cancelled":false})");
  EXPECT_EQ(cancel(uuid(9)), R"({"cancelled":false})");
}

TEST_F(ComfyUiJobs, CancellingManyChecksTheirIds) {
  const Reply bad = client().post("/api/jobs/cancel", R"({"job_ids":["nope"]})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.json().at("invalid_ids"), json::array{"nope"});
  EXPECT_EQ(client().post("/api/jobs/cancel", "{}").status, 400);
  EXPECT_EQ(client().post("/api/jobs/cancel", R"({"job_ids":[")" + uuid(9) + R"("]})").body,
            R"({"cancelled":false})");
}

TEST_F(ComfyUiJobs, AFailureIsShown) {
  server().fail_node("", "broken");
  const std::string id = queue(picture_prompt(), 1);
  ASSERT_TRUE(server().wait_for_end());
  EXPECT_EQ(job(id).at("status"), json::value("failed"));
  EXPECT_EQ(job(id).at("execution_error").at("exception_message"), json::value("broken"));
}

}  // namespace
}  // namespace stoker::engines::comfyui
