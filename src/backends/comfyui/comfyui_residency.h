// What a ComfyUI must hold, by its own rules.
//
// Purpose: no route tells which models are loaded, so it is inferred:
//   - a prompt that ended well left its own models there, unless the engine unloads after every run or caches nothing;
//   - with the classic cache, a prompt that begins drops every model whose loaders it does not use itself, also a
//     prompt of somebody else;
//   - the LRU cache keeps so many results of nodes, so only the newest workflows;
//   - with the other caches everything stays as long as it fits: when the engine uses less memory than the models are
//     known to take, those used longest ago have been moved out;
//   - nothing is left after /free, after a restart, and when next to no memory is in use.
// Threading: loop only. Limits: as many entries as models.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "protocol/comfyui/system_stats.h"

namespace stoker::comfyui {

// An engine that uses no more than this holds no model.
inline constexpr MiB kNothingLoaded{256};

// The configured models: one alone can be unloaded without touching another, and the nodes of the largest workflow say
// how many of them an LRU cache keeps.
struct Fleet {
  std::size_t models = 0;
  std::size_t nodes_max = 1;
};

// What the engine said of itself at one moment.
struct Sighting {
  protocol::comfyui::SystemStats stats;
  bool foreign = false;  // somebody else's prompt began after ours
  bool forgot = false;   // a prompt that it should remember is gone: it was started anew
};

class Residency {
 public:
  // `loaders`: the loader nodes of the model's workflow, each written out.
  void prompt_begins(ModelId model, const std::set<std::string>& loaders);
  void prompt_ended(ModelId model, const std::set<std::string>& loaders,
                    const protocol::comfyui::SystemStats& stats);
  void told(ModelId model, MiB size) { sizes_[model] = size; }
  void planned(ModelId model, MiB size) { sizes_.try_emplace(model, size); }
  // Of the largest workflow.
  void set_nodes(std::size_t nodes) { nodes_ = nodes; }
  void forget_all() { residents_.clear(); }
  void saw(const Sighting& sighting, bool on_card);

  std::vector<LoadedModel> all() const;
  bool holds(ModelId model) const;
  MiB held() const;

 private:
  struct Resident {
    ModelId model;
    std::set<std::string> loaders;
  };

  void drop_others(ModelId model, const std::set<std::string>& loaders);
  void drop_what_cannot_be(MiB in_use);
  MiB size_of(ModelId model) const;

  std::vector<Resident> residents_;  // the one used last comes last
  std::map<ModelId, MiB> sizes_;
  std::size_t nodes_ = 1;
  std::optional<protocol::comfyui::CachePolicy> cache_;
};

}  // namespace stoker::comfyui
