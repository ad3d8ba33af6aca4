#include "net/body_decoder.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "net/head_parser.h"

namespace stoker::net {
namespace {

void put(InputBuffer& input, std::string_view bytes) {
  const auto room = input.room(bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  input.commit(bytes.size());
}

struct Decoded {
  std::string body;
  bool done = false;
  bool malformed = false;
  std::string rest;
};

// Feeds `text` in steps of `step` bytes and reads with a buffer of `window` bytes.
Decoded decode(BodyFraming framing, std::string_view text, std::size_t step, std::size_t window) {
  BodyDecoder decoder(framing);
  InputBuffer input;
  Decoded result;
  std::string buffer(window, '\0');
  for (std::size_t at = 0; at < text.size(); at += step) {
    put(input, text.substr(at, step));
    for (std::size_t got = 1; got > 0;) {
      got = decoder.decode(input, buffer);
      result.body.append(buffer, 0, got);
    }
  }
  result.done = decoder.done();
  result.malformed = decoder.malformed();
  result.rest = input.view();
  return result;
}

constexpr BodyFraming kChunked{BodyFraming::Kind::chunked, 0};

TEST(BodyDecoder, ReadsChunksHoweverTheyAreCut) {
  constexpr std::string_view kText =
      "5\r\nhello\r\n1;ext=\"v\"\r\n,\r\nA\r\n 0123 \r\n 6\r\n0\r\nX-Sum: 1\r\n\r\nGET /";
  for (std::size_t step = 1; step <= kText.size(); ++step) {
    for (const std::size_t window : {1u, 3u, 100u}) {
      const Decoded got = decode(kChunked, kText, step, window);
      EXPECT_EQ(got.body, "hello, 0123 \r\n 6");
      EXPECT_TRUE(got.done);
      EXPECT_FALSE(got.malformed);
      EXPECT_EQ(got.rest, "GET /");
    }
  }
}

TEST(BodyDecoder, ReadsAnEmptyChunkedBodyByteByByte) {
  const Decoded got = decode(kChunked, "0\r\n\r\n", 1, 16);
  EXPECT_TRUE(got.done);
  EXPECT_EQ(got.body, "");
}

TEST(BodyDecoder, RefusesMalformedChunks) {
  for (const std::string_view bad :
       {"\r\n", "g\r\n", "5\nhello", "5\r\nhelloX", "5\r\nhello\rX", "-5\r\n", "0x5\r\nhello",
        "5 \r\r\n", "0\r\n\rX", "0\r\nX: 1\r\r", "0\r\nX\x01: 1\r\n\r\n", "11111111111111111\r\n",
        ";a\r\n", "5;\x01\r\nhello"}) {
    EXPECT_TRUE(decode(kChunked, bad, 1, 16).malformed) << bad;
    EXPECT_TRUE(decode(kChunked, bad, bad.size(), 16).malformed) << bad;
  }
}

TEST(BodyDecoder, LimitsChunkLinesAndTrailers) {
  const std::string zeros(kChunkLineBytesMax + 1, '0');
  EXPECT_TRUE(decode(kChunked, zeros, 512, 16).malformed);
  const std::string extension = "5;" + std::string(kChunkLineBytesMax, 'x');
  EXPECT_TRUE(decode(kChunked, extension, 512, 16).malformed);
  std::string trailers = "0\r\n";
  while (trailers.size() <= kTrailerBytesMax + 1000) trailers += "X-Trailer: 0123456789\r\n";
  EXPECT_TRUE(decode(kChunked, trailers, 512, 16).malformed);
}

TEST(BodyDecoder, CountsALengthAndLeavesTheRest) {
  for (std::size_t step = 1; step < 12; ++step) {
    const Decoded got = decode({BodyFraming::Kind::length, 5}, "helloGET /", step, 3);
    EXPECT_EQ(got.body, "hello");
    EXPECT_TRUE(got.done);
    EXPECT_EQ(got.rest, "GET /");
  }
  EXPECT_TRUE(BodyDecoder({BodyFraming::Kind::length, 0}).done());
  EXPECT_TRUE(BodyDecoder({BodyFraming::Kind::none, 0}).done());
}

TEST(BodyDecoder, KnowsWhichEndsAreProper) {
  BodyDecoder until_close({BodyFraming::Kind::until_close, 0});
  EXPECT_TRUE(until_close.end_of_input());
  BodyDecoder length({BodyFraming::Kind::length, 5});
  EXPECT_FALSE(length.end_of_input());
  BodyDecoder chunked(kChunked);
  EXPECT_FALSE(chunked.end_of_input());
}

struct ParsedHead {
  HeadState state;
  int status;
  ParsedRequest request;
  std::string rest;
};

ParsedHead parse_in_steps(std::string_view text, std::size_t step, std::size_t limit = 16 * 1024) {
  RequestParser parser(limit);
  InputBuffer input;
  HeadState state = HeadState::needs_more;
  for (std::size_t at = 0; at < text.size(); at += step) {
    put(input, text.substr(at, step));
    if (state == HeadState::needs_more) state = parser.feed(input);
  }
  return {state, parser.refused_status(), parser.parsed(), std::string(input.view())};
}

TEST(RequestParser, ReadsAHeadHoweverItIsCut) {
  constexpr std::string_view kText =
      "POST /a%20b?c=d&e HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: "
      "100-continue\r\nX-Long: a b  c \r\n\r\nabc";
  for (std::size_t step = 1; step <= kText.size(); ++step) {
    const ParsedHead got = parse_in_steps(kText, step);
    ASSERT_EQ(got.state, HeadState::complete) << step;
    EXPECT_EQ(got.request.head.method, "POST");
    EXPECT_EQ(got.request.head.target, "/a%20b?c=d&e");
    EXPECT_EQ(got.request.head.path, "/a%20b");
    EXPECT_EQ(got.request.head.query, "c=d&e");
    EXPECT_EQ(got.request.head.headers.find("x-long"), "a b  c");
    EXPECT_EQ(got.request.framing.kind, BodyFraming::Kind::length);
    EXPECT_EQ(got.request.framing.length, 3u);
    EXPECT_TRUE(got.request.expects_continue);
    EXPECT_TRUE(got.request.keep_alive);
    EXPECT_EQ(got.rest, "abc");
  }
}

TEST(RequestParser, TakesThePathOutOfAnAbsoluteTarget) {
  const ParsedHead got = parse_in_steps("GET http://h:80/p?q HTTP/1.1\r\nHost: h:80\r\n\r\n", 999);
  EXPECT_EQ(got.request.head.path, "/p");
  EXPECT_EQ(got.request.head.query, "q");
  EXPECT_EQ(parse_in_steps("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", 999).request.head.path, "/");
  EXPECT_EQ(parse_in_steps("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 999).request.head.path, "*");
}

TEST(RequestParser, RefusesFramingThatCouldBeReadTwoWays) {
  const auto refusal = [](std::string fields) {
    const ParsedHead got = parse_in_steps("POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n", 999);
    return got.state == HeadState::refused ? got.status : 0;
  };
  EXPECT_EQ(refusal("Content-Length: 3\r\n"), 0);
  EXPECT_EQ(refusal("Transfer-Encoding: chunked\r\n"), 0);
  EXPECT_EQ(refusal("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(refusal("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(refusal("Transfer-Encoding: identity\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(refusal("Content-Length: 3\r\nContent-Length: 4\r\n"), 400);
  EXPECT_EQ(refusal("Content-Length: 3, 4\r\n"), 400);
  EXPECT_EQ(refusal("Content-Length: -3\r\n"), 400);
  EXPECT_EQ(refusal("Content-Length: 3x\r\n"), 400);
  EXPECT_EQ(refusal("Content-Length: 99999999999999999999\r\n"), 400);
  EXPECT_EQ(refusal("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(refusal("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(refusal("Transfer-Encoding: gzip\r\n"), 501);
  EXPECT_EQ(refusal("Transfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(refusal("Transfer-Encoding: chunked, gzip\r\n"), 501);
  EXPECT_EQ(refusal("Transfer-Encoding: xchunked\r\n"), 501);
}

TEST(RequestParser, RefusesMalformedHeads) {
  const auto status = [](std::string_view text) {
    const ParsedHead got = parse_in_steps(text, 999);
    return got.state == HeadState::refused ? got.status : 0;
  };
  EXPECT_EQ(status("\x16\x03\x01\x02"), 400);
  EXPECT_EQ(status("GET /\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/2.0\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400);  // no Host
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nB\x01: c\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(status("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(RequestParser, TellsALongTargetFromALongHead) {
  const std::string long_target =
      "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parse_in_steps(long_target, 1000).status, 414);
  const std::string target_over_its_limit =
      "GET /" + std::string(kTargetBytesMax, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parse_in_steps(target_over_its_limit, 1000).status, 414);
  const std::string long_field =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n";
  EXPECT_EQ(parse_in_steps(long_field, 1000).status, 431);
  EXPECT_EQ(parse_in_steps(long_field, long_field.size()).status, 431);
  std::string many_fields = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (many_fields.size() < 20'000) many_fields += "X-Field: 1\r\n";
  EXPECT_EQ(parse_in_steps(many_fields + "\r\n", 777).status, 431);
}

}  // namespace
}  // namespace stoker::net
