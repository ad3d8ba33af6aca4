// The addresses that a start prints, with their secrets: kept in DATA/links.json, so that a restart keeps them valid.
//
// Purpose: one set of tokens per data folder instead of new ones with every start.
// Threading: values; reads and writes files on the calling thread.
// Errors: disk_full, internal; a file that others may read, or that holds something else, is refused.
#pragma once

#include <string>

#include "base/error.h"

namespace stoker::server {

struct Links {
  std::string leader_token;
  std::string admin_token;
  std::string board_token;

  friend bool operator==(const Links&, const Links&) = default;
};

// An empty Links when there is no file yet.
Result<Links> read_links(const std::string& path);
// Rights 0600, complete or not at all.
Result<void> write_links(const std::string& path, const Links& links);

// Writes a file of its own rights 0600 under a temporary name, makes it durable and renames it.
Result<void> write_private_file(const std::string& path, std::string_view text);
// The text of a file that nobody else may read; without the white space at its end.
Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max);

}  // namespace stoker::server
