#include "assets/assets.h"

#include <algorithm>

namespace stoker::assets {

const Asset* find_asset(std::string_view name) {
  const std::span<const Asset> all = all_assets();
  const auto found = std::ranges::lower_bound(all, name, {}, &Asset::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

}  // namespace stoker::assets
