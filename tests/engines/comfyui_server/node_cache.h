// The node-output cache of the played ComfyUI, and what nodes hand to each other.
//
// Purpose: results are found by what was computed (class, inputs, ancestors), not by node id. The policy decides
//   what survives the beginning and the end of a prompt.
// Threading: network thread. Ownership: a result keeps the model objects in it alive.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/engines/comfyui_server/files.h"
#include "tests/engines/comfyui_server/media.h"
#include "tests/engines/comfyui_server/memory.h"

namespace stoker::engines::comfyui {

namespace json = boost::json;

// What flows along a link.
struct NodeValue {
  std::vector<ModelPtr> models;  // of MODEL, CLIP, VAE, …
  PictureSize size;
  std::uint32_t batch = 1;
  std::uint32_t length = 1;  // frames
  std::uint32_t steps = 0;   // of SIGMAS
  std::uint32_t rgb = 0;
  json::value literal;  // of primitives
};

struct NodeResult {
  std::vector<NodeValue> outputs;
  json::value ui;  // null: nothing to show
};

enum class CachePolicy : std::uint8_t {
  classic,   // what the new prompt does not use is dropped when it begins
  lru,       // the newest `size` results
  none,      // nothing survives a prompt
  pressure,  // everything stays until `drop_all` says that main memory is short
};

class NodeCache {
 public:
  NodeCache(CachePolicy policy, std::size_t size) : policy_(policy), size_(size) {}

  // A prompt with these signatures begins.
  void begin(const std::set<std::string>& signatures);
  void end();
  const NodeResult* find(const std::string& signature);
  void store(const std::string& signature, NodeResult result);
  void drop_all() { results_.clear(); }

 private:
  struct Entry {
    std::string signature;
    std::unique_ptr<NodeResult> result;
  };

  CachePolicy policy_;
  std::size_t size_;
  std::list<Entry> results_;  // the one used last comes first
};

// The signatures of all nodes of a prompt, by id. A node in a cycle, or one that depends on it, has none.
std::map<std::string, std::string> signatures_of(const json::object& prompt, const Files& files);

}  // namespace stoker::engines::comfyui
