// [[backend]] and [[model]] as engines see them.
//
// Purpose: the parts of the two tables that only adapters need; config.cc reads the rest.
// Threading: reads template files on the calling thread.
// Errors: complaints at the table.
#pragma once

#include <string>

#include "backends/engine_model.h"
#include "server/config/config_reader.h"
#include "server/config/engine_setup.h"

namespace stoker::server {

// What the weight files say the model takes, with a text model's context of load_options.num_ctx; 0: none are named.
MiB size_of_files(const CheckedTable& table, const std::string& folder);

EngineSetup read_engine(const CheckedTable& table, const std::string& folder);
EngineModel read_engine_model(const CheckedTable& table, const std::string& folder,
                              const Model& model);

// A number for everything of a model that changes its size in memory; never 0.
std::uint64_t settings_of(const EngineModel& model);

}  // namespace stoker::server
