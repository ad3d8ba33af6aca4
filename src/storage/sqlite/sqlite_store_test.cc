#include "storage/sqlite/sqlite_store.h"

#include "storage/sqlite/sqlite_place_test.h"
#include "storage/store_contract_test.h"

namespace stoker {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, StoreContract, SqlitePlace);

}  // namespace
}  // namespace stoker
