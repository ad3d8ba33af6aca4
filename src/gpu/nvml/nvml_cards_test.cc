#include "gpu/nvml/nvml_cards.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>

#include "gpu/machine_for_tests.h"
#include "gpu/nvidia_cards.h"

namespace stoker::gpu {
namespace {

class Nvml : public testing::Test {
 protected:
  ~Nvml() override { ::unsetenv("STOKER_STUB_NVML"); }

  void play(const std::vector<PlayedCard>& cards, const std::string& more = "") {
    ::setenv("STOKER_STUB_NVML", tree_.file("nvml.txt", nvml_text(cards, more)).c_str(), 1);
  }

  NvmlCards::Places places(const std::string& library = STOKER_STUB_NVML) const {
    return {.library = library, .proc_root = tree_.at("proc")};
  }

  const Tree tree_;
};

// Equal to one percent, or to the one MiB that rounding may make.
void expect_near(MiB a, MiB b, const std::string& what) {
  const auto far = static_cast<double>(std::abs(a.count - b.count));
  EXPECT_LE(far, std::max(1.0, 0.01 * static_cast<double>(b.count))) << what;
}

TEST_F(Nvml, TellsTheNumbersOfEveryCard) {
  play(three_cards());
  tree_.process(50, 1, 50, "ollama");
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_TRUE(cards) << cards.error().detail;
  ASSERT_EQ(cards->size(), 3U);
  const CardReading& first = cards->front();
  EXPECT_EQ(first.index, 0);
  EXPECT_EQ(first.uuid, "GPU-11111111-aaaa-bbbb-cccc-000000000001");
  EXPECT_EQ(first.pci_bus_id, "0000:01:00.0");
  EXPECT_EQ(first.name, "NVIDIA RTX PRO 6000");
  EXPECT_EQ(first.driver_version, "580.95.05");
  EXPECT_EQ(first.total, MiB{98304});
  EXPECT_EQ(first.used, MiB{40124});  // rounded to the nearest
  EXPECT_EQ(first.reserved, MiB{600});
  EXPECT_EQ(first.utilisation_percent, 37);
  EXPECT_TRUE(first.processes_complete);
  ASSERT_EQ(first.processes.size(), 2U);
  EXPECT_EQ(first.processes[0].pid, 50);
  EXPECT_EQ(first.processes[0].name, "ollama");
  EXPECT_EQ(first.processes[0].used, MiB{30000});
  EXPECT_EQ(first.processes[1].name, "") << "60 is no process of this machine";
  EXPECT_EQ(cards->at(1).processes.at(0).pid, 70);
  EXPECT_EQ(cards->at(2).pci_bus_id, "10000:c1:00.0");
  EXPECT_TRUE(cards->at(2).processes.empty());
}

TEST_F(Nvml, AgreesWithNvidiaSmi) {
  const auto played = three_cards();
  play(played);
  NvmlCards nvml(places());
  SmiCards smi(
      {.program = tree_.program("nvidia-smi", smi_script(played)), .proc_root = tree_.at("proc")});
  const auto by_nvml = nvml.read();
  const auto by_smi = smi.read();
  ASSERT_TRUE(by_nvml) << by_nvml.error().detail;
  ASSERT_TRUE(by_smi) << by_smi.error().detail;
  ASSERT_EQ(by_nvml->size(), by_smi->size());
  for (std::size_t i = 0; i < by_nvml->size(); ++i) {
    const CardReading& a = by_nvml->at(i);
    const CardReading& b = by_smi->at(i);
    EXPECT_EQ(a.index, b.index);
    EXPECT_EQ(a.uuid, b.uuid);
    EXPECT_EQ(a.pci_bus_id, b.pci_bus_id);
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.driver_version, b.driver_version);
    EXPECT_EQ(a.utilisation_percent, b.utilisation_percent);
    expect_near(a.total, b.total, a.name + " total");
    expect_near(a.used, b.used, a.name + " used");
    for (const CardProcess& process : b.processes) {
      const auto same = std::ranges::find(a.processes, process.pid, &CardProcess::pid);
      ASSERT_NE(same, a.processes.end());
      expect_near(*same->used, *process.used, "process " + std::to_string(process.pid));
    }
  }
}

TEST_F(Nvml, AnOldLibraryCountsTheReserveAsUsedAndListsItsProcesses) {
  play(three_cards());
  NvmlCards nvml(places(STOKER_STUB_NVML_LACKING));
  const auto cards = nvml.read();
  ASSERT_TRUE(cards) << cards.error().detail;
  EXPECT_EQ(cards->at(0).used, MiB{40724});
  EXPECT_EQ(cards->at(0).reserved, MiB{0});
  EXPECT_EQ(cards->at(0).processes.size(), 2U);
  EXPECT_TRUE(cards->at(0).processes_complete);
}

TEST_F(Nvml, ALibraryThatRefusesTheNewStructIsAskedInTheOldWay) {
  play(three_cards(), "fail nvmlDeviceGetMemoryInfo_v2 25\n");
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_TRUE(cards);
  EXPECT_FALSE(cards->at(0).trouble);
  EXPECT_EQ(cards->at(0).total, MiB{98304});
  EXPECT_EQ(cards->at(0).used, MiB{40724});
}

TEST_F(Nvml, ALostCardDoesNotHideTheOthersAndComesBack) {
  auto played = three_cards();
  play(played);
  NvmlCards nvml(places());
  ASSERT_TRUE(nvml.read());
  played[1].lost = true;
  play(played);
  auto cards = nvml.read();
  ASSERT_TRUE(cards);
  ASSERT_EQ(cards->size(), 3U);
  ASSERT_TRUE(cards->at(1).trouble);
  EXPECT_EQ(cards->at(1).trouble->code, ErrorCode::backend_down);
  EXPECT_NE(cards->at(1).trouble->detail.find("GPU is lost"), std::string::npos);
  EXPECT_EQ(cards->at(1).uuid, "GPU-22222222-aaaa-bbbb-cccc-000000000002") << "as it was known";
  EXPECT_FALSE(cards->at(0).trouble);
  EXPECT_FALSE(cards->at(2).trouble);
  for (int again = 0; again < 25; ++again) ASSERT_TRUE(nvml.read()->at(1).trouble);

  played[1].lost = false;
  play(played);
  cards = nvml.read();
  ASSERT_TRUE(cards);
  EXPECT_FALSE(cards->at(1).trouble);
  EXPECT_EQ(cards->at(1).used, MiB{700});
}

TEST_F(Nvml, ACardThatCannotBeOpenedHasTrouble) {
  play({three_cards()[0]}, "");
  tree_.file("nvml.txt", nvml_text({three_cards()[0]}) + "lost-handle\n");
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_TRUE(cards);
  ASSERT_TRUE(cards->at(0).trouble);
  EXPECT_EQ(cards->at(0).uuid, "");
}

TEST_F(Nvml, ADriverOfAnotherVersionIsSaidAndALaterReadStartsAgain) {
  play(three_cards(), "fail nvmlInit_v2 18\n");
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_FALSE(cards);
  EXPECT_EQ(cards.error().code, ErrorCode::backend_down);
  EXPECT_NE(cards.error().detail.find("version mismatch"), std::string::npos);
  EXPECT_NE(cards.error().detail.find("restart the machine"), std::string::npos);
  play(three_cards());
  EXPECT_TRUE(nvml.read());
}

TEST_F(Nvml, ADriverThatGoesAwayFailsAndALaterReadStartsAgain) {
  play(three_cards());
  NvmlCards nvml(places());
  ASSERT_TRUE(nvml.read());
  play(three_cards(), "fail nvmlDeviceGetCount_v2 999\n");
  const auto cards = nvml.read();
  ASSERT_FALSE(cards);
  EXPECT_EQ(cards.error().code, ErrorCode::backend_down);
  play(three_cards());
  EXPECT_TRUE(nvml.read());
}

TEST_F(Nvml, ADriverThatIsNotLoadedIsSaid) {
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_FALSE(cards);
  EXPECT_NE(cards.error().detail.find("kernel module nvidia"), std::string::npos);
}

TEST_F(Nvml, HundredsOfProcessesAreAllListed) {
  auto played = three_cards();
  for (std::int32_t pid = 1000; pid < 1300; ++pid)
    played[2].processes.push_back({.pid = pid, .bytes = 10 * kMiBytes});
  play(played);
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_TRUE(cards);
  EXPECT_EQ(cards->at(2).processes.size(), 300U);
  EXPECT_TRUE(cards->at(2).processes_complete);
  EXPECT_EQ(cards->at(2).processes.back().pid, 1299);
}

TEST_F(Nvml, MoreProcessesThanTheLimitAreNotCompleteInsteadOfWrong) {
  auto played = three_cards();
  for (std::int32_t pid = 1000; pid < 3100; ++pid)
    played[2].processes.push_back({.pid = pid, .bytes = 10 * kMiBytes});
  play(played);
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_TRUE(cards);
  EXPECT_LE(cards->at(2).processes.size(), kCardProcessesMax);
  EXPECT_FALSE(cards->at(2).processes_complete);
}

TEST_F(Nvml, EveryKnownSizeOfAProcessEntryIsRead) {
  for (const char* entry : {"entry 16\n", "entry 24\n", "entry 32\n"}) {
    play(three_cards(), entry);
    NvmlCards nvml(places());
    const auto cards = nvml.read();
    ASSERT_TRUE(cards);
    ASSERT_EQ(cards->at(0).processes.size(), 2U) << entry;
    EXPECT_EQ(cards->at(0).processes[0].used, MiB{30000}) << entry;
    EXPECT_EQ(cards->at(0).processes[1].pid, 60) << entry;
    EXPECT_EQ(cards->at(0).processes[1].used, MiB{10000}) << entry;
  }
}

TEST_F(Nvml, AProcessInBothListsHoldsItsMemoryOnceAndSomeAmountsAreNotTold) {
  auto played = three_cards();
  played[0].processes = {{.pid = 50, .bytes = 100 * kMiBytes},
                         {.pid = 50, .bytes = 120 * kMiBytes, .graphics = true},
                         {.pid = 51}};
  play(played);
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_TRUE(cards);
  ASSERT_EQ(cards->at(0).processes.size(), 2U);
  EXPECT_EQ(cards->at(0).processes[0].used, MiB{120});
  EXPECT_FALSE(cards->at(0).processes[1].used);
}

TEST_F(Nvml, AFailingListOfProcessesLeavesTheCardReadable) {
  play(three_cards(), "fail nvmlDeviceGetComputeRunningProcesses 4\n");
  NvmlCards nvml(places());
  const auto cards = nvml.read();
  ASSERT_TRUE(cards);
  EXPECT_FALSE(cards->at(0).trouble);
  EXPECT_FALSE(cards->at(0).processes_complete);
}

TEST_F(Nvml, WithoutTheLibraryNvidiaSmiIsAsked) {
  NvidiaCards cards(places("libnvidia-ml-that-is-not-there.so.1"),
                    {.program = tree_.program("nvidia-smi", smi_script(three_cards())),
                     .proc_root = tree_.at("proc")});
  const auto read = cards.read();
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->size(), 3U);
}

TEST_F(Nvml, ALibraryThatFailsIsReportedAndNotReplaced) {
  play(three_cards(), "fail nvmlInit_v2 18\n");
  NvidiaCards cards(places(), {.program = tree_.program("nvidia-smi", smi_script(three_cards()))});
  const auto read = cards.read();
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().detail.find("NVML"), std::string::npos);
}

TEST_F(Nvml, WithNeitherBothReasonsAreSaid) {
  NvidiaCards cards(places("libnvidia-ml-that-is-not-there.so.1"),
                    {.program = tree_.at("nvidia-smi")});
  const auto read = cards.read();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::backend_down);
  EXPECT_NE(read.error().detail.find("libnvidia-ml-that-is-not-there"), std::string::npos);
  EXPECT_NE(read.error().detail.find("there is no program"), std::string::npos);
}

}  // namespace
}  // namespace stoker::gpu
