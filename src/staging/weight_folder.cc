#include "staging/weight_folder.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "staging/file_source.h"
#include "staging/weight_file.h"
#include "staging/weight_names.h"

namespace stoker::staging {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kModelIndex = "model_index.json";
constexpr std::string_view kShardIndexEnding = ".safetensors.index.json";
constexpr std::string_view kProjectorBeginning = "mmproj";
// An index names each tensor; the largest known ones have some ten MB.
constexpr std::uint64_t kIndexBytesMax = 64ULL * 1024 * 1024;
constexpr std::size_t kIndexNestingMax = 8;

std::unexpected<Error> refused(const std::string& what) {
  return fail(ErrorCode::bad_request, what);
}

Result<json::object> read_index(const fs::path& path) {
  const std::string name = path.filename().string();
  auto source = FileSource::open(path.string());
  if (!source) return fail(source.error().code, name + ": " + source.error().detail, name);
  const std::uint64_t size = (*source)->size();
  if (size > kIndexBytesMax)
    return refused(name + ": an index of " + std::to_string(size) + " bytes");
  std::string text(static_cast<std::size_t>(size), '\0');
  if (auto read = (*source)->read(0, text); !read)
    return fail(read.error().code, name + ": " + read.error().detail, name);
  json::parse_options options;
  options.max_depth = kIndexNestingMax;
  json::error_code ec;
  json::value value = json::parse(text, ec, {}, options);
  if (ec || !value.is_object()) return refused(name + ": no JSON object");
  return std::move(value.get_object());
}

// The entries of one folder by name.
struct Listing {
  std::vector<std::string> files;
  std::vector<std::string> folders;
};

class Walk {
 public:
  Result<void> take_root(const fs::path& root) {
    auto listing = list(root);
    if (!listing) return std::unexpected(std::move(listing.error()));
    if (!std::ranges::binary_search(listing->files, kModelIndex))
      return take_folder(root, *listing, 0);
    const auto index = read_index(root / kModelIndex);
    if (!index) return std::unexpected(index.error());
    for (const auto& [name, component] : *index) {
      // A component is [library, class]; one that is left out is [null, null].
      const bool used = component.is_array() && component.get_array().size() == 2 &&
                        component.get_array()[1].is_string();
      if (!used || !std::ranges::binary_search(listing->folders, std::string_view(name))) continue;
      if (auto taken = take_component(root / std::string(name)); !taken) return taken;
    }
    return {};
  }

  Result<std::vector<std::string>> finish() {
    if (auto chosen = choose(); !chosen) return std::unexpected(std::move(chosen.error()));
    if (chosen_.empty()) return refused("a folder without weight files");
    std::ranges::sort(chosen_);
    return std::move(chosen_);
  }

 private:
  Result<Listing> list(const fs::path& folder) {
    Listing listing;
    std::error_code ec;
    fs::directory_iterator entry(folder, ec);
    for (; !ec && entry != fs::directory_iterator(); entry.increment(ec)) {
      if (++entries_ > kFolderEntriesMax) {
        return refused("a folder of more than " + std::to_string(kFolderEntriesMax) + " entries");
      }
      std::string name = entry->path().filename().string();
      if (name.starts_with('.')) continue;
      // Links to files are followed, as caches of downloads consist of them; links to folders may
      // lead in circles.
      std::error_code unknown;
      if (entry->is_regular_file(unknown)) {
        listing.files.push_back(std::move(name));
      } else if (fs::is_directory(entry->symlink_status(unknown))) {
        listing.folders.push_back(std::move(name));
      }
    }
    if (ec) return fail(ErrorCode::internal, "the folder cannot be listed: " + ec.message());
    std::ranges::sort(listing.files);
    std::ranges::sort(listing.folders);
    return listing;
  }

  // Components are saved one by one, some as safetensors and some not; some hold no weights.
  Result<void> take_component(const fs::path& folder) {
    if (auto taken = take_listed(folder, 1); !taken) return taken;
    return choose();
  }

  // Of what was found since the last choice, the kind that an engine would load.
  Result<void> choose() {
    const std::vector<std::string>& best = !safetensors_.empty() ? safetensors_
                                           : !gguf_.empty()      ? gguf_
                                                                 : opaque_;
    if (&best == &gguf_ && !is_one_model())
      return refused("a folder with several GGUF models; name one file");
    for (const std::string& path : best) {
      if (auto added = add(chosen_, path); !added) return added;
    }
    safetensors_.clear();
    gguf_.clear();
    opaque_.clear();
    return {};
  }

