#include "net/server_exchange.h"

#include <algorithm>

#include "net/head_writer.h"
#include "net/text.h"
#include "net/websocket_endpoint.h"

namespace stoker::net {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kBodyStepBytesMax = 1024 * 1024;

iovec piece_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};
}

bool status_without_body(int status) {
  return status / 100 == 1 || status == 204 || status == 304;
}

// "1f\r\n" into `line`.
std::string_view chunk_line(std::size_t bytes, std::array<char, 24>& line) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::size_t at = line.size();
  line[--at] = '\n';
  line[--at] = '\r';
  do {
    line[--at] = kDigits[bytes % 16];
    bytes /= 16;
  } while (bytes > 0);
  return {line.data() + at, line.size() - at};
}

}  // namespace

ServerExchange::ServerExchange(ServerConnection& connection, ParsedRequest request)
    : connection_(connection),
      channel_(connection.channel()),
      request_(std::move(request)),
      body_(request_.framing),
      keep_alive_(request_.keep_alive),
      continue_owed_(request_.expects_continue && !body_.done()) {
  if (body_.done()) {
    body_ended();
  } else {
    channel_.poll_peer([this] { peer_gone(); });
  }
}

ServerExchange::~ServerExchange() {
  if (answer_ != Answer::handed_over) channel_.unwatch_peer();
}

void ServerExchange::body_ended() {
  channel_.unwatch_peer();
  channel_.watch_peer([this] { peer_gone(); });
}

void ServerExchange::peer_gone() {
  if (gone_) return;
  gone_ = true;
  channel_.stop(Halt::end);
  if (on_gone_) std::exchange(on_gone_, nullptr)();
}

void ServerExchange::on_gone(std::move_only_function<void()> callback) {
  if (gone_) return callback();
  on_gone_ = std::move(callback);
}

void ServerExchange::abort() {
  if (answer_ == Answer::handed_over) return;
  answer_ = Answer::cut;
  channel_.stop(Halt::stopped);
}

Error ServerExchange::peer_fault(const char* what) {
  return Error{ErrorCode::bad_request, what};
}

Error ServerExchange::error_of(Halt halt) {
  keep_alive_ = false;
  switch (halt) {
    case Halt::timed_out:
      return Error{ErrorCode::run_timeout, "the peer made no progress"};
    case Halt::stopped:
      return peer_fault("the connection was cut");
    case Halt::malformed:
      return peer_fault("malformed chunk");
    case Halt::end:
    case Halt::failed:
      break;
  }
  peer_gone();
  return peer_fault("the peer is gone");
}

Task<Result<void>> ServerExchange::ask_for_body() {
  continue_owed_ = false;
  if (answered()) co_return Result<void>();
  iovec piece = piece_of(kContinue);
  co_return co_await send({&piece, 1});
}

Task<Result<std::size_t>> ServerExchange::read_some(std::span<char> buffer) {
  if (body_.done() || buffer.empty()) co_return 0;
  if (handed_over()) co_return fail(ErrorCode::internal, "the connection was handed over");
  if (continue_owed_) {
    if (auto asked = co_await ask_for_body(); !asked) co_return fail(asked.error());
  }
  const Duration stall = connection_.server().limits().body_stall_timeout;
  const auto got = co_await channel_.read_body(body_, buffer, stall);
  if (!got) co_return fail(error_of(got.error()));
  if (body_.done()) body_ended();
  co_return *got;
}

Task<Result<std::string>> ServerExchange::read_body(std::size_t bytes_max) {
  const bool known = request_.framing.kind == BodyFraming::Kind::length;
  if (known && body_.remaining() > bytes_max) co_return fail(ErrorCode::too_large, "request body");
  std::string body;
  std::size_t step = kReadBytes;
  while (true) {
    if (known)
      step = static_cast<std::size_t>(
          std::min<std::uint64_t>(step, std::max<std::uint64_t>(body_.remaining(), 1)));
    const std::size_t before = body.size();
    body.resize(before + step);
    auto got = co_await read_some({body.data() + before, step});
    if (!got) co_return fail(got.error());
    body.resize(before + *got);
    if (body.size() > bytes_max) co_return fail(ErrorCode::too_large, "request body");
    if (*got == 0 || body_.done()) co_return body;
    step = std::min(std::max(kReadBytes, body.size()), kBodyStepBytesMax);
  }
}

Task<bool> ServerExchange::skip_rest_of_body() {
  if (continue_owed_) co_return false;
  std::array<char, 4096> ignored;
  while (!body_.done()) {
    if (!co_await read_some(ignored)) co_return false;
  }
  channel_.unwatch_peer();
  co_return true;
}

Result<void> ServerExchange::may_answer(const ResponseHead& head) const {
  if (answered()) return fail(ErrorCode::internal, "answered twice");
  if (!sendable(head.headers))
    return fail(ErrorCode::internal, "a response field that may not be sent");
  return {};
}

void ServerExchange::append_connection_fields(std::string& text, const ResponseHead& head) {
  const auto connection = head.headers.find("Connection");
  const bool wants_close = connection && list_has_word(*connection, "close");
  const bool rest_is_short =
      body_.done() || (request_.framing.kind == BodyFraming::Kind::length && !continue_owed_ &&
                       body_.remaining() <= kDrainBytesMax);
  if (wants_close || !rest_is_short || framing_ == Framing::until_close ||
      connection_.server().draining()) {
    keep_alive_ = false;
  }
  if (!keep_alive_) return append_field(text, "Connection", "close");
  if (request_.head.http_1_0) append_field(text, "Connection", "keep-alive");
}

