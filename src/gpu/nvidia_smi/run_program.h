// Runs a small program and collects what it prints, with a deadline that holds.
//
// Purpose: nvidia-smi as a fallback; it may hang for as long as the driver does.
// Threading: blocks the calling thread until the program ended or the deadline passed; one caller per
//   Program.
// Ownership: the child gets its own process group and is killed with everything it started. A child that
//   not even a kill ends (it hangs in the kernel) is left behind and reaped by a later run; until then no
//   other is started.
// Limits: output beyond bytes_max is read and dropped.
// Errors: not_found when the program does not exist; backend_down when it hangs or cannot be started.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace stoker::gpu {

struct ProgramOutput {
  int status = 0;    // exit status; 128 + signal when a signal ended it
  std::string text;  // standard output and standard error, as they came
};

class Program {
 public:
  struct Limits {
    Duration deadline = seconds(5);
    std::size_t bytes_max = std::size_t{256} * 1024;
  };

  // `file` is searched for in PATH when it has no slash.
  explicit Program(std::string file) : Program(std::move(file), Limits{}) {}
  Program(std::string file, Limits limits);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  Result<ProgramOutput> run(const std::vector<std::string>& arguments);

 private:
  bool reap_left_behind();

  const std::string file_;
  const Limits limits_;
  std::int32_t left_behind_ = 0;  // a killed child that has not ended
};

}  // namespace stoker::gpu
