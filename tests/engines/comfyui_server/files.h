// The folders output, input and temp of the played ComfyUI, in memory.
//
// Threading: network thread. Limits: kStoredFilesMax files; beyond it the oldest goes.
// Errors: what does not exist is a null pointer.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace stoker::engines::comfyui {

inline constexpr std::size_t kStoredFilesMax = 20'000;

struct FilePlace {
  std::string type = "output";  // output, temp, input
  std::string subfolder;
  std::string name;

  friend bool operator<(const FilePlace& a, const FilePlace& b) {
    return std::tie(a.type, a.subfolder, a.name) < std::tie(b.type, b.subfolder, b.name);
  }
  // {"filename","subfolder","type"}
  boost::json::object item() const;
};

// "a/b/c.png" below a type.
FilePlace place_of(std::string_view type, std::string_view path);
// "c.png [output]" names its own type; everything else belongs to `type`.
FilePlace annotated_place(std::string_view name, std::string_view type);

class Files {
 public:
  // Counts on: "t" becomes t_00001_.png, then t_00002_.png; the prefix may name subfolders.
  FilePlace save(std::string_view type, std::string_view prefix, std::string_view extension,
                 std::string bytes);
  void put(const FilePlace& place, std::string bytes);
  const std::string* find(const FilePlace& place) const;
  void wipe(std::string_view type);

  // Paths below `type`, as LoadImage lists them.
  std::vector<std::string> list(std::string_view type) const;
  std::size_t count(std::string_view type) const;

 private:
  std::map<FilePlace, std::string> files_;
};

}  // namespace stoker::engines::comfyui