Task<Result<void>> ServerExchange::respond(ResponseHead head, std::string body) {
  if (auto allowed = may_answer(head); !allowed) co_return allowed;
  answer_ = Answer::complete;
  std::string text = response_head_text(head);
  const bool to_head = request_.head.method == "HEAD";
  const auto named =
      to_head ? head.headers.find("Content-Length") : std::nullopt;  // of what GET would answer
  const std::string length = named ? std::string(*named) : std::to_string(body.size());
  if (!status_without_body(head.status)) append_field(text, "Content-Length", length);
  framing_ = Framing::length;
  append_connection_fields(text, head);
  text.append("\r\n");
  if (to_head || status_without_body(head.status)) body.clear();
  std::array pieces{piece_of(text), piece_of(body)};
  co_return co_await send(pieces);
}

void ServerExchange::append_framing(std::string& text, const ResponseHead& head) {
  if (status_without_body(head.status)) return;
  const auto length = head.headers.find("Content-Length");
  if (length && parse_decimal(*length, length_left_)) {
    framing_ = Framing::length;
    append_field(text, "Content-Length", *length);
  } else if (request_.head.http_1_0) {
    framing_ = Framing::until_close;
  } else {
    framing_ = Framing::chunked;
    append_field(text, "Transfer-Encoding", "chunked");
  }
}

Task<Result<void>> ServerExchange::start(ResponseHead head) {
  if (auto allowed = may_answer(head); !allowed) co_return allowed;
  answer_ = Answer::streaming;
  std::string text = response_head_text(head);
  append_framing(text, head);
  append_connection_fields(text, head);
  text.append("\r\n");
  if (request_.head.method == "HEAD") framing_ = Framing::no_body;
  iovec piece = piece_of(text);
  co_return co_await send({&piece, 1});
}

Task<Result<void>> ServerExchange::write(std::string_view piece) {
  co_return co_await write_pieces({&piece, 1});
}

Task<Result<void>> ServerExchange::write_pieces(std::span<const std::string_view> pieces) {
  if (answer_ != Answer::streaming) co_return fail(ErrorCode::internal, "write without start");
  std::size_t bytes = 0;
  for (const std::string_view piece : pieces) bytes += piece.size();
  if (bytes == 0 || framing_ == Framing::no_body) {
    if (channel_.halted()) co_return fail(error_of(*channel_.halted()));
    co_return Result<void>();
  }
  if (framing_ == Framing::length) {
    if (bytes > length_left_) {
      answer_ = Answer::cut;
      co_return fail(ErrorCode::internal, "more than the announced length");
    }
    length_left_ -= bytes;
  }
  co_return co_await send_body(pieces, bytes);
}

Task<Result<void>> ServerExchange::send_body(std::span<const std::string_view> pieces,
                                             std::size_t bytes) {
  constexpr std::size_t kPiecesPerCall = 64;
  std::array<char, 24> line;
  std::array<iovec, kPiecesPerCall + 2> vectors;
  std::size_t used = 0;
  if (framing_ == Framing::chunked) vectors[used++] = piece_of(chunk_line(bytes, line));
  while (!pieces.empty()) {
    const std::size_t part = std::min(pieces.size(), kPiecesPerCall);
    for (const std::string_view piece : pieces.first(part)) vectors[used++] = piece_of(piece);
    pieces = pieces.subspan(part);
    if (pieces.empty() && framing_ == Framing::chunked) vectors[used++] = piece_of("\r\n");
    auto sent = co_await send({vectors.data(), used});
    if (!sent) co_return sent;
    used = 0;
  }
  co_return Result<void>();
}

Task<Result<void>> ServerExchange::finish() {
  if (answer_ != Answer::streaming) co_return fail(ErrorCode::internal, "finish without start");
  if (framing_ == Framing::length && length_left_ > 0) {
    answer_ = Answer::cut;
    co_return fail(ErrorCode::internal, "less than the announced length");
  }
  answer_ = Answer::complete;
  if (framing_ != Framing::chunked) {
    if (channel_.halted()) co_return fail(error_of(*channel_.halted()));
    co_return Result<void>();
  }
  iovec piece = piece_of("0\r\n\r\n");
  co_return co_await send({&piece, 1});
}

Task<Result<void>> ServerExchange::send(std::span<iovec> pieces) {
  const auto sent =
      co_await channel_.write_all(pieces, connection_.server().limits().write_stall_timeout);
  if (sent) co_return Result<void>();
  answer_ = Answer::cut;
  co_return fail(error_of(sent.error()));
}

Task<Result<std::unique_ptr<WebSocket>>> ServerExchange::accept_websocket() {
  if (answered()) co_return fail(ErrorCode::internal, "answered twice");
  if (!is_websocket_upgrade(request_.head) || !body_.done()) {
    co_return fail(ErrorCode::bad_request, "no WebSocket upgrade");
  }
  if (channel_.halted()) co_return fail(error_of(*channel_.halted()));
  answer_ = Answer::handed_over;
  std::string early(channel_.input().view());
  co_return co_await accept_websocket_on(channel_.release(), std::move(early), request_.head);
}

}  // namespace stoker::net
