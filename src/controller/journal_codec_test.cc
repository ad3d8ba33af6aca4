#include "controller/journal_codec.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace stoker::controller {
namespace {

constexpr Stamp kStamp{7, WallTime{1000}, Instant{2000}};

// Small numbers fit every field, booleans and enums included; lists are read from their own length.
JournalRow row_of(std::uint16_t type, std::size_t count, Random& random) {
  JournalRow row{.seq = kStamp.seq, .wall = kStamp.wall, .mono = kStamp.mono, .type = type};
  for (std::size_t i = 0; i < count; ++i)
    row.numbers.push_back(static_cast<std::int64_t>(random.below(2)));
  return row;
}

std::size_t types_that_read_back(std::uint16_t base, std::size_t types) {
  Random random(3);
  std::size_t read_back = 0;
  for (std::size_t index = 0; index < types; ++index) {
    const auto type = static_cast<std::uint16_t>(base + index);
    bool done = false;
    for (int attempt = 0; attempt < 400 && !done; ++attempt) {
      const JournalRow row = row_of(type, random.below(16), random);
      const auto entry = decode(row);
      if (!entry) continue;
      const JournalRow again = encode(*entry, kStamp);
      EXPECT_EQ(again.type, row.type);
      EXPECT_EQ(again.numbers, row.numbers);
      done = true;
    }
    EXPECT_TRUE(done) << "type " << type << " was never read";
    read_back += done ? 1 : 0;
  }
  return read_back;
}

TEST(JournalCodec, EveryTypeReadsBackAsItWasWritten) {
  EXPECT_EQ(types_that_read_back(kEventTypeBase, std::variant_size_v<scheduler::Event>),
            std::variant_size_v<scheduler::Event>);
  EXPECT_EQ(types_that_read_back(kDecisionTypeBase, std::variant_size_v<scheduler::Decision>),
            std::variant_size_v<scheduler::Decision>);
  EXPECT_EQ(types_that_read_back(kRecordTypeBase, std::variant_size_v<Record>),
            std::variant_size_v<Record>);
}

// The numbers of old journals must keep their meaning.
TEST(JournalCodec, TypeNumbersAreFixed) {
  EXPECT_EQ(encode(Entry(scheduler::Event(scheduler::JobSubmitted{})), kStamp).type, 10);
  EXPECT_EQ(encode(Entry(scheduler::Event(scheduler::Tick{})), kStamp).type, 25);
  EXPECT_EQ(encode(Entry(scheduler::Decision(scheduler::Finish{})), kStamp).type, 108);
  EXPECT_EQ(encode(Entry(Record(EpochStarted{})), kStamp).type, 201);
}

TEST(JournalCodec, KeepsLargeNumbersAndLists) {
  const JobDescribed described{JobId{5}, Medium::video, 18446744073709551615ULL, JobId{4}};
  const auto read = decode(encode(Entry(Record(described)), kStamp));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(std::get<JobDescribed>(std::get<Record>(*read)).seed, 18446744073709551615ULL);
  const scheduler::WantedSet wanted{CauseKind::preload, {ModelId{1}, ModelId{4294967295U}}};
  const auto list = decode(encode(Entry(scheduler::Event(wanted)), kStamp));
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(std::get<scheduler::WantedSet>(std::get<scheduler::Event>(*list)).models,
            wanted.models);
}

TEST(JournalCodec, RefusesWhatItCannotMean) {
  const auto is_refused = [](std::uint16_t type, std::vector<std::int64_t> numbers) {
    return !decode({.seq = 1, .type = type, .numbers = std::move(numbers)}).has_value();
  };
  EXPECT_TRUE(is_refused(0, {}));
  EXPECT_TRUE(is_refused(99, {})) << "no such event";
  EXPECT_TRUE(is_refused(25, {1})) << "a number too many";
  EXPECT_TRUE(is_refused(201, {})) << "a number too few";
  EXPECT_TRUE(is_refused(201, {-1})) << "does not fit";
  EXPECT_TRUE(is_refused(5, {1, 2})) << "neither true nor false";
  EXPECT_TRUE(is_refused(9, {99, 0})) << "no such cause";
  EXPECT_TRUE(is_refused(9, {0, 1'000'000'000'000})) << "a list longer than the row";
}

}  // namespace
}  // namespace stoker::controller
