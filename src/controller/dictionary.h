// Names to ids that stay the same over restarts and configuration changes.
//
// Purpose: the journal knows models, backends and devices by number; the dictionary keeps which name has which number.
// Threading: synchronous reads; call it before Controller::open, which writes what is new.
// Errors: those of the store; conflict when one kind has two equal names.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "controller/controller.h"
#include "storage/store.h"

namespace stoker::controller {

// Replaces the provisional ids of the topology (any numbers that are consistent within it) by lasting ones.
Result<void> assign_lasting_ids(Store& store, Topology& topology);

// The documents that make the names of a topology last.
std::vector<DocumentRow> dictionary_of(const Topology& topology);

}  // namespace stoker::controller
