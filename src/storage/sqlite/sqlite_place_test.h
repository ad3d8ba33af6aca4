// A folder of its own for each test of the SQLite store, removed afterwards.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "storage/sqlite/sqlite_store.h"

namespace stoker {

class SqlitePlace {
 public:
  SqlitePlace() {
    std::string pattern = std::filesystem::temp_directory_path() / "stoker-store-XXXXXX";
    STOKER_INVARIANT(mkdtemp(pattern.data()) != nullptr, "no folder for the test");
    root_ = pattern;
  }
  ~SqlitePlace() { std::filesystem::remove_all(root_); }
  SqlitePlace(const SqlitePlace&) = delete;
  SqlitePlace& operator=(const SqlitePlace&) = delete;

  std::string directory() const { return root_ + "/data"; }
  std::string database() const { return SqliteStore::database_path(directory()); }
  std::string backup_path() const { return root_ + "/backup.db"; }

  Result<std::unique_ptr<Store>> open(Loop& loop) { return SqliteStore::open(directory(), loop); }

  Result<std::unique_ptr<Store>> open_backup(Loop& loop) {
    const std::string restored = root_ + "/restored";
    std::filesystem::create_directory(restored);
    std::filesystem::copy_file(backup_path(), SqliteStore::database_path(restored));
    return SqliteStore::open(restored, loop);
  }

 private:
  std::string root_;
};

}  // namespace stoker
