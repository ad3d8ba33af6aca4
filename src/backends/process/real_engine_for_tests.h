// Real engine processes for tests: the script beside this file, a loop with real clocks, a folder that goes away.
//
// Time: waits are for events and fail after a minute, which only a failing test sees.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "backends/process/engine_command.h"
#include "controller/thread_loop.h"
#include "net/child_process.h"
#include "net/network.h"

namespace stoker {

class RealEngineTest : public ::testing::Test {
 protected:
  RealEngineTest() {
    std::string name = std::filesystem::temp_directory_path() / "engine-test-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    loop_.start();
  }
  // The loop has stopped before what lives on it is destroyed.
  ~RealEngineTest() override {
    stop_loop();
    std::filesystem::remove_all(folder_);
  }
  void stop_loop() {
    loop_.stop();
    loop_.join();
  }

  // A command for the script; `more`: its options.
  static EngineCommand script(std::vector<std::string> more = {}) {
    EngineCommand command{
        .argv = {python(), STOKER_SOURCE_DIR "/src/backends/process/engine_script_for_tests.py",
                 "--port", "{port}"},
        .ready = {.path = "/health", .status = 200, .max = minutes(2)},
        .grace = seconds(30)};
    command.argv.insert(command.argv.end(), more.begin(), more.end());
    return command;
  }

  // Runs `work` on the loop and waits for it.
  template <class F>
  auto on_loop(F work) {
    using T = decltype(work());
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    loop_.post([work = std::move(work), promise]() mutable {
      if constexpr (std::is_void_v<T>) {
        work();
        promise->set_value();
      } else {
        promise->set_value(work());
      }
    });
    return get(future);
  }
  // A call with a callback, begun on the loop; its answer.
  template <class T>
  Result<T> call(std::function<void(std::move_only_function<void(Result<T>)>)> begin) {
    auto future = begin_call<T>(std::move(begin));
    return get(future);
  }
  template <class T>
  std::future<Result<T>> begin_call(
      std::function<void(std::move_only_function<void(Result<T>)>)> begin) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    loop_.post([begin = std::move(begin), promise] {
      begin([promise](Result<T> result) { promise->set_value(std::move(result)); });
    });
    return future;
  }
  template <class T>
  static T get(std::future<T>& future) {
    if (future.wait_for(std::chrono::minutes(1)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      std::abort();
    }
    return future.get();
  }
  // Looks on the loop again and again until it holds.
  void eventually(std::function<bool()> holds) {
    auto promise = std::make_shared<std::promise<void>>();
    auto future = promise->get_future();
    loop_.post([this, holds = std::move(holds), promise] { look(holds, promise); });
    get(future);
  }
  // The same without the loop, for the end of a test.
  void until_nobody_lives(int group) {
    auto promise = std::make_shared<std::promise<void>>();
    auto future = promise->get_future();
    network_.spawn(wait_for_group(network_, group, promise));
    get(future);
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      names.push_back(file.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }
  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string folder_;
  ThreadLoop loop_;
  net::Network network_;  // posts to the loop until it is gone

 private:
  using Promise = std::shared_ptr<std::promise<void>>;

  void look(const std::function<bool()>& holds, const Promise& promise) {
    if (holds()) return promise->set_value();
    loop_.after(milliseconds(10), [this, holds, promise] { look(holds, promise); });
  }
  static net::Task<void> wait_for_group(net::Network& network, int group, Promise promise) {
    while (!net::living_in_group(group).empty()) co_await network.sleep(milliseconds(10));
    promise->set_value();
  }
  static std::string python() {
    return std::filesystem::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
  }
};

}  // namespace stoker
