#include "gpu/owners/process_owners.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "gpu/tree_for_tests.h"

namespace stoker::gpu {
namespace {

constexpr BackendId kText{1};
constexpr BackendId kImages{2};

constexpr const char* kTcpHead =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

std::string listener(const char* port_in_hex, int user, int inode) {
  return "   0: 0100007F:" + std::string(port_in_hex) +
         " 00000000:0000 0A 00000000:00000000 00:00000000 00000000  " + std::to_string(user) +
         "        0 " + std::to_string(inode) + " 1 0000000000000000 100 0 0 10 0\n";
}

TEST(ProcessOwners, FindsAnEngineByWhereItListensAndItsChildren) {
  const Tree tree;
  tree.process(50, 1, 50, "ollama");
  tree.process(60, 50, 50, "ollama");
  tree.process(70, 1, 70, "Xorg");
  tree.file("proc/net/tcp", kTcpHead + listener("2CAA", 997, 4711));
  tree.holds_socket(50, 3, 4711);
  ProcessOwners owners(tree.at("proc"));
  owners.set_rule({.backend = kText, .port = 11434});
  const OwnerTable table = owners.look();
  EXPECT_EQ(table.owner_of(50), kText);
  EXPECT_EQ(table.owner_of(60), kText);
  EXPECT_FALSE(table.owner_of(70));
}

TEST(ProcessOwners, FollowsAnEngineThatIsStartedAgain) {
  const Tree tree;
  tree.process(50, 1, 50, "ollama");
  tree.file("proc/net/tcp6", kTcpHead + listener("2CAA", 997, 4711));
  tree.holds_socket(50, 3, 4711);
  ProcessOwners owners(tree.at("proc"));
  owners.set_rule({.backend = kText, .port = 11434});
  EXPECT_EQ(owners.look().owner_of(50), kText);

  // Somebody else gets the same number, and the engine another one.
  tree.remove("proc/50");
  tree.process(50, 1, 50, "browser", 99);
  tree.process(51, 1, 51, "ollama");
  tree.file("proc/net/tcp6", kTcpHead + listener("2CAA", 997, 4712));
  tree.holds_socket(51, 3, 4712);
  const OwnerTable table = owners.look();
  EXPECT_FALSE(table.owner_of(50));
  EXPECT_EQ(table.owner_of(51), kText);
}

TEST(ProcessOwners, APidThatIsUsedAgainIsNotTheEngineWhileTheSocketLivesOn) {
  const Tree tree;
  tree.process(50, 1, 50, "ollama");
  tree.file("proc/net/tcp", kTcpHead + listener("2CAA", 0, 4711));
  tree.holds_socket(50, 3, 4711);
  ProcessOwners owners(tree.at("proc"));
  owners.set_rule({.backend = kText, .port = 11434});
  EXPECT_EQ(owners.look().owner_of(50), kText);
  tree.remove("proc/50");
  tree.process(50, 1, 50, "browser", 99);
  EXPECT_FALSE(owners.look().owner_of(50));
}

TEST(ProcessOwners, RulesAreReplacedAndDropped) {
  const Tree tree;
  tree.process(50, 1, 50, "engine");
  ProcessOwners owners(tree.at("proc"));
  EXPECT_TRUE(owners.look().owned().empty());
  owners.set_rule({.backend = kText, .process_groups = {50}});
  EXPECT_EQ(owners.look().owner_of(50), kText);
  owners.set_rule({.backend = kText, .process_groups = {51}});
  EXPECT_FALSE(owners.look().owner_of(50));
  owners.set_rule({.backend = kImages, .program = "engine"});
  EXPECT_EQ(owners.look().owner_of(50), kImages);
  owners.drop_rule(kImages);
  EXPECT_TRUE(owners.look().owned().empty());
  owners.set_rule({.backend = kText});
  EXPECT_TRUE(owners.look().owned().empty());
}

TEST(ProcessOwners, HalfAProcessHarmsNobody) {
  const Tree tree;
  tree.process(50, 1, 50, "engine");
  tree.process(60, 50, 50, "engine");
  tree.remove("proc/60/stat");                // ended while it was looked at
  tree.file("proc/70/stat", "70 (torn) S ");  // torn
  tree.file("proc/self/stat", "nonsense");
  ProcessOwners owners(tree.at("proc"));
  owners.set_rule({.backend = kText, .program = "engine"});
  const OwnerTable table = owners.look();
  EXPECT_EQ(table.owned(), (std::vector<OwnedProcess>{{50, kText}}));
}

TEST(ProcessOwners, WithoutAProcFolderThereAreNoOwners) {
  ProcessOwners owners("/nowhere/proc");
  owners.set_rule({.backend = kText, .port = 11434, .program = "engine"});
  EXPECT_TRUE(owners.look().owned().empty());
}

TEST(ProcessOwners, FindsThisProcessByItsRealListeningSocket) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(fd, generic, length), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ASSERT_EQ(::getsockname(fd, generic, &length), 0);
  ProcessOwners owners;
  owners.set_rule({.backend = kText, .port = ntohs(address.sin_port)});
  EXPECT_EQ(owners.look().owner_of(::getpid()), kText);
  EXPECT_EQ(owners.look().owner_of(::getpid()), kText);
  ::close(fd);
  EXPECT_FALSE(owners.look().owner_of(::getpid()));
}

TEST(ProcessOwners, RulesMayComeFromAnotherThreadWhileASampleIsTaken) {
  const Tree tree;
  for (std::int32_t pid = 2; pid < 40; ++pid) tree.process(pid, 1, pid, "engine");
  ProcessOwners owners(tree.at("proc"));
  std::thread changer([&owners] {
    for (int round = 0; round < 200; ++round) {
      owners.set_rule({.backend = kText, .program = "engine"});
      owners.drop_rule(kText);
    }
    owners.set_rule({.backend = kImages, .program = "engine"});
  });
  for (int round = 0; round < 20; ++round) {
    const std::size_t owned = owners.look().owned().size();
    EXPECT_TRUE(owned == 0 || owned == 38) << owned;
  }
  changer.join();
  EXPECT_EQ(owners.look().owned().size(), 38U);
}

}  // namespace
}  // namespace stoker::gpu
