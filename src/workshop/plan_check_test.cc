#include "workshop/plan_check.h"

#include <gtest/gtest.h>

#include <array>

namespace stoker::workshop {
namespace {

constexpr PlannedModel kImage{ModelId{1}, MiB{28'000}, false};
constexpr PlannedModel kText{ModelId{2}, MiB{65'000}, false};
constexpr PlannedModel kSafety{ModelId{3}, MiB{1'500}, true};

TEST(PlanCheck, OneMediumFits) {
  const std::array models = {kImage, kSafety};
  const Budget budget = check_budget(models, MiB{96'000});
  EXPECT_EQ(budget.verdict, Verdict::fits);
  EXPECT_EQ(budget.needed, MiB{29'500});
  EXPECT_TRUE(budget.ways_out.empty());
}

TEST(PlanCheck, TheLastEightPercentAreTight) {
  const std::array models = {kImage, kText};
  EXPECT_EQ(check_budget(models, MiB{94'000}).verdict, Verdict::tight);
  EXPECT_EQ(check_budget(models, MiB{93'000}).verdict, Verdict::tight) << "exactly full still fits";
  EXPECT_EQ(check_budget(models, MiB{92'999}).verdict, Verdict::misfit);
}

TEST(PlanCheck, NamesWhatToLeaveOutAndNeverAPinnedModel) {
  const std::array models = {kImage, kText, kSafety};
  const Budget budget = check_budget(models, MiB{70'000});
  EXPECT_EQ(budget.verdict, Verdict::misfit);
  EXPECT_EQ(budget.ways_out, (std::vector{ModelId{1}, ModelId{2}}));
  const Budget small = check_budget(models, MiB{40'000});
  EXPECT_EQ(small.ways_out, (std::vector{ModelId{2}}))
      << "leaving out the picture model is not enough";
}

// Enough memory, but the engine drops the models of one workflow when the next one comes.
TEST(PlanCheck, AnEngineThatHoldsOneModelHasNoPlaceForTwo) {
  const auto at = [](std::uint32_t model, std::uint32_t backend, std::uint32_t models_max) {
    return PlannedModel{ModelId{model}, MiB{1'000}, false, BackendId{backend}, models_max};
  };
  const std::array crowded = {at(1, 7, 1), at(2, 7, 1), at(3, 8, 0), at(4, 8, 0)};
  const Budget budget = check_budget(crowded, MiB{90'000});
  EXPECT_EQ(budget.verdict, Verdict::misfit);
  EXPECT_EQ(budget.ways_out, (std::vector{ModelId{1}, ModelId{2}}));
  const std::array roomy = {at(1, 7, 2), at(2, 7, 2), at(3, 8, 0), at(4, 8, 0)};
  EXPECT_EQ(check_budget(roomy, MiB{90'000}).verdict, Verdict::fits);
}

}  // namespace
}  // namespace stoker::workshop
