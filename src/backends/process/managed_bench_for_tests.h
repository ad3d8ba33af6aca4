// A managed backend on a virtual loop, with played hosts and adapters.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/process/adapter_for_tests.h"
#include "backends/process/engine_host_for_tests.h"
#include "backends/process/managed_backend.h"
#include "simulation/virtual_loop.h"

namespace stoker {

class ManagedBench : public ::testing::Test {
 protected:
  static constexpr ModelId kPoet{1};
  static constexpr ModelId kPainter{2};
  static constexpr Duration kLong = minutes(30);

  // A call of the port and how it ended.
  template <class T>
  struct Called {
    std::shared_ptr<std::optional<Result<T>>> state = std::make_shared<std::optional<Result<T>>>();
    bool ended() const { return state->has_value(); }
    Result<T>& result() const { return **state; }
  };

  static EngineModel model(ModelId id, std::string upstream, std::string file) {
    return {.id = id, .upstream = std::move(upstream), .files = {std::move(file)}};
  }
  static std::vector<EngineModel> both() {
    return {model(kPoet, "poet", "/m/poet.gguf"), model(kPainter, "painter", "/m/painter.gguf")};
  }

  void make(ManagedOptions options) {
    options.id = BackendId(7);
    options.name = "engines";
    const auto hosts = [this](const std::string& engine) {
      return std::make_unique<ScriptedEngineHost>(loop_, hosts_of(engine));
    };
    const EngineAdapters adapters = {
        .make =
            [this](const net::Url& url, const std::vector<EngineModel>& list) {
              return std::make_unique<ScriptedAdapter>(loop_, adapter_, url, list);
            },
        .set_models =
            [](Backend& backend, const std::vector<EngineModel>& list) {
              static_cast<ScriptedAdapter&>(backend).set_models(list);
            }};
    backend_ = std::make_unique<ManagedBackend>(loop_, hosts, std::move(options), adapters, both());
    adapter_->made = 0;  // the one that was asked for its traits
    adapter_->ports.clear();
    adapter_->models.clear();
    backend_->on_groups([this](BackendId id, std::vector<int> groups) {
      EXPECT_EQ(id, BackendId(7));
      groups_.push_back(std::move(groups));
    });
  }
  void make_per_model() {
    make({.share = EngineShare::per_model,
          .command = {.argv = {"engine", "--model", "{file}", "--port", "{port}"}}});
  }
  void make_shared(EngineStart start = EngineStart::on_demand) {
    make({.share = EngineShare::shared,
          .start = start,
          .command = {.argv = {"engine", "--port", "{port}"}}});
  }

  std::shared_ptr<HostScript> hosts_of(const std::string& engine) {
    auto& script = hosts_[engine];
    if (!script) script = std::make_shared<HostScript>();
    return script;
  }
  HostScript& poet() { return *hosts_of("engines poet 1"); }
  HostScript& painter() { return *hosts_of("engines painter 2"); }
  HostScript& common() { return *hosts_of("engines"); }

  template <class T>
  Called<T> begin(const std::function<void(Backend::Callback<T>)>& call) {
    Called<T> called;
    call([state = called.state](Result<T> result) {
      EXPECT_FALSE(state->has_value()) << "answered twice";
      *state = std::move(result);
    });
    EXPECT_FALSE(called.ended()) << "answered inside the call";
    return called;
  }
  template <class T>
  Result<T> end(const Called<T>& called) {
    while (!called.ended() && loop_.run_one()) {
    }
    if (!called.ended()) {
      ADD_FAILURE() << "never answered";
      *called.state = fail(ErrorCode::internal, "never answered");
    }
    return called.result();
  }

  Called<LoadReport> begin_load(ModelId id, Duration deadline = kLong) {
    return begin<LoadReport>([&](auto done) { backend_->load(id, deadline, std::move(done)); });
  }
  Result<LoadReport> load(ModelId id) { return end(begin_load(id)); }
  Called<void> begin_unload(ModelId id, Duration deadline = kLong) {
    return begin<void>([&](auto done) { backend_->unload(id, deadline, std::move(done)); });
  }
  Result<void> unload(ModelId id) { return end(begin_unload(id)); }
  Called<RunReport> begin_run(ModelId id, std::uint64_t attempt) {
    RunCall call;
    call.attempt = AttemptId(attempt);
    call.model = id;
    call.deadline = kLong;
    return begin<RunReport>([&](auto done) {
      backend_->run(
          std::move(call), [this](RunProgress p) { steps_.push_back(p.step); }, std::move(done));
    });
  }
  Result<ProbeReport> probe() {
    return end(begin<ProbeReport>([&](auto done) { backend_->probe(kLong, std::move(done)); }));
  }
  Called<std::vector<LoadedModel>> begin_observe() {
    return begin<std::vector<LoadedModel>>(
        [&](auto done) { backend_->observe(kLong, std::move(done)); });
  }
  std::vector<ModelId> observed() {
    const auto models = end(begin_observe());
    std::vector<ModelId> ids;
    if (!models) return ids;
    for (const LoadedModel& loaded : *models) ids.push_back(loaded.model);
    return ids;
  }
  Called<void> begin_shutdown(Duration wait_max) {
    return begin<void>([&](auto done) { backend_->shutdown(wait_max, std::move(done)); });
  }
  static ErrorCode code(const auto& result) {
    return result ? ErrorCode::disk_full : result.error().code;
  }

  VirtualLoop loop_;
  std::map<std::string, std::shared_ptr<HostScript>> hosts_;
  std::shared_ptr<AdapterScript> adapter_ = std::make_shared<AdapterScript>();
  std::vector<std::vector<int>> groups_;
  std::vector<std::uint32_t> steps_;
  std::unique_ptr<ManagedBackend> backend_;
};

}  // namespace stoker
