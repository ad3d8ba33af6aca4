// What if the process dies, or the disk is full, at commit N? Played for every N of a short workshop.
#include <gtest/gtest.h>

#include "controller/replay.h"
#include "controller/workshop_for_tests.h"
#include "storage/memory/faulty_store.h"

namespace stoker::controller {
namespace {

constexpr std::size_t kCommitsPlayed = 30;
constexpr int kPeople = 4;

struct Promised {
  std::map<std::string, JobId> acknowledged;  // by key
  std::string refusal;                        // the last one
};

// The same requests each time; whatever was promised before comes back, whatever was not is made now.
Promised play_class(WorkshopForTests& story, std::vector<Actor>& people) {
  Promised promised;
  for (int i = 0; i < kPeople; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (people.size() <= index) {
      if (story.snapshot()->workshops.empty()) return promised;
      const std::string code = story.snapshot()->workshops.begin()->second->join_code;
      TokenHash token{};
      token[0] = static_cast<std::uint8_t>(i + 1);
      const auto joined = story.ask<JoinReply>([&](auto r) {
        story.controller->join({.code = code, .group = {}, .symbol = {}, .token = token},
                               std::move(r));
      });
      if (!joined) return promised;
      people.push_back({Role::participant, joined->workshop, joined->person, token});
    }
    const std::string key = "key-" + std::to_string(i);
    const auto reply =
        story.submit(people[index], i % 2 == 0 ? "sd3.5_large" : "stableaudio", "boat", key);
    if (reply) promised.acknowledged[key] = reply->job;
    promised.refusal = reply ? promised.refusal : reply.error().detail;
    story.loop->run_for(seconds(4));
  }
  return promised;
}

void create_class(WorkshopForTests& story) {
  if (!story.snapshot()->workshops.empty()) {
    story.workshop = story.snapshot()->workshops.begin()->first;
    if (!story.act(WorkshopAction::start)) return;
    return;
  }
  CreateWorkshop command{.title = "Papierwelten",
                         .focus = {story.model("sd3.5_large"), story.model("stableaudio")}};
  const auto id = story.ask<WorkshopId>(
      [&](auto r) { story.controller->create_workshop(story.admin(), command, std::move(r)); });
  if (!id) return;
  story.workshop = *id;
  if (!story.act(WorkshopAction::start)) return;
}

void expect_all_done_once(WorkshopForTests& story, const Promised& promised) {
  for (const auto& [key, job] : promised.acknowledged) {
    ASSERT_TRUE(story.run_until_final(job)) << key;
    EXPECT_EQ(story.job(job).state, JobState::done) << key;
    EXPECT_EQ(story.job(job).results.size(), 1U);
  }
  const auto report = verify_journal(*story.store, 0);
  ASSERT_TRUE(report.has_value()) << report.error().detail;
  EXPECT_EQ(report->first_difference_seq, std::nullopt);
}

void die_at(std::size_t commit, FaultyStore::LastBatch last) {
  SCOPED_TRACE("dies at commit " + std::to_string(commit));
  WorkshopForTests story(1, [&](std::unique_ptr<Store> inner) {
    auto faulty = std::make_unique<FaultyStore>(std::move(inner));
    faulty->crash_at_commit(commit, last);
    return faulty;
  });
  std::vector<Actor> people;
  Promised before;
  if (story.controller) {
    create_class(story);
    before = play_class(story, people);
  }
  story.crash();
  story.arm = {};
  story.open();
  create_class(story);
  const Promised after = play_class(story, people);
  for (const auto& [key, job] : before.acknowledged) {
    ASSERT_TRUE(after.acknowledged.contains(key));
    EXPECT_EQ(after.acknowledged.at(key), job) << "an acknowledged job was lost or doubled";
  }
  EXPECT_EQ(after.acknowledged.size(), static_cast<std::size_t>(kPeople));
  EXPECT_EQ(story.snapshot()->jobs.size(), static_cast<std::size_t>(kPeople))
      << "no job that nobody asked for";
  expect_all_done_once(story, after);
}

TEST(ControllerFaultAtStep, AProcessThatDiesLosesNothingThatWasAcknowledged) {
  for (std::size_t commit = 1; commit <= kCommitsPlayed; ++commit) {
    die_at(commit, FaultyStore::LastBatch::lost);
    ASSERT_FALSE(testing::Test::HasFatalFailure());
  }
}

TEST(ControllerFaultAtStep, NorWhenTheLastCommitWasWrittenButNotHeardOf) {
  for (std::size_t commit = 1; commit <= kCommitsPlayed; ++commit) {
    die_at(commit, FaultyStore::LastBatch::written);
    ASSERT_FALSE(testing::Test::HasFatalFailure());
  }
}

TEST(ControllerFaultAtStep, AFullDiskDelaysWorkAndLosesNone) {
  for (std::size_t commit = 2; commit <= kCommitsPlayed; commit += 2) {
    SCOPED_TRACE("full at commit " + std::to_string(commit));
    WorkshopForTests story(1, [&](std::unique_ptr<Store> inner) {
      auto faulty = std::make_unique<FaultyStore>(std::move(inner));
      faulty->fail_commits(commit, 3, Error{ErrorCode::disk_full, "no space"});
      return faulty;
    });
    story.loop->run_for(seconds(10));
    create_class(story);
    story.loop->run_for(seconds(10));
    std::vector<Actor> people;
    for (int round = 0; round < 2; ++round) {
      play_class(story, people);
      story.loop->run_for(seconds(20));
    }
    const Promised all = play_class(story, people);
    EXPECT_EQ(all.acknowledged.size(), static_cast<std::size_t>(kPeople)) << all.refusal;
    EXPECT_EQ(story.snapshot()->jobs.size(), static_cast<std::size_t>(kPeople));
    EXPECT_TRUE(story.snapshot()->store_ok);
    expect_all_done_once(story, all);
  }
}

TEST(ControllerFaultAtStep, AFullDiskRefusesNewWorkInWords) {
  std::size_t fail_from = 0;
  FaultyStore* faulty = nullptr;
  WorkshopForTests story(1, [&](std::unique_ptr<Store> inner) {
    auto wrapped = std::make_unique<FaultyStore>(std::move(inner));
    faulty = wrapped.get();
    return wrapped;
  });
  create_class(story);
  const Actor otter = story.join();
  fail_from = faulty->commits() + 1;
  faulty->fail_commits(fail_from, 1'000'000, Error{ErrorCode::disk_full, "no space"});
  EXPECT_FALSE(story.submit(otter, "stableaudio").has_value()) << "never acknowledged";
  const auto refused = story.submit(otter, "stableaudio");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::disk_full);
  EXPECT_FALSE(story.snapshot()->store_ok);
}

}  // namespace
}  // namespace stoker::controller
