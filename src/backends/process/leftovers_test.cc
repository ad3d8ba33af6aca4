#include "backends/process/leftovers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace stoker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const PidRecord kRecord{.pid = 40, .started = 700, .program = "engine", .mark = "texts.1.2"};

ProcessEntry process(int pid, int group, std::uint64_t started, bool lives = true) {
  return {.pid = pid, .group = group, .started = started, .lives = lives, .program = "p"};
}
std::vector<int> left(const std::vector<ProcessEntry>& processes, std::vector<int> marked = {}) {
  std::vector<int> pids;
  const auto has_mark = [&](int pid) { return std::ranges::find(marked, pid) != marked.end(); };
  for (const ProcessEntry& entry : leftovers_of(kRecord, processes, has_mark)) {
    pids.push_back(entry.pid);
  }
  return pids;
}

TEST(Leftovers, AreTheNotedProcessAndItsGroup) {
  EXPECT_THAT(left({process(40, 40, 700), process(41, 40, 800), process(50, 50, 700)}),
              ElementsAre(40, 41));
}

TEST(Leftovers, AProcessWithTheSameNumberThatBeganLaterIsNobodysBusiness) {
  EXPECT_THAT(left({process(40, 40, 701), process(41, 40, 800)}), IsEmpty());
}

TEST(Leftovers, WithoutTheNotedProcessOnlyTheMarkTells) {
  EXPECT_THAT(left({process(41, 40, 800), process(42, 42, 900)}, {42}), ElementsAre(42));
}

TEST(Leftovers, ZombiesHoldNothing) {
  EXPECT_THAT(left({process(40, 40, 700, false), process(41, 40, 800, false)}), IsEmpty());
}

TEST(Leftovers, RecordsComeBackAsTheyWereWritten) {
  EXPECT_EQ(parse_pid_record(pid_record_text(kRecord)), kRecord);
}

TEST(Leftovers, DamagedRecordsNameNobody) {
  for (const char* const text :
       {"", "\n\n\n", "40", "40\n700\nengine\n", "0\n1\nx\nm\n", "1\n1\nx\nm\n", "-1\n1\nx\nm\n",
        "4 0\n1\nx\nm\n", "40\nx\nx\nm\n"}) {
    EXPECT_FALSE(parse_pid_record(text)) << text;
  }
}

TEST(Leftovers, FileNamesArePlainAndDifferent) {
  const std::string name = engine_file_name("texts qwen/3:8b");
  EXPECT_TRUE(name.starts_with("texts_qwen_3_8b-")) << name;
  EXPECT_NE(name, engine_file_name("texts qwen/3_8b"));
  EXPECT_LE(engine_file_name(std::string(1000, 'x')).size(), 100u);
  EXPECT_NE(engine_file_name(std::string(1000, 'x')), engine_file_name(std::string(999, 'x')));
}

TEST(ProcessTable, ReadsALineWhateverTheProgramIsCalled) {
  const auto entry =
      parse_process("12 (a) b (c) S 1 10 3 4 5 6 7 8 9 10 11 12 13 14 15 16 2 18 1900 20 21\n");
  ASSERT_TRUE(entry);
  EXPECT_EQ(
      *entry,
      (ProcessEntry{.pid = 12, .group = 10, .started = 1900, .lives = true, .program = "a) b (c"}));
}

TEST(ProcessTable, AZombieWithThreadsLives) {
  const char* const with = "12 (a) Z 1 10 3 4 5 6 7 8 9 10 11 12 13 14 15 16 2 18 1900 20\n";
  const char* const without = "12 (a) Z 1 10 3 4 5 6 7 8 9 10 11 12 13 14 15 16 1 18 1900 20\n";
  EXPECT_TRUE(parse_process(with)->lives);
  EXPECT_FALSE(parse_process(without)->lives);
}

TEST(ProcessTable, RefusesWhatIsNoProcess) {
  for (const char* const text : {"", "12", "12 (a", "12 (a) S", "x (a) S 1 10", ") ("}) {
    EXPECT_FALSE(parse_process(text)) << text;
  }
}

TEST(ProcessTable, KnowsThisProcess) {
  const ProcessEntry self = this_process();
  EXPECT_GT(self.started, 0u);
  EXPECT_EQ(find_process(self.pid), self);
  EXPECT_THAT(all_processes(), ::testing::Contains(self));
}

}  // namespace
}  // namespace stoker
