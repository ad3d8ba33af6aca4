// NVML as a loaded library: found at run time, closed on destruction.
//
// Purpose: the one place that knows dlopen; the probe sees a table of functions.
// Threading: any one thread at a time.
// Ownership: functions stay valid as long as the Library lives.
// Errors: not_found when the library or one of the functions that the probe cannot do without is missing.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "gpu/nvml/nvml_abi.h"

namespace stoker::gpu::nvml {

class Library {
 public:
  static Result<Library> open(const std::string& name);

  const Functions& functions() const { return functions_; }

 private:
  struct Close {
    void operator()(void* handle) const;
  };
  explicit Library(void* handle) : handle_(handle) {}

  std::unique_ptr<void, Close> handle_;
  Functions functions_;
};

}  // namespace stoker::gpu::nvml
