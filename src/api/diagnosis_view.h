// The diagnosis of a snapshot as JSON: facts in, findings out.
#pragma once

#include <string>

#include "api/views.h"

namespace stoker::api {

// Of one workshop, or of everything without one. Memory is the machine's in both cases.
std::string diagnosis_json(const Snapshot& snapshot, WorkshopId workshop, const Moment& moment);

}  // namespace stoker::api
