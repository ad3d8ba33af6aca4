// Work: what may be sent, who sees it, what is answered.
#include "api/api_fixture_test.h"

namespace stoker::api {
namespace {

class JobsTest : public ApiTest {
 protected:
  Said post(const std::string& body, const Headers& extra = {}) {
    return ask("POST", "/jobs", participant, body, extra);
  }
};

TEST_F(JobsTest, AcceptsWorkAndSaysWhereItIs) {
  const Said said =
      post(R"({"model":"sd35","prompt":"  a whale\r\nat night ","seed":18446744073709551615})");
  ASSERT_EQ(said.status, 201);
  const boost::json::value job = said.json();
  EXPECT_EQ(job.at("model").as_string(), "sd35");
  EXPECT_EQ(job.at("state").as_string(), "queued");
  EXPECT_EQ(job.at("prompt").as_string(), "a whale\nat night");
  EXPECT_EQ(said.header("location"), "/api/v1/jobs/" + std::string(job.at("id").as_string()));
  EXPECT_EQ(controller->last_submit()->seed, 18446744073709551615ULL);
  EXPECT_EQ(controller->last_submit()->actor.person, PersonId(1));
  EXPECT_EQ(controller->last_submit()->actor.token, hash_of(participant));
}

TEST_F(JobsTest, WaitsForAPublicationThatShowsTheJob) {
  const Said said =
      ask_ahead("submit", "POST", "/jobs", participant, R"({"model":"flux2","prompt":"x"})");
  EXPECT_EQ(said.status, 201);
}

TEST_F(JobsTest, WaitsForAPublicationThatShowsTheNewText) {
  const Said said = ask_ahead("edit", "POST", "/jobs/j2/edit", participant, R"({"prompt":"new"})");
  EXPECT_EQ(said.json().at("prompt").as_string(), "new");
}

TEST_F(JobsTest, ChoosesAResidentModelForAMedium) {
  ASSERT_EQ(post(R"({"medium":"image","prompt":"x"})").status, 201);
  EXPECT_EQ(controller->last_submit()->model, ModelId(1));
}

TEST_F(JobsTest, ChoosesWithinTheFocusOfTheGroup) {
  controller->change_workshop(
      WorkshopId(1), [](controller::WorkshopView& view) { view.groups[0].focus = {ModelId(2)}; });
  controller->change([](controller::Snapshot& s) {
    auto person = std::make_shared<controller::PersonView>(*s.people.at(PersonId(1)));
    person->group = GroupId(1);
    s.people[PersonId(1)] = std::move(person);
  });
  ASSERT_EQ(post(R"({"medium":"image","prompt":"x"})").status, 201);
  EXPECT_EQ(controller->last_submit()->model, ModelId(2));
}

TEST_F(JobsTest, SaysWhichMediumIsNotPartOfToday) {
  const Said video = post(R"({"medium":"video","prompt":"x"})");
  EXPECT_EQ(video.status, 409);
  EXPECT_EQ(video.code(), "out_of_focus");
  const Said music = post(R"({"medium":"music","prompt":"x"})");
  EXPECT_EQ(music.status, 404);
  EXPECT_EQ(music.code(), "unknown_model");
}

struct BadInput {
  const char* body;
  int status;
  const char* code;
  const char* field;
};

TEST_F(JobsTest, RefusesBadInputByName) {
  const std::string long_text = R"({"model":"flux2","prompt":")" + std::string(4001, 'x') + "\"}";
  const std::vector<BadInput> inputs = {
      {R"({"prompt":"x"})", 400, "bad_request", "model"},
      {R"({"model":"flux2"})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":null})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":""})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":" \n\t "})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":7})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":"a\u0000b"})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":"a\u001bb"})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":"a\u0085b"})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":"a\tb"})", 400, "bad_request", "prompt"},
      {R"({"model":"flux2","prompt":"a\ud800"})", 400, "bad_request", "body"},
      {"{\"model\":\"flux2\",\"prompt\":\"a\xff\"}", 400, "bad_request", "body"},
      {"{\"model\":\"flux2\",\"prompt\":\"a\xc0\x80\"}", 400, "bad_request", "body"},
      {long_text.c_str(), 413, "too_large", "prompt"},
      {R"({"model":"nothing","prompt":"x"})", 404, "unknown_model", "model"},
      {R"({"model":["flux2"],"prompt":"x"})", 400, "bad_request", "model"},
      {R"({"medium":"smell","prompt":"x"})", 400, "bad_request", "medium"},
      {R"({"model":"flux2","medium":"image","prompt":"x"})", 400, "bad_request", "medium"},
      {R"({"model":"flux2","prompt":"x","seed":-1})", 400, "bad_request", "seed"},
      {R"({"model":"flux2","prompt":"x","seed":1.5})", 400, "bad_request", "seed"},
      {R"({"model":"flux2","prompt":"x","seed":"1"})", 400, "bad_request", "seed"},
      {R"({"model":"flux2","prompt":"x","priority":9})", 400, "bad_request", "priority"},
      {R"({"model":"flux2","prompt":"x","steps":["flux2"]})", 400, "bad_request", "steps"},
      {R"({"model":"flux2","prompt":"x","options":{"steps":9}})", 400, "bad_request",
       "options.steps"},
      {R"({"model":"flux2","prompt":"x","options":[]})", 400, "bad_request", "options"},
      {R"(["model"])", 400, "bad_request", "body"},
      {R"({"model":"flux2")", 400, "bad_request", "body"},
      {R"({"model":"flux2","prompt":"x"} x)", 400, "bad_request", "body"},
      {R"({"model":"flux2","prompt":"x","options":{"a":[[[[[[[[[[1]]]]]]]]]]}})", 400,
       "bad_request", "body"},
      {"\"", 400, "bad_request", "body"},
  };
  for (const BadInput& input : inputs) {
    const Said said = post(input.body);
    EXPECT_EQ(said.status, input.status) << input.body;
    EXPECT_EQ(said.code(), input.code) << input.body;
    EXPECT_EQ(said.field(), input.field) << input.body << " → " << said.body;
    EXPECT_NE(said.detail(), "") << input.body;
  }
  EXPECT_TRUE(controller->asked().empty());
}

