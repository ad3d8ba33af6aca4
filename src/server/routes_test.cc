#include "server/routes.h"

#include <gtest/gtest.h>

namespace stoker::server {
namespace {

TEST(Routes, LeaveOutIdsAndCodes) {
  EXPECT_EQ(route_of("/api/v1/jobs/j17/results/0"), "/api/v1/jobs/:id/results/:n");
  EXPECT_EQ(route_of("/api/v1/workshops/w1/focus"), "/api/v1/workshops/:id/focus");
  EXPECT_EQ(route_of("/api/v1/jobs"), "/api/v1/jobs");
  EXPECT_EQ(route_of("/join/K7M4PQ"), "/join/:code");
  EXPECT_EQ(route_of("/"), "/");
  EXPECT_EQ(route_of("/healthz"), "/healthz");
}

TEST(Routes, DoNotGrowWithWhatPeopleAskFor) {
  EXPECT_EQ(route_of("/api/v1/secret-word"), "/api/(unknown)");
  EXPECT_EQ(route_of("/api/v1/jobs/j1/edit/more/and/more/and/more/still"), "/api/(unknown)");
  EXPECT_EQ(route_of("/wp-login.php"), "(unknown)");
  EXPECT_EQ(route_of(""), "(unknown)");
}

}  // namespace
}  // namespace stoker::server
