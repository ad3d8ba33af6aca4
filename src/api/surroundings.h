// What the API stands on, and how it asks there: calls on the controller's loop, slow work beside it.
//
// Threading: the functions are awaited on the network thread.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/loop.h"
#include "controller/controller.h"
#include "net/network.h"
#include "storage/result_files.h"

namespace stoker::api {

struct Surroundings {
  net::Network& network;
  Loop& loop;  // the controller's
  controller::Controller& controller;
  ResultFiles& files;
};

// Calls `start(done)` on the loop and waits for `done`.
template <class T, class Start>
net::Task<Result<T>> ask(Surroundings around, Start start) {
  co_return co_await net::async_call<Result<T>>(
      around.network, [&](net::Completion<Result<T>> done) {
        around.loop.post([start = std::move(start), done = std::move(done)]() mutable {
          start(std::move(done));
        });
      });
}

// Runs `work` where it may block, and waits for what it returns.
template <class T, class Work>
net::Task<Result<T>> offloaded(Surroundings around, Work work) {
  Loop& loop = around.loop;
  co_return co_await net::async_call<Result<T>>(
      around.network, [&](net::Completion<Result<T>> done) {
        loop.post([&loop, work = std::move(work), done = std::move(done)]() mutable {
          auto result = std::make_shared<std::optional<Result<T>>>();
          loop.offload([result, work = std::move(work)]() mutable { result->emplace(work()); },
                       [result, done = std::move(done)]() mutable { done(std::move(**result)); });
        });
      });
}

// A reply may be a publication ahead of the snapshot: waits for one that shows the effect. After three seconds the newest
// is as good as any.
template <class Condition>
net::Task<std::shared_ptr<const controller::Snapshot>> until_shown(Surroundings around,
                                                                   Condition condition) {
  constexpr int kTries = 300;
  for (int i = 0; i < kTries; ++i) {
    auto snapshot = around.controller.snapshot();
    if (condition(*snapshot)) co_return snapshot;
    co_await around.network.sleep(milliseconds(10));
  }
  co_return around.controller.snapshot();
}

}  // namespace stoker::api
