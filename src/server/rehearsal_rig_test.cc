#include "server/rehearsal_rig.h"

#include <gtest/gtest.h>

#include "simulation/virtual_loop.h"

namespace stoker::server {
namespace {

TEST(FaultOrder, ReadsEachKind) {
  EXPECT_EQ(parse_fault("load_failed:gpt-oss:20b")->name, "gpt-oss:20b");
  EXPECT_EQ(parse_fault("backend_down:media")->second, std::nullopt);
  EXPECT_EQ(parse_fault("backend_down:media:30")->second, 30);
  EXPECT_EQ(parse_fault("foreign_memory:rehearsal:4096")->second, 4096);
  EXPECT_EQ(parse_fault("chance:10:20")->first, 10);
  for (const char* wrong : {"", "load_failed", "load_failed:", "fire:x", "foreign_memory:rehearsal",
                            "chance:10", "chance:10:2000", "chance:x:1", "foreign_memory:g:-1"})
    EXPECT_EQ(parse_fault(wrong), std::nullopt) << wrong;
}

class Rig : public ::testing::Test {
 protected:
  VirtualLoop loop_;
  RehearsalRig rig_{loop_, default_config().machine, 1};
};

TEST_F(Rig, ShowsItsCardsToTheProbe) {
  ASSERT_TRUE(rig_.arrange(*parse_fault("foreign_memory:rehearsal:4096")));
  const auto samples = rig_.probe().sample();
  ASSERT_TRUE(samples);
  ASSERT_EQ(samples->size(), 1u);
  EXPECT_EQ(samples->front().used, MiB{4096});
  ASSERT_EQ(samples->front().processes.size(), 1u);
  EXPECT_FALSE(samples->front().processes[0].backend);
}

TEST_F(Rig, TakesABackendDownAndUpAgain) {
  ASSERT_TRUE(rig_.arrange(*parse_fault("backend_down:media:30")));
  const auto probe_all = [&] {
    int answering = 0;
    for (const auto& [id, backend] : rig_.backends())
      backend->probe(seconds(5), [&](Result<ProbeReport> report) { answering += report ? 1 : 0; });
    loop_.run_for(seconds(6));
    return answering;
  };
  EXPECT_EQ(probe_all(), 1);
  loop_.run_for(seconds(30));
  EXPECT_EQ(probe_all(), 2);
}

TEST_F(Rig, RefusesFaultsThatNameNothing) {
  for (const char* fault : {"load_failed:flux9", "backend_down:engine", "foreign_memory:gpu7:1"})
    EXPECT_FALSE(rig_.arrange(*parse_fault(fault))) << fault;
}

}  // namespace
}  // namespace stoker::server
