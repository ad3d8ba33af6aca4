// Workshops and the machine, as leaders and admins see and set them.
#include "api/api_fixture_test.h"

namespace stoker::api {
namespace {

class WorkshopsTest : public ApiTest {};

TEST_F(WorkshopsTest, ShowsLeadersTheirsAndAdminsAll) {
  EXPECT_EQ(ask("GET", "/workshops", leader).json().at("workshops").as_array().size(), 1U);
  EXPECT_EQ(ask("GET", "/workshops", admin).json().at("workshops").as_array().size(), 2U);
  const boost::json::value own = ask("GET", "/workshops/w1", leader).json();
  EXPECT_EQ(own.at("join_code").as_string(), "FLAMES");
  EXPECT_EQ(own.at("longest_wait_s").to_number<double>(), 90);
  EXPECT_EQ(ask("GET", "/workshops/w2", leader).status, 404);
  EXPECT_EQ(ask("GET", "/workshops/w9", admin).status, 404);
}

TEST_F(WorkshopsTest, CreatesOneAndShowsItsTokensOnce) {
  const Said said = ask(
      "POST", "/workshops", admin,
      R"({"title":"Sommer","focus":["flux2"],"head_count":12,"groups":[{"title":"A","focus":["sd35"]},
                            {"title":"B"}],"outstanding_max":2,"misfit":"turns","starts_at_ms":1769680800000,
                            "ends_at_ms":1769690800000,"retention_days":3})");
  ASSERT_EQ(said.status, 201);
  EXPECT_EQ(said.header("location"), "/api/v1/workshops/w7");
  const auto command = controller->last_create();
  EXPECT_EQ(command->title, "Sommer");
  EXPECT_EQ(command->focus, std::vector{ModelId(1)});
  ASSERT_EQ(command->groups.size(), 2U);
  EXPECT_EQ(command->groups[0].focus, std::vector{ModelId(2)});
  EXPECT_EQ(command->settings.head_count, 12U);
  EXPECT_EQ(command->settings.misfit, MisfitRule::turns);
  EXPECT_EQ(command->leader_token,
            hash_of(std::string_view(said.json().at("leader_token").as_string())));
  EXPECT_EQ(command->board_token,
            hash_of(std::string_view(said.json().at("board_token").as_string())));
  EXPECT_NE(command->leader_token, command->board_token);
}

TEST_F(WorkshopsTest, WaitsForAPublicationThatShowsTheWorkshop) {
  EXPECT_EQ(ask_ahead("create_workshop", "POST", "/workshops", admin, R"({"title":"x"})").status,
            201);
  EXPECT_EQ(ask_ahead("act_on_workshop", "POST", "/workshops/w1/pause", leader, {})
                .json()
                .at("state")
                .as_string(),
            "paused");
}

struct BadSetting {
  const char* body;
  int status;
  const char* field;
};

TEST_F(WorkshopsTest, RefusesBadSettingsByName) {
  const std::vector<BadSetting> inputs = {
      {"{}", 400, "title"},
      {R"({"title":""})", 400, "title"},
      {R"({"title":"a\nb"})", 400, "title"},
      {R"({"title":"x","head_count":0})", 400, "head_count"},
      {R"({"title":"x","head_count":201})", 400, "head_count"},
      {R"({"title":"x","head_count":"9"})", 400, "head_count"},
      {R"({"title":"x","outstanding_max":51})", 400, "outstanding_max"},
      {R"({"title":"x","misfit":"maybe"})", 400, "misfit"},
      {R"({"title":"x","focus":"flux2"})", 400, "focus"},
      {R"({"title":"x","focus":["nothing"]})", 404, "focus"},
      {R"({"title":"x","groups":[{"focus":[]}]})", 400, "groups[0].title"},
      {R"({"title":"x","groups":[{"title":"A"},{"title":"B","people":3}]})", 400,
       "groups[1].people"},
      {R"({"title":"x","groups":[1]})", 400, "groups"},
      {R"({"title":"x","starts_at_ms":9,"ends_at_ms":9})", 400, "ends_at_ms"},
      {R"({"title":"x","retention_days":400})", 400, "retention_days"},
      {R"({"title":"x","age":12})", 400, "age"},
  };
  for (const BadSetting& input : inputs) {
    const Said said = ask("POST", "/workshops", admin, input.body);
    EXPECT_EQ(said.status, input.status) << input.body;
    EXPECT_EQ(said.field(), input.field) << input.body << said.body;
  }
  const std::string long_title = R"({"title":")" + std::string(81, 'x') + "\"}";
  EXPECT_EQ(ask("POST", "/workshops", admin, long_title).code(), "too_large");
  EXPECT_TRUE(controller->asked().empty());
}

