#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "server/commands.h"
#include "server/stopped_store.h"
#include "storage/sqlite/sqlite_store.h"

namespace stoker::server {
namespace {

int told(const BackupOptionsOfCommand& options, const std::string& words) {
  if (options.form == OutputForm::text) fmt::print("{}\n", words);
  if (options.form == OutputForm::json)
    fmt::print("{}\n",
               boost::json::serialize(boost::json::object{{"ok", true}, {"file", options.file}}));
  return kSuccess;
}

}  // namespace

int run_backup(const BackupOptionsOfCommand& options) {
  auto opened = StoppedStore::open(data_folder(options.data));
  if (!opened) return complain(opened.error().detail);
  const auto done = opened->wait([&](Store::Done finished) {
    opened->store().backup({.path = options.file, .with_content = options.with_content},
                           std::move(finished));
  });
  if (!done) return complain(done.error().detail);
  return told(
      options,
      fmt::format("{} holds the journal and the settings{}; results and tokens are not in it",
                  options.file, options.with_content ? " and the texts" : ", no texts"));
}

int run_restore(const BackupOptionsOfCommand& options) {
  const std::string data = data_folder(options.data);
  const std::string target = SqliteStore::database_path(data);
  std::error_code error;
  if (std::filesystem::exists(target, error))
    return complain(data + " holds data already; name an empty folder");
  std::filesystem::create_directories(data, error);
  std::filesystem::permissions(data, std::filesystem::perms::owner_all, error);
  if (!std::filesystem::copy_file(options.file, target, error))
    return complain(fmt::format("cannot copy {} to {}: {}", options.file, target, error.message()));
  std::filesystem::permissions(
      target, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  if (auto opened = StoppedStore::open(data); !opened) {
    std::filesystem::remove(target, error);
    return complain(options.file + " is no backup of this program: " + opened.error().detail);
  }
  return told(options, fmt::format("{} was restored to {}; the next start hands out new links",
                                   options.file, data));
}

}  // namespace stoker::server
