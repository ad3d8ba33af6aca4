#include <array>

#include "domain/cause.h"
#include "domain/job.h"
#include "domain/medium.h"
#include "domain/model.h"
#include "domain/person.h"
#include "domain/workshop.h"

namespace stoker {
namespace {

using Names = std::string_view;

constexpr std::array<Names, kMediumCount> kMedia = {"text", "image", "video", "audio", "music"};
constexpr std::array<Names, 3> kGranularities = {"model", "backend", "self"};
constexpr std::array<Names, 3> kSizeSources = {"declared", "files", "measured"};
constexpr std::array<Names, kCauseKindCount> kCauses = {"request",
                                                        "warm_up",
                                                        "preload",
                                                        "focus_change",
                                                        "make_room",
                                                        "idle_rule",
                                                        "operator_action",
                                                        "external",
                                                        "recovery",
                                                        "retry",
                                                        "fair_order",
                                                        "run_failed",
                                                        "load_failed",
                                                        "run_timeout",
                                                        "backend_down",
                                                        "foreign_memory",
                                                        "longer_than_usual",
                                                        "cancelled_by_person",
                                                        "cancelled_by_leader",
                                                        "workshop_ended",
                                                        "paused",
                                                        "expected_soon",
                                                        "overdue",
                                                        "visit",
                                                        "spilled"};
constexpr std::array<Names, kJobStateCount> kJobStates = {
    "accepted",           "checking", "queued", "loading",   "running",
    "waiting_for_person", "done",     "failed", "cancelled", "refused"};
constexpr std::array<Names, kWaitingForCount> kWaitings = {
    "nothing", "queue", "model_load", "pause", "backend", "person", "text_batch"};
constexpr std::array<Names, kRoleCount> kRoles = {"participant", "leader", "admin", "application",
                                                  "board"};
constexpr std::array<Names, kWorkshopStateCount> kWorkshopStates = {"planned", "warming", "ready",
                                                                    "running", "paused",  "ended"};

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<Names, N>& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<Names, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view medium_name(Medium medium) {
  return name_of(kMedia, medium);
}
std::optional<Medium> medium_from_name(std::string_view name) {
  return value_of<Medium>(kMedia, name);
}
std::string_view granularity_name(EvictionGranularity g) {
  return name_of(kGranularities, g);
}
std::string_view size_source_name(SizeSource source) {
  return name_of(kSizeSources, source);
}
std::string_view cause_name(CauseKind kind) {
  return name_of(kCauses, kind);
}
std::optional<CauseKind> cause_from_name(std::string_view name) {
  return value_of<CauseKind>(kCauses, name);
}
std::string_view job_state_name(JobState state) {
  return name_of(kJobStates, state);
}
std::string_view waiting_for_name(WaitingFor waiting) {
  return name_of(kWaitings, waiting);
}
std::string_view role_name(Role role) {
  return name_of(kRoles, role);
}
std::optional<Role> role_from_name(std::string_view name) {
  return value_of<Role>(kRoles, name);
}
std::string_view workshop_state_name(WorkshopState state) {
  return name_of(kWorkshopStates, state);
}

}  // namespace stoker
