// Real small processes: programs of every Unix, and Python where a program has to be asked about itself.
#include "net/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <vector>

#include "net/test_peers.h"

namespace stoker::net {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::run;
using ::testing::StartsWith;

constexpr Duration kNoGrace = milliseconds(1);
constexpr Duration kLongGrace = minutes(5);

// What a test does with a child on the network thread.
struct Seen {
  std::vector<std::string> lines;
  std::optional<ChildExit> exit;
  std::optional<Error> error;
  std::vector<int> left;  // of the group, after the child's own end
};

ChildCommand shell(std::string script) {
  return {.argv = {"/bin/sh", "-c", std::move(script)}};
}

Task<Seen> run_to_end(Network& network, ChildCommand command) {
  Seen seen;
  auto lines = std::make_shared<std::vector<std::string>>();
  auto child = co_await ChildProcess::start(
      network, std::move(command), [lines](std::string_view line) { lines->emplace_back(line); });
  if (!child) {
    seen.error = child.error();
    co_return seen;
  }
  seen.exit = co_await (*child)->wait();
  seen.left = living_in_group((*child)->process_group());
  const auto stopped = co_await (*child)->stop(SIGTERM, kNoGrace);
  if (!stopped) seen.error = stopped.error();
  seen.lines = *lines;
  co_return seen;
}

// Until a line comes that begins with `beginning`.
Task<std::string> line_with(Network& network, std::shared_ptr<std::vector<std::string>> lines,
                            std::string beginning) {
  while (true) {
    for (const std::string& line : *lines) {
      if (line.starts_with(beginning)) co_return line;
    }
    co_await network.sleep(milliseconds(2));
  }
}

// Starts, waits for the line "up", stops.
Task<Seen> run_and_stop(Network& network, ChildCommand command, int signal, Duration grace) {
  Seen seen;
  auto lines = std::make_shared<std::vector<std::string>>();
  auto child = co_await ChildProcess::start(
      network, std::move(command), [lines](std::string_view line) { lines->emplace_back(line); });
  co_await line_with(network, lines, "up");
  const auto stopped = co_await (*child)->stop(signal, grace);
  if (!stopped) seen.error = stopped.error();
  seen.exit = (*child)->exit();
  seen.left = living_in_group((*child)->process_group());
  seen.lines = *lines;
  co_return seen;
}

TEST(ChildProcess, TellsItsExitCodeAfterWhatItPrinted) {
  Network network;
  const Seen seen = run(network, run_to_end(network, shell("echo out; echo err >&2; exit 7")));
  ASSERT_TRUE(seen.exit);
  EXPECT_EQ(exit_text(*seen.exit), "exit code 7");
  EXPECT_THAT(seen.lines, ::testing::UnorderedElementsAre("out", "err"));
  EXPECT_THAT(seen.left, ElementsAre());
}

TEST(ChildProcess, TellsTheSignalThatEndedIt) {
  Network network;
  const Seen seen = run(network, run_to_end(network, shell("kill -SEGV $$")));
  ASSERT_TRUE(seen.exit);
  EXPECT_EQ(*seen.exit, (ChildExit{.by_signal = true, .number = SIGSEGV}));
}

TEST(ChildProcess, AMissingProgramIsAnErrorWithTheWordsOfTheSystem) {
  Network network;
  for (const char* const program : {"no-such-program-anywhere", "/no/such/program"}) {
    const Seen seen = run(network, run_to_end(network, {.argv = {program}}));
    ASSERT_TRUE(seen.error) << program;
    EXPECT_EQ(seen.error->code, ErrorCode::not_found);
    EXPECT_THAT(seen.error->detail, HasSubstr(program));
    EXPECT_THAT(seen.error->detail, HasSubstr("No such file or directory"));
  }
}

TEST(ChildProcess, WhatIsNoProgramIsAnError) {
  Network network;
  const Seen folder = run(network, run_to_end(network, {.argv = {"/usr"}}));
  ASSERT_TRUE(folder.error);
  EXPECT_EQ(folder.error->code, ErrorCode::bad_request);
  EXPECT_THAT(folder.error->detail, HasSubstr("Permission denied"));
  const Seen nothing = run(network, run_to_end(network, {}));
  ASSERT_TRUE(nothing.error);
  EXPECT_EQ(nothing.error->code, ErrorCode::bad_request);
}

TEST(ChildProcess, AMissingFolderIsAnError) {
  Network network;
  ChildCommand command = shell("true");
  command.working_directory = "/no/such/folder";
  const Seen seen = run(network, run_to_end(network, command));
  ASSERT_TRUE(seen.error);
  EXPECT_THAT(seen.error->detail, HasSubstr("/no/such/folder: No such file or directory"));
}

TEST(ChildProcess, RunsInItsFolder) {
  Network network;
  ChildCommand command = shell("pwd");
  command.working_directory = "/usr/bin";
  EXPECT_THAT(run(network, run_to_end(network, command)).lines, ElementsAre("/usr/bin"));
}

TEST(ChildProcess, GetsNoVariableButTheListedAndTheGivenOnes) {
  ::setenv("STOKER_ADMIN_TOKEN", "secret", 1);
  ::setenv("SOME_API_KEY", "secret", 1);
  ::setenv("CUDA_VISIBLE_DEVICES", "3", 1);
  ::setenv("LANG", "C", 1);
  Network network;
  ChildCommand command{.argv = {"env"}, .environment = {{"LANG", "de_DE"}, {"GIVEN", "a=b c"}}};
  const Seen seen = run(network, run_to_end(network, command));
  ::unsetenv("STOKER_ADMIN_TOKEN");
  ::unsetenv("SOME_API_KEY");
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  EXPECT_THAT(seen.lines, Not(Contains(HasSubstr("secret"))));
  EXPECT_THAT(seen.lines, Not(Contains("LANG=C")));
  EXPECT_THAT(seen.lines, Contains("LANG=de_DE"));
  EXPECT_THAT(seen.lines, Contains("GIVEN=a=b c"));
  EXPECT_THAT(seen.lines, Contains("CUDA_VISIBLE_DEVICES=3"));
  EXPECT_THAT(seen.lines, Contains(StartsWith("PATH=")));
}

TEST(ChildProcess, HasAnEmptyInputAndNoOtherFile) {
  const int inherited = ::open("/dev/null", O_RDONLY);  // without close-on-exec
  Network network;
  // ls itself opens the folder, as the next free number.
  const Seen files = run(network, run_to_end(network, {.argv = {"ls", "/proc/self/fd"}}));
  EXPECT_THAT(files.lines, ElementsAre("0", "1", "2", "3"));
  const Seen input = run(network, run_to_end(network, {.argv = {"cat"}}));
  EXPECT_THAT(input.lines, ElementsAre());
  EXPECT_EQ(input.exit, ChildExit{});
  ::close(inherited);
}

TEST(ChildProcess, StartsWithSignalsAsAtLogin) {
  struct sigaction ignored = {};
  ignored.sa_handler = SIG_IGN;
  struct sigaction before = {};
  ::sigaction(SIGUSR1, &ignored, &before);
  Network network;
  const Seen seen =
      run(network, run_to_end(network, {.argv = {"grep", "^Sig[BI]", "/proc/self/status"}}));
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_THAT(seen.lines, ElementsAre("SigBlk: 0000000000000000", "SigIgn: 0000000000000000"));
}

TEST(ChildProcess, DiesWithTheServer) {
  Network network;
  const char* const script =
      "import ctypes; signal = ctypes.c_int();"
      "ctypes.CDLL(None).prctl(2, ctypes.byref(signal)); print(signal.value)";
  const Seen seen = run(network, run_to_end(network, {.argv = {"python3", "-c", script}}));
  EXPECT_THAT(seen.lines, ElementsAre(std::to_string(SIGKILL)));
}

TEST(ChildProcess, IsTheLeaderOfItsGroup) {
  Network network;
  const Seen seen =
      run(network, run_to_end(network, shell("cut -d' ' -f5 /proc/$$/stat; echo $$")));
  ASSERT_EQ(seen.lines.size(), 2u);
  EXPECT_EQ(seen.lines[0], seen.lines[1]);
}

TEST(ChildProcess, StopsAtTheSignal) {
  Network network;
  const Seen seen =
      run(network, run_and_stop(network, shell("echo up; exec sleep 1000"), SIGTERM, kLongGrace));
  EXPECT_FALSE(seen.error);
  EXPECT_EQ(seen.exit, (ChildExit{.by_signal = true, .number = SIGTERM}));
}

TEST(ChildProcess, MayEndInItsOwnWayWithinTheGrace) {
  Network network;
  const Seen seen = run(network, run_and_stop(network,
                                              shell("trap 'echo saved; exit 5' INT; echo up;"
                                                    "while :; do sleep 0.01; done"),
                                              SIGINT, kLongGrace));
  EXPECT_FALSE(seen.error);
  EXPECT_EQ(seen.exit, (ChildExit{.by_signal = false, .number = 5}));
  EXPECT_THAT(seen.lines, Contains("saved"));
}

TEST(ChildProcess, IsKilledWhenItIgnoresTheSignal) {
  Network network;
  const Seen seen =
      run(network, run_and_stop(network, shell("trap '' TERM; echo up; while :; do sleep 1; done"),
                                SIGTERM, milliseconds(50)));
  EXPECT_FALSE(seen.error);
  EXPECT_EQ(seen.exit, (ChildExit{.by_signal = true, .number = SIGKILL}));
  EXPECT_THAT(seen.left, ElementsAre());
}

TEST(ChildProcess, StoppingIsDoneWhenItsDescendantsAreGoneToo) {
  Network network;
  const Seen seen =
      run(network, run_and_stop(network,
                                shell("(trap '' TERM; echo up; while :; do sleep 1; done) &"
                                      "exec sleep 1000"),
                                SIGTERM, milliseconds(50)));
  EXPECT_FALSE(seen.error);
  EXPECT_EQ(seen.exit, (ChildExit{.by_signal = true, .number = SIGTERM}));
  EXPECT_THAT(seen.left, ElementsAre());
}

Task<Seen> stop_what_is_left(Network& network, ChildCommand command) {
  Seen seen;
  auto child = co_await ChildProcess::start(network, std::move(command), [](std::string_view) {});
  seen.exit = co_await (*child)->wait();
  const int group = (*child)->process_group();
  const std::size_t before = living_in_group(group).size();
  const auto stopped = co_await (*child)->stop(SIGTERM, kLongGrace);
  if (!stopped) seen.error = stopped.error();
  seen.left = living_in_group(group);
  seen.lines = {std::to_string(before)};
  co_return seen;
}

TEST(ChildProcess, AGrandchildThatSurvivesItsParentIsStoppedWithTheGroup) {
  Network network;
  const Seen seen = run(network, stop_what_is_left(network, shell("sleep 1000 & exit 4")));
  EXPECT_EQ(seen.exit, (ChildExit{.by_signal = false, .number = 4}));
  EXPECT_THAT(seen.lines, ElementsAre("1"));
  EXPECT_FALSE(seen.error);
  EXPECT_THAT(seen.left, ElementsAre());
}

Task<std::size_t> count_lines(Network& network, ChildCommand command) {
  auto count = std::make_shared<std::size_t>(0);
  auto child = co_await ChildProcess::start(
      network, std::move(command), [count](std::string_view line) { *count += line == "flood"; });
  co_await (*child)->wait();
  co_return *count;
}

TEST(ChildProcess, AFloodOfLinesArrivesCompletely) {
  Network network;
  EXPECT_EQ(run(network, count_lines(network, shell("yes flood | head -n 300000"))), 300'000u);
}

TEST(ChildProcess, AFloodDoesNotKeepItFromBeingStopped) {
  Network network;
  const Seen seen =
      run(network, run_and_stop(network, shell("echo up; exec yes flood"), SIGTERM, kLongGrace));
  EXPECT_FALSE(seen.error);
  EXPECT_EQ(seen.exit, (ChildExit{.by_signal = true, .number = SIGTERM}));
}

TEST(ChildProcess, HugeLinesAreCut) {
  Network network;
  const Seen seen =
      run(network, run_to_end(network, shell("head -c 5000000 /dev/zero | tr '\\0' a; echo;"
                                             "echo end")));
  ASSERT_EQ(seen.lines.size(), 2u);
  EXPECT_EQ(seen.lines[0].size(), kChildLineBytesMax);
  EXPECT_EQ(seen.lines[1], "end");
}

Task<int> start_and_drop(Network& network, ChildCommand command) {
  auto lines = std::make_shared<std::vector<std::string>>();
  auto child = co_await ChildProcess::start(
      network, std::move(command), [lines](std::string_view line) { lines->emplace_back(line); });
  co_await line_with(network, lines, "up");
  co_return (*child)->process_group();
}

Task<void> wait_until_nobody_lives(Network& network, int group) {
  while (!living_in_group(group).empty()) co_await network.sleep(milliseconds(2));
}

TEST(ChildProcess, DroppingItEndsTheWholeGroup) {
  Network network;
  const char* const script = "trap '' TERM; (trap '' TERM; sleep 1000) & echo up; wait";
  const int group = run(network, start_and_drop(network, shell(script)));
  testing::finish(testing::begin(network, wait_until_nobody_lives(network, group)));
}

Task<void> start_and_keep(Network& network, ChildCommand command, std::function<void(int)> up) {
  auto lines = std::make_shared<std::vector<std::string>>();
  auto child = co_await ChildProcess::start(
      network, std::move(command), [lines](std::string_view line) { lines->emplace_back(line); });
  co_await line_with(network, lines, "up");
  up((*child)->process_group());
  co_await (*child)->wait();
}

TEST(ChildProcess, TheEndOfTheNetworkIsItsEnd) {
  std::atomic<int> group = 0;
  {
    Network network;
    testing::Event up;
    network.spawn(start_and_keep(network, shell("echo up; exec sleep 1000"), [&](int started) {
      group = started;
      up.set();
    }));
    ASSERT_TRUE(up.happens());
  }
  EXPECT_EQ(::kill(-group, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

Task<int> start_many(Network& network, int count) {
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < count; ++i) {
    auto child = co_await ChildProcess::start(network, shell("exit " + std::to_string(i)),
                                              [](std::string_view) {});
    children.push_back(*std::move(child));
  }
  int sum = 0;
  for (const auto& child : children) sum += (co_await child->wait()).number;
  co_return sum;
}

TEST(ChildProcess, ManyEndEachWithItsOwnCode) {
  Network network;
  EXPECT_EQ(run(network, start_many(network, 20)), 190);
}

}  // namespace
}  // namespace stoker::net
