#include "server/stopped_store.h"

#include <filesystem>
#include <optional>

#include "storage/sqlite/sqlite_store.h"

namespace stoker::server {

Result<StoppedStore> StoppedStore::open(const std::string& data) {
  std::error_code error;
  if (!std::filesystem::exists(SqliteStore::database_path(data), error))
    return fail(ErrorCode::not_found, "there is no data in " + data);
  return open_or_create(data);
}

Result<StoppedStore> StoppedStore::open_or_create(const std::string& data) {
  StoppedStore opened;
  auto store = SqliteStore::open(data, *opened.loop_);
  if (!store) return fail(store.error());
  opened.store_ = *std::move(store);
  return opened;
}

Result<void> StoppedStore::wait(const std::function<void(Store::Done)>& start) {
  std::optional<Result<void>> outcome;
  start([&](Result<void> result) {
    outcome = std::move(result);
    loop_->stop();
  });
  loop_->run();
  STOKER_INVARIANT(outcome.has_value(), "the store never answered");
  return *outcome;
}

}  // namespace stoker::server