  Result<void> take_listed(const fs::path& folder, int depth) {
    auto listing = list(folder);
    if (!listing) return std::unexpected(std::move(listing.error()));
    return take_folder(folder, *listing, depth);
  }

  Result<void> take_folder(const fs::path& folder, const Listing& listing, int depth) {
    std::optional<std::set<std::string>> shards;
    const auto index = std::ranges::find_if(
        listing.files, [](std::string_view name) { return name.ends_with(kShardIndexEnding); });
    if (index != listing.files.end()) {
      auto named = shards_of(folder / *index);
      if (!named) return std::unexpected(std::move(named.error()));
      shards = std::move(*named);
    }
    if (auto taken = shards ? take_shards(folder, listing, *shards) : take_files(folder, listing);
        !taken) {
      return taken;
    }
    if (depth >= kFolderDepthMax) return {};
    for (const std::string& name : listing.folders) {
      if (auto taken = take_listed(folder / name, depth + 1); !taken) return taken;
    }
    return {};
  }

  static Result<std::set<std::string>> shards_of(const fs::path& path) {
    const std::string name = path.filename().string();
    const auto index = read_index(path);
    if (!index) return std::unexpected(index.error());
    const json::value* map = index->if_contains("weight_map");
    if (map == nullptr || !map->is_object()) return refused(name + ": no weight_map");
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : map->get_object()) {
      if (!shard.is_string()) return refused(name + ": a shard that is no text");
      const std::string_view file = shard.get_string();
      if (!is_plain_name(file)) {
        return refused(name + ": a shard outside of the folder");
      }
      shards.emplace(file);
      if (shards.size() > kWeightFilesMax) return refused(name + ": too many shards");
    }
    return shards;
  }

  Result<void> take_shards(const fs::path& folder, const Listing& listing,
                           const std::set<std::string>& shards) {
    for (const std::string& shard : shards) {
      if (!std::ranges::binary_search(listing.files, shard)) {
        return fail(ErrorCode::not_found, "a shard that the index names is missing", shard);
      }
      if (auto added = add(safetensors_, folder / shard); !added) return added;
    }
    return {};
  }

  Result<void> take_files(const fs::path& folder, const Listing& listing) {
    for (const std::string& name : listing.files) {
      const auto plain = plain_variant(name);
      if (plain && std::ranges::binary_search(listing.files, *plain)) continue;
      std::vector<std::string>* into = list_for(weight_name(name));
      if (into == nullptr) continue;
      if (auto added = add(*into, folder / name); !added) return added;
    }
    return {};
  }

  std::vector<std::string>* list_for(WeightName kind) {
    switch (kind) {
      case WeightName::safetensors:
        return &safetensors_;
      case WeightName::gguf:
        return &gguf_;
      case WeightName::opaque:
        return &opaque_;
      case WeightName::none:
        break;
    }
    return nullptr;
  }

  static Result<void> add(std::vector<std::string>& into, const fs::path& path) {
    if (into.size() >= kWeightFilesMax) {
      return refused("a folder of more than " + std::to_string(kWeightFilesMax) + " weight files");
    }
    into.push_back(path.string());
    return {};
  }

  // One file, or the parts of one, beside what projects pictures into it.
  bool is_one_model() const {
    std::set<std::string> models;
    for (const std::string& path : gguf_) {
      const std::string name = fs::path(path).filename().string();
      if (name.starts_with(kProjectorBeginning)) continue;
      const auto split = split_name(name);
      models.insert(split ? split->stem : name);
    }
    return models.size() <= 1;
  }

  std::size_t entries_ = 0;
  std::vector<std::string> safetensors_;
  std::vector<std::string> gguf_;
  std::vector<std::string> opaque_;
  std::vector<std::string> chosen_;
};

}  // namespace

Result<std::vector<std::string>> weight_files_of_folder(const std::string& folder) {
  Walk walk;
  if (auto taken = walk.take_root(folder); !taken) return std::unexpected(std::move(taken.error()));
  return walk.finish();
}

}  // namespace stoker::staging
