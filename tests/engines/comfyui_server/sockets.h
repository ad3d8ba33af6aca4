// The websockets of the played ComfyUI: one registered socket per client id.
//
// Purpose: frames to one client or to all, the negotiation of previews, cutting.
// Threading: network thread. Frames of one socket arrive in the order of the calls.
// Ownership: shared by the server and the handler frames of the sockets.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/network.h"

namespace stoker::engines::comfyui {

namespace json = boost::json;

// A picture on its way: event 4 with the metadata for those who asked for it, else event 1.
struct Preview {
  std::string bytes;
  std::string mime;       // "image/jpeg"
  json::object metadata;  // node_id, prompt_id, display_node_id, …
};

class Sockets {
 public:
  explicit Sockets(net::Network& network) : network_(network) {}

  // `greet` is called once the socket is registered; `features` is what GET /features says. Ends when the peer goes.
  net::Task<void> serve(net::Exchange& exchange, std::string client_id, std::function<void()> greet,
                        json::object features);

  // {"type":…,"data":…} with `type` first. Unknown clients are ignored.
  void send(const std::string& client_id, std::string_view type, const json::object& data);
  void broadcast(std::string_view type, const json::object& data);
  void send_text(const std::string& client_id, std::string_view text);
  void send_binary(const std::string& client_id, std::string_view bytes);
  // An empty client id means all.
  void send_preview(const std::string& client_id, const Preview& preview);
  // event 3: text of a node.
  void send_node_text(const std::string& client_id, std::string_view node, std::string_view text);

  // The same, and the connection breaks once the frame is written.
  void send_last(const std::string& client_id, std::string_view type, const json::object& data);
  void cut(const std::string& client_id);
  void cut_all();
  std::size_t count() const { return by_client_.size(); }

 private:
  struct Socket {
    std::unique_ptr<net::WebSocket> stream;  // null once cut
    bool previews_with_metadata = false;
    bool has_spoken = false;
  };

  static net::Task<void> write_last(std::shared_ptr<Socket> socket, net::Task<Result<void>> write);
  void hear(Socket& socket, const std::string& client_id, const std::string& text,
            const json::object& features);
  void write(Socket& socket, std::string_view bytes, bool binary);
  void write_preview(Socket& socket, const Preview& preview);

  net::Network& network_;
  std::map<std::string, std::shared_ptr<Socket>> by_client_;
};

}  // namespace stoker::engines::comfyui
