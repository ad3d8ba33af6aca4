#include "gpu/machine_probe.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "gpu/detect.h"
#include "gpu/machine_for_tests.h"

namespace stoker::gpu {
namespace {

constexpr BackendId kText{1};
constexpr BackendId kImages{2};

class Machine : public testing::Test {
 protected:
  ~Machine() override { ::unsetenv("STOKER_STUB_NVML"); }

  void play(const std::vector<PlayedCard>& cards, const std::string& more = "") {
    ::setenv("STOKER_STUB_NVML", tree_.file("nvml.txt", nvml_text(cards, more)).c_str(), 1);
  }

  MachinePlaces places() const {
    return {.nvml_library = STOKER_STUB_NVML,
            .nvidia_smi = tree_.at("nvidia-smi"),
            .sys_root = tree_.at("sys"),
            .proc_root = tree_.at("proc")};
  }

  const Tree tree_;
  ProcessOwners owners_{tree_.at("proc")};
};

DeviceCard nvidia(std::uint32_t id, std::string card) {
  return {.device = DeviceId(id), .kind = CardKind::nvidia, .card = std::move(card)};
}

TEST_F(Machine, JoinsDevicesWithCardsByIndexUuidAndAddress) {
  play(three_cards());
  MachineProbe probe({nvidia(1, "2"), nvidia(2, "GPU-11111111-aaaa-bbbb-cccc-000000000001"),
                      nvidia(3, "0000:41:00.0")},
                     owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples) << samples.error().detail;
  ASSERT_EQ(samples->size(), 3U);
  EXPECT_EQ(samples->at(0).device, DeviceId(1));
  EXPECT_EQ(samples->at(0).used, MiB{5});
  EXPECT_EQ(samples->at(1).total, MiB{98304});
  EXPECT_EQ(samples->at(1).reserved, MiB{600});
  EXPECT_EQ(samples->at(1).utilisation_percent, 37);
  EXPECT_EQ(samples->at(2).used, MiB{700});
}

TEST_F(Machine, SaysWhichBackendHoldsWhatAndWhatOthersHold) {
  play(three_cards());
  tree_.process(1, 0, 1, "init");
  tree_.process(50, 1, 50, "ollama");
  tree_.process(60, 1, 60, "python3");
  owners_.set_rule({.backend = kText, .program = "ollama"});
  owners_.set_rule({.backend = kImages, .process_groups = {60}});
  MachineProbe probe({nvidia(1, "0")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  const GpuSample& sample = samples->front();
  ASSERT_EQ(sample.processes.size(), 2U);
  EXPECT_EQ(sample.processes[0].name, "ollama");
  EXPECT_EQ(sample.processes[0].pid, 50);
  EXPECT_EQ(sample.processes[0].backend, kText);
  EXPECT_EQ(sample.processes[1].backend, kImages);
  EXPECT_EQ(sample.backends,
            (std::vector<BackendShare>{{kText, MiB{30000}}, {kImages, MiB{10000}}}));
  EXPECT_TRUE(sample.foreign_is_exact);
  EXPECT_EQ(sample.foreign, MiB{124}) << "used less the backends' share";
}

TEST_F(Machine, ADesktopIsForeign) {
  play(three_cards());
  tree_.process(70, 1, 70, "Xorg");
  MachineProbe probe({nvidia(2, "1")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  EXPECT_FALSE(samples->front().processes.at(0).backend);
  EXPECT_EQ(samples->front().foreign, MiB{700});
}

TEST_F(Machine, ProcessesOfContainersThatCannotBeSeenAreNotCalledForeign) {
  play(three_cards());
  tree_.process(50, 1, 50, "game");
  MachineProbe probe({nvidia(1, "0")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  EXPECT_FALSE(samples->front().foreign_is_exact);
  EXPECT_EQ(samples->front().foreign, MiB{30000}) << "the one that is seen";
  EXPECT_EQ(samples->front().processes.at(1).name, "");
}

TEST_F(Machine, MemoryInUseWithoutAnyListedProcessIsNotCalledForeign) {
  auto cards = three_cards();
  cards[2].used = 90000 * kMiBytes;
  play(cards);
  MachineProbe probe({nvidia(1, "2")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  EXPECT_EQ(samples->front().used, MiB{90000});
  EXPECT_FALSE(samples->front().foreign_is_exact);
  EXPECT_EQ(samples->front().foreign, MiB{0});
}

TEST_F(Machine, AmountsThatTheDriverHidesAreMarked) {
  auto cards = three_cards();
  cards[0].processes = {{.pid = 50}};
  play(cards);
  tree_.process(50, 1, 50, "ollama");
  MachineProbe probe({nvidia(1, "0")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  EXPECT_FALSE(samples->front().processes.at(0).measured);
  EXPECT_FALSE(samples->front().foreign_is_exact);
}

TEST_F(Machine, ALostCardIsTroubleOfItsDeviceAlone) {
  auto cards = three_cards();
  cards[1].lost = true;
  play(cards);
  MachineProbe probe({nvidia(1, "0"), nvidia(2, "1"), nvidia(3, "7")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  ASSERT_EQ(samples->size(), 3U);
  EXPECT_FALSE(samples->at(0).trouble);
  EXPECT_EQ(samples->at(0).total, MiB{98304});
  ASSERT_TRUE(samples->at(1).trouble);
  EXPECT_EQ(samples->at(1).trouble->code, ErrorCode::backend_down);
  ASSERT_TRUE(samples->at(2).trouble);
  EXPECT_EQ(samples->at(2).trouble->code, ErrorCode::not_found);
}

TEST_F(Machine, WhenNoDeviceCanBeReadTheSampleFails) {
  play(three_cards(), "fail nvmlInit_v2 18\n");
  MachineProbe probe({nvidia(1, "0"), nvidia(2, "1")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_FALSE(samples);
  EXPECT_EQ(samples.error().code, ErrorCode::backend_down);
  play(three_cards());
  EXPECT_TRUE(probe.sample());
}

TEST_F(Machine, AFailingDriverLeavesDevicesOfOtherKindsReadable) {
  play(three_cards(), "fail nvmlInit_v2 9\n");
  tree_.file("proc/meminfo", "MemTotal: 1024000 kB\nMemAvailable: 512000 kB\n");
  MachineProbe probe({nvidia(1, "0"), {.device = DeviceId(2), .kind = CardKind::host}}, owners_,
                     places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  EXPECT_TRUE(samples->at(0).trouble);
  EXPECT_FALSE(samples->at(1).trouble);
  EXPECT_EQ(samples->at(1).total, MiB{1000});
}

TEST_F(Machine, OnTheHostMappedWeightsCountForTheEngineAndNotForOthers) {
  tree_.file("proc/meminfo", "MemTotal: 10240000 kB\nMemAvailable: 8192000 kB\n");  // 2000 MiB used
  tree_.process(50, 1, 50, "ollama");
  tree_.process(60, 50, 50, "ollama");
  tree_.file("proc/60/status", "RssAnon: 512000 kB\nRssFile: 4096000 kB\nRssShmem: 0 kB\n");
  owners_.set_rule({.backend = kText, .process_groups = {50}});
  MachineProbe probe({{.device = DeviceId(1), .kind = CardKind::host}}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  const GpuSample& sample = samples->front();
  EXPECT_EQ(sample.used, MiB{2000});
  EXPECT_EQ(sample.backends, (std::vector<BackendShare>{{kText, MiB{4500}}}));
  EXPECT_EQ(sample.foreign, MiB{1500}) << "used less the 500 MiB that are no file's";
  EXPECT_TRUE(sample.foreign_is_exact);
}

TEST_F(Machine, ForeignMemoryIsNeverNegative) {
  tree_.file("proc/meminfo", "MemTotal: 10240000 kB\nMemAvailable: 10239000 kB\n");
  tree_.process(50, 1, 50, "ollama");
  tree_.file("proc/50/status", "RssAnon: 512000 kB\nRssFile: 0 kB\nRssShmem: 0 kB\n");
  owners_.set_rule({.backend = kText, .process_groups = {50}});
  MachineProbe probe({{.device = DeviceId(1), .kind = CardKind::host}}, owners_, places());
  EXPECT_EQ(probe.sample()->front().foreign, MiB{0});
}

TEST_F(Machine, AHundredProcessesAreCutToTheLargestAndTheSumsHoldThemAll) {
  auto cards = three_cards();
  cards[0].processes.clear();
  for (std::int32_t pid = 100; pid < 200; ++pid) {
    cards[0].processes.push_back({.pid = pid, .bytes = static_cast<unsigned>(pid) * kMiBytes});
    tree_.process(pid, 1, 100, "engine");
  }
  play(cards);
  owners_.set_rule({.backend = kText, .process_groups = {100}});
  MachineProbe probe({nvidia(1, "0")}, owners_, places());
  const auto samples = probe.sample();
  ASSERT_TRUE(samples);
  const GpuSample& sample = samples->front();
  EXPECT_EQ(sample.processes.size(), kGpuProcessesMax);
  EXPECT_EQ(sample.processes.front().used, MiB{199});
  EXPECT_EQ(sample.backends, (std::vector<BackendShare>{{kText, MiB{14950}}}));
}

TEST_F(Machine, ADeviceWithoutAChoiceNeedsTheOnlyCard) {
  play(three_cards());
  MachineProbe several({nvidia(1, "")}, owners_, places());
  const auto unclear = several.sample();
  ASSERT_FALSE(unclear);
  EXPECT_NE(unclear.error().detail.find("which one"), std::string::npos);
  play({three_cards()[0]});
  MachineProbe one({nvidia(1, "")}, owners_, places());
  EXPECT_TRUE(one.sample());
}

TEST_F(Machine, DetectionListsCardsAndSaysWhyDriversAreAbsent) {
  play(three_cards());
  tree_.file("proc/meminfo", "MemTotal: 1024000 kB\nMemAvailable: 512000 kB\n");
  const MachineCards found = detect_cards(places());
  ASSERT_EQ(found.cards.size(), 4U);
  EXPECT_EQ(found.cards[1].name, "NVIDIA A10, PCIe, 24GB");
  EXPECT_EQ(found.cards[1].driver_version, "580.95.05");
  EXPECT_EQ(found.cards[1].total, MiB{23028});
  EXPECT_EQ(found.cards[3].kind, CardKind::host);
  ASSERT_EQ(found.absent.size(), 1U);
  EXPECT_EQ(found.absent[0].kind, CardKind::amd);
  EXPECT_NE(found.absent[0].reason.find("AMD"), std::string::npos);
}

TEST_F(Machine, DetectionOnABareMachineHasAReasonForEveryKind) {
  MachinePlaces bare = places();
  bare.nvml_library = "libnvidia-ml-that-is-not-there.so.1";
  const MachineCards found = detect_cards(bare);
  EXPECT_TRUE(found.cards.empty());
  ASSERT_EQ(found.absent.size(), 3U);
  for (const AbsentDriver& absent : found.absent) EXPECT_FALSE(absent.reason.empty());
}

}  // namespace
}  // namespace stoker::gpu
