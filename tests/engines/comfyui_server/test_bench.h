// What the tests of the played ComfyUI share: prompts, a websocket that waits for frames, the fixture.
//
// Threading: for the test's thread. Every wait has the guard of net/test_peers.h.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/engines/comfyui_server.h"
#include "tests/engines/test_client.h"

namespace stoker::engines::comfyui {

inline constexpr const char* kPicturePrompt =
    R"({"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":255}},)"
    R"("2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"t"}}})";

// "00000000-0000-4000-9000-000000000007"
inline std::string uuid(unsigned number) {
  std::array<char, 40> id{};
  std::snprintf(id.data(), id.size(), "00000000-0000-4000-9000-%012x", number);
  return id.data();
}

// A workflow of text to image, with its own node ids.
struct TextToImage {
  std::string checkpoint = "sd3.5_large.safetensors";
  int seed = 1;
  int steps = 3;
  std::string prefix = "p";

  json::object prompt() const {
    const auto encode = [](std::string_view text) {
      return json::object{{"class_type", "CLIPTextEncode"},
                          {"inputs", {{"text", text}, {"clip", json::array{"4", 1}}}}};
    };
    return {
        {"4", {{"class_type", "CheckpointLoaderSimple"}, {"inputs", {{"ckpt_name", checkpoint}}}}},
        {"5",
         {{"class_type", "EmptyLatentImage"},
          {"inputs", {{"width", 64}, {"height", 32}, {"batch_size", 1}}}}},
        {"6", encode("a red kite")},
        {"7", encode("")},
        {"3",
         {{"class_type", "KSampler"},
          {"inputs",
           {{"seed", seed},
            {"steps", steps},
            {"cfg", 4.5},
            {"sampler_name", "euler"},
            {"scheduler", "sgm_uniform"},
            {"denoise", 1},
            {"model", json::array{"4", 0}},
            {"positive", json::array{"6", 0}},
            {"negative", json::array{"7", 0}},
            {"latent_image", json::array{"5", 0}}}}}},
        {"8",
         {{"class_type", "VAEDecode"},
          {"inputs", {{"samples", json::array{"3", 0}}, {"vae", json::array{"4", 2}}}}}},
        {"9",
         {{"class_type", "SaveImage"},
          {"inputs", {{"images", json::array{"8", 0}}, {"filename_prefix", prefix}}}}}};
  }
};

// A websocket whose frames a test reads one after the other.
class TestSocket {
 public:
  TestSocket(net::Network& network, const net::Url& url, std::string target)
      : network_(network), client_(net::HttpClient::create(network)) {
    auto socket =
        net::testing::run(network_, client_->open_websocket(url, std::move(target), {}, {}));
    EXPECT_TRUE(socket.has_value());
    if (socket) socket_ = std::move(*socket);
  }

  bool open() const { return socket_ != nullptr; }
  // The next frame; empty once the peer is gone.
  net::WebSocketMessage next() {
    auto message = net::testing::run(network_, socket_->read());
    return message ? std::move(*message) : net::WebSocketMessage();
  }
  std::string next_text() { return next().bytes; }
  json::object next_json() { return Reply::parse(next_text()).as_object(); }
  // Skips to the next text frame of that type and returns its data.
  json::object next_of(std::string_view type) {
    while (true) {
      const net::WebSocketMessage message = next();
      if (message.bytes.empty()) {
        ADD_FAILURE() << "no frame " << type;
        return {};
      }
      if (message.binary) continue;
      json::object frame = Reply::parse(message.bytes).as_object();
      if (frame.at("type") == json::value(type)) return frame.at("data").as_object();
    }
  }
  // The types of all text frames up to the end of a run.
  std::vector<std::string> types_to_end() {
    std::vector<std::string> types;
    while (true) {
      const net::WebSocketMessage message = next();
      if (message.bytes.empty()) return types;
      if (message.binary) {
        types.emplace_back("binary");
        continue;
      }
      const json::object frame = Reply::parse(message.bytes).as_object();
      types.emplace_back(frame.at("type").as_string());
      const json::object& data = frame.at("data").as_object();
      if (types.back() == "executing" && data.at("node").is_null()) return types;
    }
  }
  bool cut() { return next().bytes.empty(); }
  void say(std::string_view text) {
    EXPECT_TRUE(net::testing::run(network_, socket_->write_text(text)).has_value());
  }
  void leave() { net::testing::finish(net::testing::begin(network_, socket_->close(1000))); }

 private:
  net::Network& network_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<net::WebSocket> socket_;
};

class ComfyUi : public ::testing::Test {
 protected:
  void restart(ComfyUiOptions options) {
    server_.reset();
    server_ = std::make_unique<ComfyUiServer>(network_, std::move(options));
    client_ = std::make_unique<TestClient>(network_, server_->url());
  }
  ComfyUiServer& server() { return *server_; }
  TestClient& client() { return *client_; }
  net::Network& network() { return network_; }
  TestSocket socket(const std::string& client_id) {
    return {network_, server_->url(), "/ws?clientId=" + client_id};
  }

  Reply submit(const json::value& prompt, json::object more = {}) {
    more["prompt"] = prompt;
    return client().post("/prompt", json::serialize(more));
  }
  // Submits as client c1 and returns the prompt id.
  std::string queue(const json::value& prompt, unsigned number, json::object more = {}) {
    more["prompt_id"] = uuid(number);
    if (!more.contains("client_id")) more["client_id"] = "c1";
    const Reply reply = submit(prompt, std::move(more));
    EXPECT_EQ(reply.status, 200) << reply.body;
    return uuid(number);
  }
  json::object history(const std::string& id) {
    return client().get("/history/" + id).json().as_object();
  }
  json::object entry(const std::string& id) { return history(id).at(id).as_object(); }
  json::object queue_now() { return client().get("/queue").json().as_object(); }
  std::uint64_t vram_free_told() {
    return client()
        .get("/system_stats")
        .json()
        .at("devices")
        .at(0)
        .at("vram_free")
        .to_number<std::uint64_t>();
  }
  static json::value picture_prompt() { return Reply::parse(kPicturePrompt); }
  static ComfyUiOptions with_models(ComfyUiEra era = ComfyUiEra::recent) {
    return {.era = era,
            .files = {{"checkpoints", "sd3.5_large.safetensors", 8 * kGiB},
                      {"checkpoints", "flux2.safetensors", 12 * kGiB},
                      {"vae", "ae.safetensors", kGiB / 4}}};
  }

 private:
  net::Network network_;
  std::unique_ptr<ComfyUiServer> server_ = std::make_unique<ComfyUiServer>(network_);
  std::unique_ptr<TestClient> client_ = std::make_unique<TestClient>(network_, server_->url());
};

}  // namespace stoker::engines::comfyui
