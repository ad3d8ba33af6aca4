// Whether an engine keeps one model while it loads another: A, B, and A again without a second load.
//
// Purpose: what flags promise, proved by loads. It takes as long as the loads do, and the engine must have nothing else
//   to do.
// Threading: blocks; no loop may run on this thread.
// Limits: kProofLoadMax for each load. Engines by url with at least two models; the first two of each.
// Errors: a load that fails is told in the proof.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "server/config/config.h"

namespace stoker::server {

inline constexpr Duration kProofLoadMax = minutes(10);

struct ResidencyProof {
  std::string backend;
  std::string first;    // A
  std::string second;   // B
  bool kept = false;    // A was still there
  std::string trouble;  // why there is no proof; empty: there is one
};

std::vector<ResidencyProof> prove_residency(const Machine& machine);

}  // namespace stoker::server
