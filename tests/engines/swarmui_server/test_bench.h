// What the tests of the played SwarmUI share: sessions, calls, websockets.
//
// Threading: for the test's thread. Every wait has the guard of net/test_peers.h.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/engines/comfyui_server/test_bench.h"
#include "tests/engines/swarmui_server.h"
#include "tests/engines/test_client.h"

namespace stoker::engines::swarmui {

namespace json = boost::json;
using comfyui::TestSocket;

class SwarmUi : public ::testing::Test {
 protected:
  void restart(SwarmUiOptions options) {
    server_.reset();
    server_ = std::make_unique<SwarmUiServer>(network_, std::move(options));
    client_ = std::make_unique<TestClient>(network_, server_->url());
    session_.clear();
  }
  SwarmUiServer& server() { return *server_; }
  TestClient& client() { return *client_; }
  net::Network& network() { return network_; }

  static net::Headers json_headers() {
    net::Headers headers;
    headers.add("Content-Type", "application/json");
    return headers;
  }
  Reply call(std::string_view route, const json::object& request) {
    return net::testing::finish(begin(route, request));
  }
  std::future<Reply> begin(std::string_view route, const json::object& request) {
    return client().begin("POST", "/API/" + std::string(route), json::serialize(request),
                          json_headers());
  }
  std::string new_session() {
    const json::value reply = call("GetNewSession", {}).json();
    return json::value_to<std::string>(reply.at("session_id"));
  }
  // The session of the test, made when it is first needed.
  const std::string& session() {
    if (session_.empty()) session_ = new_session();
    return session_;
  }
  // A call with the session; the answer's JSON.
  json::value ask(std::string_view route, json::object request = {}) {
    request["session_id"] = session();
    return call(route, request).json();
  }
  json::object picture(const json::object& more = {}) {
    json::object request{{"session_id", session()},
                         {"images", 1},
                         {"prompt", "a cat"},
                         {"model", "m"},
                         {"width", 64},
                         {"height", 64},
                         {"steps", 1}};
    for (const auto& [name, value] : more) request[name] = value;
    return request;
  }
  json::value generate(const json::object& more = {}) {
    return call("GenerateText2Image", picture(more)).json();
  }
  TestSocket socket(const char* route, const json::object& request) {
    TestSocket line(network_, server_->url(), std::string("/API/") + route);
    line.say(json::serialize(request));
    return line;
  }
  json::value status() { return ask("GetCurrentStatus").at("status"); }

 private:
  net::Network network_;
  std::unique_ptr<SwarmUiServer> server_ = std::make_unique<SwarmUiServer>(network_);
  std::unique_ptr<TestClient> client_ = std::make_unique<TestClient>(network_, server_->url());
  std::string session_;
};

}  // namespace stoker::engines::swarmui
