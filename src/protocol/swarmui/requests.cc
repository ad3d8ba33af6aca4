#include "protocol/swarmui/requests.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "protocol/comfyui/requests.h"
#include "protocol/json_access.h"

namespace stoker::protocol::swarmui {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kSeedBits = 0x7fff'ffff'ffff'ffffULL;
constexpr std::size_t kModelDepth = 20;  // the most that the server takes

constexpr auto kOwn =
    std::to_array<std::string_view>({"session_id", "images", "model", "prompt", "seed"});

json::object of_session(std::string_view session) {
  json::object body;
  body["session_id"] = session;
  return body;
}

}  // namespace

std::string generate_body(const Generation& generation) {
  json::object body = of_session(generation.session);
  body["images"] = 1;
  body["model"] = generation.model;
  body["prompt"] = generation.prompt;
  body["seed"] = generation.seed & kSeedBits;
  for (const auto& [name, value] : generation.options) {
    if (std::ranges::find(kOwn, name) == kOwn.end()) body[name] = json_of(value);
  }
  return json::serialize(body);
}

std::string session_body(std::string_view session) {
  return json::serialize(of_session(session));
}

std::string list_models_body(std::string_view session) {
  json::object body = of_session(session);
  body["path"] = "";
  body["depth"] = kModelDepth;
  body["subtype"] = "Stable-Diffusion";
  return json::serialize(body);
}

std::string select_model_body(std::string_view session, std::string_view model) {
  json::object body = of_session(session);
  body["model"] = model;
  return json::serialize(body);
}

std::string free_memory_body(std::string_view session) {
  json::object body = of_session(session);
  body["system_ram"] = true;
  body["backend"] = "all";
  return json::serialize(body);
}

std::string interrupt_body(std::string_view session) {
  json::object body = of_session(session);
  body["other_sessions"] = false;
  return json::serialize(body);
}

std::string list_backends_body(std::string_view session) {
  json::object body = of_session(session);
  body["nonreal"] = false;
  body["full_data"] = true;
  return json::serialize(body);
}

std::string route(std::string_view name) {
  return "/API/" + std::string(name);
}

std::string view_target(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (!path.starts_with("View/") || path.contains("..") || path.contains('\\')) return {};
  return "/" + comfyui::percent_encode_path(path);
}

}  // namespace stoker::protocol::swarmui
