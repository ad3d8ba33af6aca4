#include "protocol/comfyui/requests.h"

#include "protocol/comfyui/json_reading.h"

namespace stoker::protocol::comfyui {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string encode(std::string_view text, std::string_view kept) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || kept.contains(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += "0123456789ABCDEF"[byte >> 4U];
    encoded += "0123456789ABCDEF"[byte & 0xFU];
  }
  return encoded;
}

}  // namespace

std::string prompt_body(const PromptRequest& request) {
  std::string body = "{\"prompt\":";
  body += request.graph;
  body += ",\"client_id\":" + quoted(request.client_id);
  body += ",\"prompt_id\":" + quoted(request.prompt_id) + "}";
  return body;
}

std::string delete_body(std::span<const std::string> prompt_ids) {
  std::string body = "{\"delete\":[";
  for (const std::string& id : prompt_ids) {
    if (!body.ends_with('[')) body += ',';
    body += quoted(id);
  }
  return body + "]}";
}

std::string interrupt_body(std::string_view prompt_id) {
  return "{\"prompt_id\":" + quoted(prompt_id) + "}";
}

std::string free_body() {
  return R"({"unload_models":true,"free_memory":true})";
}

std::string view_target(const FileName& file) {
  return "/view?filename=" + percent_encode(file.filename) +
         "&subfolder=" + percent_encode(file.subfolder) + "&type=" + percent_encode(file.type);
}

std::string history_target(std::string_view prompt_id) {
  return "/history/" + percent_encode(prompt_id);
}

std::string newest_history_target() {
  return "/history?max_items=1";
}

std::string socket_target(std::string_view client_id) {
  return "/ws?clientId=" + percent_encode(client_id);
}

std::string models_target(std::string_view folder) {
  return "/models/" + percent_encode(folder);
}

std::string percent_encode(std::string_view text) {
  return encode(text, "");
}

std::string percent_encode_path(std::string_view path) {
  return encode(path, "/");
}

}  // namespace stoker::protocol::comfyui
