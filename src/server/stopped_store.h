// The store of a server that does not run, for commands that change or check a data folder.
//
// Purpose: opens the store and turns its callbacks into waiting.
// Threading: main thread.
// Errors: not_found (no data there), conflict (a server uses it), and those of the store.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/thread_loop.h"
#include "storage/store.h"

namespace stoker::server {

class StoppedStore {
 public:
  static Result<StoppedStore> open(const std::string& data);
  // Makes the folder and an empty store where there is none.
  static Result<StoppedStore> open_or_create(const std::string& data);

  Store& store() { return *store_; }
  // Starts a call of the store and waits for its end. Once per object: its loop runs once.
  Result<void> wait(const std::function<void(Store::Done)>& start);

 private:
  StoppedStore() : loop_(std::make_unique<ThreadLoop>()) {}

  std::unique_ptr<ThreadLoop> loop_;
  std::unique_ptr<Store> store_;
};

}  // namespace stoker::server
