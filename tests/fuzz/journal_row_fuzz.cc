// Rows of a damaged or foreign journal: a row that can be read is written back as the same numbers.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "controller/journal_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoker;
  if (size < 2) return 0;
  JournalRow row;
  row.seq = 1;
  std::memcpy(&row.type, data, 2);
  row.type %= 256;
  // One byte a number reaches the interesting values soonest; a first byte of 255 begins a whole number of eight bytes.
  for (std::size_t at = 2; at < size && row.numbers.size() < kNumbersPerRowMax;) {
    std::int64_t number = data[at++];
    if (number == 255 && size - at >= 8) {
      std::memcpy(&number, data + at, 8);
      at += 8;
    }
    row.numbers.push_back(number);
  }
  const auto entry = controller::decode(row);
  if (!entry) return 0;
  const JournalRow again =
      controller::encode(*entry, {.seq = row.seq, .wall = row.wall, .mono = row.mono});
  STOKER_INVARIANT(again.type == row.type && again.numbers == row.numbers,
                   "what was read is what is written");
  return 0;
}
