// Paths reduced to routes: /api/v1/jobs/j17/results/0 becomes /api/v1/jobs/:id/results/:n.
//
// Purpose: logs and metrics name what was asked for without ids, codes and names, from a list that does not grow.
// Threading: pure.
#pragma once

#include <string>
#include <string_view>

namespace stoker::server {

// One of a bounded number of words, whatever the path.
std::string route_of(std::string_view path);

}  // namespace stoker::server
