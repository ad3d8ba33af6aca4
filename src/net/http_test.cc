#include "net/http.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "net/address.h"
#include "net/head_writer.h"

namespace stoker::net {
namespace {

TEST(Headers, FindIgnoresCaseAndTakesTheFirst) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("accept", "b");
  EXPECT_EQ(headers.find("ACCEPT"), "a");
  EXPECT_EQ(headers.find("Accept-Language"), std::nullopt);
}

TEST(Headers, SetReplacesAllOfThatName) {
  Headers headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  headers.add("X-B", "3");
  headers.set("X-A", "4");
  ASSERT_EQ(headers.all().size(), 2u);
  EXPECT_EQ(headers.find("x-a"), "4");
  headers.remove("X-B");
  EXPECT_EQ(headers.find("X-B"), std::nullopt);
}

TEST(ReasonPhrase, NamesEveryStatusOfOurErrors) {
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    EXPECT_NE(reason_phrase(error_http_status(static_cast<ErrorCode>(i))), "Status") << i;
  }
  EXPECT_EQ(reason_phrase(100), "Continue");
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(507), "Insufficient Storage");
  EXPECT_EQ(reason_phrase(299), "Status");
  EXPECT_EQ(reason_phrase(999), "Status");
}

TEST(Query, DecodesTheFirstOfTheName) {
  EXPECT_EQ(query_value("a=1&b=x%20y+z&b=2", "b"), "x y z");
  EXPECT_EQ(query_value("a=1&flag&c=", "flag"), "");
  EXPECT_EQ(query_value("a=1&flag&c=", "c"), "");
  EXPECT_EQ(query_value("%61=1", "a"), "1");
  EXPECT_EQ(query_value("a=1", "b"), std::nullopt);
  EXPECT_EQ(query_value("", "a"), std::nullopt);
  EXPECT_EQ(query_value("a=%zz", "a"), std::nullopt);
}

TEST(PercentDecode, RefusesBrokenEscapesAndNul) {
  EXPECT_EQ(percent_decode("a%2Fb"), "a/b");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("%C3%A4"), "\xC3\xA4");
  for (const char* broken : {"%", "%4", "%4g", "%g4", "a%00b"})
    EXPECT_EQ(percent_decode(broken), std::nullopt) << broken;
}

TEST(Url, ReadsHostPortAndBasePath) {
  const auto plain = parse_url("http://engine.local:11434/base/path/");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "engine.local");
  EXPECT_EQ(plain->port, 11434);
  EXPECT_EQ(plain->base_path, "/base/path");

  const auto secure = parse_url("HTTPS://api.example");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->tls);
  EXPECT_EQ(secure->port, 443);
  EXPECT_EQ(secure->base_path, "");

  const auto six = parse_url("http://[::1]:81/");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->port, 81);
}

TEST(Url, RefusesWhatIsNoBackendAddress) {
  for (const char* bad :
       {"", "ftp://a", "http://", "http://:80", "http://a:0", "http://a:65536", "http://a:x",
        "http://a b", "http://user@a", "http://a/b?c", "http://a/b#c", "http://a/\r\nX: y",
        "http://[::1", "http://[]", "http://[::1]x", "//a", "http://a:80:90"}) {
    EXPECT_FALSE(parse_url(bad)) << bad;
  }
}

TEST(Range, CutsToTheSize) {
  ByteRange range;
  EXPECT_EQ(parse_range("bytes=0-99", 1000, range), RangeVerdict::satisfiable);
  EXPECT_EQ(range.first, 0u);
  EXPECT_EQ(range.last, 99u);
  EXPECT_EQ(parse_range("bytes=990-2000", 1000, range), RangeVerdict::satisfiable);
  EXPECT_EQ(range.last, 999u);
  EXPECT_EQ(parse_range("bytes=100-", 1000, range), RangeVerdict::satisfiable);
  EXPECT_EQ(range.first, 100u);
  EXPECT_EQ(range.last, 999u);
  EXPECT_EQ(parse_range("bytes=-5", 1000, range), RangeVerdict::satisfiable);
  EXPECT_EQ(range.first, 995u);
  EXPECT_EQ(parse_range("bytes=-5000", 1000, range), RangeVerdict::satisfiable);
  EXPECT_EQ(range.first, 0u);
}

TEST(Range, TellsAbsentFromUnsatisfiable) {
  ByteRange range;
  for (const char* ignored : {"", "items=0-1", "bytes=", "bytes=5", "bytes=a-b", "bytes=5-4",
                              "bytes=0-1,3-4", "bytes=--5", "bytes=99999999999999999999-"}) {
    EXPECT_EQ(parse_range(ignored, 1000, range), RangeVerdict::none) << ignored;
  }
  EXPECT_EQ(parse_range("bytes=1000-", 1000, range), RangeVerdict::unsatisfiable);
  EXPECT_EQ(parse_range("bytes=-0", 1000, range), RangeVerdict::unsatisfiable);
  EXPECT_EQ(parse_range("bytes=0-", 0, range), RangeVerdict::unsatisfiable);
  EXPECT_EQ(parse_range("bytes=-1", 0, range), RangeVerdict::unsatisfiable);
}

TEST(HeadWriter, RefusesFieldsThatCarryOthers) {
  const auto with = [](std::string_view name, std::string_view value) {
    Headers headers;
    headers.add(name, value);
    return headers;
  };
  EXPECT_TRUE(sendable(with("X-Note", "num_ctx; \xC3\xA4\t1")));
  EXPECT_FALSE(sendable(with("X-Note", "a\r\nSet: b")));
  EXPECT_FALSE(sendable(with("X-Note", "a\nb")));
  EXPECT_FALSE(sendable(with("X Note", "a")));
  EXPECT_FALSE(sendable(with("", "a")));
  EXPECT_FALSE(sendable(with("X:", "a")));
}

TEST(HeadWriter, LeavesFramingToTheConnection) {
  ResponseHead head;
  head.headers.add("Transfer-Encoding", "gzip");
  head.headers.add("Connection", "keep-alive");
  head.headers.add("Content-Type", "text/plain");
  const std::string text = response_head_text(head);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_NE(text.find("Content-Type: text/plain\r\n"), std::string::npos);
  EXPECT_EQ(text.find("gzip"), std::string::npos);
  EXPECT_EQ(text.find("Connection"), std::string::npos);
}

TEST(Address, KnowsEverySpellingOfThisMachine) {
  const auto loopback = [](const char* text) {
    return is_loopback(boost::asio::ip::make_address(text));
  };
  EXPECT_TRUE(loopback("127.0.0.1"));
  EXPECT_TRUE(loopback("127.8.9.10"));
  EXPECT_TRUE(loopback("::1"));
  EXPECT_TRUE(loopback("::ffff:127.0.0.1"));
  EXPECT_TRUE(loopback("::ffff:127.200.0.1"));
  EXPECT_FALSE(loopback("128.0.0.1"));
  EXPECT_FALSE(loopback("10.0.0.1"));
  EXPECT_FALSE(loopback("::ffff:10.0.0.1"));
  EXPECT_FALSE(loopback("::2"));
  EXPECT_FALSE(loopback("::127.0.0.1"));
  EXPECT_FALSE(loopback("0.0.0.0"));
}

TEST(Address, SpellsMappedAddressesAsIpv4) {
  EXPECT_EQ(unmapped(boost::asio::ip::make_address("::ffff:10.1.2.3")).to_string(), "10.1.2.3");
  EXPECT_EQ(unmapped(boost::asio::ip::make_address("fe80::1")).to_string(), "fe80::1");
}

}  // namespace
}  // namespace stoker::net
