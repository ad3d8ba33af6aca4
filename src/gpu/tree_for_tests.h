// A folder that plays /proc and /sys for tests; it is deleted at the end.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace stoker::gpu {

class Tree {
 public:
  Tree() {
    std::string name = testing::TempDir() + "stoker-tree-XXXXXX";
    root_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  ~Tree() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  std::string at(const std::string& path) const { return root_ + "/" + path; }

  std::string file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(at(path)).parent_path());
    std::ofstream(at(path), std::ios::binary | std::ios::trunc) << text;
    return at(path);
  }

  std::string program(const std::string& path, const std::string& script) const {
    const std::string name = file(path, "#!/bin/sh\n" + script);
    ::chmod(name.c_str(), 0755);
    return name;
  }

  void link(const std::string& path, const std::string& target) const {
    std::filesystem::create_directories(std::filesystem::path(at(path)).parent_path());
    std::filesystem::create_symlink(target, at(path));
  }

  void remove(const std::string& path) const { std::filesystem::remove_all(at(path)); }

  // A process of proc/, with its program's name as the command too.
  void process(std::int32_t pid, std::int32_t parent, std::int32_t group, const std::string& name,
               std::uint64_t started = 1) const {
    const std::string folder = "proc/" + std::to_string(pid) + "/";
    file(folder + "comm", name.substr(0, 15) + "\n");
    file(folder + "stat", std::to_string(pid) + " (" + name.substr(0, 15) + ") S " +
                              std::to_string(parent) + " " + std::to_string(group) +
                              " 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 " +
                              std::to_string(started) + " 1000 200 18446744073709551615\n");
    link(folder + "exe", "/usr/bin/" + name);
  }

  // A socket that one more process listens with.
  void holds_socket(std::int32_t pid, int fd, std::uint64_t inode) const {
    link("proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd),
         "socket:[" + std::to_string(inode) + "]");
  }

 private:
  std::string root_;
};

}  // namespace stoker::gpu
