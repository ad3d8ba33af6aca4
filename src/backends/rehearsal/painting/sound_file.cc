#include "backends/rehearsal/painting/sound_file.h"

#include <sndfile.h>

#include <algorithm>
#include <cstring>

#include "backends/rehearsal/painting/picture_files.h"

namespace stoker::painting {
namespace {

// A file in memory as libsndfile sees it.
struct MemoryFile {
  std::string bytes;
  std::size_t at = 0;
};

sf_count_t length(void* file) {
  return static_cast<sf_count_t>(static_cast<MemoryFile*>(file)->bytes.size());
}
sf_count_t tell(void* file) {
  return static_cast<sf_count_t>(static_cast<MemoryFile*>(file)->at);
}

sf_count_t seek(sf_count_t offset, int whence, void* file) {
  auto& memory = *static_cast<MemoryFile*>(file);
  sf_count_t base = 0;
  if (whence == SEEK_CUR) base = tell(file);
  if (whence == SEEK_END) base = length(file);
  memory.at = static_cast<std::size_t>(std::max<sf_count_t>(0, base + offset));
  return tell(file);
}

sf_count_t read(void* target, sf_count_t count, void* file) {
  auto& memory = *static_cast<MemoryFile*>(file);
  const std::size_t there = memory.bytes.size() - std::min(memory.at, memory.bytes.size());
  const std::size_t taken = std::min(there, static_cast<std::size_t>(count));
  std::memcpy(target, memory.bytes.data() + memory.at, taken);
  memory.at += taken;
  return static_cast<sf_count_t>(taken);
}

sf_count_t write(const void* source, sf_count_t count, void* file) {
  auto& memory = *static_cast<MemoryFile*>(file);
  const auto size = static_cast<std::size_t>(count);
  if (memory.bytes.size() < memory.at + size) memory.bytes.resize(memory.at + size);
  std::memcpy(memory.bytes.data() + memory.at, source, size);
  memory.at += size;
  return count;
}

}  // namespace

Result<std::string> flac_file(std::span<const float> samples) {
  MemoryFile memory;
  SF_VIRTUAL_IO io{length, seek, read, write, tell};
  SF_INFO info{};
  info.samplerate = kSampleRate;
  info.channels = kChannels;
  info.format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
  SNDFILE* const file = sf_open_virtual(&io, SFM_WRITE, &info, &memory);
  if (file == nullptr) return fail(ErrorCode::internal, "no FLAC encoder");
  sf_command(file, SFC_SET_CLIPPING, nullptr, SF_TRUE);
  sf_set_string(file, SF_STR_COMMENT, kSoftwareMark);
  const auto frames = static_cast<sf_count_t>(samples.size() / kChannels);
  const bool written = sf_writef_float(file, samples.data(), frames) == frames;
  const bool closed = sf_close(file) == 0;
  if (!written || !closed) return fail(ErrorCode::internal, "the FLAC encoder refused");
  return std::move(memory.bytes);
}

}  // namespace stoker::painting
