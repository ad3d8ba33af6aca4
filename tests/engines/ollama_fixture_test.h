// For the tests of OllamaServer.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tests/engines/ollama_server.h"
#include "tests/engines/test_client.h"

namespace stoker::engines {

class Ollama : public ::testing::Test {
 protected:
  void serve(OllamaOptions options) {
    server_ = std::make_unique<OllamaServer>(network_, std::move(options));
    client_ = std::make_unique<TestClient>(network_, server_->url());
  }
  OllamaServer& server() {
    if (!server_) serve({});
    return *server_;
  }
  TestClient& client() {
    server();
    return *client_;
  }

  Reply generate(std::string_view body) {
    return client().post("/api/generate", std::string(body));
  }
  Reply load(std::string_view model, std::string_view more = "") {
    return generate(load_body(model, more));
  }
  static std::string load_body(std::string_view model, std::string_view more = "") {
    return R"({"model":")" + std::string(model) + "\"" + std::string(more) + "}";
  }
  static std::string chat_body(std::string_view model, std::string_view text,
                               std::string_view more = "") {
    boost::json::object message{{"role", "user"}, {"content", text}};
    return R"({"model":")" + std::string(model) + R"(","messages":[)" +
           boost::json::serialize(message) + "]" + std::string(more) + "}";
  }
  static std::string error_of(const Reply& reply) {
    return boost::json::value_to<std::string>(reply.json().at("error"));
  }
  // The names in /api/ps, in its order.
  std::vector<std::string> listed() {
    std::vector<std::string> names;
    for (const auto& model : client().get("/api/ps").json().at("models").as_array()) {
      names.push_back(boost::json::value_to<std::string>(model.at("name")));
    }
    return names;
  }

 private:
  net::Network network_;
  std::unique_ptr<OllamaServer> server_;
  std::unique_ptr<TestClient> client_;
};

}  // namespace stoker::engines
