// Files that the program carries inside itself: pages, message catalogues, the API description.
//
// Purpose: one binary is the whole product; nothing is read from the disk to show a page.
// Threading: constant data, readable from any thread.
// Ownership: everything points into the program image and lives as long as it.
// Names: "web/index.html", "web/assets/app-4f1c.js", "messages/de.json", "reference/openapi.json".
#pragma once

#include <span>
#include <string_view>

namespace stoker::assets {

struct Asset {
  std::string_view name;
  std::string_view type;  // as in Content-Type
  std::string_view hash;  // of `raw`, for an ETag
  std::string_view raw;
  std::string_view gzip;  // empty: not worth it
};

// In the order of their names.
std::span<const Asset> all_assets();

// Null when there is none of that name.
const Asset* find_asset(std::string_view name);

}  // namespace stoker::assets
