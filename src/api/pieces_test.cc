// The small parts by themselves.
#include <gtest/gtest.h>

#include <set>

#include "api/json_writer.h"
#include "api/origin.h"
#include "api/qr.h"
#include "api/rate_limit.h"
#include "api/refusal.h"
#include "api/render_cache.h"
#include "api/tokens.h"
#include "api/wire_ids.h"

namespace stoker::api {
namespace {

TEST(JsonWriter, WritesNumbersAsPeopleDo) {
  JsonWriter json;
  json.begin_array().value(2.5).value(3.0).value(0.1).value(-1e-7).value(1e20).value(0.0);
  json.value(std::uint64_t{18446744073709551615ULL})
      .value(-7)
      .value(1.0 / 0.0)
      .value(std::optional<int>());
  EXPECT_EQ(json.end_array().take(),
            "[2.5,3,0.1,-0.0000001,1e+20,0,18446744073709551615,-7,null,null]");
}

TEST(JsonWriter, EscapesEverythingThatMayNotStand) {
  JsonWriter json;
  json.begin_object().field("a\"b", std::string("\\ \n \r \t \x01 \x1f / \xc3\xa4"));
  EXPECT_EQ(json.end_object().take(),
            "{\"a\\\"b\":\"\\\\ \\n \\u000d \\u0009 \\u0001 \\u001f / \xc3\xa4\"}");
}

TEST(JsonWriter, SeparatesValuesWhateverTheyEndIn) {
  JsonWriter json;
  json.begin_array()
      .value("[")
      .value("{")
      .value(":")
      .begin_object()
      .end_object()
      .begin_array()
      .end_array()
      .value(true);
  EXPECT_EQ(json.end_array().take(), R"(["[","{",":",{},[],true])");
}

TEST(Refusal, NamesFieldsForBadInputAndSubjectsOtherwise) {
  EXPECT_EQ(
      refusal_body(refusal_of({ErrorCode::bad_request, "is missing", "prompt"})),
      R"({"error":{"code":"bad_request","params":{"field":"prompt","detail":"is missing"}}})");
  Error error{ErrorCode::limit_reached, "", "3"};
  error.retry_after_s = 9;
  EXPECT_EQ(refusal_body(refusal_of(error)),
            R"({"error":{"code":"limit_reached","params":{"value":"3"},"retry_after_s":9}})");
}

TEST(Tokens, AreLongRandomAndDifferent) {
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) {
    const std::string token = make_token();
    EXPECT_EQ(token.size(), 47U);
    EXPECT_EQ(token.substr(0, 4), "stk_");
    EXPECT_EQ(token.substr(4).find_first_not_of(
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
    made.insert(token);
  }
  EXPECT_EQ(made.size(), 100U);
}

TEST(Tokens, HashLikeBlake2b) {
  // BLAKE2b-256 of "abc", as other implementations compute it.
  const TokenHash hash = hash_of("abc");
  EXPECT_EQ(hash[0], 0xbd);
  EXPECT_EQ(hash[1], 0xdd);
  EXPECT_EQ(hash[31], 0x19);
  EXPECT_TRUE(same_hash(hash, hash_of("abc")));
  EXPECT_FALSE(same_hash(hash, hash_of("abd")));
}

TEST(Tickets, AreBoundedAndFreedByUseOrTime) {
  TicketTable table;
  const TokenHash token = hash_of("t");
  std::string last;
  for (std::size_t i = 0; i < kTicketsMax; ++i) last = *table.issue(token, Instant{0});
  const auto refused = table.issue(token, Instant{0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::limit_reached);
  EXPECT_EQ(table.redeem(last, Instant{1}), token);
  EXPECT_EQ(table.redeem(last, Instant{1}), std::nullopt);
  EXPECT_TRUE(table.issue(token, Instant{1}));
  EXPECT_TRUE(table.issue(token, Instant{} + kTicketLife));
  EXPECT_EQ(table.size(), 2U);  // the one of instant 1 and the newest
}

TEST(RateLimit, AllowsABurstAndThenARate) {
  RateLimit<int> limit({.per_second = 2, .burst = 3}, 10);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take(1, Instant{0}), std::nullopt);
  const auto wait = limit.take(1, Instant{0});
  ASSERT_TRUE(wait.has_value());
  EXPECT_EQ(retry_seconds(*wait), 1);
  EXPECT_EQ(limit.take(2, Instant{0}), std::nullopt);
  EXPECT_EQ(limit.take(1, Instant{500'001}), std::nullopt);
  EXPECT_NE(limit.take(1, Instant{500'001}), std::nullopt);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take(1, Instant{60'000'000}), std::nullopt);
  EXPECT_NE(limit.take(1, Instant{60'000'000}), std::nullopt);
}

TEST(RateLimit, ForgetsWhoWasAwayForLongest) {
  RateLimit<int> limit({.per_second = 0.001, .burst = 1}, 3);
  for (int key = 1; key <= 3; ++key) EXPECT_EQ(limit.take(key, Instant{0}), std::nullopt);
  EXPECT_NE(limit.take(1, Instant{0}), std::nullopt);
  EXPECT_EQ(limit.take(4, Instant{0}), std::nullopt);
  EXPECT_EQ(limit.size(), 3U);
  EXPECT_NE(limit.take(1, Instant{0}), std::nullopt);
  EXPECT_EQ(limit.take(2, Instant{0}), std::nullopt);
}

net::RequestHead head_with(std::string_view host, std::string_view origin = {}) {
  net::RequestHead head;
  if (!host.empty()) head.headers.add("Host", host);
  if (!origin.empty()) head.headers.add("Origin", origin);
  return head;
}

TEST(OriginCheck, TakesAddressesOnlyWhereOthersMayCall) {
  const OriginCheck here({.reach = Reach::loopback});
  const OriginCheck anywhere({.reach = Reach::network, .hosts = {"Stoker.Local"}});
  for (const char* host : {"192.168.1.20", "192.168.1.20:8420", "[fe80::1]", "[fe80::1]:8420"}) {
    EXPECT_FALSE(here.host_is_ours(head_with(host))) << host;
    EXPECT_TRUE(anywhere.host_is_ours(head_with(host))) << host;
  }
  for (const char* host :
       {"stoker.local", "STOKER.local:80", "localhost", "LOCALHOST:1", "127.0.0.1"}) {
    EXPECT_TRUE(anywhere.host_is_ours(head_with(host))) << host;
  }
  for (const char* host : {"", "evil.example", "192.168.1.20.evil.example",
                           "stoker.local.evil.example", "1.2.3", "1.2.3.4.5", "1.2.3.256",
                           "localhost:x", "[::1", "[nothing]", "localhost:80:80", "@localhost"}) {
    EXPECT_FALSE(anywhere.host_is_ours(head_with(host))) << host;
  }
}

TEST(OriginCheck, TakesConfiguredOrigins) {
  const OriginCheck check({.origins = {"https://workshop.example"}});
  EXPECT_TRUE(check.origin_is_ours(head_with("localhost", "https://workshop.example")));
  EXPECT_TRUE(check.origin_is_ours(head_with("localhost", "http://localhost")));
  EXPECT_FALSE(check.origin_is_ours(head_with("localhost", "http://workshop.example")));
  EXPECT_FALSE(check.origin_is_ours(head_with("localhost", "ftp://localhost")));
}

TEST(WireIds, ReadOnlyWhatTheyWrite) {
  EXPECT_EQ(wire_id(JobId(17)), "j17");
  EXPECT_EQ(id_from_wire<JobId>("j17"), JobId(17));
  for (const char* text : {"", "j", "17", "J17", "j017", "j0", "j+1", "j-1", "j 1", "j1 ", "p17",
                           "j18446744073709551616"}) {
    EXPECT_EQ(id_from_wire<JobId>(text), std::nullopt) << text;
  }
  EXPECT_EQ(id_from_wire<WorkshopId>("w4294967296"), std::nullopt);
}

TEST(QrPath, DrawsTheCornerInsideTheQuietZone) {
  const auto qr = qr_path("http://192.168.1.20:8420/?code=FLAMES");
  ASSERT_TRUE(qr);
  EXPECT_EQ(qr->size, 29U + 8U);  // version 3
  EXPECT_TRUE(qr->path.starts_with("M4 4h7v1h-7z"));
  EXPECT_FALSE(qr_path(std::string(5000, 'x')));
}

TEST(RenderCache, RendersAgainWhenTheSourceOrTheTickChanged) {
  RenderCache cache;
  int rendered = 0;
  const auto render = [&] { return std::to_string(++rendered); };
  const RenderCache::Key key{EntityKind::job, 1, 0};
  const auto view = std::make_shared<const int>(1);
  const Text first = cache.get(key, {view, nullptr}, render);
  EXPECT_EQ(cache.get(key, {view, nullptr}, render), first);
  EXPECT_EQ(*cache.get(key, {std::make_shared<const int>(1), nullptr}, render), "2");
  cache.next_tick();
  EXPECT_EQ(*cache.get(key, {view, nullptr}, render), "3");
}

TEST(RenderCache, KeepsTheOldTextWhenItReadsTheSame) {
  RenderCache cache;
  const auto render = [] { return std::string("same"); };
  const Text first = cache.get({}, {}, render);
  cache.next_tick();
  EXPECT_EQ(cache.get({}, {}, render), first);
}

TEST(RenderCache, DropsWhatNobodyAsksForAnyMore) {
  RenderCache cache;
  const auto render = [] { return std::string("x"); };
  cache.get({EntityKind::job, 1, 0}, {}, render);
  cache.get({EntityKind::job, 2, 0}, {}, render);
  cache.sweep();
  cache.get({EntityKind::job, 2, 0}, {}, render);
  cache.sweep();
  EXPECT_EQ(cache.size(), 1U);
}

}  // namespace
}  // namespace stoker::api
