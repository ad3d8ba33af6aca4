// The limits of a batch, the same for every store.
//
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "storage/store.h"

namespace stoker {

// Sizes within their limits (too_large) and seqs that grow within the batch, from 1 (bad_request).
Result<void> check_batch(const Batch& batch);

// The error of a batch whose first seq is not after `last`; ok without journal rows.
Result<void> check_follows(const Batch& batch, std::int64_t last_seq);

// What a waiting batch costs in memory, roughly.
std::size_t batch_bytes(const Batch& batch);

}  // namespace stoker
