// A client for tests of engines: asks and keeps all that came, also of answers that were cut.
//
// Threading: for the test's thread. Every wait has the guard of net/test_peers.h.
#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <boost/system/error_code.hpp>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "net/test_peers.h"

namespace stoker::engines {

struct Reply {
  int status = 0;  // 0: no head came
  net::Headers headers;
  std::string body;
  bool whole = false;  // it ended as HTTP says

  std::string content_type() const {
    return std::string(headers.find("Content-Type").value_or(""));
  }
  boost::json::value json() const { return parse(body); }
  // Of ndjson.
  std::vector<boost::json::value> lines() const { return pieces("\n", ""); }
  // Of server-sent events, without [DONE].
  std::vector<boost::json::value> events() const { return pieces("\n\n", "data: "); }
  bool done_marked() const { return body.ends_with("data: [DONE]\n\n"); }

  static boost::json::value parse(std::string_view text) {
    boost::system::error_code error;
    boost::json::value value = boost::json::parse(text, error);
    EXPECT_FALSE(error) << "no JSON: " << text;
    return error ? boost::json::value() : value;
  }

 private:
  std::vector<boost::json::value> pieces(std::string_view end, std::string_view prefix) const {
    std::vector<boost::json::value> all;
    std::string_view rest = body;
    for (std::size_t at = rest.find(end); at != std::string_view::npos; at = rest.find(end)) {
      std::string_view piece = rest.substr(0, at);
      rest.remove_prefix(at + end.size());
      if (!piece.starts_with(prefix)) continue;
      piece.remove_prefix(prefix.size());
      if (piece != "[DONE]") all.push_back(parse(piece));
    }
    EXPECT_EQ(rest, "") << "after the last record";
    return all;
  }
};

class TestClient {
 public:
  TestClient(net::Network& network, net::Url url)
      : network_(network), url_(std::move(url)), client_(net::HttpClient::create(network)) {}

  Reply ask(std::string method, std::string target, std::string body = {},
            net::Headers headers = {}) {
    return net::testing::finish(
        begin(std::move(method), std::move(target), std::move(body), std::move(headers)));
  }
  Reply get(std::string target) { return ask("GET", std::move(target)); }
  Reply post(std::string target, std::string body) {
    return ask("POST", std::move(target), std::move(body));
  }
  // Goes on while the test does something else.
  std::future<Reply> begin(std::string method, std::string target, std::string body = {},
                           net::Headers headers = {}) {
    net::ClientRequest request{.method = std::move(method),
                               .url = url_,
                               .target = std::move(target),
                               .headers = std::move(headers),
                               .body = std::move(body)};
    return net::testing::begin(network_, fetch(*client_, std::move(request)));
  }
  std::future<Reply> begin_post(std::string target, std::string body) {
    return begin("POST", std::move(target), std::move(body));
  }

 private:
  static net::Task<Reply> fetch(net::HttpClient& client, net::ClientRequest request) {
    Reply reply;
    auto response = co_await client.send(std::move(request));
    if (!response) co_return reply;
    reply.status = (*response)->head().status;
    reply.headers = (*response)->head().headers;
    std::array<char, 4096> piece;
    while (true) {
      const auto got = co_await (*response)->read_some(piece);
      if (!got) co_return reply;
      if (*got == 0) break;
      reply.body.append(piece.data(), *got);
    }
    reply.whole = true;
    co_return reply;
  }

  net::Network& network_;
  net::Url url_;
  std::unique_ptr<net::HttpClient> client_;
};

// A request on a socket of its own, to be cut whenever the test likes.
inline net::testing::Socket post_on_socket(std::uint16_t port, std::string_view target,
                                           std::string_view body) {
  net::testing::Socket socket = net::testing::connect_to(port);
  socket.send("POST " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  return socket;
}

}  // namespace stoker::engines
