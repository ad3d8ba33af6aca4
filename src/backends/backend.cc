#include "backends/backend.h"

#include <array>

namespace stoker {

std::string_view engine_remark_name(EngineRemark remark) {
  static constexpr std::array<std::string_view, kEngineRemarkCount> kNames = {
      "keeps_one_workflow", "keeps_by_ram_pressure", "keeps_n_results",   "keeps_nothing",
      "pages_weights",      "unloads_after_run",     "unloads_when_idle", "queues_ahead",
      "cannot_unload",      "interrupts_globally",   "remote_models"};
  return kNames.at(static_cast<std::size_t>(remark));
}

}  // namespace stoker
