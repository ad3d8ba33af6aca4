// The ids of everything Stoker talks about. They are small numbers that the controller hands out in order, so that
// a journal of numbers is enough to replay a day.
#pragma once

#include "base/strong_id.h"

namespace stoker {

using JobId = StrongId<struct JobIdTag>;
using PersonId = StrongId<struct PersonIdTag>;
using WorkshopId = StrongId<struct WorkshopIdTag, std::uint32_t>;
using GroupId = StrongId<struct GroupIdTag, std::uint32_t>;
using ModelId = StrongId<struct ModelIdTag, std::uint32_t>;
using BackendId = StrongId<struct BackendIdTag, std::uint32_t>;
using DeviceId = StrongId<struct DeviceIdTag, std::uint32_t>;
// One try of a step at one backend; unique over restarts.
using AttemptId = StrongId<struct AttemptIdTag>;

}  // namespace stoker
