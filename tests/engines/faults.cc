#include "tests/engines/faults.h"

#include <algorithm>

namespace stoker::engines {

std::optional<Fault> Faults::take(FaultKind kind, std::string_view path, std::size_t sent) {
  const auto found = std::ranges::find_if(faults_, [&](const Fault& fault) {
    return fault.kind == kind && fault.after <= sent && (fault.path.empty() || fault.path == path);
  });
  if (found == faults_.end()) return std::nullopt;
  Fault fault = *found;
  if (found->times != kAlways) --found->times;
  if (found->times == 0) faults_.erase(found);
  return fault;
}

}  // namespace stoker::engines
