#include "gpu/proc_files.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "gpu/driver.h"
#include "gpu/tree_for_tests.h"

namespace stoker::gpu {
namespace {

TEST(ProcFiles, AProgramIsCalledByItsFileAndNeverByItsArguments) {
  const Tree tree;
  tree.process(5, 1, 5, "python3.11");
  tree.file("proc/5/cmdline", std::string("python3.11\0--token\0secret", 25));
  EXPECT_EQ(program_name(tree.at("proc"), 5), "python3.11");
  tree.remove("proc/5/exe");
  tree.link("proc/5/exe", "/opt/engine/comfy (deleted)");
  EXPECT_EQ(program_name(tree.at("proc"), 5), "comfy");
  tree.remove("proc/5/exe");
  EXPECT_EQ(program_name(tree.at("proc"), 5), "python3.11") << "from comm";
  tree.file("proc/5/comm", "bad\x01name\n");
  EXPECT_EQ(program_name(tree.at("proc"), 5), "bad?name");
  EXPECT_FALSE(program_name(tree.at("proc"), 6));
}

TEST(ProcFiles, NamesAreCutWithoutHalvingACharacter) {
  EXPECT_EQ(printable("abc", 8), "abc");
  EXPECT_EQ(printable("abcdef", 3), "abc");
  EXPECT_EQ(printable("ab\xc3\xa4x", 3), "ab");
  EXPECT_EQ(printable("ab\xc3\xa4x", 4), "ab\xc3\xa4");
  EXPECT_EQ(printable(std::string(500, 'x'), kProgramNameMax).size(), kProgramNameMax);
}

TEST(ProcFiles, ReadsAtMostWhatIsAllowed) {
  const Tree tree;
  const std::string path = tree.file("long", std::string(100000, 'x'));
  EXPECT_EQ(read_small_file(path)->size(), kSmallFileMax);
  EXPECT_EQ(read_small_file(path, 10)->size(), 10U);
  EXPECT_FALSE(read_small_file(tree.at("missing")));
  EXPECT_FALSE(read_small_file(tree.at(""))) << "a folder is no file";
}

TEST(ProcFiles, ProcessesAreTheFoldersWithANumber) {
  const Tree tree;
  for (const char* name : {"1", "42", "self", "0", "99999999999", "7x", "net"})
    tree.file(std::string("proc/") + name + "/stat", "");
  EXPECT_EQ(process_ids(tree.at("proc")), (std::vector<std::int32_t>{1, 42}));
}

TEST(ProcFiles, AmountsCarryTheirUnit) {
  EXPECT_EQ(bytes_of_key("A: 1\nB:\t 2 kB\n", "B"), 2048U);
  EXPECT_EQ(bytes_of_key("B: 2 KiB", "B"), 2048U);
  EXPECT_EQ(bytes_of_key("B: 2 MiB", "B"), 2097152U);
  EXPECT_EQ(bytes_of_key("B: 2", "B"), 2U);
  EXPECT_FALSE(bytes_of_key("BB: 2", "B"));
  EXPECT_FALSE(bytes_of_key("B: -2 kB", "B"));
  EXPECT_FALSE(bytes_of_key("B: 18446744073709551615 kB", "B"));
  EXPECT_FALSE(bytes_of_key("", "B"));
}

TEST(ProcFiles, RandomTextGivesNoNumberThatIsNotThere) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    std::mt19937 chance(seed);
    std::string text;
    for (std::size_t n = chance() % 60; n > 0; --n) text.push_back(static_cast<char>(chance()));
    const std::string_view inside = trimmed(text);
    EXPECT_GE(inside.data(), text.data()) << seed;
    EXPECT_LE(inside.data() + inside.size(), text.data() + text.size()) << seed;
    EXPECT_LE(printable(text, 20).size(), 20U) << seed;
    text.insert(0, "Key: 12");
    const auto value = bytes_of_key(text, "Key");
    if (value) EXPECT_NE(*value, 0U) << seed;
  }
}

TEST(Driver, BytesAreRoundedToTheNearestMiB) {
  EXPECT_EQ(mib_from_bytes(0), MiB{0});
  EXPECT_EQ(mib_from_bytes(kBytesPerMiB / 2 - 1), MiB{0});
  EXPECT_EQ(mib_from_bytes(kBytesPerMiB / 2), MiB{1});
  EXPECT_EQ(mib_from_bytes(kBytesPerMiB), MiB{1});
  EXPECT_EQ(mib_from_bytes(std::numeric_limits<std::uint64_t>::max()), MiB{17592186044416});
}

TEST(Driver, OneAddressHasOneText) {
  EXPECT_EQ(normal_pci_bus_id("00000000:0A:00.0"), "0000:0a:00.0");
  EXPECT_EQ(normal_pci_bus_id("0000:0a:00.0"), "0000:0a:00.0");
  EXPECT_EQ(normal_pci_bus_id("0a:00.0"), "0000:0a:00.0");
  EXPECT_EQ(normal_pci_bus_id("00010000:0a:00.0"), "10000:0a:00.0");
  EXPECT_EQ(normal_pci_bus_id("1:0a:00.0"), "0001:0a:00.0");
  EXPECT_EQ(normal_pci_bus_id(""), "");
}

TEST(Driver, KindsAreTheWordsOfTheConfiguration) {
  for (const CardKind kind : {CardKind::nvidia, CardKind::amd, CardKind::host})
    EXPECT_EQ(card_kind_from_name(card_kind_name(kind)), kind);
  EXPECT_FALSE(card_kind_from_name("rehearsal"));
}

}  // namespace
}  // namespace stoker::gpu
