// What the played ComfyUI says about itself: devices, features, node classes, models.
#include "tests/engines/comfyui_server/routes.h"

namespace stoker::engines::comfyui {

Reply Routes::system_stats(const Asked&) {
  const ComfyUiOptions& options = state_.options;
  json::array argv{"main.py"};
  for (const std::string& argument : options.arguments) argv.emplace_back(argument);
  json::object system{{"os", state_.recent() ? "linux" : "posix"},
                      {"ram_total", options.ram_bytes},
                      {"ram_free", options.ram_bytes / 2},
                      {"comfyui_version", state_.recent() ? "0.38.1" : "0.3.64"},
                      {"required_frontend_version", "1.28.8"},
                      {"installed_templates_version", "0.1.95"},
                      {"required_templates_version", "0.1.95"},
                      {"python_version", "3.12.3 (main)"},
                      {"pytorch_version", "2.8.0+cu128"},
                      {"embedded_python", false},
                      {"argv", argv}};
  if (state_.recent()) {
    system["deploy_environment"] = "local-git";
    system["comfy_package_versions"] = json::array();
  }
  json::object device;
  if (state_.flags.cpu) {
    device = {{"name", "cpu"},
              {"type", "cpu"},
              {"index", nullptr},
              {"vram_total", options.ram_bytes},
              {"vram_free", options.ram_bytes / 2},
              {"torch_vram_total", options.ram_bytes},
              {"torch_vram_free", options.ram_bytes / 2}};
  } else {
    device = {{"name", "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync"},
              {"type", "cuda"},
              {"index", 0},
              {"vram_total", options.vram_bytes},
              {"vram_free", state_.memory.free()},
              {"torch_vram_total", state_.memory.reserved()},
              {"torch_vram_free", 0}};
  }
  return Reply::of_json(json::object{{"system", system}, {"devices", json::array{device}}});
}

Reply Routes::features(const Asked&) {
  return Reply::of_json(state_.features());
}

Reply Routes::object_info(const Asked&) {
  return Reply::of_json(state_.table.schema(state_.folders()));
}

Reply Routes::object_info_of(const Asked& asked) {
  json::object shown;
  if (const NodeClass* known = state_.table.find(asked.rest))
    shown[asked.rest] = known->schema(state_.folders());
  return Reply::of_json(shown);
}

Reply Routes::embeddings(const Asked&) {
  json::array names;
  const Folders folders = state_.folders();
  const auto found = folders.find("embeddings");
  if (found == folders.end()) return Reply::of_json(names);
  for (const std::string& file : found->second) names.emplace_back(file.substr(0, file.rfind('.')));
  return Reply::of_json(names);
}

Reply Routes::models(const Asked&) {
  json::array keys;
  for (const auto& [folder, names] : state_.folders()) {
    if (folder != "input") keys.emplace_back(folder);
  }
  return Reply::of_json(keys);
}

Reply Routes::models_of(const Asked& asked) {
  const Folders folders = state_.folders();
  const auto found = folders.find(asked.rest);
  if (found == folders.end() || asked.rest == "input") return Reply::empty(404);
  return Reply::of_json(json::array(found->second.begin(), found->second.end()));
}

}  // namespace stoker::engines::comfyui
