// Backends, memory and models.
#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "tests/engines/swarmui_server/routes.h"

namespace stoker::engines::swarmui {
namespace {

constexpr std::uint64_t kSystemRam = 64 * kGiB;

// "all" and nothing mean every backend.
std::expected<std::optional<int>, std::string> backend_of(const std::optional<std::string>& text) {
  if (!text || *text == "all") return std::optional<int>();
  int id = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), id);
  if (fault != std::errc() || end != text->data() + text->size())
    return std::unexpected("Invalid backend ID");
  return id;
}

}  // namespace

net::Task<json::object> Routes::list_backends(Call& call) {
  const bool full = call.flag("full_data");
  json::object all;
  for (const auto& backend : state_.backends) {
    const std::int64_t unused_s = (state_.now() - backend->released_at).us / 1'000'000;
    json::object row{{"type", "comfyui_selfstart"},
                     {"status", status_name(backend->status)},
                     {"id", backend->id},
                     {"settings",
                      {{"StartScript", "dlbackend/ComfyUI/main.py"},
                       {"ExtraArgs", ""},
                       {"GPU_ID", std::to_string(backend->id)},
                       {"OverQueue", state_.options.uses_max - 1}}},
                     {"modcount", 1},
                     {"features", json::array{"comfyui", "txt2img", "img2img"}},
                     {"enabled", backend->status != SwarmBackendStatus::disabled},
                     {"title", ""},
                     {"max_usages", state_.options.uses_max},
                     {"seconds_since_used", unused_s},
                     {"time_since_used", std::to_string(unused_s) + " seconds ago"},
                     {"can_load_models", true}};
    if (full) {
      row["current_model"] = backend->current_model.empty() ? json::value(nullptr)
                                                            : json::value(backend->current_model);
    }
    all[std::to_string(backend->id)] = row;
  }
  co_return all;
}

net::Task<json::object> Routes::free_backend_memory(Call& call) {
  const auto backend = backend_of(call.text("backend"));
  if (!backend) co_return json::object{{"error", backend.error()}};
  if (!co_await state_.gates.pass(Gate::unload, call.life)) co_return json::object();
  const std::size_t count = scheduler_.free(*backend);
  const bool whole = call.flag("system_ram");
  if (count > 0) co_await passthrough_.free(whole);
  co_return json::object{{"result", count > 0}, {"count", count}};
}

net::Task<json::object> Routes::resource_info(Call&) {
  json::object info{
      {"cpu", {{"usage", 0.1}, {"cores", 16}}},
      {"system_ram",
       {{"total", kSystemRam}, {"used", kSystemRam / 4}, {"free", kSystemRam / 4 * 3}}}};
  if (!state_.options.shows_cards) co_return info;
  json::object cards;
  for (const auto& backend : state_.backends) {
    const std::uint64_t used = state_.used_on(*backend);
    cards[std::to_string(backend->id)] = {{"id", backend->id},
                                          {"name", "NVIDIA GeForce RTX 4090"},
                                          {"temperature", 40},
                                          {"utilization_gpu", backend->at_work ? 100 : 0},
                                          {"utilization_memory", 0},
                                          {"total_memory", state_.options.vram_bytes},
                                          {"free_memory", state_.options.vram_bytes - used},
                                          {"used_memory", used}};
  }
  info["gpus"] = cards;
  co_return info;
}

json::object Routes::model_json(const SwarmUiModel& model) const {
  return {{"name", model.name},
          {"title", model.name},
          {"author", ""},
          {"description", ""},
          {"preview_image", "imgs/model_placeholder.jpg"},
          {"loaded", state_.loaded(model.name)},
          {"architecture", "stable-diffusion-xl-v1-base"},
          {"class", "Stable Diffusion XL 1.0-Base"},
          {"compat_class", "stable-diffusion-xl-v1"},
          {"standard_width", 1024},
          {"standard_height", 1024},
          {"is_supported_model_format", true},
          {"local", true}};
}

net::Task<json::object> Routes::list_models(Call& call) {
  const auto path = call.text("path");
  const auto depth = call.number("depth");
  if (!path) co_return json::object{{"error", "Missing required parameter 'path'"}};
  if (!depth) co_return json::object{{"error", "Missing required parameter 'depth'"}};
  const std::string subtype = call.text("subtype").value_or("Stable-Diffusion");
  const std::string root = path->empty() || path->ends_with('/') ? *path : *path + "/";
  std::set<std::string> folders;
  json::array files;
  for (const SwarmUiModel& model : state_.options.models) {
    if (model.subtype != subtype || !model.name.starts_with(root)) continue;
    const std::string rest = model.name.substr(root.size());
    const auto slashes = std::ranges::count(rest, '/');
    for (std::size_t at = rest.find('/'); at != std::string::npos; at = rest.find('/', at + 1)) {
      const std::string folder = rest.substr(0, at);
      if (std::ranges::count(folder, '/') < *depth) folders.insert(folder);
    }
    if (slashes < std::clamp<std::int64_t>(*depth, 1, 20)) files.push_back(model_json(model));
  }
  co_return json::object{{"folders", json::array(folders.begin(), folders.end())},
                         {"files", files}};
}

net::Task<json::object> Routes::describe_model(Call& call) {
  const auto name = call.text("modelName");
  if (!name) co_return json::object{{"error", "Missing required parameter 'modelName'"}};
  const auto known =
      exact_model(*name, state_.model_names(call.text("subtype").value_or("Stable-Diffusion")));
  if (!known) co_return json::object{{"error", "Model not found."}};
  co_return json::object{{"model", model_json(*std::ranges::find(state_.options.models, *known,
                                                                 &SwarmUiModel::name))}};
}

net::Task<json::object> Routes::list_loaded_models(Call&) {
  json::array models;
  for (const SwarmUiModel& model : state_.options.models) {
    if (state_.loaded(model.name)) models.push_back(model_json(model));
  }
  co_return json::object{{"models", models}};
}

net::Task<json::object> Routes::select_model(Call& call) {
  const auto name = call.text("model");
  if (!name) co_return json::object{{"error", "Missing required parameter 'model'"}};
  const auto known = exact_model(*name, state_.model_names());
  if (!known) co_return json::object{{"error", "Model not found."}};
  const auto backend = backend_of(call.text("backendId"));
  if (!backend) co_return json::object{{"error", backend.error()}};
  const auto error = co_await scheduler_.select(*known, *backend, call.session);
  if (error) co_return json::object{{"error", *error}};
  co_return json::object{{"success", true}};
}

net::Task<json::object> Routes::list_params(Call&) {
  json::array list;
  for (const char* name : {"Images", "Prompt", "Negative Prompt", "Model", "Width", "Height",
                           "Steps", "CFG Scale", "Seed"}) {
    list.push_back(json::object{{"name", name}, {"id", cleaned_id(name)}});
  }
  const std::vector<std::string> names = state_.model_names();
  co_return json::object{
      {"list", list},
      {"groups", json::array()},
      {"models", {{"Stable-Diffusion", json::array(names.begin(), names.end())}}},
      {"wildcards", json::array()}};
}

net::Task<json::object> Routes::trigger_refresh(Call& call) {
  co_return co_await list_params(call);
}

}  // namespace stoker::engines::swarmui
