// One request of an HttpClient and its answer: the state that both sides of the call share.
//
// Threading: network thread.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "net/client_pool.h"
#include "net/head_parser.h"

namespace stoker::net {

class ClientCall {
 public:
  ClientCall(std::shared_ptr<ClientPool> pool, ClientRequest request);
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;

  // Sends the request and reads the head of the answer.
  Task<Result<void>> perform();
  Task<Result<std::size_t>> read_some(std::span<char> buffer);
  void cancel();
  const ResponseHead& head() const { return answer_.head; }

 private:
  enum class Connection : std::uint8_t { pooled, fresh };

  Task<Result<void>> connect();
  Task<Result<void>> converse();
  Task<Io<void>> send_rest();
  Task<Result<HeadState>> read_head();
  IoStep read_early();
  bool may_resend() const;
  void body_ended();
  Duration left(Duration limit) const;
  Error error_of(Halt halt) const;

  std::shared_ptr<ClientPool> pool_;
  ClientRequest request_;
  Origin origin_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  Deadline total_;
  bool total_passed_ = false;
  std::string head_text_;
  std::size_t sent_ = 0;  // of head and body together
  std::unique_ptr<Channel> channel_;
  Connection connection_ = Connection::pooled;
  bool closed_by_peer_ = false;
  bool cancelled_ = false;
  bool answer_begun_ = false;
  ParsedResponse answer_;
  BodyDecoder body_;
};

// The request's line and fields; nullopt if something in it may not be sent.
std::optional<std::string> request_text(const ClientRequest& request);
std::string host_field(const Url& url);

}  // namespace stoker::net
