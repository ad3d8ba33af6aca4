// What readers get to see of a snapshot, as JSON text: one function per kind of thing.
//
// Purpose: the shapes of docs/reference/openapi.json. Codes and numbers; words belong to the pages.
// Threading: pure functions; the snapshot never changes.
// REQUIRES: views that belong to the snapshot they are written with.
#pragma once

#include <string>

#include "api/access.h"
#include "api/json_writer.h"
#include "controller/commands.h"
#include "controller/snapshot.h"

namespace stoker::api {

// The instant a view is written for: durations and estimates count from it.
struct Moment {
  Instant planning;
  WallTime wall;
};

enum class Prompts : std::uint8_t { hidden, shown };
// Whether the code people join with is part of it.
enum class JoinCode : std::uint8_t { hidden, shown };

// Seconds to a tenth, never negative; estimates are no more exact than that.
double tenths(Duration duration);

void write_symbol(JsonWriter& json, Symbol symbol);
void write_eta(JsonWriter& json, const std::optional<controller::EtaView>& eta,
               const Moment& moment);
void write_seconds_range(JsonWriter& json, Duration low, Duration high);
void write_cause(JsonWriter& json, const Snapshot& snapshot, const controller::DatedCause& cause);

std::string job_json(const Snapshot& snapshot, const controller::JobView& job, const Moment& moment,
                     Prompts prompts);
std::string model_json(const Snapshot& snapshot, const controller::ModelView& model,
                       const FocusEyes& eyes, const Moment& moment);
std::string workshop_json(const Snapshot& snapshot, const controller::WorkshopView& workshop,
                          const Moment& moment, JoinCode code);
std::string backend_json(const Snapshot& snapshot, const controller::BackendView& backend,
                         const Moment& moment);
std::string device_json(const Snapshot& snapshot, const controller::DeviceView& device);
std::string ledger_json(const Snapshot& snapshot, const controller::LedgerEntry& entry);
std::string person_json(const controller::PersonView& person);
std::string me_json(const Snapshot& snapshot, const Identity& who, std::uint32_t outstanding);

// Wire words of models; a model that was removed keeps a name made of its number.
std::string model_name(const Snapshot& snapshot, ModelId id);
std::string model_title(const Snapshot& snapshot, ModelId id);
std::string backend_name(const Snapshot& snapshot, BackendId id);
std::optional<ModelId> model_by_name(const Snapshot& snapshot, std::string_view name);
void write_model_names(JsonWriter& json, const Snapshot& snapshot,
                       const std::vector<ModelId>& models);

std::string result_url(JobId job, std::uint32_t n);
std::string ledger_id(const controller::LedgerEntry& entry);
std::string_view model_state_name(controller::ModelState state);
std::string_view by_name(controller::By by);
std::string_view misfit_name(MisfitRule rule);
std::string_view verdict_name(controller::Verdict verdict);

// How long the job has spent in each share of its life by now.
struct Shares {
  Duration queued;
  Duration loading;
  Duration running;
};
Shares shares_of(const controller::JobView& job, Instant now);

}  // namespace stoker::api
