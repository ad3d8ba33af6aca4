#include "tests/engines/comfyui_server/files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

namespace stoker::engines::comfyui {
namespace {

// The number in "PREFIX_00012_.png"; 0 for other names.
unsigned number_in(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.substr(prefix.size()).starts_with('_')) return 0;
  const std::string_view digits = name.substr(prefix.size() + 1);
  unsigned number = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = fault == std::errc() && end != digits.data() + digits.size() && *end == '_';
  return whole ? number : 0;
}

}  // namespace

boost::json::object FilePlace::item() const {
  return {{"filename", name}, {"subfolder", subfolder}, {"type", type}};
}

FilePlace place_of(std::string_view type, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos)
    return {.type = std::string(type), .subfolder = "", .name = std::string(path)};
  return {.type = std::string(type),
          .subfolder = std::string(path.substr(0, slash)),
          .name = std::string(path.substr(slash + 1))};
}

FilePlace annotated_place(std::string_view name, std::string_view type) {
  static constexpr auto kMarks = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{" [output]", "output"}, {" [input]", "input"}, {" [temp]", "temp"}});
  for (const auto& [mark, own_type] : kMarks) {
    if (!name.ends_with(mark)) continue;
    name.remove_suffix(mark.size());
    return place_of(own_type, name);
  }
  return place_of(type, name);
}

FilePlace Files::save(std::string_view type, std::string_view prefix, std::string_view extension,
                      std::string bytes) {
  FilePlace place = place_of(type, prefix);
  unsigned last = 0;
  for (const auto& [other, content] : files_) {
    if (other.type == place.type && other.subfolder == place.subfolder)
      last = std::max(last, number_in(other.name, place.name));
  }
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "_%05u_", last + 1);
  place.name += std::string(number.data()) + std::string(extension);
  put(place, std::move(bytes));
  return place;
}

void Files::put(const FilePlace& place, std::string bytes) {
  if (files_.size() >= kStoredFilesMax && !files_.contains(place)) files_.erase(files_.begin());
  files_[place] = std::move(bytes);
}

const std::string* Files::find(const FilePlace& place) const {
  const auto found = files_.find(place);
  return found == files_.end() ? nullptr : &found->second;
}

void Files::wipe(std::string_view type) {
  std::erase_if(files_, [&](const auto& file) { return file.first.type == type; });
}

std::vector<std::string> Files::list(std::string_view type) const {
  std::vector<std::string> paths;
  for (const auto& [place, content] : files_) {
    if (place.type == type)
      paths.push_back(place.subfolder.empty() ? place.name : place.subfolder + "/" + place.name);
  }
  return paths;
}

std::size_t Files::count(std::string_view type) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(files_, [&](const auto& file) { return file.first.type == type; }));
}

}  // namespace stoker::engines::comfyui
