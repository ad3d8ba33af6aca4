// For the tests of OpenAiServer.
#pragma once

#include <memory>
#include <utility>

#include "tests/engines/openai_server.h"
#include "tests/engines/test_client.h"

namespace stoker::engines {

class OpenAi : public ::testing::Test {
 protected:
  void serve(OpenAiOptions options) {
    server_ = std::make_unique<OpenAiServer>(network_, std::move(options));
    client_ = std::make_unique<TestClient>(network_, server_->url());
  }
  OpenAiServer& server() {
    if (!server_) serve({});
    return *server_;
  }
  TestClient& client() {
    server();
    return *client_;
  }

 private:
  net::Network network_;
  std::unique_ptr<OpenAiServer> server_;
  std::unique_ptr<TestClient> client_;
};

}  // namespace stoker::engines
