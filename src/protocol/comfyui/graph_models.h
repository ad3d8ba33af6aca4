// What a run of a workflow needs: its bundle of models, and how much work it is.
//
// Purpose: the scheduler's model of a workflow is its bundle, the set of (loader class, file,
// dtype) that outputs need; the time of a run is learned per bundle and bucket of work. Threading:
// pure functions over a Graph.
// Limits: kReferencesMax references; what is more makes the bundle unknown; kSamplerPassesMax
// samplers, further ones count nothing. Errors: none; what cannot be found out is a value.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/comfyui/graph.h"

namespace stoker::protocol::comfyui {

inline constexpr std::size_t kReferencesMax = 256;
inline constexpr std::size_t kSamplerPassesMax = 64;

// One file that one loader reads. Two loaders of the same class, file and dtype are one reference:
// the engine keeps what a loader made under its class and inputs, not under the id of its node.
struct ModelReference {
  std::string loader;   // "UNETLoader"
  std::string file;     // with slashes, below the folder
  std::string dtype;    // a loader's weight_dtype; empty: as the file has it
  std::string folder;   // "diffusion_models", as GET /models/{folder} names it
  bool on_cpu = false;  // stays out of the GPU's memory

  friend auto operator<=>(const ModelReference&, const ModelReference&) = default;
};

// A node that loads something which this code cannot name: a class it does not know, or a file that
// another node computes.
struct UnknownLoader {
  std::string node;
  std::string loader;
  std::string file;  // as far as it can be read; may be empty

  friend auto operator<=>(const UnknownLoader&, const UnknownLoader&) = default;
};

struct Needs {
  std::vector<ModelReference> models;   // sorted, each once
  std::vector<UnknownLoader> unknown;   // sorted
  std::vector<std::string> embeddings;  // named in texts; small, and no part of the bundle
  std::string bundle_id;
};

// What `reach` loads. LoRAs of strength 0 are left out, as the engine leaves them out;
// `pixel_space` is no file. `offered_files` are names that the engine offers in its lists: a text
// input of a class that is not known and that holds one of them, or a name that ends like a weight
// file, makes the node an unknown loader.
Needs needs_of(const Graph& graph, const Reach& reach,
               const std::set<std::string, std::less<>>& offered_files = {});

// "bundle:" or, with unknown loaders, "unknown:" and 16 hex digits; empty without loaders: such a
// run takes a slot only. The digits are FNV-1a of 64 bits, mixed once by mix64, over the sorted
// set: of each reference loader, file, dtype and "cpu" or nothing, of each unknown loader class and
// file, every text with its length before it. Both functions are fixed by their constants, so the
// id is the same on every machine, in every version and for every order of nodes; learned sizes and
// times in the journal rely on that.
std::string bundle_id_of(std::span<const ModelReference> models,
                         std::span<const UnknownLoader> unknown);

// One pass of one sampler. What the graph does not say has the defaults, a picture that comes from
// a file too.
struct SamplerPass {
  std::string node;
  std::uint64_t steps =
      20;  // that really run: end - start of KSamplerAdvanced, a part of split sigmas
  std::uint64_t width = 1024;
  std::uint64_t height = 1024;
  std::uint64_t batch = 1;
  std::uint64_t length = 1;  // frames; for sound whole seconds, with width and height 1
  bool size_known = false;

  friend bool operator==(const SamplerPass&, const SamplerPass&) = default;
};

std::vector<SamplerPass> sampler_passes(const Graph& graph, const Reach& reach);

// Sum of steps x width x height x batch x length, at most 2^63.
std::uint64_t work_of(std::span<const SamplerPass> passes);

// Two buckets for each doubling: the largest run of a bucket takes at most half more than its
// smallest. 0 for no work, then 1 to 127.
std::uint32_t work_bucket(std::uint64_t work);

// "bundle:0123456789abcdef/49": what a learned duration is kept under.
std::string duration_key(std::string_view bundle_id, std::uint64_t work);

}  // namespace stoker::protocol::comfyui
