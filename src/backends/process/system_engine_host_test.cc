// Engines as real processes: starts, stops, crashes, leftovers and logs.
#include "backends/process/system_engine_host.h"

#include <gmock/gmock.h>
#include <signal.h>

#include "backends/process/engine_process.h"
#include "backends/process/leftovers.h"
#include "backends/process/line_feed.h"
#include "backends/process/real_engine_for_tests.h"

namespace stoker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SystemEngineTest : public RealEngineTest {
 protected:
  ~SystemEngineTest() override {
    stop_loop();
    engine_.reset();
  }
  void make(EngineCommand command, EngineLife life = EngineLife::on_demand,
            std::uint64_t log_bytes_max = kLogFileBytesMax) {
    on_loop([&] {
      auto host = std::make_unique<SystemEngineHost>(loop_, network_,
                                                     EngineFiles{.name = "texts",
                                                                 .state_folder = folder_,
                                                                 .log_folder = folder_,
                                                                 .log_bytes_max = log_bytes_max});
      engine_ = std::make_unique<EngineProcess>(
          loop_, std::move(host), std::move(command), EnginePlaces{}, life,
          EngineProcess::Listener{
              .group_changed = [] {},
              .lost = [this](const Error& why) { lost_.push_back(why.detail); }});
    });
  }
  Result<void> start(Duration deadline = minutes(5)) {
    return call<void>([this, deadline](auto done) { engine_->start(deadline, std::move(done)); });
  }
  Result<void> stop(Duration grace = minutes(5)) {
    return call<void>([this, grace](auto done) { engine_->stop(grace, std::move(done)); });
  }
  EngineProcess::Facts facts() {
    return on_loop([this] { return engine_->facts(); });
  }
  std::vector<std::string> lines() {
    return on_loop([this] { return engine_->last_lines(); });
  }
  std::string log_text(const char* ending) {
    return text_of(folder_ + "/" + engine_file_name("texts") + ending);
  }

  std::unique_ptr<EngineProcess> engine_;
  std::vector<std::string> lost_;
};

TEST_F(SystemEngineTest, StartsIsReadyAndStopsWithoutATrace) {
  make(script({"--ready-after", "2"}));
  const auto started = start();
  ASSERT_TRUE(started) << started.error().detail;
  const int group = facts().process_group;
  EXPECT_THAT(net::living_in_group(group), ElementsAre(group));
  eventually([this] { return files().size() >= 2; });
  EXPECT_THAT(files(), Contains(EndsWith(".pid")));
  EXPECT_THAT(lines(), Contains("listening as none"));
  EXPECT_TRUE(stop());
  EXPECT_THAT(net::living_in_group(group), IsEmpty());
  EXPECT_THAT(files(), ElementsAre(EndsWith(".log")));
  EXPECT_THAT(log_text(".log"), HasSubstr("listening as none\n"));
}

TEST_F(SystemEngineTest, SaysWhyItDiedAtItsStart) {
  make(script({"--die-at-start", "no CUDA device", "--exit", "9"}));
  const auto started = start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::load_failed);
  EXPECT_EQ(started.error().detail, "the engine ended with exit code 9: no CUDA device");
  EXPECT_EQ(facts().state, EngineState::failed);
}

TEST_F(SystemEngineTest, SaysThatTheProgramIsMissing) {
  make({.argv = {"no-such-engine", "{port}"}});
  const auto started = start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().detail, HasSubstr("no-such-engine: No such file or directory"));
}

TEST_F(SystemEngineTest, NeverReadyItIsGoneWhenTheDeadlineIsAnswered) {
  make(script({"--ready-after", "-1"}));
  const auto started = start(seconds(1));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::run_timeout);
  EXPECT_EQ(facts().process_group, 0);
  EXPECT_EQ(facts().state, EngineState::stopped);
}

TEST_F(SystemEngineTest, IsKilledWhenItIgnoresTheSignal) {
  make(script({"--ignore-term"}));
  ASSERT_TRUE(start());
  const int group = facts().process_group;
  EXPECT_TRUE(stop(milliseconds(100)));
  EXPECT_THAT(net::living_in_group(group), IsEmpty());
}

TEST_F(SystemEngineTest, ItsGrandchildrenEndWithIt) {
  make(script({"--grandchild"}));
  ASSERT_TRUE(start());
  const int group = facts().process_group;
  EXPECT_EQ(net::living_in_group(group).size(), 2u);
  EXPECT_TRUE(stop());
  EXPECT_THAT(net::living_in_group(group), IsEmpty());
}

