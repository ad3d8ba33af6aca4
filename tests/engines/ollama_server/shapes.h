// One answer in the forms of the routes: /api/chat, /api/generate and their /v1 relatives.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stoker::engines::ollama {

struct Record {
  enum class What : std::uint8_t { thinking, text, call };
  What what = What::text;
  std::string text;       // of a call: its arguments as JSON
  std::string name = {};  // of a call
  std::size_t index = 0;  // of a call
};

// What is known about an answer before it begins.
struct AnswerFrame {
  std::string model;  // as the client wrote it
  std::string created_at;
  std::int64_t created_s = 0;
  bool raw = false;
  bool logprobs = false;
  bool include_usage = false;
  std::string finish = "stop";
  std::size_t prompt_tokens = 0;
  std::size_t answer_tokens = 0;
  std::uint64_t number = 0;  // of the request
};

class AnswerShape {
 public:
  explicit AnswerShape(AnswerFrame frame) : frame_(std::move(frame)) {}
  virtual ~AnswerShape() = default;
  AnswerShape(const AnswerShape&) = delete;
  AnswerShape& operator=(const AnswerShape&) = delete;

  virtual std::string_view stream_type() const = 0;
  virtual std::string piece(const Record& record) = 0;
  virtual std::string end() = 0;
  // Instead of the next piece; nothing follows.
  virtual std::string broken(std::string_view error) = 0;
  // Everything at once.
  virtual std::string whole(const std::vector<Record>& records) = 0;
  // The answer to a load or an unload ("load", "unload").
  virtual std::string notice(std::string_view reason) = 0;
  virtual std::string error(int status, std::string_view text) = 0;

 protected:
  const AnswerFrame& frame() const { return frame_; }

 private:
  AnswerFrame frame_;
};

enum class Route : std::uint8_t { generate, chat, v1_chat, v1_completions };
std::unique_ptr<AnswerShape> make_shape(Route route, AnswerFrame frame);
// For make_shape.
std::unique_ptr<AnswerShape> make_v1_shape(Route route, AnswerFrame frame);
std::string v1_error(int status, std::string_view text);

}  // namespace stoker::engines::ollama