TEST_F(JobsTest, SaysWhereJsonIsMalformed) {
  const Said said = post(R"({"model":"flux2",!})");
  EXPECT_EQ(said.json().at("error").at("params").at("value").as_string(), "17");
}

TEST_F(JobsTest, TakesFourThousandCharactersHoweverManyBytes) {
  std::string prompt;
  for (int i = 0; i < 4000; ++i) prompt += "\xf0\x9f\x90\x8b";
  EXPECT_EQ(post(R"({"model":"flux2","prompt":")" + prompt + "\"}").status, 201);
  EXPECT_EQ(post(R"({"model":"flux2","prompt":")" + prompt + "\xf0\x9f\x90\x8b\"}").code(),
            "too_large");
}

TEST_F(JobsTest, TakesOnlyJson) {
  const std::string body = R"({"model":"flux2","prompt":"x"})";
  const Said form = post(body, {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(form.status, 400);
  EXPECT_EQ(form.field(), "Content-Type");
  EXPECT_EQ(post(body, {{"Content-Type", "text/plain"}}).status, 400);
  EXPECT_EQ(post(body, {{"Content-Type", "Application/JSON; charset=utf-8"}}).status, 201);
}

TEST_F(JobsTest, RefusesGreatBodies) {
  const Said said = post(R"({"model":"flux2","prompt":")" + std::string(70'000, 'x') + "\"}");
  EXPECT_EQ(said.status, 413);
  EXPECT_EQ(said.code(), "too_large");
  EXPECT_EQ(said.field(), "body");
}

TEST_F(JobsTest, MakesOneJobOfTheSameRequestTwice) {
  const std::string body = R"({"model":"flux2","prompt":"x"})";
  const Said first = post(body, {{"Idempotency-Key", "k 1"}});
  const Said again = post(body, {{"Idempotency-Key", "k 1"}});
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(first.json().at("id"), again.json().at("id"));
  EXPECT_EQ(again.header("location"), first.header("location"));
  const Said changed = post(R"({"model":"flux2","prompt":"y"})", {{"Idempotency-Key", "k 1"}});
  EXPECT_EQ(changed.status, 409);
  EXPECT_EQ(changed.code(), "conflict");
}

TEST_F(JobsTest, RefusesKeysThatCannotBeWritten) {
  const std::string body = R"({"model":"flux2","prompt":"x"})";
  for (const std::string& key : {std::string(129, 'k'), std::string(), std::string("k\xc3\xa4")}) {
    const Said said = post(body, {{"Idempotency-Key", key}});
    EXPECT_EQ(said.status, 400) << key;
    EXPECT_EQ(said.field(), "Idempotency-Key");
  }
  EXPECT_EQ(post(body, {{"Idempotency-Key", std::string(128, 'k')}}).status, 201);
}

TEST_F(JobsTest, PassesOnWhatTheControllerRefuses) {
  const std::vector<std::pair<ErrorCode, int>> refusals = {
      {ErrorCode::paused, 409},     {ErrorCode::out_of_focus, 409}, {ErrorCode::misfit, 409},
      {ErrorCode::ended, 410},      {ErrorCode::queue_full, 429},   {ErrorCode::disk_full, 507},
      {ErrorCode::not_started, 409}};
  for (const auto& [code, status] : refusals) {
    controller->refuse_next({code, "because", "3"});
    const Said said = post(R"({"model":"flux2","prompt":"x"})");
    EXPECT_EQ(said.status, status);
    EXPECT_EQ(said.code(), error_name(code));
    EXPECT_EQ(said.json().at("error").at("params").at("value").as_string(), "3");
  }
}

TEST_F(JobsTest, HidesTheWorkOfOthers) {
  EXPECT_EQ(ask("GET", "/jobs/j2", participant).status, 200);
  for (const std::string& foreign : {other, stranger, application}) {
    EXPECT_EQ(ask("GET", "/jobs/j2", foreign).status, 404);
    EXPECT_EQ(ask("DELETE", "/jobs/j2", foreign).status, 404);
    EXPECT_EQ(ask("POST", "/jobs/j2/edit", foreign, R"({"prompt":"mine"})").status, 404);
    EXPECT_EQ(ask("POST", "/jobs/j1/retry", foreign).status, 404);
  }
  EXPECT_EQ(ask("GET", "/jobs/j3", leader).status, 404);
  EXPECT_EQ(ask("DELETE", "/jobs/j3", leader).status, 404);
  EXPECT_EQ(ask("GET", "/jobs/j3", admin).status, 200);
  EXPECT_TRUE(controller->asked().empty());
  for (const char* id : {"j99", "j0", "j02", "2", "j", "j2x", "j-1", "j99999999999999999999999"}) {
    EXPECT_EQ(ask("GET", std::string("/jobs/") + id, participant).status, 404) << id;
  }
}

TEST_F(JobsTest, ShowsWordsToThePersonAndTheLeaderOnly) {
  const auto prompt = [this](const std::string& token) {
    return ask("GET", "/jobs/j2", token).json().at("prompt");
  };
  EXPECT_EQ(prompt(participant).as_string(), "a whale of job 2");
  EXPECT_EQ(prompt(leader).as_string(), "a whale of job 2");
  EXPECT_TRUE(prompt(admin).is_null());
}

TEST_F(JobsTest, ListsOwnJobsOrTheWorkshopsNewestFirst) {
  const auto ids = [this](const std::string& token, const std::string& query = {}) {
    std::string out;
    const boost::json::value answer = ask("GET", "/jobs" + query, token).json();
    for (const auto& job : answer.at("jobs").as_array()) {
      out += std::string(job.at("id").as_string()) + " ";
    }
    return out;
  };
  EXPECT_EQ(ids(participant), "j2 j1 ");
  EXPECT_EQ(ids(participant, "?limit=1"), "j2 ");
  EXPECT_EQ(ids(other), "");
  EXPECT_EQ(ids(leader), "j2 j1 ");
  EXPECT_EQ(ids(admin), "j3 j2 j1 ");
  for (const char* limit : {"0", "-1", "x", "1001", "", "1x"}) {
    const Said said = ask("GET", std::string("/jobs?limit=") + limit, participant);
    EXPECT_EQ(said.status, 400) << limit;
    EXPECT_EQ(said.field(), "limit");
  }
}

TEST_F(JobsTest, TellsEstimatesInSecondsFromNow) {
  now_us += 1'000'000;
  const boost::json::value job = ask("GET", "/jobs/j2", participant).json();
  EXPECT_EQ(boost::json::serialize(job.at("eta").at("low_s")), "1.5E0");
  EXPECT_EQ(job.at("eta").at("high_s").to_number<double>(), 139);
  EXPECT_EQ(job.at("eta_load_s").to_number<double>(), 20);
  EXPECT_EQ(job.at("queued_ms").as_int64(), 1000);
  EXPECT_EQ(job.at("load").at("since_ms").as_int64(), 5000);
  now_us += 600'000'000;
  const boost::json::value late = ask("GET", "/jobs/j2", participant).json();
  EXPECT_EQ(late.at("eta").at("high_s").to_number<double>(), 0);
}

TEST_F(JobsTest, TellsWaitingBeforeALoadFromTheLoad) {
  controller->change_job(JobId(2), [](controller::JobView& view) {
    view.state = JobState::loading;
    view.load->since = Instant{kStartUs + 3'000'000};
  });
  now_us += 10'000'000;
  const boost::json::value job = ask("GET", "/jobs/j2", participant).json();
  EXPECT_EQ(job.at("queued_ms").as_int64(), 3000);
  EXPECT_EQ(job.at("load_ms").as_int64(), 7000);
  EXPECT_EQ(job.at("run_ms").as_int64(), 0);
}

TEST_F(JobsTest, TellsWhenCollectedTextsBeginAtTheLatest) {
  const boost::json::value other = ask("GET", "/jobs/j2", participant).json();
  EXPECT_TRUE(other.at("texts_begin_s").is_null());
  controller->change_job(JobId(2), [](controller::JobView& view) {
    view.waiting_for = WaitingFor::text_batch;
    view.texts_begin_by = Instant{kStartUs + 25'000'000};
  });
  now_us += 10'000'000;
  const boost::json::value job = ask("GET", "/jobs/j2", participant).json();
  EXPECT_EQ(job.at("waiting_for").as_string(), "text_batch");
  EXPECT_EQ(job.at("texts_begin_s").to_number<double>(), 15);
  now_us += 60'000'000;
  const boost::json::value late = ask("GET", "/jobs/j2", participant).json();
  EXPECT_EQ(late.at("texts_begin_s").to_number<double>(), 0);
}

TEST_F(JobsTest, CancelsAndLeavesWhatIsOver) {
  const Said mine = ask("DELETE", "/jobs/j2", participant);
  EXPECT_EQ(mine.status, 200);
  EXPECT_EQ(mine.json().at("state").as_string(), "cancelled");
  EXPECT_EQ(mine.json().at("cancelled_by").as_string(), "person");
  EXPECT_EQ(ask("DELETE", "/jobs/j1", participant).json().at("state").as_string(), "done");
  EXPECT_EQ(controller->asked(), std::vector<std::string>{"cancel"});
}

TEST_F(JobsTest, LetsTheLeaderCancel) {
  EXPECT_EQ(ask("DELETE", "/jobs/j2", leader).json().at("cancelled_by").as_string(), "leader");
}

TEST_F(JobsTest, EditsOnlyWhatWaits) {
  const Said edited = ask("POST", "/jobs/j2/edit", participant, R"({"prompt":"two whales"})");
  EXPECT_EQ(edited.status, 200);
  EXPECT_EQ(edited.json().at("prompt").as_string(), "two whales");
  EXPECT_EQ(ask("POST", "/jobs/j1/edit", participant, R"({"prompt":"x"})").code(), "conflict");
  EXPECT_EQ(ask("POST", "/jobs/j2/edit", participant, "{}").field(), "prompt");
}

TEST_F(JobsTest, TriesAgainWithTheSameOrAnotherText) {
  const Said same = ask("POST", "/jobs/j1/retry", participant);
  ASSERT_EQ(same.status, 201);
  EXPECT_EQ(same.json().at("edited_from").as_string(), "j1");
  EXPECT_EQ(same.json().at("prompt").as_string(), "a whale of job 1");
  const Said changed = ask("POST", "/jobs/j1/retry", participant, R"({"prompt":"a seal"})");
  EXPECT_EQ(changed.json().at("prompt").as_string(), "a seal");
  EXPECT_EQ(ask("POST", "/jobs/j2/retry", participant).code(), "conflict");
}

TEST_F(JobsTest, TriesAgainForThePersonWhenTheLeaderAsks) {
  EXPECT_EQ(ask("POST", "/jobs/j1/retry", leader).status, 201);
  EXPECT_EQ(controller->last_submit()->actor.role, Role::leader);
  EXPECT_EQ(controller->last_submit()->actor.person, PersonId(1));
}

TEST_F(JobsTest, CannotTryAgainOnceTheTextIsGone) {
  controller->change_job(JobId(1), [](controller::JobView& view) { view.prompt = nullptr; });
  EXPECT_EQ(ask("POST", "/jobs/j1/retry", participant).code(), "conflict");
  EXPECT_EQ(ask("POST", "/jobs/j1/retry", participant, R"({"prompt":"anew"})").status, 201);
}

TEST_F(JobsTest, MovesAndReleasesForTheLeader) {
  EXPECT_EQ(ask("POST", "/jobs/j2/move", leader, R"({"to":"front"})").json().at("ahead").as_int64(),
            0);
  EXPECT_EQ(ask("POST", "/jobs/j2/move", leader, R"({"to":"back"})").field(), "to");
  EXPECT_TRUE(ask("POST", "/jobs/j1/release", leader, R"({"released":true})")
                  .json()
                  .at("released")
                  .as_bool());
  EXPECT_EQ(ask("POST", "/jobs/j1/release", leader, R"({"released":"yes"})").field(), "released");
  EXPECT_EQ(ask("POST", "/jobs/j1/release", leader, "{}").field(), "released");
}

}  // namespace
}  // namespace stoker::api
