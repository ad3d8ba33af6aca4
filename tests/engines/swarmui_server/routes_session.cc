// Sessions, generations over HTTP, status and interrupts.
#include <array>
#include <cstdio>
#include <utility>

#include "tests/engines/swarmui_server/routes.h"

namespace stoker::engines::swarmui {
namespace {

json::object node(std::string_view class_type, json::object inputs) {
  return {{"class_type", class_type}, {"inputs", std::move(inputs)}};
}

json::array link(std::string_view id, int slot) {
  return {id, slot};
}

// What SwarmUI would hand to ComfyUI for a plain picture.
json::object workflow_of(const Params& params) {
  const auto text = [](std::string_view words) {
    return node("CLIPTextEncode", {{"text", words}, {"clip", link("4", 1)}});
  };
  return {{"4", node("CheckpointLoaderSimple", {{"ckpt_name", params.model}})},
          {"5", node("EmptyLatentImage",
                     {{"width", params.width}, {"height", params.height}, {"batch_size", 1}})},
          {"6", text(params.prompt)},
          {"7", text(params.negative)},
          {"10", node("KSampler", {{"model", link("4", 0)},
                                   {"seed", params.seed < 0 ? 1 : params.seed},
                                   {"steps", params.steps},
                                   {"cfg", params.cfg_scale},
                                   {"sampler_name", "euler"},
                                   {"scheduler", "normal"},
                                   {"positive", link("6", 0)},
                                   {"negative", link("7", 0)},
                                   {"latent_image", link("5", 0)},
                                   {"denoise", 1.0}})},
          {"8", node("VAEDecode", {{"samples", link("10", 0)}, {"vae", link("4", 2)}})},
          {"9", node("SaveImage", {{"images", link("8", 0)}, {"filename_prefix", "SwarmUI_"}})}};
}

}  // namespace

net::Task<json::object> Routes::get_new_session(Call& call) {
  auto session = std::make_shared<Session>();
  std::array<char, 41> id{};
  std::snprintf(id.data(), id.size(), "%040llx", static_cast<unsigned long long>(++state_.minted));
  session->id = id.data();
  session->user = call.user;
  state_.sessions[session->id] = session;
  ++state_.counts.sessions;
  co_return json::object{{"session_id", session->id},
                         {"user_id", session->user},
                         {"output_append_user", true},
                         {"version", "0.9.8.2.GIT-062407c7"},
                         {"server_id", "5f1b8a52-0000-4000-8000-000000000001"},
                         {"permissions", json::array{"*"}}};
}

net::Task<json::object> Routes::generate(Call& call) {
  Outcome params = read_params(call.request, state_.model_names());
  if (!params) co_return json::object{{"error", params.error()}};
  const auto generation = new_generation(state_, call.session, std::move(*params));
  scheduler_.start(generation);
  while (generation->left > 0) {
    if (!co_await generation->ended.wait(call.life)) co_return json::object();
  }
  if (generation->error) co_return json::object{{"error", *generation->error}};
  json::array images;
  for (const auto& [index, path] : generation->images) images.emplace_back(path);
  co_return json::object{{"images", images}};
}

net::Task<json::object> Routes::get_current_status(Call& call) {
  co_return state_.status_of(call.session.get());
}

net::Task<json::object> Routes::get_global_status(Call&) {
  co_return state_.status_of(nullptr);
}

net::Task<json::object> Routes::interrupt_all(Call& call) {
  ++state_.counts.interrupts;
  scheduler_.interrupt(*call.session);
  if (call.flag("other_sessions")) {
    for (const auto& [id, session] : state_.sessions) {
      if (session->user == call.session->user) scheduler_.interrupt(*session);
    }
  }
  co_return json::object{{"success", true}};
}

net::Task<json::object> Routes::comfy_workflow(Call& call) {
  const Outcome params = read_params(call.request, state_.model_names());
  if (!params) co_return json::object{{"error", params.error()}};
  co_return json::object{{"workflow", json::serialize(workflow_of(*params))}};
}

}  // namespace stoker::engines::swarmui
