#include "gpu/nvml/process_list.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace stoker::gpu::nvml {
namespace {

std::vector<unsigned char> buffer_with(std::size_t entries, std::size_t bytes) {
  std::vector<unsigned char> buffer(64 * kProcessBytesV3, kUnwritten);
  for (std::size_t i = 0; i < entries; ++i) {
    std::memset(buffer.data() + i * bytes, 0, bytes);
    const ProcessHead head{static_cast<unsigned>(100 + i), (i + 1) * 1024ULL * 1024ULL};
    std::memcpy(buffer.data() + i * bytes, &head, sizeof head);
  }
  return buffer;
}

TEST(ProcessList, HowFarTheLibraryWroteTellsTheSizeOfAnEntry) {
  for (const std::size_t bytes : {kProcessBytesV1, kProcessBytesV2, kProcessBytesV3}) {
    for (const std::size_t entries : {1U, 2U, 3U, 64U}) {
      const auto buffer = buffer_with(entries, bytes);
      EXPECT_EQ(entry_bytes(buffer, entries), bytes) << entries;
      const auto processes = parse_processes(buffer, entries);
      ASSERT_EQ(processes.size(), entries);
      EXPECT_EQ(processes.back().pid, static_cast<std::int32_t>(99 + entries));
      EXPECT_EQ(processes.back().used, MiB{static_cast<std::int64_t>(entries)});
    }
  }
}

TEST(ProcessList, ALibraryThatClearsTheWholeBufferIsTakenForTheDocumentedSize) {
  auto buffer = buffer_with(2, kProcessBytesV2);
  for (std::size_t i = 2 * kProcessBytesV2; i < buffer.size(); ++i) buffer[i] = 0;
  EXPECT_EQ(entry_bytes(buffer, 2), kProcessBytesV2);
}

TEST(ProcessList, RandomBuffersGiveNoImpossibleProcesses) {
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    std::mt19937 chance(seed);
    std::vector<unsigned char> buffer(chance() % 300);
    for (unsigned char& byte : buffer) byte = static_cast<unsigned char>(chance());
    const std::size_t claimed = chance() % 40;
    const auto processes = parse_processes(buffer, claimed);
    EXPECT_LE(processes.size(), claimed);
    for (const CardProcess& process : processes) EXPECT_GT(process.pid, 0) << seed;
  }
}

}  // namespace
}  // namespace stoker::gpu::nvml
