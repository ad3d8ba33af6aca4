// The document and the program say the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "api/feeds.h"
#include "api/openapi_test.h"
#include "api/router.h"
#include "diagnosis/findings.h"

namespace stoker::api {
namespace {

using Words = std::vector<std::string>;

template <class Enum, class Name>
Words words(int count, Name name) {
  Words out;
  for (int i = 0; i < count; ++i) out.emplace_back(name(static_cast<Enum>(i)));
  return out;
}

Words documented(const char* schema) {
  Words out;
  for (const auto& word : OpenApi::get().schemas().at(schema).as_object().at("enum").as_array()) {
    out.emplace_back(word.as_string());
  }
  return out;
}

TEST(Contract, ListsEveryWordOfEveryEnumInItsOrder) {
  EXPECT_EQ(documented("Medium"), words<Medium>(kMediumCount, medium_name));
  EXPECT_EQ(documented("Role"), words<Role>(kRoleCount, role_name));
  EXPECT_EQ(documented("JobState"), words<JobState>(kJobStateCount, job_state_name));
  EXPECT_EQ(documented("WaitingFor"), words<WaitingFor>(kWaitingForCount, waiting_for_name));
  EXPECT_EQ(documented("WorkshopState"),
            words<WorkshopState>(kWorkshopStateCount, workshop_state_name));
  EXPECT_EQ(documented("ModelState"), words<controller::ModelState>(5, model_state_name));
  EXPECT_EQ(documented("CauseKind"), words<CauseKind>(kCauseKindCount, cause_name));
  EXPECT_EQ(documented("By"), words<controller::By>(4, by_name));
  EXPECT_EQ(documented("ErrorCode"), words<ErrorCode>(kErrorCodeCount, error_name));
  EXPECT_EQ(documented("OffReason"), words<OffReason>(kOffReasonCount, off_reason_name));
  EXPECT_EQ(documented("WhyNot"), words<WhyNot>(kWhyNotCount, why_not_name));
  EXPECT_EQ(documented("SizeSource"), words<SizeSource>(3, size_source_name));
  EXPECT_EQ(documented("Granularity"), words<EvictionGranularity>(3, granularity_name));
  EXPECT_EQ(documented("EngineRemark"),
            words<EngineRemark>(kEngineRemarkCount, engine_remark_name));
  EXPECT_EQ(documented("MisfitRule"), words<MisfitRule>(2, misfit_name));
  EXPECT_EQ(documented("Verdict"), words<controller::Verdict>(3, verdict_name));
  EXPECT_EQ(documented("LedgerKind"), words<controller::LedgerKind>(controller::kLedgerKindCount,
                                                                    controller::ledger_kind_name));
  EXPECT_EQ(documented("FindingKind"),
            words<diagnosis::FindingKind>(diagnosis::kFindingKindCount, diagnosis::finding_name));
  EXPECT_EQ(documented("Stage"),
            words<diagnosis::Stage>(diagnosis::kStageCount, diagnosis::stage_name));
  EXPECT_EQ(documented("Topic"), words<Topic>(kTopicCount, topic_name));
  EXPECT_EQ(documented("EntityKind"), words<EntityKind>(kEntityKindCount, entity_kind_name));
}

TEST(Contract, DocumentsEveryRouteAndNoOther) {
  std::set<std::string> served;
  for (const Route& route : all_routes())
    served.insert(std::string(route.method) + " " + std::string(route.pattern));
  std::set<std::string> described;
  for (const auto& path : OpenApi::get().paths()) {
    for (const auto& operation : path.value().as_object()) {
      std::string method(operation.key());
      std::ranges::transform(method, method.begin(),
                             [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      described.insert(method + " " + std::string(path.key()));
    }
  }
  EXPECT_EQ(served, described);
}

TEST(Contract, DocumentsWhoMay) {
  for (const Route& route : all_routes()) {
    const auto* operation = OpenApi::get().operation(std::string(route.method), route.pattern);
    ASSERT_NE(operation, nullptr) << route.pattern;
    const auto& security = operation->at("security").as_array();
    EXPECT_EQ(security.empty(), route.credential == Credential::none) << route.pattern;
    const bool by_ticket = std::ranges::any_of(
        security, [](const auto& s) { return s.as_object().contains("ticket"); });
    EXPECT_EQ(by_ticket, route.credential == Credential::token_or_ticket) << route.pattern;
    if (route.credential == Credential::none) continue;
    Roles roles = 0;
    for (const auto& role : operation->at("x-roles").as_array()) {
      roles |= role_bit(*role_from_name(std::string_view(role.as_string())));
    }
    EXPECT_EQ(roles, route.roles) << route.method << " " << route.pattern;
  }
}

TEST(Contract, PromisesTheStatusOfEachCode) {
  for (const auto& path : OpenApi::get().paths()) {
    for (const auto& operation : path.value().as_object()) {
      for (const auto& response : operation.value().as_object().at("responses").as_object()) {
        const int status = std::stoi(std::string(response.key()));
        if (status < 400 || status == 416) continue;
        const std::string listed(response.value().at("description").as_string());
        std::istringstream codes(listed);
        for (std::string code; codes >> code;) {
          if (code.ends_with(',')) code.pop_back();
          const auto known = error_from_name(code);
          ASSERT_TRUE(known.has_value()) << code;
          EXPECT_EQ(error_http_status(*known), status) << path.key() << " " << code;
        }
      }
    }
  }
}

TEST(Contract, ResolvesEveryReference) {
  const std::string& text = OpenApi::get().text();
  const std::string start = "\"#/components/schemas/";
  std::size_t found = 0;
  for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
    const std::size_t from = at + start.size();
    const std::string name = text.substr(from, text.find('"', from) - from);
    EXPECT_TRUE(OpenApi::get().schemas().contains(name)) << name;
    ++found;
  }
  EXPECT_GT(found, 100U);
}

TEST(Contract, RefusesWhatItDoesNotDescribe) {
  EXPECT_EQ(OpenApi::get().faults_of({{"animal", 1}, {"colour", 2}}, "Symbol"), "");
  EXPECT_NE(OpenApi::get().faults_of({{"animal", 40}, {"colour", 2}}, "Symbol"), "");
  EXPECT_NE(OpenApi::get().faults_of({{"animal", 1}}, "Symbol"), "");
  EXPECT_NE(OpenApi::get().faults_of({{"animal", 1}, {"colour", 2}, {"name", "x"}}, "Symbol"), "");
}

TEST(Router, FindsMethodPathAndParameters) {
  const RouteMatch match = match_route("GET", "/api/v1/jobs/j17/results/0");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->pattern, "/jobs/{job}/results/{n}");
  EXPECT_EQ(match.parameters, (std::vector<std::string>{"j17", "0"}));
}

TEST(Router, TakesHeadForGetButNotForStreams) {
  EXPECT_NE(match_route("HEAD", "/api/v1/me").route, nullptr);
  EXPECT_EQ(match_route("HEAD", "/api/v1/events").route, nullptr);
  EXPECT_EQ(match_route("HEAD", "/api/v1/events").allow, "GET, OPTIONS");
}

TEST(Router, NamesTheMethodsOfAPath) {
  EXPECT_EQ(match_route("PUT", "/api/v1/jobs/j1").route, nullptr);
  EXPECT_EQ(match_route("PUT", "/api/v1/jobs/j1").allow, "GET, HEAD, DELETE, OPTIONS");
}

TEST(Router, KnowsNoOtherPaths) {
  for (const char* path : {"/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/jobs/",
                           "/api/v1/jobs/j1/", "/api/v1//jobs", "/api/v2/jobs", "/api/v1x/jobs",
                           "/jobs", "", "/api/v1/jobs/%zz", "/api/v1/jobs/j1/edit/x"}) {
    EXPECT_EQ(match_route("GET", path).allow, "") << path;
  }
}

TEST(Router, DecodesParametersAfterSplitting) {
  const RouteMatch match = match_route("GET", "/api/v1/jobs/a%2Fb");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.parameters.front(), "a/b");
}

}  // namespace
}  // namespace stoker::api
