// Pictures of the flavours that make them.
#include "tests/engines/answers.h"
#include "tests/engines/openai_fixture_test.h"

namespace stoker::engines {
namespace {

namespace json = boost::json;
using net::testing::finish;

constexpr const char* kGenerations = "/v1/images/generations";

TEST_F(OpenAi, SdCppListsOneFixedModelWithoutObject) {
  serve({.flavour = Flavour::sd_cpp});
  const json::object list = client().get("/v1/models").json().as_object();
  EXPECT_FALSE(list.contains("object"));
  EXPECT_EQ(list.at("data").at(0).at("id"), "sd-cpp-local");
  EXPECT_EQ(client().get("/sdcpp/v1/capabilities").status, 200);
}

TEST_F(OpenAi, SdCppSendsErrorsAsStrings) {
  serve({.flavour = Flavour::sd_cpp});
  const Reply empty = client().post(kGenerations, "{}");
  EXPECT_EQ(empty.status, 400);
  EXPECT_EQ(empty.json(), (json::object{{"error", "prompt required"}}));
  const Reply malformed = client().post(kGenerations, "{");
  EXPECT_EQ(malformed.status, 500);
  EXPECT_EQ(malformed.json().at("error"), "server_error");
}

TEST_F(OpenAi, SdCppPaintsInOneCall) {
  serve({.flavour = Flavour::sd_cpp});
  const json::value answer =
      client()
          .post(kGenerations, R"({"prompt":"a","n":2,"size":"64x64","response_format":"url"})")
          .json();
  ASSERT_EQ(answer.at("data").as_array().size(), 2u);
  for (const json::value& picture : answer.at("data").as_array()) {
    EXPECT_EQ(picture.as_object().size(), 1u);
    EXPECT_TRUE(picture.at("b64_json").as_string().starts_with("iVBORw0KGgo"));
  }
  EXPECT_NE(answer.at("data").at(0), answer.at("data").at(1));
}

TEST_F(OpenAi, SdCppPaintsOneAtATimeAndGoesOnWithoutItsClient) {
  serve({.flavour = Flavour::sd_cpp, .held = {Gate::step}});
  net::testing::Socket gone = post_on_socket(server().port(), kGenerations, R"({"prompt":"a"})");
  ASSERT_TRUE(server().wait_at(Gate::step));
  auto second = client().begin_post(kGenerations, R"({"prompt":"b"})");
  ASSERT_TRUE(server().requests().wait_for("POST", kGenerations, 2));
  gone.close();
  server().release(Gate::step);
  EXPECT_EQ(finish(std::move(second)).status, 200);
  EXPECT_EQ(server().counters().generations_finished, 2u);
  EXPECT_EQ(server().counters().most_at_once, 1u);
}

TEST_F(OpenAi, ArgumentsInThePromptAreTakenOut) {
  serve({.flavour = Flavour::sd_cpp});
  const auto picture = [&](std::string_view prompt) {
    json::object request{{"prompt", prompt}, {"size", "8x8"}};
    return client().post(kGenerations, json::serialize(request)).json().at("data");
  };
  EXPECT_EQ(picture("a"), picture(R"(a<sd_cpp_extra_args>{"steps":2}</sd_cpp_extra_args>)"));
  EXPECT_NE(picture("a"), picture(R"(a<sd_cpp_extra_args>{"seed":7}</sd_cpp_extra_args>)"));
}

TEST_F(OpenAi, EditsReadAForm) {
  serve({.flavour = Flavour::sd_cpp});
  const std::string body =
      "--x\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"a.png\"\r\n\r\nPNG\r\n"
      "--x\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na\r\n--x--\r\n";
  net::Headers headers;
  headers.add("Content-Type", "multipart/form-data; boundary=x");
  const Reply reply = client().ask("POST", "/v1/images/edits", body, headers);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json().at("data").as_array().size(), 1u);
}

TEST_F(OpenAi, SdCppHasJobsOfItsOwn) {
  serve({.flavour = Flavour::sd_cpp, .held = {Gate::step}, .job_queue_max = 1});
  const json::value first = client().post("/sdcpp/v1/img_gen", R"({"prompt":"a"})").json();
  const std::string path = "/sdcpp/v1/jobs/" + json::value_to<std::string>(first.at("id"));
  EXPECT_EQ(client().get(path).json().at("status"), "generating");
  const json::value second = client().post("/sdcpp/v1/img_gen", R"({"prompt":"b"})").json();
  const Reply full = client().post("/sdcpp/v1/img_gen", R"({"prompt":"c"})");
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.json(), (json::object{{"error", "job queue is full"}}));
  const std::string other = "/sdcpp/v1/jobs/" + json::value_to<std::string>(second.at("id"));
  EXPECT_EQ(client().post(other + "/cancel", "").json().at("status"), "cancelled");
  server().release(Gate::step);
  ASSERT_TRUE(
      server().wait_for([](const auto& counters) { return counters.generations_finished == 1; }));
  const json::value done = client().get(path).json();
  EXPECT_EQ(done.at("status"), "completed");
  EXPECT_EQ(done.at("result").at("images").as_array().size(), 1u);
}

TEST_F(OpenAi, LocalAiGivesAddressesUnlessAskedForBytes) {
  serve({.flavour = Flavour::localai});
  const json::value by_url =
      client().post(kGenerations, R"({"model":"m","prompt":"a","size":"8x8"})").json();
  const std::string url = json::value_to<std::string>(by_url.at("data").at(0).at("url"));
  ASSERT_TRUE(url.starts_with(server().base_url()));
  const Reply picture = client().get(url.substr(server().base_url().size()));
  EXPECT_EQ(picture.content_type(), "image/png");
  EXPECT_TRUE(picture.body.starts_with("\x89PNG"));
  const json::value by_bytes =
      client()
          .post(kGenerations,
                R"({"model":"m","prompt":"a","size":"8x8","response_format":"b64_json"})")
          .json();
  EXPECT_EQ(by_bytes.at("data").at(0).at("b64_json").as_string(), base64_of(picture.body));
}

}  // namespace
}  // namespace stoker::engines
