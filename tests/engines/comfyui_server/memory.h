// The weights of the played ComfyUI: what was read from disk, what sits in device memory, and how much of it.
//
// Purpose: the accounting behind /system_stats, loads, spills and /free. A model object lives as long as the node
//   cache or a run holds it; device memory is given back when the object goes, like the garbage collector does it.
// Threading: network thread.
// Limits: one device; sizes come from what the test declares.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::engines::comfyui {

// One reading of a file from disk.
struct ModelObject {
  std::string file;  // "sd3.5_large.safetensors"
  std::uint64_t bytes = 0;
  bool on_cpu = false;  // device "cpu": never in device memory
};
using ModelPtr = std::shared_ptr<const ModelObject>;

struct MemorySizes {
  std::uint64_t vram_total = 0;
  std::uint64_t context = 0;    // stays until the process ends, present from the first load on
  std::uint64_t reserve = 0;    // kept free for others
  std::uint64_t inference = 0;  // wanted free beside the weights
};

class DeviceMemory {
 public:
  explicit DeviceMemory(MemorySizes sizes) : sizes_(sizes) {}

  // Brings the models into device memory, making room by moving others out, the longest unused first. What does not
  // fit stays in main memory: a partial load. `share_max_percent` limits what of each model may come in.
  void load(const std::vector<ModelPtr>& models, unsigned share_max_percent = 100);
  void unload_all();
  // A new process: the context is gone, too.
  void reset();

  void set_other_use(std::uint64_t bytes) { other_use_ = bytes; }
  // Unloading leaves the bytes taken, as a leak would.
  void leak_all();

  std::uint64_t held(std::string_view file) const;  // bytes of that file in device memory
  bool partial(std::string_view file) const;
  std::uint64_t weights() const;   // bytes of all files in device memory
  std::uint64_t reserved() const;  // weights and what leaked
  std::uint64_t free() const;      // for everybody
  std::vector<std::string> files() const;

  // How often each file came into device memory, and how often something was moved out.
  const std::map<std::string, std::size_t, std::less<>>& loads() const { return loads_; }
  std::size_t unloads() const { return unloads_; }

 private:
  struct Resident {
    std::weak_ptr<const ModelObject> model;
    std::string file;
    std::uint64_t wanted = 0;
    std::uint64_t bytes = 0;
    std::uint64_t used_at = 0;
  };

  void drop_gone() const;
  Resident* find(const ModelPtr& model);
  void make_room(std::uint64_t needed, const std::vector<ModelPtr>& keep);
  void load_one(const ModelPtr& model, std::uint64_t bytes_max);

  MemorySizes sizes_;
  mutable std::vector<Resident> residents_;
  std::map<std::string, std::size_t, std::less<>> loads_;
  std::size_t unloads_ = 0;
  std::uint64_t other_use_ = 0;
  std::uint64_t leaked_ = 0;
  std::uint64_t clock_ = 0;
  bool has_context_ = false;
};

}  // namespace stoker::engines::comfyui
