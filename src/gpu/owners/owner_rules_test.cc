#include "gpu/owners/owner_rules.h"

#include <gtest/gtest.h>

#include <random>

namespace stoker::gpu {
namespace {

constexpr BackendId kText{1};
constexpr BackendId kImages{2};
constexpr BackendId kSwarm{3};

ProcessFacts process(std::int32_t pid, std::int32_t parent, std::int32_t group,
                     std::string name = "python3", std::uint32_t user = 0) {
  return {.pid = pid,
          .parent = parent,
          .process_group = group,
          .started = 1,
          .command = name.substr(0, 15),
          .program = std::move(name),
          .user = user};
}

TEST(OwnerRules, AnEnginesRunnersBelongToIt) {
  const auto table = owners_of(
      {process(1, 0, 1, "init"), process(50, 1, 50, "ollama"), process(60, 50, 50, "ollama"),
       process(70, 60, 70, "runner"), process(80, 1, 80, "browser")},
      {{.port = 11434, .user = 0, .inode = 9, .holders = {50}}},
      {{.backend = kText, .port = 11434}});
  EXPECT_EQ(table.owner_of(50), kText);
  EXPECT_EQ(table.owner_of(60), kText);
  EXPECT_EQ(table.owner_of(70), kText);
  EXPECT_FALSE(table.owner_of(80));
  EXPECT_FALSE(table.owner_of(1));
  EXPECT_EQ(table.owned().size(), 3U);
}

TEST(OwnerRules, TheNearerRuleWinsSoSwarmsComfyIsItsOwnBackend) {
  const std::vector<ProcessFacts> processes{
      process(100, 1, 100, "SwarmUI"), process(110, 100, 100, "python3"),
      process(120, 110, 100, "python3"), process(130, 100, 100, "git")};
  const auto table =
      owners_of(processes, {{.port = 8188, .user = 0, .inode = 5, .holders = {110}}},
                {{.backend = kSwarm, .process_groups = {100}}, {.backend = kImages, .port = 8188}});
  EXPECT_EQ(table.owner_of(100), kSwarm);
  EXPECT_EQ(table.owner_of(110), kImages);
  EXPECT_EQ(table.owner_of(120), kImages);
  EXPECT_EQ(table.owner_of(130), kSwarm);
}

TEST(OwnerRules, WithoutItsOwnRuleSwarmsComfyBelongsToSwarm) {
  const auto table = owners_of({process(100, 1, 100), process(110, 100, 110)}, {},
                               {{.backend = kSwarm, .process_groups = {100}}});
  EXPECT_EQ(table.owner_of(110), kSwarm);
}

TEST(OwnerRules, OrphansOfAManagedGroupStayItsOwn) {
  // The leader is gone; its children have init as parent and one of them a child in a group of its own.
  const auto table =
      owners_of({process(1, 0, 1, "init"), process(210, 1, 200), process(220, 210, 220)}, {},
                {{.backend = kImages, .process_groups = {200}}});
  EXPECT_EQ(table.owner_of(210), kImages);
  EXPECT_EQ(table.owner_of(220), kImages);
  EXPECT_FALSE(table.owner_of(1));
}

TEST(OwnerRules, ProgramsAreFoundByFileNameAndByTheKernelsShortName) {
  auto hidden = process(300, 1, 300, "");
  hidden.command = "llama-server-lo";
  const auto table =
      owners_of({hidden, process(310, 1, 310, "llama-server-long"), process(320, 1, 320, "llama")},
                {}, {{.backend = kText, .program = "llama-server-long"}});
  EXPECT_EQ(table.owner_of(300), kText);
  EXPECT_EQ(table.owner_of(310), kText);
  EXPECT_FALSE(table.owner_of(320));
}

TEST(OwnerRules, OfTwoRulesThatFitTheSmallerIdWins) {
  const std::vector<OwnerRule> rules{{.backend = kImages, .program = "python3"},
                                     {.backend = kText, .program = "python3"}};
  EXPECT_EQ(owners_of({process(5, 1, 5)}, {}, rules).owner_of(5), kText);
}

TEST(OwnerRules, AListenerOfASystemAccountWithOneTreeIsThatTree) {
  const std::vector<ProcessFacts> processes{
      process(1, 0, 1, "init"), process(50, 1, 50, "ollama", 997),
      process(60, 50, 50, "ollama", 997), process(70, 1, 70, "sshd")};
  const std::vector<ListeningSocket> sockets{{.port = 11434, .user = 997, .inode = 9}};
  const std::vector<OwnerRule> rules{{.backend = kText, .port = 11434}};
  const auto table = owners_of(processes, sockets, rules);
  EXPECT_EQ(table.owner_of(50), kText);
  EXPECT_EQ(table.owner_of(60), kText);
  EXPECT_FALSE(table.owner_of(70));

  auto two_trees = processes;
  two_trees.push_back(process(90, 1, 90, "other", 997));
  EXPECT_TRUE(owners_of(two_trees, sockets, rules).owned().empty());
}

TEST(OwnerRules, ListenersOfRootAndOfPeopleAreNotGuessed) {
  for (const std::uint32_t user : {0U, 1000U}) {
    const auto table =
        owners_of({process(50, 1, 50, "docker-proxy", user)},
                  {{.port = 8188, .user = user, .inode = 9}}, {{.backend = kImages, .port = 8188}});
    EXPECT_TRUE(table.owned().empty()) << user;
  }
}

TEST(OwnerRules, ACircleOfParentsEnds) {
  const auto table = owners_of({process(10, 11, 1), process(11, 10, 1)}, {},
                               {{.backend = kText, .program = "nothing"}});
  EXPECT_TRUE(table.owned().empty());
}

TEST(OwnerRules, ReadsTheStatOfAProcessWhoseNameHasBracketsAndBlanks) {
  const auto facts =
      parse_stat("4242 (a) S (b c)) S 17 4200 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->pid, 4242);
  EXPECT_EQ(facts->parent, 17);
  EXPECT_EQ(facts->process_group, 4200);
  EXPECT_EQ(facts->started, 98765U);
  EXPECT_EQ(facts->command, "a) S (b c)");
  EXPECT_FALSE(parse_stat("4242 (a S 17 4200"));
  EXPECT_FALSE(parse_stat("4242 (a) S 17"));
  EXPECT_FALSE(parse_stat(""));
}

TEST(OwnerRules, ReadsListenersOfBothTables) {
  const auto sockets = parse_listeners(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 "
      "41234 1\n"
      "   1: 0100007F:2CAA 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000   997        0 "
      "41235 1\n"
      "   2: 00000000000000000000000000000000:1FFC 00000000000000000000000000000000:0000 0A "
      "00000000:00000000 00:00000000 00000000  1000        0 777 1\n"
      "   3: broken\n");
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].port, 11434);
  EXPECT_EQ(sockets[0].user, 997U);
  EXPECT_EQ(sockets[0].inode, 41234U);
  EXPECT_EQ(sockets[1].port, 8188);
  EXPECT_EQ(sockets[1].inode, 777U);
}

TEST(OwnerRules, RandomTextNeitherBreaksTheParsersNorGivesImpossibleNumbers) {
  constexpr std::string_view kLetters = "0123456789ABCDEF ()S:\n\t-x\xff";
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 chance(seed);
    std::string text = seed % 2 == 0 ? "head\n 0: 0100007F:2CAA 00000000:0000 0A " : "12 (x) S ";
    for (std::size_t n = chance() % 200; n > 0; --n)
      text.push_back(kLetters[chance() % kLetters.size()]);
    for (const ListeningSocket& socket : parse_listeners(text)) {
      EXPECT_NE(socket.port, 0) << seed;
      EXPECT_NE(socket.inode, 0U) << seed;
    }
    if (const auto facts = parse_stat(text)) EXPECT_GT(facts->pid, 0) << seed;
  }
}

TEST(OwnerRules, RandomFamiliesHaveOwnersOnlyFromTheirRules) {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    std::mt19937 chance(seed);
    std::vector<ProcessFacts> processes;
    for (std::int32_t pid = 1; pid <= 60; ++pid) {
      processes.push_back(process(pid, static_cast<std::int32_t>(chance() % 61),
                                  static_cast<std::int32_t>(1 + chance() % 60),
                                  chance() % 10 == 0 ? "engine" : "other"));
    }
    const std::vector<OwnerRule> rules{
        {.backend = kText, .process_groups = {static_cast<std::int32_t>(1 + chance() % 60)}},
        {.backend = kImages, .program = "engine"}};
    const auto table = owners_of(processes, {}, rules);
    for (const OwnedProcess& owned : table.owned()) {
      EXPECT_TRUE(owned.backend == kText || owned.backend == kImages) << seed;
      EXPECT_EQ(table.owner_of(owned.pid), owned.backend) << seed;
    }
    for (const ProcessFacts& facts : processes)
      if (facts.program == "engine") EXPECT_EQ(table.owner_of(facts.pid), kImages) << seed;
  }
}

}  // namespace
}  // namespace stoker::gpu
