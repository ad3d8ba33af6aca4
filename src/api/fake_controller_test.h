// A controller for the tests of this folder: keeps a snapshot that tests change at will, notes what it was asked.
//
// Threading: everything from any thread.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/controller.h"

namespace stoker::api {

class FakeController final : public controller::Controller {
 public:
  using Snapshot = controller::Snapshot;
  template <class T>
  using Reply = controller::Reply<T>;
  using Actor = controller::Actor;
  using Subscriber = std::function<void(std::shared_ptr<const Snapshot>)>;

  FakeController() : truth_(std::make_shared<const Snapshot>()), snapshot_(truth_) {}

  // Publishes a changed copy, unless publications are held.
  template <class Change>
  void change(Change change) {
    {
      const std::lock_guard lock(mutex_);
      auto next = std::make_shared<Snapshot>(*truth_);
      change(*next);
      ++next->version;
      truth_ = std::move(next);
      if (held_) return;
      snapshot_ = truth_;
    }
    tell();
  }

  // As a controller whose replies come ahead of its publications.
  void hold_publications() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release_publications() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
      snapshot_ = truth_;
    }
    tell();
  }

  template <class Change>
  void change_job(JobId id, Change change_view) {
    change([&](Snapshot& snapshot) {
      auto view = std::make_shared<controller::JobView>(*snapshot.jobs.at(id));
      change_view(*view);
      snapshot.jobs[id] = std::move(view);
    });
  }

  template <class Change>
  void change_workshop(WorkshopId id, Change change_view) {
    change([&](Snapshot& snapshot) {
      auto view = std::make_shared<controller::WorkshopView>(*snapshot.workshops.at(id));
      change_view(*view);
      snapshot.workshops[id] = std::move(view);
    });
  }

  template <class Change>
  void change_tokens(Change change_table) {
    change([&](Snapshot& snapshot) {
      auto table = std::make_shared<controller::TokenTable>(
          snapshot.tokens ? *snapshot.tokens : controller::TokenTable());
      change_table(*table);
      snapshot.tokens = std::move(table);
    });
  }

  // The next command is refused with this.
  void refuse_next(Error error) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  bool was_asked(const std::string& command) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(asked_, command) != asked_.end();
  }
  std::optional<controller::SubmitCommand> last_submit() const {
    const std::lock_guard lock(mutex_);
    return last_submit_;
  }
  std::optional<controller::CreateWorkshop> last_create() const {
    const std::lock_guard lock(mutex_);
    return last_create_;
  }

  void join(controller::JoinCommand command, Reply<controller::JoinReply> reply) override {
    if (auto error = note("join")) return reply(fail(*error));
    if (command.code != kCode)
      return reply(fail(ErrorCode::wrong_code, "no workshop has this code", "code"));
    const PersonId person(++people_made_);
    const Symbol symbol = command.symbol.value_or(Symbol{1, 1});
    change([&](Snapshot& snapshot) {
      auto table = std::make_shared<controller::TokenTable>(*snapshot.tokens);
      (*table)[command.token] = {Role::participant, WorkshopId(1), person};
      snapshot.tokens = std::move(table);
      snapshot.people[person] = std::make_shared<const controller::PersonView>(
          controller::PersonView{.id = person, .workshop = WorkshopId(1), .symbol = symbol});
    });
    reply(controller::JoinReply{person, WorkshopId(1), symbol, command.group.value_or(GroupId())});
  }

  void leave(Actor actor, Reply<void> reply) override {
    if (auto error = note("leave")) return reply(fail(*error));
    change_tokens([&](controller::TokenTable& table) { table.erase(actor.token); });
    reply({});
  }

  void issue_token(TokenRow token, Reply<void> reply) override {
    if (auto error = note("issue_token")) return reply(fail(*error));
    change_tokens([&](controller::TokenTable& table) {
      table[token.hash] = {token.role, token.workshop, token.person};
    });
    reply({});
  }

  void submit(controller::SubmitCommand command, Reply<controller::SubmitReply> reply) override {
    if (auto error = note("submit")) return reply(fail(*error));
    {
      const std::lock_guard lock(mutex_);
      last_submit_ = command;
      if (!command.idempotency_key.empty() && command.idempotency_key == key_) {
        if (command.body_hash == key_hash_) return reply(controller::SubmitReply{key_job_, true});
        return reply(fail(ErrorCode::conflict, "the key was used", "Idempotency-Key"));
      }
    }
    const JobId job(++jobs_made_);
    controller::JobView view{.id = job,
                             .workshop = command.actor.workshop,
                             .person = command.actor.person,
                             .model = command.model,
                             .state = JobState::queued};
    view.prompt = std::make_shared<const std::string>(command.prompt);
    view.edited_from = command.edited_from;
    key_ = command.idempotency_key;
    key_hash_ = command.body_hash;
    key_job_ = job;
    change([&](Snapshot& snapshot) {
      snapshot.jobs[job] = std::make_shared<const controller::JobView>(view);
    });
    reply(controller::SubmitReply{job, false});
  }

  void cancel(Actor actor, JobId job, Reply<void> reply) override {
    if (auto error = note("cancel")) return reply(fail(*error));
    change_job(job, [&](controller::JobView& view) {
      view.state = JobState::cancelled;
      view.cancelled_by =
          actor.role == Role::leader ? controller::By::leader : controller::By::person;
    });
    reply({});
  }
  void edit(Actor, JobId job, std::string prompt, Reply<void> reply) override {
    if (auto error = note("edit")) return reply(fail(*error));
    change_job(job, [&](controller::JobView& view) {
      view.prompt = std::make_shared<const std::string>(prompt);
    });
    reply({});
  }
  void move_to_front(Actor, JobId job, Reply<void> reply) override {
    if (auto error = note("move_to_front")) return reply(fail(*error));
    change_job(job, [](controller::JobView& view) { view.ahead = 0; });
    reply({});
  }
  void set_released(Actor, JobId job, bool released, Reply<void> reply) override {
    if (auto error = note("set_released")) return reply(fail(*error));
    change_job(job, [&](controller::JobView& view) { view.released = released; });
    reply({});
  }

  void create_workshop(Actor, controller::CreateWorkshop command,
                       Reply<WorkshopId> reply) override {
    if (auto error = note("create_workshop")) return reply(fail(*error));
    const WorkshopId id(7);
    controller::WorkshopView view{
        .id = id, .title = command.title, .join_code = "NEWONE", .focus = command.focus};
    {
      const std::lock_guard lock(mutex_);
      last_create_ = std::move(command);
    }
    change([&](Snapshot& s) {
      s.workshops[id] = std::make_shared<const controller::WorkshopView>(view);
    });
    change_tokens([&](controller::TokenTable& table) {
      table[last_create_->leader_token] = {Role::leader, id, {}};
      table[last_create_->board_token] = {Role::board, id, {}};
    });
    reply(id);
  }
  void patch_workshop(Actor, WorkshopId id, controller::WorkshopPatch patch,
                      Reply<void> reply) override {
    if (auto error = note("patch_workshop")) return reply(fail(*error));
    change_workshop(id, [&](controller::WorkshopView& view) {
      if (patch.title) view.title = *patch.title;
      if (patch.head_count) view.head_count = *patch.head_count;
      if (patch.intake_open) view.intake_open = *patch.intake_open;
      if (patch.board_message) view.board_message = *patch.board_message;
    });
    reply({});
  }
  void act_on_workshop(Actor, WorkshopId id, controller::WorkshopAction action,
                       Reply<void> reply) override {
    if (auto error = note("act_on_workshop")) return reply(fail(*error));
    change_workshop(id, [&](controller::WorkshopView& view) {
      constexpr std::array kStates = {WorkshopState::warming, WorkshopState::running,
                                      WorkshopState::paused, WorkshopState::running,
                                      WorkshopState::ended};
      view.state = kStates.at(static_cast<std::size_t>(action));
    });
    reply({});
  }
  void set_focus(Actor, WorkshopId id, std::optional<GroupId> group, std::vector<ModelId> focus,
                 Reply<void> reply) override {
    if (auto error = note("set_focus")) return reply(fail(*error));
    change_workshop(id, [&](controller::WorkshopView& view) {
      (group ? view.groups.front().focus : view.focus) = focus;
    });
    reply({});
  }
  void delete_workshop(Actor, WorkshopId id, Reply<controller::Erased> reply) override {
    if (auto error = note("delete_workshop")) return reply(fail(*error));
    change([&](Snapshot& snapshot) { snapshot.workshops.erase(id); });
    reply(controller::Erased{.jobs = 3, .files = 2, .bytes = 4096, .texts = 3});
  }
  Result<controller::PlanCheck> check_plan(const std::vector<ModelId>& focus) const override {
    return plan(focus);
  }
  Result<controller::FocusPreview> preview_focus(WorkshopId, std::optional<GroupId>,
                                                 const std::vector<ModelId>& focus) const override {
    return controller::FocusPreview{.check = plan(focus),
                                    .unload = {ModelId(1)},
                                    .load = focus,
                                    .waits = {JobId(1)},
                                    .takes_low = seconds(20),
                                    .takes_high = seconds(40)};
  }
  void preload(Actor, std::vector<ModelId>, Reply<void> reply) override {
    if (auto error = note("preload")) return reply(fail(*error));
    reply({});
  }
  void unload(Actor, ModelId, Reply<void> reply) override { reply({}); }
  void memory_history(DeviceId device, Duration back,
                      Reply<controller::MemoryHistory> reply) const override {
    const Instant now(seconds(5000).us);
    gpu::HistoryPoint point{.at = now - seconds(2), .used = MiB{40'000}, .foreign = MiB{512}};
    point.mark = gpu::HistoryMark::after_load;
    point.backends[0] = {BackendId(device.value), MiB{static_cast<std::int64_t>(back.seconds())}};
    point.backend_count = 1;
    reply(controller::MemoryHistory{now, {point}});
  }
  void set_topology(controller::Topology, Reply<void> reply) override { reply({}); }
  std::shared_ptr<const Snapshot> snapshot() const override {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }
  void on_publish(Subscriber subscriber) override {
    const std::lock_guard lock(mutex_);
    subscribers_.push_back(std::move(subscriber));
  }
  void drain(Duration, std::move_only_function<void()> done) override { done(); }

  static constexpr std::string_view kCode = "FLAMES";

 private:
  static controller::PlanCheck plan(const std::vector<ModelId>& focus) {
    return {.verdict = controller::Verdict::misfit,
            .needed = {112'000},
            .capacity = {94'000},
            .reserve = {2'000},
            .models = focus,
            .ways_out = focus};
  }
  void tell() {
    std::shared_ptr<const Snapshot> published;
    std::vector<Subscriber> subscribers;
    {
      const std::lock_guard lock(mutex_);
      published = snapshot_;
      subscribers = subscribers_;
    }
    for (const Subscriber& subscriber : subscribers) subscriber(published);
  }
  std::optional<Error> note(std::string what) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(what));
    return std::exchange(refusal_, std::nullopt);
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> truth_;
  std::shared_ptr<const Snapshot> snapshot_;  // what readers see
  bool held_ = false;
  std::vector<Subscriber> subscribers_;
  std::vector<std::string> asked_;
  std::optional<Error> refusal_;
  std::optional<controller::SubmitCommand> last_submit_;
  std::optional<controller::CreateWorkshop> last_create_;
  std::uint64_t people_made_ = 100;
  std::uint64_t jobs_made_ = 100;
  std::string key_;
  TokenHash key_hash_{};
  JobId key_job_;
};

}  // namespace stoker::api
