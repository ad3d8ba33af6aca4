// Reads what weight files on disk say about themselves.
//
// Purpose: the first size of a model, for planning and for `check`. Threading: any thread,
// blocking; call it off the loop.
// Ownership: nothing is kept open. Limits: headers only (safetensors.h, gguf.h); of a folder
// kFolderEntriesMax entries, kFolderDepthMax levels and kWeightFilesMax weight files. Errors:
// not_found for what is not there; bad_request for what is no weight file or a malformed one, with
// what is wrong; internal when the disk does not answer. The detail names the file, never the
// folder it lies in; `param` is the same name.
#pragma once

#include <string>

#include "base/error.h"
#include "staging/weight_facts.h"

namespace stoker::staging {

inline constexpr std::size_t kFolderEntriesMax = 20'000;
inline constexpr int kFolderDepthMax = 3;
inline constexpr std::size_t kWeightFilesMax = 1024;

// `path` is one of
//  - a file that begins like GGUF, whatever its name: engines keep weights under names without an
//    ending. A name that ends in -00001-of-00003.gguf (any part) stands for all parts, which lie
//    beside it.
//  - a .safetensors or .sft file.
//  - a .ckpt, .pt, .pth, .bin or .pkl file: its size.
//  - a folder: the files that an engine would load from it together. With a model_index.json
//    (diffusers) these are the weights of the folders that it names; with a
//    *.safetensors.index.json the shards that it names; else all safetensors there and below, or if
//    there are none the GGUF model with its mmproj file, or the opaque files. Of
//    `model.safetensors` and a variant `model.fp16.safetensors` beside it the first counts. A
//    folder with several GGUF models is refused: name the file. Links to folders are not followed.
Result<WeightFacts> read_weight_facts(const std::string& path);

}  // namespace stoker::staging
