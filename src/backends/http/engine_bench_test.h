// For contract tests of adapters: a loop on the test's thread, calls of the port that are waited for, and a peer that
// sends bytes and dies.
//
// Time: timers of the loop pass only by `advance`; requests and answers are real. Every wait is for an event and fails
// after 30 seconds, which only a failing test sees.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "backends/backend.h"
#include "base/loop.h"
#include "net/http_server.h"
#include "net/network.h"

namespace stoker {

class BenchLoop final : public Loop {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return {}; }

  void post(std::move_only_function<void()> task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }
  TimerId after(Duration delay, std::move_only_function<void()> task) override {
    const TimerId id(++timers_made_);
    timers_.emplace(id, std::pair(now_ + delay, std::move(task)));
    return id;
  }
  void cancel(TimerId timer) override { timers_.erase(timer); }
  void offload(std::move_only_function<void()> work,
               std::move_only_function<void()> done) override {
    work();
    post(std::move(done));
  }

  // Lets time pass: what is due by then is posted.
  void advance(Duration by) {
    now_ = now_ + by;
    for (auto it = timers_.begin(); it != timers_.end();) {
      if (it->second.first > now_) {
        ++it;
        continue;
      }
      post(std::move(it->second.second));
      it = timers_.erase(it);
    }
  }
  std::size_t timers() const { return timers_.size(); }

  void run_until(const std::function<bool()>& holds) {
    while (!holds()) take()();
  }
  void run_what_waits() {
    while (auto task = try_take()) (*task)();
  }

 private:
  using Task = std::move_only_function<void()>;

  Task take() {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, std::chrono::seconds(30), [this] { return !tasks_.empty(); })) {
      ADD_FAILURE() << "nothing comes to the loop";
      std::abort();
    }
    return pop();
  }
  std::optional<Task> try_take() {
    const std::lock_guard lock(mutex_);
    if (tasks_.empty()) return std::nullopt;
    return pop();
  }
  Task pop() {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  Instant now_;
  std::uint64_t timers_made_ = 0;
  std::map<TimerId, std::pair<Instant, Task>> timers_;
};

// One call of the port and how it ended.
template <class T>
class Called {
 public:
  bool ended() const { return state_->calls > 0; }
  int calls() const { return state_->calls; }
  Result<T>& result() { return *state_->result; }
  Backend::Callback<T> callback() {
    return [state = state_](Result<T> result) {
      ++state->calls;
      state->result = std::move(result);
    };
  }

 private:
  struct State {
    int calls = 0;
    std::optional<Result<T>> result;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// The world of one test: the loop outlives the network, the network what a test makes.
class EngineBench : public ::testing::Test {
 protected:
  template <class T>
  Called<T> begin(const std::function<void(Backend::Callback<T>)>& call) {
    Called<T> called;
    call(called.callback());
    EXPECT_FALSE(called.ended()) << "callbacks never come inside the call";
    return called;
  }
  // Until its callback has come; then once, and no more.
  template <class T>
  Result<T> end(Called<T> called) {
    loop_.run_until([&] { return called.ended(); });
    loop_.run_what_waits();
    EXPECT_EQ(called.calls(), 1);
    return std::move(called.result());
  }
  template <class T>
  Result<T> finish(const std::function<void(Backend::Callback<T>)>& call) {
    return end(begin<T>(call));
  }

  Result<ProbeReport> probe(Backend& backend, Duration deadline = kLong) {
    return finish<ProbeReport>([&](auto done) { backend.probe(deadline, std::move(done)); });
  }
  Result<std::vector<OfferedModel>> list(Backend& backend) {
    return finish<std::vector<OfferedModel>>(
        [&](auto done) { backend.list(kLong, std::move(done)); });
  }
  Result<std::vector<LoadedModel>> observe(Backend& backend) {
    return finish<std::vector<LoadedModel>>(
        [&](auto done) { backend.observe(kLong, std::move(done)); });
  }
  Called<LoadReport> begin_load(Backend& backend, ModelId model, Duration deadline = kLong) {
    return begin<LoadReport>([&](auto done) { backend.load(model, deadline, std::move(done)); });
  }
  Result<LoadReport> load(Backend& backend, ModelId model) {
    return end(begin_load(backend, model));
  }
  Called<void> begin_unload(Backend& backend, ModelId model, Duration deadline = kLong) {
    return begin<void>([&](auto done) { backend.unload(model, deadline, std::move(done)); });
  }
  Result<void> unload(Backend& backend, ModelId model) { return end(begin_unload(backend, model)); }
  Called<RunReport> begin_run(Backend& backend, RunCall call) {
    return begin<RunReport>([&](auto done) {
      backend.run(
          std::move(call), [this](RunProgress progress) { progress_.push_back(progress); },
          std::move(done));
    });
  }
  Result<RunReport> run(Backend& backend, RunCall call) {
    return end(begin_run(backend, std::move(call)));
  }
  Called<void> begin_cancel(Backend& backend, AttemptId attempt) {
    return begin<void>([&](auto done) { backend.cancel(attempt, kLong, std::move(done)); });
  }

  static constexpr Duration kLong = seconds(60);

  BenchLoop loop_;
  net::Network network_;
  std::vector<RunProgress> progress_;
};

// Answers every request with the first bytes of a whole answer of HTTP, then the connection ends.
class DyingPeer {
 public:
  DyingPeer(net::Network& network, std::string body, std::string content_type)
      : body_(std::move(body)), content_type_(std::move(content_type)) {
    auto server =
        net::HttpServer::listen(network, {.host = "127.0.0.1", .port = 0, .tls = {}, .limits = {}},
                                [this](net::Exchange& exchange) { return answer(exchange); });
    STOKER_INVARIANT(server.has_value(), "a peer of a test cannot listen");
    server_ = std::move(*server);
  }

  net::Url url() const {
    return {.tls = false, .host = "127.0.0.1", .port = server_->port(), .base_path = {}};
  }
  const std::string& body() const { return body_; }
  // Of the body of the next answer; all of it ends well. Set while no request is under way.
  void live_for(std::size_t bytes) { bytes_ = bytes; }
  // How many bytes go out at once.
  void cut_into(std::size_t bytes) { piece_ = bytes; }

 private:
  net::Task<void> answer(net::Exchange& exchange) {
    const auto request = co_await exchange.read_body(kBytesPerMiB);
    if (!request) co_return;
    net::ResponseHead head;
    head.headers.add("Content-Type", content_type_);
    if (!co_await exchange.start(std::move(head))) co_return;
    const std::size_t size = std::min(bytes_, body_.size());
    for (std::size_t at = 0; at < size; at += piece_) {
      if (!co_await exchange.write(body_.substr(at, std::min(piece_, size - at)))) co_return;
    }
    if (size < body_.size()) {
      exchange.abort();
      co_return;
    }
    co_await exchange.finish();
  }

  std::string body_;
  std::string content_type_;
  std::size_t bytes_ = 0;
  std::size_t piece_ = 1 << 16;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace stoker
