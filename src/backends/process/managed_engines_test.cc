// Managed backends whose engines are real processes; only the adapters are played.
#include <gmock/gmock.h>
#include <signal.h>

#include "backends/process/adapter_for_tests.h"
#include "backends/process/managed_backend.h"
#include "backends/process/real_engine_for_tests.h"
#include "backends/process/system_engine_host.h"

namespace stoker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ModelId kPoet{1};

class ManagedEngines : public RealEngineTest {
 protected:
  ~ManagedEngines() override {
    stop_loop();
    backend_.reset();
  }

  std::unique_ptr<ManagedBackend> made(EngineShare share, std::vector<std::string> options) {
    ManagedOptions managed{.id = BackendId(1), .name = "texts", .share = share};
    if (share == EngineShare::per_model) {
      options.insert(options.end(), {"--model", "{model}"});
    }
    managed.command = script(std::move(options));
    managed.command.grace = seconds(1);
    const EngineAdapters adapters = {
        .make =
            [this](const net::Url& url, const std::vector<EngineModel>& models) {
              return std::make_unique<ScriptedAdapter>(loop_, adapter_, url, models);
            },
        .set_models =
            [](Backend& backend, const std::vector<EngineModel>& models) {
              static_cast<ScriptedAdapter&>(backend).set_models(models);
            }};
    auto backend = std::make_unique<ManagedBackend>(
        loop_, system_engine_hosts(loop_, network_, {.state_folder = folder_}), managed, adapters,
        std::vector{EngineModel{.id = kPoet, .upstream = "poet"}});
    backend->on_groups([this](BackendId, std::vector<int> groups) {
      groups_ = groups;
      if (!groups.empty()) ever_.push_back(groups.front());
    });
    return backend;
  }
  void make(EngineShare share, std::vector<std::string> options = {}) {
    on_loop([&] { backend_ = made(share, std::move(options)); });
  }
  Result<LoadReport> load(Duration deadline = minutes(2)) {
    return call<LoadReport>(
        [this, deadline](auto done) { backend_->load(kPoet, deadline, std::move(done)); });
  }
  Result<void> unload() {
    return call<void>([this](auto done) { backend_->unload(kPoet, minutes(2), std::move(done)); });
  }
  std::size_t loaded() {
    const auto models = call<std::vector<LoadedModel>>(
        [this](auto done) { backend_->observe(minutes(1), std::move(done)); });
    return models ? models->size() : 99;
  }
  int group() {
    return on_loop([this] { return groups_.empty() ? 0 : groups_.front(); });
  }

  std::shared_ptr<AdapterScript> adapter_ = std::make_shared<AdapterScript>();
  std::vector<int> groups_;
  std::vector<int> ever_;
  std::unique_ptr<ManagedBackend> backend_;
};

TEST_F(ManagedEngines, LoadIsAProcessAndUnloadItsEnd) {
  make(EngineShare::per_model, {"--ready-after", "2", "--grandchild", "--ignore-term"});
  const auto report = load();
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_FALSE(report->was_there);
  const int running = group();
  EXPECT_EQ(net::living_in_group(running).size(), 2u);
  EXPECT_EQ(loaded(), 1u);
  EXPECT_THAT(on_loop([this] { return backend_->last_lines("texts poet 1"); }),
              ElementsAre("listening as poet"));
  EXPECT_TRUE(unload());
  EXPECT_THAT(net::living_in_group(running), IsEmpty());
  EXPECT_EQ(loaded(), 0u);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(ManagedEngines, ALoadThatIsTooLateLeavesNothingBehind) {
  make(EngineShare::per_model, {"--ready-after", "-1", "--grandchild"});
  const auto report = load(seconds(1));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::run_timeout);
  ASSERT_FALSE(ever_.empty());
  EXPECT_THAT(net::living_in_group(ever_.front()), IsEmpty());
}

TEST_F(ManagedEngines, SaysWhyAModelCannotStart) {
  make(EngineShare::per_model, {"--die-at-start", "unknown architecture", "--exit", "5"});
  const auto report = load();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::load_failed);
  EXPECT_THAT(report.error().detail, HasSubstr("exit code 5: unknown architecture"));
}

TEST_F(ManagedEngines, AfterACrashTheRunHasFailedAndTheModelCanBeLoadedAgain) {
  make(EngineShare::per_model, {"--grandchild"});
  ASSERT_TRUE(load());
  auto run = begin_call<RunReport>([this](auto done) {
    RunCall what;
    what.attempt = AttemptId(3);
    what.model = kPoet;
    backend_->run(std::move(what), [](RunProgress) {}, std::move(done));
  });
  const int running = group();
  ::kill(running, SIGKILL);
  const auto report = get(run);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::backend_down);
  EXPECT_EQ(loaded(), 0u);
  EXPECT_THAT(net::living_in_group(running), IsEmpty()) << "the grandchild too";
  EXPECT_TRUE(load());
  EXPECT_EQ(loaded(), 1u);
}

TEST_F(ManagedEngines, ShutdownDuringTheStartEndsTheProcess) {
  make(EngineShare::shared, {"--ready-after", "-1"});
  auto loading = begin_call<LoadReport>(
      [this](auto done) { backend_->load(kPoet, minutes(5), std::move(done)); });
  eventually([this] { return !groups_.empty(); });
  const int running = group();
  EXPECT_TRUE(call<void>([this](auto done) { backend_->shutdown(minutes(1), std::move(done)); }));
  EXPECT_FALSE(get(loading));
  EXPECT_THAT(net::living_in_group(running), IsEmpty());
}

TEST_F(ManagedEngines, AnotherLifeOfTheServerStopsWhatIsLeftOfTheFirst) {
  make(EngineShare::per_model, {"--grandchild"});
  ASSERT_TRUE(load());
  const int running = group();
  eventually([this] { return !files().empty(); });
  std::unique_ptr<ManagedBackend> earlier = std::move(backend_);
  on_loop([&] { earlier->on_groups(nullptr); });
  make(EngineShare::per_model);
  ASSERT_TRUE(load());
  EXPECT_NE(group(), running);
  EXPECT_THAT(net::living_in_group(running), IsEmpty());
  stop_loop();
  earlier.reset();
}

}  // namespace
}  // namespace stoker
