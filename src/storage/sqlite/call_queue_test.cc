#include "storage/sqlite/call_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace stoker::sqlite {
namespace {

Call call_of(std::size_t bytes) {
  return {Batch{}, [](Result<void>) {}, bytes};
}

TEST(SqliteCallQueue, RefusesMoreCallsThanItsLimitUntilSomeAreFinished) {
  CallQueue queue;
  for (std::size_t i = 0; i < kStoreBacklogBatchesMax; ++i) ASSERT_FALSE(queue.push(call_of(1)));
  EXPECT_TRUE(queue.push(call_of(1))) << "given back";
  EXPECT_THAT(queue.take(CallQueue::Patience::none), ::testing::SizeIs(CallQueue::kTakenMax));
  EXPECT_TRUE(queue.push(call_of(1))) << "taken is not finished";
  queue.finish(1, 1);
  EXPECT_FALSE(queue.push(call_of(1)));
  EXPECT_TRUE(queue.push(call_of(1)));
}

TEST(SqliteCallQueue, RefusesMoreBytesThanItsLimitUntilSomeAreFinished) {
  CallQueue queue;
  EXPECT_FALSE(queue.push(call_of(kStoreBacklogBytesMax - 10)));
  EXPECT_TRUE(queue.push(call_of(11)));
  EXPECT_FALSE(queue.push(call_of(10)));
  EXPECT_TRUE(queue.push(call_of(1)));
  queue.finish(1, kStoreBacklogBytesMax - 10);
  EXPECT_FALSE(queue.push(call_of(11)));
}

TEST(SqliteCallQueue, TakesOneCallHoweverLarge) {
  CallQueue queue;
  EXPECT_FALSE(queue.push(call_of(kStoreBacklogBytesMax + 1)));
  EXPECT_TRUE(queue.push(call_of(1)));
}

TEST(SqliteCallQueue, ClosingLetsTheRestBeTakenAndWakesTheTaker) {
  CallQueue queue;
  EXPECT_FALSE(queue.push(call_of(1)));
  EXPECT_FALSE(queue.drained());
  std::size_t taken = 0;
  std::thread taker([&] {
    while (!queue.drained()) taken += queue.take(CallQueue::Patience::forever).size();
  });
  queue.close();
  taker.join();
  EXPECT_EQ(taken, 1u);
  EXPECT_TRUE(queue.drained());
}

}  // namespace
}  // namespace stoker::sqlite
