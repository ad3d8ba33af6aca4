#include "gpu/simulated/simulated_probe.h"

#include <gtest/gtest.h>

#include <string>

namespace stoker {
namespace {

GpuSample sample_with(std::vector<GpuProcess> processes) {
  return {DeviceId(1), MiB{98304}, MiB{40000}, std::move(processes)};
}

TEST(SimulatedProbe, GivesWhatItsSourceSaysEachTime) {
  int calls = 0;
  SimulatedProbe probe([&calls]() -> Result<std::vector<GpuSample>> {
    return std::vector{GpuSample{DeviceId(1), MiB{98304}, MiB{1000 * ++calls}, {}}};
  });
  EXPECT_EQ(probe.sample()->at(0).used, MiB{1000});
  EXPECT_EQ(probe.sample()->at(0).used, MiB{2000});
}

TEST(SimulatedProbe, PutsTheLargestProcessesFirst) {
  SimulatedProbe probe([]() -> Result<std::vector<GpuSample>> {
    return std::vector{sample_with({{"small", BackendId(1), MiB{10}},
                                    {"large", BackendId(2), MiB{30}},
                                    {"foreign", BackendId(), MiB{20}}})};
  });
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  const auto& processes = samples->at(0).processes;
  ASSERT_EQ(processes.size(), 3U);
  EXPECT_EQ(processes[0].name, "large");
  EXPECT_EQ(processes[1].name, "foreign");
  EXPECT_FALSE(processes[1].backend);
  EXPECT_EQ(processes[2].name, "small");
}

TEST(SimulatedProbe, KeepsTheLimitsOfThePort) {
  SimulatedProbe probe([]() -> Result<std::vector<GpuSample>> {
    std::vector<GpuProcess> processes;
    for (int i = 0; i < 100; ++i) processes.push_back({"p", BackendId(1), MiB{i}});
    return std::vector<GpuSample>(40, sample_with(processes));
  });
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  EXPECT_EQ(samples->size(), kDevicesMax);
  ASSERT_EQ(samples->at(0).processes.size(), kGpuProcessesMax);
  EXPECT_EQ(samples->at(0).processes.front().used, MiB{99});
  EXPECT_EQ(samples->at(0).processes.back().used, MiB{36});
}

TEST(SimulatedProbe, PassesAnErrorOnUnchanged) {
  SimulatedProbe probe(
      []() -> Result<std::vector<GpuSample>> { return fail(ErrorCode::backend_down, "lost"); });
  const auto samples = probe.sample();
  ASSERT_FALSE(samples);
  EXPECT_EQ(samples.error().code, ErrorCode::backend_down);
  EXPECT_EQ(samples.error().detail, "lost");
}

}  // namespace
}  // namespace stoker
