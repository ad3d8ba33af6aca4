#include "gpu/nvidia_cards.h"

#include <utility>

namespace stoker::gpu {

NvidiaCards::NvidiaCards(NvmlCards::Places nvml, SmiCards::Places smi)
    : nvml_(std::move(nvml)), smi_(std::move(smi)) {}

Result<std::vector<CardReading>> NvidiaCards::read() {
  auto cards = nvml_.read();
  if (cards || cards.error().code != ErrorCode::not_found) return cards;
  auto fallback = smi_.read();
  if (fallback) return fallback;
  return fail(ErrorCode::backend_down, cards.error().detail + "; " + fallback.error().detail);
}

}  // namespace stoker::gpu
