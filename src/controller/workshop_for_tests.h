// A whole workshop in virtual time: the real controller, scheduler, store contract and rehearsal engines, no clock.
//
// Purpose: stories for tests. `crash` and `open` play a kill and a restart on what the disk kept.
// Threading: none. Test code only.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "backends/rehearsal/catalogue.h"
#include "backends/rehearsal/rehearsal_backend.h"
#include "backends/rehearsal/virtual_gpu.h"
#include "base/random.h"
#include "controller/controller.h"
#include "controller/dictionary.h"
#include "gpu/simulated/simulated_probe.h"
#include "simulation/virtual_loop.h"
#include "storage/memory/memory_store.h"
#include "storage/result_files.h"

namespace stoker::controller {

class WorkshopForTests {
 public:
  using Arm = std::function<std::unique_ptr<Store>(std::unique_ptr<Store>)>;

  explicit WorkshopForTests(std::uint64_t seed = 1, Arm first_arm = {})
      : arm(std::move(first_arm)), seed_(seed), random_(seed) {
    std::string pattern = testing::TempDir() + "/stoker-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    open();
  }
  ~WorkshopForTests() {
    close();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void open() {
    loop = std::make_unique<VirtualLoop>(WallTime{1'769'680'800'000}, Instant{seconds(1000).us});
    auto opened = MemoryStore::open(disk, *loop);
    ASSERT_TRUE(opened.has_value());
    store = arm ? arm(std::move(*opened)) : std::move(*opened);
    auto opened_files = ResultFiles::open(directory_);
    ASSERT_TRUE(opened_files.has_value());
    files.emplace(std::move(*opened_files));
    const Catalogue catalogue = rehearsal_catalogue();
    gpu = std::make_unique<VirtualGpu>(*loop, catalogue.device.id, catalogue.device.vram);
    topology = {};
    topology.devices = {catalogue.device};
    topology.models = catalogue.models;
    for (const RehearsalEngine& engine : catalogue.engines)
      topology.backends.push_back(engine.info);
    ASSERT_TRUE(assign_lasting_ids(*store, topology).has_value());
    Ports ports;
    ports.loop = loop.get();
    ports.store = store.get();
    probe = std::make_unique<SimulatedProbe>(
        [this] { return Result<std::vector<GpuSample>>(sample()); });
    ports.gpu = probe.get();
    ports.files = &*files;
    ports.random = [this] { return random_.next(); };
    ports.log = [](std::string_view, std::string_view) {};
    engines.clear();
    for (std::size_t i = 0; i < catalogue.engines.size(); ++i) {
      engines.push_back(std::make_unique<RehearsalBackend>(
          *loop, *gpu, options_of(catalogue.engines[i], 1.0, seed_), topology.models));
      ports.backends.emplace_back(topology.backends[i].id, engines.back().get());
    }
    auto started = Controller::open(std::move(ports), topology, {});
    if (!started && arm) return;  // the store died under it
    ASSERT_TRUE(started.has_value()) << started.error().detail;
    controller = std::move(*started);
    loop->run_for(seconds(1));
  }

  // As kill -9: whatever the disk has is all that is left.
  void crash() { close(); }

  ModelId model(std::string_view name) const {
    for (const Model& m : topology.models) {
      if (m.name == name) return m.id;
    }
    ADD_FAILURE() << "no model " << name;
    return {};
  }
  RehearsalBackend& media() { return *engines.at(1); }
  RehearsalBackend& text() { return *engines.at(0); }

  // Calls and waits for the reply in virtual time.
  template <class T, class Call>
  Result<T> ask(Call call) {
    // Shared: a reply that waits for a full disk may come long after nobody listens any more.
    auto answer = std::make_shared<std::optional<Result<T>>>();
    call([answer](Result<T> result) { *answer = std::move(result); });
    for (int i = 0; i < 1000 && !*answer; ++i) loop->run_for(milliseconds(1));
    if (!*answer) return fail(ErrorCode::internal, "no reply came");
    return std::move(**answer);
  }

  Actor admin() const { return {.role = Role::admin}; }
  Actor leader() const { return {.role = Role::leader, .workshop = workshop}; }

  void create(const std::vector<std::string_view>& focus, bool start = true) {
    CreateWorkshop command{.title = "Papierwelten"};
    for (const std::string_view name : focus) command.focus.push_back(model(name));
    const auto id = ask<WorkshopId>(
        [&](auto r) { controller->create_workshop(admin(), command, std::move(r)); });
    ASSERT_TRUE(id.has_value()) << id.error().detail;
    workshop = *id;
    if (start) ASSERT_TRUE(act(WorkshopAction::start).has_value());
  }
  Result<void> act(WorkshopAction action) {
    return ask<void>(
        [&](auto r) { controller->act_on_workshop(leader(), workshop, action, std::move(r)); });
  }
  Actor join() {
    const std::string code = snapshot()->workshops.at(workshop)->join_code;
    TokenHash token{};
    token[0] = static_cast<std::uint8_t>(++people_);
    const auto reply = ask<JoinReply>([&](auto r) {
      controller->join({.code = code, .group = {}, .symbol = {}, .token = token}, std::move(r));
    });
    EXPECT_TRUE(reply.has_value()) << reply.error().detail;
    return {Role::participant, workshop, reply->person, token};
  }
  Result<SubmitReply> submit(const Actor& actor, std::string_view name,
                             std::string prompt = "Ein Leuchtturm im Sturm", std::string key = {}) {
    return ask<SubmitReply>([&](auto r) {
      controller->submit({.actor = actor,
                          .model = model(name),
                          .prompt = std::move(prompt),
                          .idempotency_key = std::move(key)},
                         std::move(r));
    });
  }

  std::shared_ptr<const Snapshot> snapshot() {
    loop->run_for(milliseconds(60));
    return controller->snapshot();
  }
  const JobView& job(JobId id) {
    keep_ = snapshot();
    return *keep_->jobs.at(id);
  }
  bool run_until_final(JobId id, Duration longest = minutes(60)) {
    const Instant end = loop->now() + longest;
    while (loop->now() < end) {
      if (job_state_is_final(job(id).state)) return true;
      loop->run_for(seconds(1));
    }
    return false;
  }

  MemoryDisk disk;
  std::unique_ptr<VirtualLoop> loop;
  std::unique_ptr<Store> store;
  Arm arm;  // puts faults around the next store
  std::optional<ResultFiles> files;
  std::unique_ptr<VirtualGpu> gpu;
  std::unique_ptr<SimulatedProbe> probe;
  std::vector<std::unique_ptr<RehearsalBackend>> engines;
  Topology topology;
  std::unique_ptr<Controller> controller;
  WorkshopId workshop;

 private:
  std::vector<GpuSample> sample() const {
    const VirtualGpuSnapshot now = gpu->snapshot();
    GpuSample sample{.device = now.device, .total = now.total, .used = now.used, .processes = {}};
    for (const VirtualHolding& holding : now.holdings) {
      sample.processes.push_back({"engine", holding.backend, holding.sum()});
    }
    if (now.foreign > MiB{0})
      sample.processes.push_back({"other program", BackendId{}, now.foreign});
    return {sample};
  }

  void close() {
    controller.reset();
    engines.clear();
    gpu.reset();
    store.reset();
    loop.reset();  // drops what has not run
  }

  std::uint64_t seed_;
  Random random_;
  std::string directory_;
  int people_ = 0;
  std::shared_ptr<const Snapshot> keep_;
};

}  // namespace stoker::controller
