// Everything the scheduler can decide. Each decision carries its cause.
//
// Every submitted job gets exactly one Accept or Refuse at once, and every accepted one exactly one Finish.
// Each struct lists its fields once, in `fields()`; the journal is written and read from that list.
#pragma once

#include <cstdint>
#include <tuple>
#include <variant>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "domain/cause.h"
#include "domain/ids.h"
#include "domain/job.h"

namespace stoker::scheduler {

// The job is in the queue with this fairness tag.
struct Accept {
  JobId job;
  std::int64_t tag_us = 0;
  Cause cause;
  auto fields() { return std::tie(job, tag_us, cause); }
};

struct Refuse {
  JobId job;
  ErrorCode code = ErrorCode::internal;
  std::int64_t limit = 0;  // the number that was reached, where there is one
  Cause cause;
  auto fields() { return std::tie(job, code, limit, cause); }
};

// Load a model; its memory is reserved from now on.
struct Load {
  ModelId model;
  MiB reserved;
  Cause cause;
  auto fields() { return std::tie(model, reserved, cause); }
};

// Unload a model; its memory stays reserved until the unload is confirmed. cause.model is who profits.
struct Unload {
  ModelId model;
  Cause cause;
  auto fields() { return std::tie(model, cause); }
};

struct Dispatch {
  JobId job;
  std::uint32_t step = 0;
  std::uint32_t attempt = 1;
  ModelId model;
  BackendId backend;
  Cause cause;
  auto fields() { return std::tie(job, step, attempt, model, backend, cause); }
};

// Stop the run at the backend; RunStopped confirms it.
struct StopRun {
  JobId job;
  std::uint32_t step = 0;
  Cause cause;
  auto fields() { return std::tie(job, step, cause); }
};

// The step waits again, or elsewhere in the queue: at the place of this tag.
struct Requeue {
  JobId job;
  std::uint32_t step = 0;
  std::int64_t tag_us = 0;
  Cause cause;
  auto fields() { return std::tie(job, step, tag_us, cause); }
};

// The job has ended: done, failed or cancelled.
struct Finish {
  JobId job;
  JobState state = JobState::done;
  ErrorCode code = ErrorCode::internal;  // meaningful for failed
  Cause cause;
  auto fields() { return std::tie(job, state, code, cause); }
};

// A bound that people have seen no longer holds; `known` false: nothing can be said.
struct Revise {
  JobId job;
  bool known = false;
  Instant low_at;
  Instant high_at;
  Cause cause;
  auto fields() { return std::tie(job, known, low_at, high_at, cause); }
};

// The order is part of the journal format: add at the end, never remove.
using Decision =
    std::variant<Accept, Refuse, Load, Unload, Dispatch, StopRun, Requeue, Finish, Revise>;

}  // namespace stoker::scheduler
