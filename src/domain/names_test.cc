#include <gtest/gtest.h>

#include <set>

#include "domain/cause.h"
#include "domain/job.h"
#include "domain/medium.h"
#include "domain/person.h"
#include "domain/workshop.h"

namespace stoker {
namespace {

TEST(Names, EveryCauseHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCauseKindCount; ++i) {
    const auto kind = static_cast<CauseKind>(i);
    names.insert(cause_name(kind));
    EXPECT_EQ(cause_from_name(cause_name(kind)), kind);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kCauseKindCount));
}

TEST(Names, MediaAndRolesReadBack) {
  for (int i = 0; i < kMediumCount; ++i) {
    EXPECT_EQ(medium_from_name(medium_name(static_cast<Medium>(i))), static_cast<Medium>(i));
  }
  for (int i = 0; i < kRoleCount; ++i) {
    EXPECT_EQ(role_from_name(role_name(static_cast<Role>(i))), static_cast<Role>(i));
  }
  EXPECT_EQ(medium_from_name("smell"), std::nullopt);
}

TEST(Names, OnlyTheFourLastJobStatesAreFinal) {
  int finals = 0;
  for (int i = 0; i < kJobStateCount; ++i)
    finals += job_state_is_final(static_cast<JobState>(i)) ? 1 : 0;
  EXPECT_EQ(finals, 4);
  EXPECT_FALSE(job_state_is_final(JobState::waiting_for_person));
}

}  // namespace
}  // namespace stoker
