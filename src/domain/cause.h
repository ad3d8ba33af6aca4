// Why something was decided. Every decision carries a cause; pages print causes and never guess.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/ids.h"

namespace stoker {

enum class CauseKind : std::uint8_t {
  request,            // a waiting job needs it
  warm_up,            // the workshop plan wants it ready before people come
  preload,            // an operator's list
  focus_change,       // the leader changed the focus
  make_room,          // another model needs the memory
  idle_rule,          // everyday rule: unused for long, release configured
  operator_action,    // a named person asked for it
  external,           // somebody else did it (the engine itself, another program)
  recovery,           // after a restart of Stoker
  retry,              // the try before failed
  fair_order,         // it was this job's turn
  run_failed,         // the backend reported a failure
  load_failed,        // loading failed
  run_timeout,        // the run limit passed
  backend_down,       // the backend does not answer
  foreign_memory,     // other programs hold the memory
  longer_than_usual,  // a run or load takes longer than such runs did before
  cancelled_by_person,
  cancelled_by_leader,
  workshop_ended,
  paused,
  expected_soon,  // ideas in progress will need it
  overdue,        // people have waited for it longer than the policy lets them
  visit,          // it does not fit beside the models that stay, and has its turn now
  spilled,        // a part of it went to main memory, where it would run many times slower
};

inline constexpr int kCauseKindCount = 25;

std::string_view cause_name(CauseKind kind);
std::optional<CauseKind> cause_from_name(std::string_view name);

// `job`: for whom. `model`: which model profits (evictions) or is meant. `person`: who asked, if a person did.
struct Cause {
  CauseKind kind = CauseKind::request;
  JobId job;
  ModelId model;
  PersonId person;

  friend bool operator==(const Cause&, const Cause&) = default;
};

}  // namespace stoker
