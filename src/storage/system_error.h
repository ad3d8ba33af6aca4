// What a failed system call means in Stoker's words.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include "base/error.h"

namespace stoker {

// disk_full where there is no room (disk, quota, file size limit), not_found, else internal.
// `doing` is "write PATH".
inline Error system_error(const std::string& doing, int error) {
  const std::string detail = "cannot " + doing + ": " + std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return {ErrorCode::disk_full, detail};
  if (error == ENOENT) return {ErrorCode::not_found, detail};
  return {ErrorCode::internal, detail};
}

}  // namespace stoker
