#include "server/build_facts.h"

namespace stoker::server {

std::uint32_t policy_build() {
  return STOKER_POLICY_BUILD;
}

}  // namespace stoker::server
