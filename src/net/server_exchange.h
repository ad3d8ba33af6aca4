// The Exchange of one request on a ServerConnection.
#pragma once

#include <array>
#include <vector>

#include "net/body_decoder.h"
#include "net/server_connection.h"

namespace stoker::net {

// More unread body than this is not worth reading just to keep the connection.
inline constexpr std::uint64_t kDrainBytesMax = 64 * 1024;

class ServerExchange final : public Exchange {
 public:
  ServerExchange(ServerConnection& connection, ParsedRequest request);
  ~ServerExchange() override;

  const RequestHead& head() const override { return request_.head; }
  Task<Result<std::string>> read_body(std::size_t bytes_max) override;
  Task<Result<std::size_t>> read_some(std::span<char> buffer) override;
  Task<Result<void>> respond(ResponseHead head, std::string body) override;
  Task<Result<void>> start(ResponseHead head) override;
  Task<Result<void>> write(std::string_view piece) override;
  Task<Result<void>> write_pieces(std::span<const std::string_view> pieces) override;
  Task<Result<void>> finish() override;
  void abort() override;
  bool gone() const override { return gone_; }
  void on_gone(std::move_only_function<void()> callback) override;
  bool answered() const override { return answer_ != Answer::none; }
  Task<Result<std::unique_ptr<WebSocket>>> accept_websocket() override;

  void peer_gone();
  bool complete() const { return answer_ == Answer::complete; }
  bool handed_over() const { return answer_ == Answer::handed_over; }
  bool keep_alive() const { return keep_alive_; }
  bool body_read() const { return body_.done(); }
  Task<bool> skip_rest_of_body();

 private:
  enum class Answer : std::uint8_t { none, streaming, complete, cut, handed_over };
  enum class Framing : std::uint8_t { no_body, length, chunked, until_close };

  Task<Result<void>> ask_for_body();
  Result<void> may_answer(const ResponseHead& head) const;
  void append_connection_fields(std::string& text, const ResponseHead& head);
  void append_framing(std::string& text, const ResponseHead& head);
  Task<Result<void>> send(std::span<iovec> pieces);
  Task<Result<void>> send_body(std::span<const std::string_view> pieces, std::size_t bytes);
  void body_ended();
  Error error_of(Halt halt);
  Error peer_fault(const char* what);

  ServerConnection& connection_;
  Channel& channel_;
  ParsedRequest request_;
  BodyDecoder body_;
  Answer answer_ = Answer::none;
  Framing framing_ = Framing::no_body;
  std::uint64_t length_left_ = 0;
  bool keep_alive_;
  bool continue_owed_;
  bool gone_ = false;
  std::move_only_function<void()> on_gone_;
};

}  // namespace stoker::net
