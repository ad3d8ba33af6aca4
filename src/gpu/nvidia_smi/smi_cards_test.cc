#include "gpu/nvidia_smi/smi_cards.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <random>

#include "gpu/machine_for_tests.h"
#include "gpu/nvidia_smi/smi_text.h"

namespace stoker::gpu {
namespace {

SmiCards smi_that(const Tree& tree, const std::string& script, Duration deadline = seconds(60)) {
  return SmiCards({.program = tree.program("nvidia-smi", script),
                   .proc_root = tree.at("proc"),
                   .limits = {.deadline = deadline}});
}

TEST(SmiText, NamesMayHoldCommasAndFieldsMayBeUnknown) {
  const auto list = parse_smi_cards(
      "0, GPU-a, 00000000:01:00.0, Fast, faster, 24 GB, 24564, 100, [N/A], 535.183.01\n"
      "\n"
      "1, GPU-b, 00000000:02:00.0, GRID, [N/A], [Not Supported], [N/A], [N/A]\r\n");
  EXPECT_EQ(list.lines_not_understood, 0U);
  ASSERT_EQ(list.cards.size(), 2U);
  EXPECT_EQ(list.cards[0].name, "Fast, faster, 24 GB");
  EXPECT_EQ(list.cards[0].total, MiB{24564});
  EXPECT_EQ(list.cards[0].used, MiB{100});
  EXPECT_FALSE(list.cards[0].utilisation_percent);
  EXPECT_FALSE(list.cards[0].trouble);
  ASSERT_TRUE(list.cards[1].trouble);
  EXPECT_EQ(list.cards[1].name, "GRID");
  EXPECT_EQ(list.cards[1].driver_version, "");
}

TEST(SmiText, LinesThatAreNoCardsAreCounted) {
  const auto list = parse_smi_cards(
      "WARNING: infoROM is corrupted at gpu 0000:01:00.0\n"
      "0, GPU-a, 00000000:01:00.0, A, 24564 MiB, 100 MiB, 3 %, 535\n"
      "0, GPU-a, 00000000:01:00.0, A, 24564, 100, 3, 535\n"
      "x, GPU-c, 00000000:01:00.0, A, 24564, 100, 3, 535\n");
  ASSERT_EQ(list.cards.size(), 1U);
  EXPECT_EQ(list.cards[0].used, MiB{100});
  EXPECT_EQ(list.cards[0].utilisation_percent, 3);
  EXPECT_EQ(list.lines_not_understood, 3U);
}

TEST(SmiText, ProcessesMayHideTheirAmounts) {
  const auto list = parse_smi_processes(
      "GPU-a, 4242, 512\nGPU-a, 4243, [N/A]\n[Insufficient Permissions], x, y\nGPU-b, 0, 3\n");
  ASSERT_EQ(list.processes.size(), 2U);
  EXPECT_EQ(list.processes[0].process.used, MiB{512});
  EXPECT_FALSE(list.processes[1].process.used);
  EXPECT_EQ(list.lines_not_understood, 2U);
  EXPECT_TRUE(parse_smi_processes("").processes.empty());
}

TEST(SmiText, RandomBytesGiveOnlySoundReadings) {
  constexpr std::string_view kLetters = "0123456789,,,, \n[]N/AGPU-.:x\xc3\xa9\x01";
  for (std::uint32_t seed = 0; seed < 5000; ++seed) {
    std::mt19937 chance(seed);
    std::string text = seed % 2 == 0 ? "0, GPU-a, 00000000:01:00.0, A" : "";
    for (std::size_t n = chance() % 300; n > 0; --n) {
      const char letter = kLetters[chance() % kLetters.size()];
      text.push_back(seed % 3 == 0 ? static_cast<char>(chance()) : letter);
    }
    for (const CardReading& card : parse_smi_cards(text).cards) {
      EXPECT_GE(card.total, MiB{0}) << seed;
      EXPECT_GE(card.used, MiB{0}) << seed;
      EXPECT_FALSE(card.uuid.empty()) << seed;
      EXPECT_LE(card.name.size(), kCardNameMax) << seed;
    }
    for (const SmiProcess& found : parse_smi_processes(text).processes)
      EXPECT_GT(found.process.pid, 0) << seed;
  }
}

TEST(SmiCards, ReadsCardsAndTheirProcesses) {
  const Tree tree;
  tree.process(50, 1, 50, "ollama");
  auto smi = smi_that(tree, smi_script(three_cards()));
  const auto cards = smi.read();
  ASSERT_TRUE(cards) << cards.error().detail;
  ASSERT_EQ(cards->size(), 3U);
  EXPECT_EQ(cards->at(1).name, "NVIDIA A10, PCIe, 24GB");
  ASSERT_EQ(cards->at(0).processes.size(), 2U);
  EXPECT_EQ(cards->at(0).processes[0].name, "ollama");
  EXPECT_EQ(cards->at(0).processes[0].used, MiB{30000});
  EXPECT_TRUE(cards->at(2).processes.empty());
  EXPECT_TRUE(cards->at(2).processes_complete);
}

TEST(SmiCards, AProgramThatHangsIsEndedWithItsChildren) {
  const Tree tree;
  // Both children inherit the pipe's end; reading it ends only when both are gone.
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::pipe(ends.data()), 0);
  auto smi = smi_that(tree, "sleep 100000 & sleep 100000\n", milliseconds(300));
  const auto cards = smi.read();
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
  ASSERT_FALSE(cards);
  EXPECT_EQ(cards.error().code, ErrorCode::backend_down);
  EXPECT_NE(cards.error().detail.find("did not answer"), std::string::npos);
}

TEST(SmiCards, AProgramThatClosesItsOutputAndStaysIsEnded) {
  const Tree tree;
  auto smi = smi_that(tree, "exec >&- 2>&-\nexec sleep 100000\n", milliseconds(300));
  const auto cards = smi.read();
  ASSERT_FALSE(cards);
  EXPECT_NE(cards.error().detail.find("did not answer"), std::string::npos);
}

TEST(SmiCards, AFailureIsToldWithItsFirstLine) {
  const Tree tree;
  auto smi = smi_that(tree,
                      "echo 'NVIDIA-SMI has failed because it could not communicate with the "
                      "NVIDIA driver.'; echo more; exit 9\n");
  const auto cards = smi.read();
  ASSERT_FALSE(cards);
  EXPECT_NE(cards.error().detail.find("status 9"), std::string::npos);
  EXPECT_NE(cards.error().detail.find("could not communicate"), std::string::npos);
  EXPECT_EQ(cards.error().detail.find("more"), std::string::npos);
}

TEST(SmiCards, GarbageIsNoCard) {
  const Tree tree;
  auto smi = smi_that(tree, "head -c 3000000 /dev/urandom\n");
  const auto cards = smi.read();
  ASSERT_FALSE(cards);
  EXPECT_EQ(cards.error().code, ErrorCode::backend_down);
  EXPECT_LT(cards.error().detail.size(), 400U);
}

TEST(SmiCards, AFailingListOfProcessesLeavesTheCardsReadable) {
  const Tree tree;
  auto smi = smi_that(tree,
                      "case \"$1\" in --query-gpu=*) echo '0, GPU-a, 0000:01:00.0, A, 24564, 100, "
                      "3, 535';; *) exit 3;; esac\n");
  const auto cards = smi.read();
  ASSERT_TRUE(cards) << cards.error().detail;
  EXPECT_FALSE(cards->at(0).processes_complete);
}

TEST(SmiCards, WithoutTheProgramThatIsSaid) {
  SmiCards smi({.program = "nvidia-smi-that-is-not-there"});
  const auto cards = smi.read();
  ASSERT_FALSE(cards);
  EXPECT_EQ(cards.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace stoker::gpu
