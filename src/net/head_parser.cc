#include "net/head_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "net/text.h"

namespace stoker::net {
namespace {

namespace http = boost::beast::http;
using BeastView = boost::beast::string_view;
using BeastError = boost::beast::error_code;

std::string_view std_view(BeastView view) {
  return {view.data(), view.size()};
}

// Beast's parser, stopped after the head; fields go straight into our Headers.
template <bool is_request>
class HeadReader : public http::basic_parser<is_request> {
 public:
  explicit HeadReader(std::size_t head_bytes_max) {
    this->header_limit(static_cast<std::uint32_t>(head_bytes_max));
    this->body_limit(boost::none);
  }

  std::string method;
  std::string target;
  int version = 11;
  int status = 0;
  Headers headers;

 private:
  void on_request_impl(http::verb, BeastView m, BeastView t, int v, BeastError&) override {
    method = std_view(m);
    target = std_view(t);
    version = v;
  }
  void on_response_impl(int code, BeastView, int v, BeastError&) override {
    status = code;
    version = v;
  }
  void on_field_impl(http::field, BeastView name, BeastView value, BeastError&) override {
    headers.add(std_view(name), std_view(value));
  }
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, BeastError&) override {}
  std::size_t on_body_impl(BeastView, BeastError&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastView, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView, BeastError&) override { return 0; }
  void on_finish_impl(BeastError&) override {}
};

template <bool is_request>
HeadState feed_reader(HeadReader<is_request>& reader, InputBuffer& input, BeastError& error) {
  while (!input.empty()) {
    const std::string_view bytes = input.view();
    const std::size_t used =
        reader.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    input.consume(used);
    if (reader.is_header_done() && !error) return HeadState::complete;
    if (error == http::error::need_more) return HeadState::needs_more;
    if (error) return HeadState::refused;
    if (used == 0) return HeadState::needs_more;  // no progress and no error: only more bytes help
  }
  return HeadState::needs_more;
}

std::size_t count_fields(const Headers& headers, std::string_view name) {
  std::size_t count = 0;
  for (const auto& [field, value] : headers.all()) count += same_word(field, name) ? 1 : 0;
  return count;
}

// "http://host/path" is allowed as a target; the path starts behind the host.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!starts_with_word(target, scheme)) continue;
    const std::size_t slash = target.find_first_of("/?", scheme.size());
    return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target;
}

// 0 if the framing is one that every program reads the same way, else the status of the refusal.
template <bool is_request>
int framing_refusal(const HeadReader<is_request>& reader) {
  const auto coding = reader.headers.find("Transfer-Encoding");
  if (!coding) return 0;
  if (reader.headers.find("Content-Length")) return 400;
  if (reader.version < 11) return 400;
  if (count_fields(reader.headers, "Transfer-Encoding") != 1) return 400;
  return same_word(*coding, "chunked") ? 0 : 501;
}

template <bool is_request>
BodyFraming framing_of(const HeadReader<is_request>& reader) {
  if (reader.chunked()) return {BodyFraming::Kind::chunked, 0};
  if (const auto length = reader.content_length()) return {BodyFraming::Kind::length, *length};
  return {is_request ? BodyFraming::Kind::none : BodyFraming::Kind::until_close, 0};
}

}  // namespace

struct RequestParser::Impl {
  explicit Impl(std::size_t head_bytes_max) : reader(head_bytes_max) {}
  int refusal();

  HeadReader<true> reader;
  ParsedRequest parsed;
};

int RequestParser::Impl::refusal() {
  if (reader.target.size() > kTargetBytesMax) return 414;
  const std::size_t hosts = count_fields(reader.headers, "Host");
  if (hosts > 1 || (hosts == 0 && reader.version >= 11)) return 400;
  return framing_refusal(reader);
}

RequestParser::RequestParser(std::size_t head_bytes_max)
    : impl_(std::make_unique<Impl>(head_bytes_max)) {}
RequestParser::~RequestParser() = default;

HeadState RequestParser::feed(InputBuffer& input) {
  HeadReader<true>& reader = impl_->reader;
  BeastError error;
  const HeadState state = feed_reader(reader, input, error);
  if (state == HeadState::needs_more) return state;
  if (state == HeadState::refused) {
    const bool in_start_line = reader.method.empty();
    refused_status_ = error != http::error::header_limit ? 400 : in_start_line ? 414 : 431;
    return state;
  }
  if (const int status = impl_->refusal(); status != 0) {
    refused_status_ = status;
    return HeadState::refused;
  }
  ParsedRequest& parsed = impl_->parsed;
  parsed.framing = framing_of(reader);
  parsed.keep_alive = reader.keep_alive();
  const auto expect = reader.headers.find("Expect");
  parsed.expects_continue = reader.version >= 11 && expect && same_word(*expect, "100-continue");
  RequestHead& head = parsed.head;
  head.http_1_0 = reader.version < 11;
  head.method = std::move(reader.method);
  head.target = std::move(reader.target);
  head.headers = std::move(reader.headers);
  const std::string_view local = without_authority(head.target);
  const std::size_t question = local.find('?');
  head.path = local.substr(0, question);
  if (head.path.empty()) head.path = "/";
  if (question != std::string_view::npos) head.query = local.substr(question + 1);
  return state;
}

ParsedRequest& RequestParser::parsed() {
  return impl_->parsed;
}

struct ResponseParser::Impl {
  Impl(std::size_t head_bytes_max, std::string_view method)
      : reader(head_bytes_max), to_head(method == "HEAD") {}

  HeadReader<false> reader;
  ParsedResponse parsed;
  bool to_head;
};

ResponseParser::ResponseParser(std::size_t head_bytes_max, std::string_view request_method)
    : impl_(std::make_unique<Impl>(head_bytes_max, request_method)) {}
ResponseParser::~ResponseParser() = default;

HeadState ResponseParser::feed(InputBuffer& input) {
  HeadReader<false>& reader = impl_->reader;
  BeastError error;
  const HeadState state = feed_reader(reader, input, error);
  too_large_ = error == http::error::header_limit;
  if (state != HeadState::complete) return state;

  ParsedResponse& parsed = impl_->parsed;
  const bool bodiless =
      impl_->to_head || reader.status / 100 == 1 || reader.status == 204 || reader.status == 304;
  if (!bodiless && framing_refusal(reader) != 0) return HeadState::refused;
  if (!bodiless) parsed.framing = framing_of(reader);
  parsed.http_1_0 = reader.version < 11;
  const auto connection = reader.headers.find("Connection");
  parsed.keep_alive = parsed.http_1_0 ? connection && list_has_word(*connection, "keep-alive")
                                      : !connection || !list_has_word(*connection, "close");
  if (parsed.framing.kind == BodyFraming::Kind::until_close) parsed.keep_alive = false;
  parsed.head.status = reader.status;
  parsed.head.headers = std::move(reader.headers);
  return state;
}

ParsedResponse& ResponseParser::parsed() {
  return impl_->parsed;
}

}  // namespace stoker::net
