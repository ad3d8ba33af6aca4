// The policies that can play a scenario, by name.
//
// Threading: none; every call makes a policy of its own.
// Errors: an unknown name gives null.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "simulation/policy.h"
#include "simulation/quotes.h"

namespace stoker::simulation {

struct PolicyOptions {
  Quotes quotes = Quotes::given;
};

std::unique_ptr<Policy> make_policy(std::string_view name, const PolicyOptions& options = {});

// In the order in which they are shown.
std::vector<std::string_view> policy_names();

}  // namespace stoker::simulation