TEST_F(SystemEngineTest, AfterACrashItStartsAgainWithoutWhatItLeftBehind) {
  make(script({"--grandchild"}), EngineLife::kept);
  ASSERT_TRUE(start());
  const int group = facts().process_group;
  ::kill(group, SIGSEGV);  // the process alone
  eventually([this] { return !lost_.empty(); });
  EXPECT_THAT(net::living_in_group(group), IsEmpty());
  EXPECT_TRUE(start());
  EXPECT_NE(facts().process_group, group);
  EXPECT_EQ(facts().lives, 2u);
  EXPECT_THAT(on_loop([this] { return lost_; }), ElementsAre("the engine ended with signal 11"));
}

TEST_F(SystemEngineTest, ATakenPortIsReplaced) {
  EngineCommand command = script();
  const std::string first_dies =
      "test -e \"$1/second\" || { : > \"$1/second\"; echo 'Address already in use'; exit 1; }\n"
      "shift; exec \"$@\"";
  command.argv = {"/bin/sh", "-c", first_dies, "sh", folder_};
  const EngineCommand plain = script();
  command.argv.insert(command.argv.end(), plain.argv.begin(), plain.argv.end());
  make(command);
  const auto started = start();
  ASSERT_TRUE(started) << started.error().detail;
  EXPECT_EQ(facts().lives, 2u);
}

TEST_F(SystemEngineTest, OfAFloodTheNewestLinesStayAndTheFileIsBounded) {
  constexpr std::uint64_t kBytesMax = 20'000;
  make(script({"--flood", "50000"}), EngineLife::on_demand, kBytesMax);
  ASSERT_TRUE(start());
  eventually([this] {
    const auto lines = engine_->last_lines();
    return !lines.empty() && lines.back() == "listening as none";
  });
  EXPECT_LE(lines().size(), kEngineLinesMax);
  EXPECT_TRUE(stop());
  eventually([this] { return log_text(".log").ends_with("listening as none\n"); });
  EXPECT_LE(log_text(".log").size(), kBytesMax + kFeedLinesMax * 20);
  EXPECT_LE(files().size(), 2u) << "one file and the one before";
}

TEST_F(SystemEngineTest, StopsWhatAnEarlierLifeLeftBehind) {
  make(script({"--grandchild"}));
  ASSERT_TRUE(start());
  const int group = facts().process_group;
  eventually([this] { return files().size() >= 2; });
  const std::string pid_file = folder_ + "/" + engine_file_name("texts") + ".pid";
  const std::string noted = text_of(pid_file);
  // Another life of the server: it knows nothing but the file.
  std::unique_ptr<EngineProcess> earlier = std::move(engine_);
  make(script());
  const auto started = start();
  ASSERT_TRUE(started) << started.error().detail;
  EXPECT_THAT(net::living_in_group(group), IsEmpty());
  EXPECT_THAT(net::living_in_group(facts().process_group), ElementsAre(facts().process_group));
  eventually([&] { return !text_of(pid_file).empty() && text_of(pid_file) != noted; });
  stop_loop();
  earlier.reset();
}

TEST_F(SystemEngineTest, ASweepFindsEveryFileAndTheMarkedAlone) {
  make(script({"--grandchild"}));
  ASSERT_TRUE(start());
  const int group = facts().process_group;
  eventually([this] { return files().size() >= 2; });
  const std::string pid_file = folder_ + "/" + engine_file_name("texts") + ".pid";
  // The noted process is another one by now; the mark remains.
  auto record = parse_pid_record(text_of(pid_file));
  ASSERT_TRUE(record);
  record->started += 1;
  std::ofstream(pid_file) << pid_record_text(*record);
  std::ofstream(folder_ + "/damaged.pid") << "nonsense";
  const auto swept = call<int>([this](auto done) {
    sweep_leftovers(loop_, pid_files_in(folder_), seconds(30), std::move(done));
  });
  ASSERT_TRUE(swept) << swept.error().detail;
  EXPECT_EQ(*swept, 2);
  EXPECT_THAT(net::living_in_group(group), IsEmpty());
  EXPECT_THAT(pid_files_in(folder_), IsEmpty());
}

TEST_F(SystemEngineTest, DestroyingItEndsTheProcess) {
  make(script({"--ignore-term"}));
  ASSERT_TRUE(start());
  const int group = facts().process_group;
  stop_loop();
  engine_.reset();
  until_nobody_lives(group);
}

}  // namespace
}  // namespace stoker
