// A job is accepted work of one person: a chain of steps, each one call to one model.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/ids.h"

namespace stoker {

enum class JobState : std::uint8_t {
  accepted,
  checking,
  queued,
  loading,
  running,
  waiting_for_person,
  done,
  failed,
  cancelled,
  refused,
};

inline constexpr int kJobStateCount = 10;

std::string_view job_state_name(JobState state);

// True for done, failed, cancelled and refused: nothing follows.
constexpr bool job_state_is_final(JobState state) {
  return state == JobState::done || state == JobState::failed || state == JobState::cancelled ||
         state == JobState::refused;
}

// What a waiting job waits for right now.
enum class WaitingFor : std::uint8_t {
  nothing,
  queue,
  model_load,
  pause,
  backend,
  person,
  text_batch,  // its model is there; texts are collected and written together beside other work
};
inline constexpr int kWaitingForCount = 7;
std::string_view waiting_for_name(WaitingFor waiting);

}  // namespace stoker
