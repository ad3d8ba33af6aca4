// How good the promises of a run were. Part of metrics.h.
//
// Threading: values. Errors: none.
#pragma once

#include <optional>

#include "simulation/metrics.h"

namespace stoker::simulation {

// None: the policy promised nothing.
std::optional<QuoteMetrics> quote_metrics_of(const RunRecord& record);

// To so many decimals, as a person with pencil and paper would.
double rounded(double value, int digits);

}  // namespace stoker::simulation
