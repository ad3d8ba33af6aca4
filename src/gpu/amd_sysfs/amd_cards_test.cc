#include "gpu/amd_sysfs/amd_cards.h"

#include <gtest/gtest.h>

#include <random>

#include "gpu/amd_sysfs/drm_clients.h"
#include "gpu/tree_for_tests.h"

namespace stoker::gpu {
namespace {

void add_card(const Tree& tree, int number, const std::string& pci, const std::string& total,
              const std::string& used) {
  const std::string device = "sys/class/drm/card" + std::to_string(number) + "/device/";
  tree.file(device + "vendor", "0x1002\n");
  tree.file(device + "device", "0x744c\n");
  tree.file(device + "uevent", "DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_SLOT_NAME=" + pci + "\n");
  tree.file(device + "mem_info_vram_total", total + "\n");
  tree.file(device + "mem_info_vram_used", used + "\n");
}

void add_client(const Tree& tree, std::int32_t pid, int fd, const std::string& pci, int client,
                const std::string& memory) {
  const std::string folder = "proc/" + std::to_string(pid);
  tree.link(folder + "/fd/" + std::to_string(fd), "/dev/dri/renderD128");
  tree.file(folder + "/fdinfo/" + std::to_string(fd),
            "pos:\t0\nflags:\t02100002\ndrm-driver:\tamdgpu\ndrm-client-id:\t" +
                std::to_string(client) + "\ndrm-pdev:\t" + pci + "\n" + memory);
}

AmdCards amd_of(const Tree& tree) {
  return AmdCards({.sys_root = tree.at("sys"), .proc_root = tree.at("proc")});
}

TEST(AmdCards, TellsCardsInTheOrderOfTheirNumbersAndLeavesOthersOut) {
  const Tree tree;
  add_card(tree, 10, "0000:43:00.0", "17163091968", "1048576");
  add_card(tree, 2, "0000:03:00.0", "25753026560", "3221225472");
  tree.file("sys/class/drm/card2/device/unique_id", "a1b2c3d4e5f60718\n");
  tree.file("sys/class/drm/card2/device/product_name", "Radeon PRO W7900\n");
  tree.file("sys/class/drm/card2/device/gpu_busy_percent", "42\n");
  tree.file("sys/class/drm/card2-DP-1/status", "connected\n");
  tree.file("sys/class/drm/card0/device/vendor", "0x8086\n");
  auto amd = amd_of(tree);
  const auto cards = amd.read();
  ASSERT_TRUE(cards) << cards.error().detail;
  ASSERT_EQ(cards->size(), 2U);
  EXPECT_EQ(cards->at(0).index, 0);
  EXPECT_EQ(cards->at(0).name, "Radeon PRO W7900");
  EXPECT_EQ(cards->at(0).uuid, "a1b2c3d4e5f60718");
  EXPECT_EQ(cards->at(0).pci_bus_id, "0000:03:00.0");
  EXPECT_EQ(cards->at(0).total, MiB{24560});
  EXPECT_EQ(cards->at(0).used, MiB{3072});
  EXPECT_EQ(cards->at(0).utilisation_percent, 42);
  EXPECT_EQ(cards->at(1).name, "AMD GPU 0x744c");
  EXPECT_EQ(cards->at(1).index, 1);
  EXPECT_FALSE(cards->at(1).utilisation_percent);
}

TEST(AmdCards, FilesOfOneClientHoldItsMemoryOnce) {
  const Tree tree;
  add_card(tree, 0, "0000:03:00.0", "25753026560", "3221225472");
  tree.process(50, 1, 50, "ollama");
  tree.process(60, 1, 60, "Xorg");
  add_client(tree, 50, 3, "0000:03:00.0", 7, "drm-memory-vram:\t2048 KiB\n");
  add_client(tree, 50, 4, "0000:03:00.0", 7, "drm-memory-vram:\t2048 KiB\n");
  add_client(tree, 50, 5, "0000:03:00.0", 8,
             "drm-total-vram:\t9999999 KiB\ndrm-resident-vram:\t1048576 KiB\n");
  add_client(tree, 60, 3, "0000:03:00.0", 7, "drm-memory-vram:\t2048 KiB\n");
  add_client(tree, 60, 4, "0000:99:00.0", 7, "drm-memory-vram:\t4096 KiB\n");
  auto amd = amd_of(tree);
  const auto cards = amd.read();
  ASSERT_TRUE(cards);
  ASSERT_EQ(cards->at(0).processes.size(), 1U);
  EXPECT_EQ(cards->at(0).processes[0].pid, 50);
  EXPECT_EQ(cards->at(0).processes[0].name, "ollama");
  EXPECT_EQ(cards->at(0).processes[0].used, MiB{1026});
  EXPECT_TRUE(cards->at(0).processes_complete);
}

TEST(AmdCards, ComputeMemoryIsReadFromTheComputeDriver) {
  const Tree tree;
  add_card(tree, 0, "0000:c3:00.0", "25753026560", "3221225472");
  tree.process(50, 1, 50, "python3");
  tree.file("sys/class/kfd/kfd/topology/nodes/0/gpu_id", "0\n");
  tree.file("sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 16\n");
  tree.file("sys/class/kfd/kfd/topology/nodes/1/gpu_id", "51234\n");
  tree.file("sys/class/kfd/kfd/topology/nodes/1/properties",
            "simd_count 192\nlocation_id 49920\ndomain 0\n");
  tree.file("sys/class/kfd/kfd/proc/50/vram_51234", "2147483648\n");
  add_client(tree, 50, 3, "0000:c3:00.0", 1, "drm-resident-vram: 100 MiB\n");
  auto amd = amd_of(tree);
  const auto cards = amd.read();
  ASSERT_TRUE(cards);
  ASSERT_EQ(cards->at(0).processes.size(), 1U);
  EXPECT_EQ(cards->at(0).processes[0].used, MiB{2048}) << "the larger of two views";
}

TEST(AmdCards, ACardThatDoesNotAnswerHasTroubleAndTheOtherOneNot) {
  const Tree tree;
  add_card(tree, 0, "0000:03:00.0", "25753026560", "3221225472");
  add_card(tree, 1, "0000:43:00.0", "not a number", "0");
  auto amd = amd_of(tree);
  const auto cards = amd.read();
  ASSERT_TRUE(cards);
  EXPECT_FALSE(cards->at(0).trouble);
  ASSERT_TRUE(cards->at(1).trouble);
  EXPECT_EQ(cards->at(1).pci_bus_id, "0000:43:00.0");
}

TEST(AmdCards, WithoutACardThatIsSaid) {
  const Tree tree;
  auto amd = amd_of(tree);
  const auto cards = amd.read();
  ASSERT_FALSE(cards);
  EXPECT_EQ(cards.error().code, ErrorCode::backend_down);
}

TEST(AmdCards, FilesOfOtherDriversAndHalfNotesAreNoClients) {
  EXPECT_FALSE(parse_drm_client("drm-driver: i915\ndrm-pdev: 0000:00:02.0\ndrm-client-id: 1\n"));
  EXPECT_FALSE(parse_drm_client("drm-driver: amdgpu\ndrm-pdev: 0000:00:02.0\n"));
  EXPECT_FALSE(parse_drm_client(""));
  const auto client = parse_drm_client(
      "drm-driver: amdgpu\ndrm-pdev: 0000:0A:00.0\ndrm-client-id: 5\ndrm-memory-vram: 7 KiB\n");
  ASSERT_TRUE(client);
  EXPECT_EQ(client->pci_bus_id, "0000:0a:00.0");
  EXPECT_EQ(client->vram_bytes, 7168U);
}

TEST(AmdCards, RandomNotesGiveNoClientWithoutACard) {
  constexpr std::string_view kLetters = "drm-viemoyKMBpclnt:0123456789 \n\t";
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 chance(seed);
    std::string text = "drm-driver: amdgpu\ndrm-pdev: 0000:03:00.0\ndrm-client-id: 1\n";
    if (seed % 2 == 0) text += "drm-memory-vram: 99999999999999999999";
    for (std::size_t n = chance() % 100; n > 0; --n) {
      text.insert(text.begin() + static_cast<std::ptrdiff_t>(chance() % (text.size() + 1)),
                  kLetters[chance() % kLetters.size()]);
    }
    if (const auto client = parse_drm_client(text)) EXPECT_FALSE(client->pci_bus_id.empty());
  }
}

}  // namespace
}  // namespace stoker::gpu
