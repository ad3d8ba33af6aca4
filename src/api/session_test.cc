// Coming in, being known, being kept out.
#include "api/api_fixture_test.h"
#include "api/router.h"

namespace stoker::api {
namespace {

class SessionTest : public ApiTest {};

TEST_F(SessionTest, SaysWhatItIsWithoutAToken) {
  const Said said = ask("GET", "/meta");
  EXPECT_EQ(said.status, 200);
  const boost::json::value meta = said.json();
  EXPECT_EQ(meta.at("name").as_string(), "stoker");
  EXPECT_EQ(meta.at("version").as_string(), "1.2.3");
  EXPECT_EQ(meta.at("workshop").at("id").as_string(), "w1");
  EXPECT_EQ(meta.at("simulated").as_bool(), true);
}

TEST_F(SessionTest, CarriesSafetyHeadersOnEveryAnswer) {
  for (const Said& said :
       {ask("GET", "/meta"), ask("GET", "/nothing"), ask("GET", "/me"), ask("OPTIONS", "/jobs")}) {
    EXPECT_EQ(said.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(said.header("cache-control"), "no-store");
    EXPECT_EQ(said.header("referrer-policy"), "no-referrer");
    EXPECT_EQ(said.header("cross-origin-resource-policy"), "same-origin");
  }
}

TEST_F(SessionTest, ServesItsDescriptionAndCatalogues) {
  EXPECT_EQ(ask("GET", "/openapi.json").body, OpenApi::get().text());
  EXPECT_EQ(ask("GET", "/messages/de").body, R"({"send":"Senden"})");
  EXPECT_EQ(ask("GET", "/messages/tlh").status, 404);
}

TEST_F(SessionTest, LetsPeopleInWithTheCode) {
  const Said said = ask("POST", "/join", {},
                        R"({"code":" FLAMES ","group":"g1","symbol":{"animal":3,"colour":7}})");
  ASSERT_EQ(said.status, 201);
  const std::string token(said.json().at("token").as_string());
  EXPECT_EQ(token.size(), 47U);
  EXPECT_TRUE(token.starts_with("stk_"));
  EXPECT_EQ(said.json().at("symbol").at("animal").as_int64(), 3);
  EXPECT_EQ(said.json().at("group").as_string(), "g1");
  const Said me = ask("GET", "/me", token);
  ASSERT_EQ(me.status, 200);
  EXPECT_EQ(me.json().at("person").as_string(), said.json().at("person").as_string());
  EXPECT_TRUE(me.json().at("can_send").as_bool());
}

TEST_F(SessionTest, KeepsOutThoseWithAnotherCode) {
  const Said said = ask("POST", "/join", {}, R"({"code":"WRONGX"})");
  EXPECT_EQ(said.status, 403);
  EXPECT_EQ(said.code(), "wrong_code");
}

TEST_F(SessionTest, PassesOnWhyNobodyMayJoin) {
  controller->refuse_next({ErrorCode::ended, "over"});
  const Said said = ask("POST", "/join", {}, R"({"code":"FLAMES"})");
  EXPECT_EQ(said.status, 410);
  EXPECT_EQ(said.code(), "ended");
}

TEST_F(SessionTest, LimitsAttemptsPerAddress) {
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(ask("POST", "/join", {}, R"({"code":"FLAMES"})").status, 201);
  const Said said = ask("POST", "/join", {}, R"({"code":"FLAMES"})");
  EXPECT_EQ(said.status, 429);
  EXPECT_EQ(said.code(), "limit_reached");
  EXPECT_EQ(said.header("retry-after"), "2");
  EXPECT_EQ(said.json().at("error").at("retry_after_s").as_int64(), 2);
  now_us += 2'000'001;
  EXPECT_EQ(ask("POST", "/join", {}, R"({"code":"FLAMES"})").status, 201);
}

TEST_F(SessionTest, LimitsWrongCodesOfAllTogether) {
  Options options = default_options();
  options.wrong_code_rate = {.per_second = 1, .burst = 2};
  restart(options);
  EXPECT_EQ(ask("POST", "/join", {}, R"({"code":"FLAMES"})").status, 201);
  EXPECT_EQ(ask("POST", "/join", {}, R"({"code":"A"})").code(), "wrong_code");
  EXPECT_EQ(ask("POST", "/join", {}, R"({"code":"B"})").code(), "wrong_code");
  EXPECT_EQ(ask("POST", "/join", {}, R"({"code":"FLAMES"})").code(), "limit_reached");
  now_us += 1'000'001;
  EXPECT_EQ(ask("POST", "/join", {}, R"({"code":"FLAMES"})").status, 201);
}

TEST_F(SessionTest, LimitsRequestsPerToken) {
  Options options = default_options();
  options.request_rate = {.per_second = 50, .burst = 3};
  restart(options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("GET", "/me", participant).status, 200);
  EXPECT_EQ(ask("GET", "/me", participant).status, 429);
  EXPECT_EQ(ask("GET", "/me", other).status, 200);
  now_us += 20'001;
  EXPECT_EQ(ask("GET", "/me", participant).status, 200);
}

TEST_F(SessionTest, KnowsNobodyWithoutAToken) {
  const Said none = ask("GET", "/me");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.code(), "unauthorised");
  EXPECT_EQ(none.header("www-authenticate"), "Bearer");
  EXPECT_EQ(ask("GET", "/me", make_token()).status, 401);
  EXPECT_EQ(ask("GET", "/me", {}, {}, {{"Authorization", "Basic " + participant}}).status, 401);
  EXPECT_EQ(ask("GET", "/me", {}, {}, {{"Authorization", participant}}).status, 401);
  EXPECT_EQ(ask("GET", "/me", {}, {}, {{"Authorization", "bearer " + participant}}).status, 200);
}

TEST_F(SessionTest, ForgetsWhoLeaves) {
  EXPECT_EQ(ask("POST", "/leave", participant).status, 204);
  EXPECT_EQ(ask("GET", "/me", participant).status, 401);
}

TEST_F(SessionTest, TellsWhyOneMayNotSend) {
  controller->change_workshop(WorkshopId(1), [](controller::WorkshopView& view) {
    view.state = WorkshopState::paused;
    view.intake_open = false;
    view.outstanding_max = 1;
    view.waiting = view.queue_max;
  });
  controller->change([](controller::Snapshot& s) { s.free_bytes = 1; });
  const boost::json::value me = ask("GET", "/me", participant).json();
  EXPECT_FALSE(me.at("can_send").as_bool());
  EXPECT_EQ(boost::json::serialize(me.at("why_not")),
            R"(["paused","intake_closed","limit_reached","queue_full","disk_full"])");
  EXPECT_EQ(me.at("outstanding").as_int64(), 1);
}

TEST_F(SessionTest, TakesATicketOnce) {
  const Said issued = ask("POST", "/tickets", participant);
  ASSERT_EQ(issued.status, 201);
  EXPECT_EQ(issued.json().at("expires_s").as_int64(), 60);
  const std::string ticket(issued.json().at("ticket").as_string());
  EXPECT_EQ(ask("GET", "/jobs/j1/results/0?ticket=" + ticket).status, 200);
  EXPECT_EQ(ask("GET", "/jobs/j1/results/0?ticket=" + ticket).status, 401);
}

TEST_F(SessionTest, ForgetsATicketAfterAMinute) {
  const std::string ticket(ask("POST", "/tickets", participant).json().at("ticket").as_string());
  now_us += 60'000'000;
  EXPECT_EQ(ask("GET", "/jobs/j1/results/0?ticket=" + ticket).status, 401);
}

TEST_F(SessionTest, GivesATicketNoMoreThanItsToken) {
  const std::string theirs(ask("POST", "/tickets", other).json().at("ticket").as_string());
  EXPECT_EQ(ask("GET", "/jobs/j1/results/0?ticket=" + theirs).status, 404);
  const std::string revoked(ask("POST", "/tickets", participant).json().at("ticket").as_string());
  controller->change_tokens(
      [&](controller::TokenTable& table) { table.erase(hash_of(participant)); });
  EXPECT_EQ(ask("GET", "/jobs/j1/results/0?ticket=" + revoked).status, 401);
}

TEST_F(SessionTest, TakesTicketsOnlyWhereNoHeaderCanBeSent) {
  const std::string ticket(ask("POST", "/tickets", participant).json().at("ticket").as_string());
  EXPECT_EQ(ask("GET", "/me?ticket=" + ticket).status, 401);
  EXPECT_EQ(ask("GET", "/jobs?ticket=" + ticket).status, 401);
}

TEST_F(SessionTest, AnswersOnlyToItsOwnNames) {
  const auto with_host = [this](const std::string& host) {
    return ask("GET", "/meta", {}, {}, {{"Host", host}});
  };
  EXPECT_EQ(with_host("127.0.0.1:8420").status, 200);
  EXPECT_EQ(with_host("[::1]:8420").status, 200);
  EXPECT_EQ(with_host("evil.example").status, 403);
  EXPECT_EQ(with_host("evil.example").field(), "Host");
  EXPECT_EQ(with_host("192.168.1.20").status, 403);
}

TEST_F(SessionTest, KeepsOtherSitesOut) {
  const auto from = [this](const std::string& origin) {
    return ask("GET", "/meta", {}, {}, {{"Origin", origin}});
  };
  EXPECT_EQ(from("http://localhost:8420").status, 200);
  EXPECT_EQ(from("https://localhost:8420").status, 200);
  for (const char* origin :
       {"http://localhost:9999", "http://evil.example", "null", "file://", "http://localhost"}) {
    EXPECT_EQ(from(origin).status, 403) << origin;
    EXPECT_EQ(from(origin).field(), "Origin");
  }
}

TEST_F(SessionTest, SaysWhatAPathTakes) {
  const Said wrong = ask("PUT", "/jobs", participant);
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.code(), "bad_request");
  EXPECT_EQ(wrong.header("allow"), "GET, HEAD, POST, OPTIONS");
  const Said options = ask("OPTIONS", "/jobs");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(options.header("access-control-allow-origin"), "");
  const Said head = ask("HEAD", "/meta");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_NE(head.header("content-length"), "0");
}

TEST_F(SessionTest, GivesAStateToThoseWhoPoll) {
  const Said mine = ask("GET", "/state?topic=me", participant);
  ASSERT_EQ(mine.status, 200);
  const boost::json::value state = mine.json();
  const auto& entities = state.at("entities").as_object();
  EXPECT_EQ(entities.at("job").as_object().size(), 2U);
  EXPECT_TRUE(entities.at("workshop").at("w1").at("join_code").is_null());
  EXPECT_FALSE(entities.at("model").as_object().contains("guard"));
  EXPECT_FALSE(entities.contains("queue"));
  EXPECT_EQ(ask("GET", "/state?topic=workshop", participant).status, 403);
  EXPECT_EQ(ask("GET", "/state?topic=nothing", participant).status, 400);
  EXPECT_EQ(ask("GET", "/state?topic=workshop", leader).status, 200);
  EXPECT_EQ(ask("GET", "/state?topic=board", board).status, 200);
  EXPECT_EQ(ask("GET", "/state?topic=admin", admin).status, 200);
  EXPECT_EQ(ask("GET", "/state?topic=admin", leader).status, 403);
  EXPECT_EQ(ask("GET", "/state?topic=workshop&workshop=w2", leader).status, 404);
  EXPECT_EQ(ask("GET", "/state?topic=workshop&workshop=w2", admin).status, 200);
  EXPECT_EQ(ask("GET", "/state?topic=workshop", admin).status, 404);
}

// Every route with every role: allowed ones get past the door, all others do not.
TEST_F(SessionTest, LetsEachRoleDoWhatItMay) {
  Options options = default_options();
  options.request_rate = {.per_second = 1e6, .burst = 1e6};
  restart(options);
  const std::map<Role, std::string> tokens = {{Role::participant, participant},
                                              {Role::leader, leader},
                                              {Role::admin, admin},
                                              {Role::application, application},
                                              {Role::board, board}};
  for (const Route& route : all_routes()) {
    std::string path(route.pattern);
    for (const auto& [name, value] : std::map<std::string, std::string>{
             {"{job}", "j1"}, {"{workshop}", "w1"}, {"{n}", "0"}, {"{lang}", "de"}}) {
      if (const auto at = path.find(name); at != std::string::npos)
        path.replace(at, name.size(), value);
    }
    const std::string method(route.method);
    const std::string body = method == "GET" ? "" : "{\"unknown\":1}";
    if (route.credential == Credential::none) {
      EXPECT_NE(ask(method, path, {}, body).status, 401) << path;
      continue;
    }
    EXPECT_EQ(ask(method, path, {}, body).status, 401) << method << " " << path;
    for (const auto& [role, token] : tokens) {
      const Said said = ask(method, path, token, body);
      const bool allowed = (route.roles & role_bit(role)) != 0;
      EXPECT_EQ(said.status != 403 && said.status != 401, allowed)
          << method << " " << path << " as " << role_name(role) << ": " << said.status << said.body;
    }
    add_token(participant, {Role::participant, WorkshopId(1), PersonId(1)});
  }
}

}  // namespace
}  // namespace stoker::api