TEST_F(WorkshopsTest, ChangesOnlyWhatIsNamed) {
  const Said said = ask("PATCH", "/workshops/w1", leader,
                        R"({"intake_open":false,"board_message":"Pause\nbis 11"})");
  EXPECT_EQ(said.status, 200);
  EXPECT_FALSE(said.json().at("intake_open").as_bool());
  EXPECT_EQ(said.json().at("board_message").as_string(), "Pause\nbis 11");
  EXPECT_EQ(said.json().at("title").as_string(), "Farben");
  EXPECT_EQ(ask("PATCH", "/workshops/w1", leader, R"({"state":"ended"})").field(), "state");
  EXPECT_EQ(ask("PATCH", "/workshops/w2", leader, "{}").status, 404);
}

TEST_F(WorkshopsTest, GoesThroughItsStates) {
  const auto act = [this](const std::string& what) {
    const Said said = ask("POST", "/workshops/w1/" + what, leader);
    return std::to_string(said.status) + " " + std::string(said.json().at("state").as_string());
  };
  EXPECT_EQ(act("warm"), "202 warming");
  EXPECT_EQ(act("start"), "200 running");
  EXPECT_EQ(act("pause"), "200 paused");
  EXPECT_EQ(act("resume"), "200 running");
  EXPECT_EQ(act("end"), "200 ended");
  EXPECT_EQ(ask("POST", "/workshops/w1/start", leader, R"({"now":true})").field(), "now");
}

