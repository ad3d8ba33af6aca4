#include "staging/weight_file.h"

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "staging/file_source.h"
#include "staging/gguf.h"
#include "staging/safetensors.h"
#include "staging/weight_folder.h"
#include "staging/weight_names.h"

namespace stoker::staging {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> named(const Error& error, const std::string& name) {
  return fail(error.code, name + ": " + error.detail, name);
}

Result<WeightFacts> parse_safetensors(FileSource& source) {
  std::array<char, kSafetensorsLengthBytes> first{};
  if (source.size() >= first.size()) {
    if (auto read = source.read(0, first); !read) return std::unexpected(std::move(read.error()));
  }
  const auto bytes = safetensors_head_bytes({first.data(), first.size()}, source.size());
  if (!bytes) return std::unexpected(bytes.error());
  std::string head(static_cast<std::size_t>(*bytes), '\0');
  if (auto read = source.read(0, head); !read) return std::unexpected(std::move(read.error()));
  return parse_safetensors_header(head, source.size());
}

Result<WeightFacts> parse_by_kind(FileSource& source, std::string_view name) {
  std::array<char, 4> first{};
  if (source.size() >= first.size()) {
    if (auto read = source.read(0, first); !read) return std::unexpected(std::move(read.error()));
  }
  const WeightName kind = weight_name(name);
  if (kind == WeightName::gguf || begins_like_gguf({first.data(), first.size()}))
    return parse_gguf(source);
  if (kind == WeightName::safetensors) return parse_safetensors(source);
  if (kind == WeightName::none) return fail(ErrorCode::bad_request, "is no weight file");
  if (source.size() == 0) return fail(ErrorCode::bad_request, "is empty");
  WeightFacts facts;
  facts.file_bytes = source.size();
  facts.tensor_bytes = source.size();
  return facts;
}

Result<WeightFacts> read_one(const fs::path& path) {
  const std::string name = path.filename().string();
  auto source = FileSource::open(path.string());
  if (!source) return named(source.error(), name);
  auto facts = parse_by_kind(**source, name);
  if (!facts) return named(facts.error(), name);
  return facts;
}

Result<WeightFacts> read_parts(const fs::path& path, const SplitName& split) {
  if (split.count > kWeightFilesMax)
    return fail(ErrorCode::bad_request, "a model in too many parts", path.filename().string());
  std::optional<WeightFacts> all;
  for (std::uint32_t number = 1; number <= split.count; ++number) {
    auto part = read_one(path.parent_path() / split_file_name(split, number));
    if (!part) return part;
    all = all ? joined(std::move(*all), *part) : std::move(*part);
  }
  return std::move(*all);
}

Result<WeightFacts> read_folder(const std::string& path) {
  const auto files = weight_files_of_folder(path);
  if (!files) return std::unexpected(files.error());
  std::optional<WeightFacts> all;
  for (const std::string& file : *files) {
    auto facts = read_one(file);
    if (!facts) return facts;
    // The facts about a text model come from it and not from what projects pictures into it.
    const bool text = facts->gguf && facts->gguf->context_length > 0;
    if (!all) {
      all = std::move(*facts);
      continue;
    }
    all = text ? joined(std::move(*facts), *all) : joined(std::move(*all), *facts);
  }
  return std::move(*all);
}

}  // namespace

Result<WeightFacts> read_weight_facts(const std::string& path) {
  std::error_code ec;
  const bool folder = fs::is_directory(path, ec);
  if (folder) return read_folder(path);
  const fs::path file(path);
  if (const auto split = split_name(file.filename().string())) return read_parts(file, *split);
  return read_one(file);
}

}  // namespace stoker::staging
