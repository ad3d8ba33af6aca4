#include "gpu/nvml/library.h"

#include <dlfcn.h>

namespace stoker::gpu::nvml {
namespace {

template <class Function>
bool find(void* library, Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(::dlsym(library, name));
  return function != nullptr;
}

// The newest of two names that the library has.
template <class Function>
void find_newest(void* library, Function*& function, const char* newer, const char* older) {
  if (!find(library, function, newer)) find(library, function, older);
}

const char* missing_function(void* library, Functions& f) {
  if (!find(library, f.init, "nvmlInit_v2")) return "nvmlInit_v2";
  if (!find(library, f.shutdown, "nvmlShutdown")) return "nvmlShutdown";
  if (!find(library, f.device_count, "nvmlDeviceGetCount_v2")) return "nvmlDeviceGetCount_v2";
  if (!find(library, f.device_by_index, "nvmlDeviceGetHandleByIndex_v2"))
    return "nvmlDeviceGetHandleByIndex_v2";
  if (!find(library, f.device_name, "nvmlDeviceGetName")) return "nvmlDeviceGetName";
  if (!find(library, f.device_uuid, "nvmlDeviceGetUUID")) return "nvmlDeviceGetUUID";
  if (!find(library, f.memory_v1, "nvmlDeviceGetMemoryInfo")) return "nvmlDeviceGetMemoryInfo";
  return nullptr;
}

}  // namespace

void Library::Close::operator()(void* handle) const {
  ::dlclose(handle);
}

Result<Library> Library::open(const std::string& name) {
  void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return fail(ErrorCode::not_found, "NVIDIA's library " + name + " cannot be loaded: " +
                                          (why == nullptr ? "no reason given" : why));
  }
  Library library(handle);
  Functions& f = library.functions_;
  if (const char* missing = missing_function(handle, f)) {
    return fail(ErrorCode::not_found,
                "NVIDIA's library " + name + " is too old: it has no function " + missing);
  }
  find(handle, f.memory_v2, "nvmlDeviceGetMemoryInfo_v2");
  find(handle, f.pci_info, "nvmlDeviceGetPciInfo_v3");
  find(handle, f.utilization, "nvmlDeviceGetUtilizationRates");
  find(handle, f.driver_version, "nvmlSystemGetDriverVersion");
  find(handle, f.error_text, "nvmlErrorString");
  find_newest(handle, f.compute_processes, "nvmlDeviceGetComputeRunningProcesses_v3",
              "nvmlDeviceGetComputeRunningProcesses_v2");
  find_newest(handle, f.graphics_processes, "nvmlDeviceGetGraphicsRunningProcesses_v3",
              "nvmlDeviceGetGraphicsRunningProcesses_v2");
  return library;
}

}  // namespace stoker::gpu::nvml