TEST_F(WorkshopsTest, ChecksAPlan) {
  const Said said =
      ask("POST", "/workshops/w1/check", leader, R"({"focus":["flux2","wan22"],"head_count":15})");
  ASSERT_EQ(said.status, 200);
  const boost::json::value check = said.json();
  EXPECT_EQ(check.at("verdict").as_string(), "misfit");
  EXPECT_EQ(check.at("too_much_mib").as_int64(), 18'000);
  EXPECT_EQ(check.at("models").as_array().size(), 2U);
  EXPECT_EQ(check.at("ways_out").at(0).at("drop").as_string(), "flux2");
  EXPECT_EQ(check.at("ways_out").at(0).at("needed_mib").as_int64(), 92'000);
  EXPECT_EQ(ask("POST", "/workshops/w1/check", leader).json().at("models").as_array().size(), 2U);
}

TEST_F(WorkshopsTest, ShowsWhatANewFocusWouldDo) {
  const Said said = ask("POST", "/workshops/w1/focus?preview=1", leader, R"({"focus":["wan22"]})");
  ASSERT_EQ(said.status, 200);
  EXPECT_EQ(boost::json::serialize(said.json().at("unload")), R"(["flux2"])");
  EXPECT_EQ(said.json().at("load").at(0).at("model").as_string(), "wan22");
  EXPECT_EQ(said.json().at("takes").at("high_s").to_number<double>(), 40);
  EXPECT_TRUE(controller->asked().empty());
}

TEST_F(WorkshopsTest, SetsTheFocusOfAllOrOfAGroup) {
  const Said all = ask("POST", "/workshops/w1/focus", leader, R"({"focus":["wan22","wan22"]})");
  EXPECT_EQ(boost::json::serialize(all.json().at("focus")), R"(["wan22"])");
  const Said group =
      ask("POST", "/workshops/w1/focus", leader, R"({"focus":["sd35"],"group":"g1"})");
  EXPECT_EQ(boost::json::serialize(group.json().at("groups").at(0).at("focus")), R"(["sd35"])");
  EXPECT_EQ(
      ask("POST", "/workshops/w1/focus", leader, R"({"focus":["sd35"],"group":"g2"})").field(),
      "group");
  EXPECT_EQ(ask("POST", "/workshops/w1/focus", leader, "{}").field(), "focus");
}

TEST_F(WorkshopsTest, DeletesOnlyWithItsTitle) {
  EXPECT_EQ(ask("DELETE", "/workshops/w1", leader).field(), "confirm");
  EXPECT_EQ(ask("DELETE", "/workshops/w1", leader, R"({"confirm":"farben"})").field(), "confirm");
  EXPECT_TRUE(controller->asked().empty());
  const Said said = ask("DELETE", "/workshops/w1", leader, R"({"confirm":"Farben"})");
  EXPECT_EQ(said.status, 200);
  EXPECT_EQ(said.json().at("files").as_int64(), 2);
}

TEST_F(WorkshopsTest, GivesTheBoardALinkOfItsOwn) {
  const Said said = ask("POST", "/workshops/w1/board", leader);
  ASSERT_EQ(said.status, 201);
  const std::string token(said.json().at("board_token").as_string());
  EXPECT_EQ(ask("GET", "/state?topic=board", token).status, 200);
  EXPECT_EQ(ask("GET", "/workshops", token).status, 403);
}

TEST_F(WorkshopsTest, ShowsTheMachine) {
  EXPECT_EQ(ask("GET", "/models", participant).json().at("models").as_array().size(), 3U);
  EXPECT_EQ(ask("GET", "/models", leader).json().at("models").as_array().size(), 4U);
  const boost::json::value backend = ask("GET", "/backends", leader).json().at("backends").at(0);
  EXPECT_EQ(backend.at("id").as_string(), "images");
  EXPECT_EQ(backend.at("since_ms").as_int64(), 5000);
  EXPECT_EQ(ask("GET", "/residency", admin).json().at("devices").at(0).at("used_mib").as_int64(),
            30'000);
  EXPECT_EQ(ask("GET", "/ledger", leader).json().at("entries").as_array().size(), 3U);
  const boost::json::value last = ask("GET", "/ledger?limit=1", leader).json().at("entries");
  ASSERT_EQ(last.as_array().size(), 1U);
  EXPECT_EQ(last.at(0).at("id").as_string(), "e3");
  EXPECT_EQ(last.at(0).at("took_s").to_number<double>(), 12.3);
  EXPECT_EQ(ask("GET", "/ledger?limit=501", leader).status, 400);
}

TEST_F(WorkshopsTest, ExplainsWhereTimeWasLost) {
  controller->change_job(JobId(2), [](controller::JobView& view) {
    view.state = JobState::failed;
    view.error = ErrorCode::run_timeout;
    view.running = seconds(300);
  });
  const boost::json::value own = ask("GET", "/diagnosis", leader).json();
  EXPECT_EQ(own.at("failures").as_array().size(), 1U);
  EXPECT_EQ(own.at("failures").at(0).at("stage").as_string(), "run");
  EXPECT_EQ(own.at("failures").at(0).at("kind").as_string(), "timeout");
  EXPECT_EQ(own.at("findings").at(0).at("kind").as_string(), "timeout");
  EXPECT_EQ(own.at("waits").at(0).at("load").at("median_s").to_number<double>(), 20);
  EXPECT_TRUE(ask("GET", "/diagnosis?workshop=w2", admin).json().at("failures").as_array().empty());
  EXPECT_EQ(ask("GET", "/diagnosis?workshop=w2", leader).status, 404);
}

TEST_F(WorkshopsTest, PreloadsForTheAdmin) {
  const boost::json::value history =
      ask("GET", "/residency/history?device=d1&minutes=5", admin).json();
  const boost::json::value& point = history.at("points").at(0);
  EXPECT_EQ(point.at("mark"), "after_load");
  EXPECT_EQ(point.at("used_mib"), 40'000);
  EXPECT_EQ(point.at("backends").at(0).at("mib"), 300);
  EXPECT_EQ(ask("GET", "/residency/history?device=none", admin).code(), "not_found");
  EXPECT_EQ(ask("GET", "/residency/history?device=d1&minutes=61", admin).status, 400);
  const Said said = ask("PUT", "/residency/preload", admin, R"({"models":["flux2","wan22"]})");
  EXPECT_EQ(said.status, 202);
  EXPECT_EQ(boost::json::serialize(said.json().at("models")), R"(["flux2","wan22"])");
  EXPECT_EQ(ask("PUT", "/residency/preload", admin, R"({"models":["x"]})").code(), "unknown_model");
  EXPECT_EQ(ask("PUT", "/residency/preload", admin, "{}").field(), "models");
}

}  // namespace
}  // namespace stoker::api
