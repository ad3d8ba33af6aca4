// The part of NVIDIA's management library that the probe calls: names, numbers and structs of its binary
// interface.
//
// Purpose: NVML is loaded at run time and its header is no build dependency, so what is used of it is
//   declared here, field by field as the public NVML reference documents it
//   (docs.nvidia.com/deploy/nvml-api).
// Limits: C layout on 64-bit Linux; the static_asserts below hold the sizes that the library expects.
// Facts that the reference leaves to experience:
//   - v1 memory counts the driver's reserve as used, v2 tells it apart; nvidia-smi shows v2's `used`. Where
//     v2's `used` contains the reserve (some early drivers), used + free reaches the total and the reserve
//     is taken out again.
//   - The process lists of version 3 take the struct of version 2, but single drivers of the 535 series and
//     later wrote other sizes under the same name, so the probe looks how far the library wrote.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stoker::gpu::nvml {

using Device = struct OpaqueDevice*;

// nvmlReturn_t; a C int, other values occur.
enum Return : int {
  kSuccess = 0,
  kUninitialized = 1,
  kInvalidArgument = 2,
  kNotSupported = 3,
  kNoPermission = 4,
  kNotFound = 6,
  kInsufficientSize = 7,
  kDriverNotLoaded = 9,
  kTimeout = 10,
  kFunctionNotFound = 13,
  kGpuIsLost = 15,
  kResetRequired = 16,
  kLibraryMismatch = 18,
  kArgumentVersionMismatch = 25,
  kUnknown = 999,
};

inline constexpr unsigned kUuidBytes = 96;     // NVML_DEVICE_UUID_V2_BUFFER_SIZE
inline constexpr unsigned kNameBytes = 96;     // NVML_DEVICE_NAME_V2_BUFFER_SIZE
inline constexpr unsigned kVersionBytes = 80;  // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
inline constexpr unsigned long long kValueNotAvailable = ~0ULL;

// NVML_STRUCT_VERSION: the size of the struct with its version in the top byte.
template <class T>
constexpr unsigned struct_version(unsigned version) {
  return static_cast<unsigned>(sizeof(T)) | (version << 24U);
}

struct MemoryV1 {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;  // with the driver's reserve
};
static_assert(sizeof(MemoryV1) == 24);

struct MemoryV2 {
  unsigned version = struct_version<MemoryV2>(2);
  unsigned long long total = 0;
  unsigned long long reserved = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
static_assert(sizeof(MemoryV2) == 40 && offsetof(MemoryV2, total) == 8);

struct PciInfo {
  char bus_id_legacy[16] = {};
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  unsigned pci_device_id = 0;
  unsigned pci_subsystem_id = 0;
  char bus_id[32] = {};
};
static_assert(sizeof(PciInfo) == 68);

struct Utilization {
  unsigned gpu = 0;     // percent
  unsigned memory = 0;  // percent of time with memory traffic; not how full it is
};
static_assert(sizeof(Utilization) == 8);

// Versions 1 to 3 agree in these fields; 2 adds two instance numbers, the later 3 one more amount.
struct ProcessHead {
  unsigned pid = 0;
  unsigned long long used = 0;
};
inline constexpr std::size_t kProcessBytesV1 = 16;
inline constexpr std::size_t kProcessBytesV2 = 24;
inline constexpr std::size_t kProcessBytesV3 = 32;
static_assert(sizeof(ProcessHead) == kProcessBytesV1 && offsetof(ProcessHead, used) == 8);

// The functions; those of the second group may be missing in old libraries and are null then.
struct Functions {
  int (*init)() = nullptr;                                // nvmlInit_v2
  int (*shutdown)() = nullptr;                            // nvmlShutdown
  int (*device_count)(unsigned*) = nullptr;               // nvmlDeviceGetCount_v2
  int (*device_by_index)(unsigned, Device*) = nullptr;    // nvmlDeviceGetHandleByIndex_v2
  int (*device_name)(Device, char*, unsigned) = nullptr;  // nvmlDeviceGetName
  int (*device_uuid)(Device, char*, unsigned) = nullptr;  // nvmlDeviceGetUUID
  int (*memory_v1)(Device, MemoryV1*) = nullptr;          // nvmlDeviceGetMemoryInfo

  int (*memory_v2)(Device, MemoryV2*) = nullptr;       // nvmlDeviceGetMemoryInfo_v2
  int (*pci_info)(Device, PciInfo*) = nullptr;         // nvmlDeviceGetPciInfo_v3
  int (*utilization)(Device, Utilization*) = nullptr;  // nvmlDeviceGetUtilizationRates
  int (*compute_processes)(Device, unsigned*,
                           void*) = nullptr;  // …ComputeRunningProcesses_v3 or _v2
  int (*graphics_processes)(Device, unsigned*,
                            void*) = nullptr;        // …GraphicsRunningProcesses_v3 or _v2
  int (*driver_version)(char*, unsigned) = nullptr;  // nvmlSystemGetDriverVersion
  const char* (*error_text)(int) = nullptr;          // nvmlErrorString
};

}  // namespace stoker::gpu::nvml
