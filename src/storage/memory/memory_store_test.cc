#include "storage/memory/memory_store.h"

#include "storage/store_contract_test.h"

namespace stoker {
namespace {

class MemoryPlace {
 public:
  Result<std::unique_ptr<Store>> open(Loop& loop) { return MemoryStore::open(disk_, loop); }
  std::string backup_path() const { return "backup"; }
  Result<std::unique_ptr<Store>> open_backup(Loop& loop) {
    return MemoryStore::open(disk_.backups.at(backup_path()), loop);
  }

 private:
  MemoryDisk disk_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContract, MemoryPlace);

}  // namespace
}  // namespace stoker
