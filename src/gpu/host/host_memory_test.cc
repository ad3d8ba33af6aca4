#include "gpu/host/host_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "gpu/tree_for_tests.h"

namespace stoker::gpu {
namespace {

constexpr const char* kMeminfo =
    "MemTotal:       65536000 kB\nMemFree:         1024000 kB\nMemAvailable:   49152000 kB\n";

TEST(HostMemory, CountsWhatTheSystemCannotGiveAway) {
  const Tree tree;
  tree.file("proc/meminfo", kMeminfo);
  HostMemory host(tree.at("proc"));
  const auto cards = host.read();
  ASSERT_TRUE(cards) << cards.error().detail;
  ASSERT_EQ(cards->size(), 1U);
  EXPECT_EQ(cards->front().kind, CardKind::host);
  EXPECT_EQ(cards->front().total, MiB{64000});
  EXPECT_EQ(cards->front().used, MiB{16000});
  EXPECT_TRUE(cards->front().processes.empty());
}

TEST(HostMemory, AnEngineHoldsItsMappedWeightsToo) {
  const Tree tree;
  tree.file("proc/meminfo", kMeminfo);
  tree.process(50, 1, 50, "ollama");
  tree.file("proc/50/status",
            "Name:\tollama\nVmRSS:\t 30720000 kB\nRssAnon:\t  1024000 kB\nRssFile:\t 20480000 kB\n"
            "RssShmem:\t   512000 kB\n");
  tree.file("proc/60/status", "Name:\tkthreadd\nState:\tS\n");
  HostMemory host(tree.at("proc"));
  host.watch({50, 60, 70});
  const auto cards = host.read();
  ASSERT_TRUE(cards);
  ASSERT_EQ(cards->front().processes.size(), 1U) << "60 has no memory, 70 is gone";
  EXPECT_EQ(cards->front().processes[0].name, "ollama");
  EXPECT_EQ(cards->front().processes[0].used, MiB{21500});
  EXPECT_EQ(cards->front().processes[0].uncounted, MiB{20000});
}

TEST(HostMemory, ATornMeminfoIsAFailure) {
  const Tree tree;
  tree.file("proc/meminfo", "MemTotal: 65536000 kB\n");
  HostMemory host(tree.at("proc"));
  const auto cards = host.read();
  ASSERT_FALSE(cards);
  EXPECT_EQ(cards.error().code, ErrorCode::backend_down);
}

TEST(HostMemory, ReadsThisMachineAndThisProcess) {
  HostMemory host;
  host.watch({::getpid()});
  const auto cards = host.read();
  ASSERT_TRUE(cards) << cards.error().detail;
  EXPECT_GT(cards->front().total, MiB{0});
  EXPECT_LE(cards->front().used, cards->front().total);
  ASSERT_EQ(cards->front().processes.size(), 1U);
  EXPECT_GT(cards->front().processes[0].used, MiB{0});
  EXPECT_EQ(cards->front().processes[0].name, "gpu_test");
}

}  // namespace
}  // namespace stoker::gpu
