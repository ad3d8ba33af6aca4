// Replays a recorded journal: the same events give the same decisions, byte for byte.
//
// Purpose: proof of determinism and of an undamaged journal; `stoker check --data` runs it.
// Threading: synchronous; reads the store only.
// Method: each EpochStarted begins with an empty scheduler; every event is applied at its recorded instant and the rows of
//   its decisions are compared with the recorded ones. Epochs of another build of the policy are read but not compared.
// Errors: internal for rows that cannot be read or gaps in the order. A difference is no error but part of the report.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "storage/store.h"

namespace stoker::controller {

struct ReplayReport {
  std::int64_t rows = 0;
  std::int64_t epochs = 0;
  std::int64_t epochs_of_other_builds = 0;
  std::int64_t decisions_compared = 0;
  std::optional<std::int64_t> first_difference_seq;
};

Result<ReplayReport> verify_journal(Store& store, std::uint32_t build_id);

}  // namespace stoker::controller
