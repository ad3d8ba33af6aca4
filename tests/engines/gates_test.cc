// Gates, lives and the log: what the engines of tests stand on.
#include "tests/engines/gates.h"

#include <gtest/gtest.h>

#include "tests/engines/answers.h"
#include "tests/engines/faults.h"
#include "tests/engines/request_log.h"

namespace stoker::engines {
namespace {

class Gated : public ::testing::Test {
 protected:
  // A task that passes the token gate `times` times and then says how often it was let through.
  void pass(Life& life, int times) {
    network_.spawn([](Gated& self, Life& of, int count) -> net::Task<void> {
      for (int i = 0; i < count; ++i) {
        if (!co_await self.gates_.pass(Gate::token, of)) break;
        ++self.passed_;
      }
      ++self.ended_;
      self.watch_.changed();
    }(*this, life, times));
  }
  template <class Work>
  auto on(Work work) {
    return on_network(network_, std::move(work));
  }

  net::Network network_;
  Watch watch_{network_};
  Gates gates_{network_, watch_};
  int passed_ = 0;
  int ended_ = 0;
};

TEST_F(Gated, AnOpenGateLetsEverythingThrough) {
  Life life;
  pass(life, 3);
  ASSERT_TRUE(watch_.wait_until([&] { return ended_ == 1; }));
  EXPECT_EQ(on([&] { return passed_; }), 3);
}

TEST_F(Gated, AHeldGateLetsThroughAsManyAsItIsStepped) {
  Life life;
  on([&] {
    gates_.hold(Gate::token);
    gates_.step(Gate::token, 1);
  });
  pass(life, 4);
  ASSERT_TRUE(watch_.wait_until([&] { return passed_ == 1 && gates_.waiting(Gate::token) == 1; }));
  on([&] { gates_.step(Gate::token, 2); });
  ASSERT_TRUE(watch_.wait_until([&] { return passed_ == 3 && gates_.waiting(Gate::token) == 1; }));
  on([&] { gates_.release(Gate::token); });
  ASSERT_TRUE(watch_.wait_until([&] { return ended_ == 1; }));
  EXPECT_EQ(on([&] { return passed_; }), 4);
}

TEST_F(Gated, TheEndOfALifeEndsItsWaitsAlone) {
  Life first;
  Life second;
  on([&] { gates_.hold(Gate::token); });
  pass(first, 1);
  pass(second, 1);
  ASSERT_TRUE(watch_.wait_until([&] { return gates_.waiting(Gate::token) == 2; }));
  on([&] { first.end(); });
  ASSERT_TRUE(watch_.wait_until([&] { return ended_ == 1 && gates_.waiting(Gate::token) == 1; }));
  EXPECT_EQ(on([&] { return passed_; }), 0);
  on([&] { gates_.release(Gate::token); });
  ASSERT_TRUE(watch_.wait_until([&] { return ended_ == 2; }));
  EXPECT_EQ(on([&] { return passed_; }), 1);
}

TEST_F(Gated, ALifeThatHasEndedPassesNothing) {
  Life life;
  on([&] { life.end(); });
  pass(life, 1);
  ASSERT_TRUE(watch_.wait_until([&] { return ended_ == 1; }));
  EXPECT_EQ(on([&] { return passed_; }), 0);
  bool told = false;
  on([&] { life.on_end([&] { told = true; }); });
  EXPECT_TRUE(told);
}

TEST(EngineFaults, StrikeForTheirPathWhenDueAsOftenAsTold) {
  Faults faults;
  faults.set({.kind = FaultKind::cut_stream, .after = 2, .path = "/a", .times = 1});
  EXPECT_FALSE(faults.take(FaultKind::cut_stream, "/b", 5));
  EXPECT_FALSE(faults.take(FaultKind::cut_stream, "/a", 1));
  EXPECT_FALSE(faults.take(FaultKind::end_stream, "/a", 2));
  EXPECT_TRUE(faults.take(FaultKind::cut_stream, "/a", 2));
  EXPECT_FALSE(faults.take(FaultKind::cut_stream, "/a", 2));
}

TEST_F(Gated, TheLogKeepsTheNewestRequests) {
  RequestLog log(network_, watch_);
  on([&] {
    net::RequestHead head{.method = "POST", .path = "/a"};
    for (std::size_t i = 0; i <= kLoggedRequestsMax; ++i) log.add(head, std::to_string(i));
    head.path = "/b";
    log.add(head, "{");
  });
  EXPECT_EQ(log.count("POST", "/a"), kLoggedRequestsMax - 1);
  EXPECT_EQ(log.last("POST", "/a")->json, kLoggedRequestsMax);
  EXPECT_TRUE(log.last("POST", "/b")->json.is_null());
  EXPECT_FALSE(log.last("GET", "/b"));
  log.clear();
  EXPECT_TRUE(log.all().empty());
}

TEST(EngineAnswers, FollowFromThePrompt) {
  EXPECT_EQ(answer_text("a b", 3), "a b a");
  EXPECT_EQ(answer_text("  ", 2), "nothing nothing");
  using Calls = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(requested_calls(R"(call f {"a":"}"} and g {})"),
            (Calls{{"f", R"({"a":"}"})"}, {"g", "{}"}}));
  EXPECT_TRUE(requested_calls("call f").empty());
  EXPECT_EQ(base64_of("a"), "YQ==");
  EXPECT_EQ(base64_of("abc"), "YWJj");
  EXPECT_EQ(parse_size("64x32"), (std::pair<std::uint32_t, std::uint32_t>(64, 32)));
  EXPECT_FALSE(parse_size("64x"));
  EXPECT_FALSE(parse_size("auto"));
}

// A picture of two pixels, checked against a known PNG: signature, sizes, checksums.
TEST(EngineAnswers, PicturesAreWholeFiles) {
  const std::string png = png_of(2, 1, 0x030201);
  EXPECT_EQ(base64_of(png),
            "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAEklEQVR4AQEHAPj/"
            "AAECAwECAwAtAA16W3EQAAAAAElFTkSuQmCC");
}

}  // namespace
}  // namespace stoker::engines
