// Bytes of a child's output in, printable lines out.
//
// Purpose: what a program prints becomes lines that are safe to keep and to show: bounded, valid UTF-8, without control
//   characters and terminal colours. A carriage return ends a line too, so that progress bars become lines.
// Threading, ownership: a value without shared state.
// Limits: kChildLineBytesMax bytes per line; the rest of a longer line is left out and "..." stands for it.
// Errors: none; bytes that are no UTF-8 become U+FFFD. Empty lines are left out.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace stoker::net {

inline constexpr std::size_t kChildLineBytesMax = 2000;

// Without control characters and escape sequences, tabs as blanks, what is no UTF-8 replaced; cut to `bytes_max` at the
// border of a character.
std::string printable_line(std::string_view raw, std::size_t bytes_max);

class LineCutter {
 public:
  using Sink = std::move_only_function<void(std::string_view line)>;

  void feed(std::string_view bytes, Sink& sink);
  // What came after the last line's end.
  void finish(Sink& sink);

 private:
  void end_line(Sink& sink);

  std::string raw_;
  bool too_long_ = false;
};

}  // namespace stoker::net
