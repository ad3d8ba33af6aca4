#include "tests/engines/comfyui_server/sockets.h"

#include <boost/system/error_code.hpp>
#include <utility>
#include <vector>

namespace stoker::engines::comfyui {
namespace {

constexpr std::uint32_t kPreviewEvent = 1;
constexpr std::uint32_t kTextEvent = 3;
constexpr std::uint32_t kPreviewWithMetadataEvent = 4;
constexpr std::uint32_t kJpegFormat = 1;
constexpr std::uint32_t kPngFormat = 2;

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

std::string frame(std::string_view type, const json::object& data) {
  return json::serialize(json::object{{"type", type}, {"data", data}});
}

net::Task<void> finish(net::Task<Result<void>> write) {
  co_await write;  // a peer that is gone is noticed by the read
}

}  // namespace

net::Task<void> Sockets::serve(net::Exchange& exchange, std::string client_id,
                               std::function<void()> greet, json::object features) {
  auto stream = co_await exchange.accept_websocket();
  if (!stream) {
    co_await exchange.respond({.status = 400, .headers = {}}, "No WebSocket UPGRADE hdr: None");
    co_return;
  }
  const auto socket = std::make_shared<Socket>();
  socket->stream = std::move(*stream);
  by_client_[client_id] = socket;
  greet();
  while (socket->stream) {
    const auto message = co_await socket->stream->read();
    if (!message) break;
    if (!message->binary) hear(*socket, client_id, message->bytes, features);
  }
  // Whoever is registered under the id now goes, also a newer socket: that is how ComfyUI does it.
  if (socket->stream) by_client_.erase(client_id);
}

void Sockets::hear(Socket& socket, const std::string& client_id, const std::string& text,
                   const json::object& features) {
  if (std::exchange(socket.has_spoken, true)) return;
  boost::system::error_code fault;
  const json::value message = json::parse(text, fault);
  if (fault || !message.is_object()) return;
  const json::value* type = message.get_object().if_contains("type");
  if (type == nullptr || *type != json::value("feature_flags")) return;
  const json::value* data = message.get_object().if_contains("data");
  const json::object* flags = data == nullptr ? nullptr : data->if_object();
  const json::value* wanted =
      flags == nullptr ? nullptr : flags->if_contains("supports_preview_metadata");
  socket.previews_with_metadata = wanted != nullptr && wanted->is_bool() && wanted->get_bool();
  send(client_id, "feature_flags", features);
}

void Sockets::write(Socket& socket, std::string_view bytes, bool binary) {
  if (!socket.stream) return;
  network_.spawn(
      finish(binary ? socket.stream->write_binary(bytes) : socket.stream->write_text(bytes)));
}

void Sockets::send(const std::string& client_id, std::string_view type, const json::object& data) {
  send_text(client_id, frame(type, data));
}

void Sockets::send_text(const std::string& client_id, std::string_view text) {
  const auto found = by_client_.find(client_id);
  if (found != by_client_.end()) write(*found->second, text, false);
}

void Sockets::send_binary(const std::string& client_id, std::string_view bytes) {
  const auto found = by_client_.find(client_id);
  if (found != by_client_.end()) write(*found->second, bytes, true);
}

void Sockets::broadcast(std::string_view type, const json::object& data) {
  const std::string text = frame(type, data);
  for (const auto& [client_id, socket] : by_client_) write(*socket, text, false);
}

void Sockets::write_preview(Socket& socket, const Preview& preview) {
  if (!socket.previews_with_metadata) {
    const std::uint32_t format = preview.mime == "image/png" ? kPngFormat : kJpegFormat;
    return write(socket, big_endian(kPreviewEvent) + big_endian(format) + preview.bytes, true);
  }
  json::object metadata = preview.metadata;
  metadata["image_type"] = preview.mime;
  const std::string text = json::serialize(metadata);
  write(socket,
        big_endian(kPreviewWithMetadataEvent) +
            big_endian(static_cast<std::uint32_t>(text.size())) + text + preview.bytes,
        true);
}

void Sockets::send_preview(const std::string& client_id, const Preview& preview) {
  for (const auto& [id, socket] : by_client_) {
    if (client_id.empty() || id == client_id) write_preview(*socket, preview);
  }
}

void Sockets::send_node_text(const std::string& client_id, std::string_view node,
                             std::string_view text) {
  const auto found = by_client_.find(client_id);
  if (found == by_client_.end()) return;
  write(*found->second,
        big_endian(kTextEvent) + big_endian(static_cast<std::uint32_t>(node.size())) +
            std::string(node) + std::string(text),
        true);
}

void Sockets::send_last(const std::string& client_id, std::string_view type,
                        const json::object& data) {
  const auto found = by_client_.find(client_id);
  if (found == by_client_.end()) return;
  const std::shared_ptr<Socket> socket = found->second;
  by_client_.erase(found);
  network_.spawn(write_last(socket, socket->stream->write_text(frame(type, data))));
}

net::Task<void> Sockets::write_last(std::shared_ptr<Socket> socket, net::Task<Result<void>> write) {
  co_await write;
  socket->stream.reset();
}

void Sockets::cut(const std::string& client_id) {
  const auto found = by_client_.find(client_id);
  if (found == by_client_.end()) return;
  found->second->stream.reset();
  by_client_.erase(found);
}

void Sockets::cut_all() {
  for (const auto& [client_id, socket] : std::exchange(by_client_, {})) socket->stream.reset();
}

}  // namespace stoker::engines::comfyui
