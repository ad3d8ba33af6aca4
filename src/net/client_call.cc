#include "net/client_call.h"

#include <algorithm>

#include "net/client_connect.h"
#include "net/head_writer.h"

namespace stoker::net {
namespace {

constexpr int kInterimAnswersMax = 16;

bool is_method(std::string_view method) {
  return !method.empty() &&
         std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_target(std::string_view target) {
  return target.starts_with('/') &&
         std::ranges::all_of(target, [](char c) { return c > 0x20 && c != 0x7f; });
}

bool announces_body(const ClientRequest& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
         request.method == "PATCH";
}

}  // namespace

std::string host_field(const Url& url) {
  std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  if (url.port != (url.tls ? 443 : 80)) host.append(":").append(std::to_string(url.port));
  return host;
}

std::optional<std::string> request_text(const ClientRequest& request) {
  const std::string target = request.url.base_path + request.target;
  if (!is_method(request.method) || !is_target(target) || !sendable(request.headers))
    return std::nullopt;
  std::string text = request_head_text(request.method, target, request.headers);
  if (!request.headers.find("Host")) append_field(text, "Host", host_field(request.url));
  if (announces_body(request))
    append_field(text, "Content-Length", std::to_string(request.body.size()));
  return text.append("\r\n");
}

ClientCall::ClientCall(std::shared_ptr<ClientPool> pool, ClientRequest request)
    : pool_(std::move(pool)),
      request_(std::move(request)),
      origin_{request_.url.tls, request_.url.host, request_.url.port},
      total_(pool_->network().deadlines, [this] {
        total_passed_ = true;
        if (channel_) channel_->stop(Halt::timed_out);
      }) {}

Duration ClientCall::left(Duration limit) const {
  const auto spent = std::chrono::steady_clock::now() - started_;
  const Duration rest =
      limit - microseconds(std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
  return std::max(rest, Duration{});
}

Error ClientCall::error_of(Halt halt) const {
  if (cancelled_) return Error{ErrorCode::backend_down, "cancelled"};
  switch (halt) {
    case Halt::timed_out:
      return Error{ErrorCode::run_timeout,
                   total_passed_ ? "total deadline" : "no progress in time"};
    case Halt::malformed:
      return Error{ErrorCode::bad_request, "malformed chunk"};
    case Halt::end:
    case Halt::failed:
    case Halt::stopped:
      break;
  }
  return Error{ErrorCode::backend_down, "the connection was closed early"};
}

Task<Result<void>> ClientCall::perform() {
  auto text = request_text(request_);
  if (!text) co_return fail(ErrorCode::bad_request, "a request that may not be sent");
  head_text_ = std::move(*text);
  if (request_.deadlines.total) total_.set(*request_.deadlines.total);
  while (true) {
    if (auto connected = co_await connect(); !connected) co_return connected;
    auto answered = co_await converse();
    if (answered || !may_resend()) co_return answered;
    connection_ = Connection::fresh;
  }
}

Task<Result<void>> ClientCall::connect() {
  sent_ = 0;
  closed_by_peer_ = false;
  channel_.reset();
  if (connection_ == Connection::pooled) channel_ = pool_->take(origin_);
  if (channel_) co_return Result<void>();
  connection_ = Connection::fresh;
  Duration patience = request_.deadlines.connect;
  if (request_.deadlines.total) patience = std::min(patience, left(*request_.deadlines.total));
  auto channel = co_await connect_to(*pool_, origin_, patience);
  if (!channel) co_return fail(channel.error());
  channel_ = std::move(*channel);
  if (cancelled_ || total_passed_) co_return fail(error_of(Halt::timed_out));
  co_return Result<void>();
}

bool ClientCall::may_resend() const {
  return connection_ == Connection::pooled && closed_by_peer_ && !answer_begun_ &&
         sent_ <= head_text_.size();
}

// Interim answers (1xx) are skipped; a final one may come before the request is sent completely.
Task<Result<void>> ClientCall::converse() {
  channel_->deadline().set(left(request_.deadlines.first_byte));
  for (int interim = 0; interim < kInterimAnswersMax; ++interim) {
    if (auto sent = co_await send_rest(); !sent) co_return fail(error_of(sent.error()));
    const auto state = co_await read_head();
    if (!state) co_return fail(state.error());
    if (answer_.head.status / 100 == 1 && answer_.head.status != 101) continue;
    if (answer_.head.status == 101) break;
    channel_->deadline().clear();
    body_ = BodyDecoder(answer_.framing);
    if (body_.done()) body_ended();
    co_return Result<void>();
  }
  co_return fail(ErrorCode::bad_request, "malformed answer");
}

IoStep ClientCall::read_early() {
  const IoStep step = channel_->transport().read(channel_->input().room(kReadBytes));
  if (step.progress == Progress::done) channel_->input().commit(step.bytes);
  channel_->input().release_if_empty();
  return step;
}

// Ends when all is sent or when the peer has begun to answer.
Task<Io<void>> ClientCall::send_rest() {
  Transport& transport = channel_->transport();
  const std::string_view head = head_text_;
  const std::string_view body = request_.body;
  while (sent_ < head.size() + body.size()) {
    co_await transport.breathe();
    if (channel_->halted()) co_return std::unexpected(*channel_->halted());
    const std::string_view head_rest = head.substr(std::min(sent_, head.size()));
    const std::string_view body_rest = body.substr(sent_ > head.size() ? sent_ - head.size() : 0);
    const std::array<iovec, 2> pieces{iovec{const_cast<char*>(head_rest.data()), head_rest.size()},
                                      iovec{const_cast<char*>(body_rest.data()), body_rest.size()}};
    const IoStep step =
        transport.write(head_rest.empty() ? std::span(pieces).subspan(1) : std::span(pieces));
    sent_ += step.bytes;
    if (step.progress == Progress::done) continue;
    if (step.progress == Progress::failed || step.progress == Progress::end)
      co_return Io<void>();  // an answer may wait
    co_await transport.ready(Transport::Side::writer, Transport::Interest::either);
    const IoStep early = read_early();
    if (early.progress == Progress::done || early.progress == Progress::end) co_return Io<void>();
  }
  co_return Io<void>();
}

Task<Result<HeadState>> ClientCall::read_head() {
  ResponseParser parser(pool_->limits().head_bytes_max, request_.method);
  while (true) {
    answer_begun_ = answer_begun_ || !channel_->input().empty();
    const HeadState state = parser.feed(channel_->input());
    if (state == HeadState::refused && parser.too_large())
      co_return fail(ErrorCode::too_large, "head of the answer");
    if (state == HeadState::refused) co_return fail(ErrorCode::bad_request, "malformed answer");
    if (state == HeadState::complete) {
      answer_ = std::move(parser.parsed());
      co_return state;
    }
    const auto more = co_await channel_->fill(std::nullopt);
    if (more) continue;
    closed_by_peer_ = more.error() == Halt::end || more.error() == Halt::failed;
    co_return fail(error_of(more.error()));
  }
}

Task<Result<std::size_t>> ClientCall::read_some(std::span<char> buffer) {
  if (body_.done() || buffer.empty()) co_return 0;
  const auto got = co_await channel_->read_body(body_, buffer, request_.deadlines.stall);
  if (!got) co_return fail(error_of(got.error()));
  if (body_.done()) body_ended();
  co_return *got;
}

void ClientCall::body_ended() {
  total_.clear();
  const bool all_sent = sent_ == head_text_.size() + request_.body.size();
  const bool reusable =
      answer_.keep_alive && all_sent && channel_->input().empty() && !channel_->halted();
  if (reusable) return pool_->give_back(origin_, std::move(channel_));
  channel_->transport().shutdown_write();
  channel_->transport().close();
}

void ClientCall::cancel() {
  cancelled_ = true;
  if (!channel_) return;
  channel_->stop(Halt::stopped);
  channel_->transport().close();
}

}  // namespace stoker::net
