// The HTTP routes of the played ComfyUI.
//
// Threading: network thread. Ownership: refers to the state and the worker of its server.
// Errors: wrong bodies are answered the way aiohttp answers an exception, with a plain 500.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"
#include "tests/engines/comfyui_server/state.h"
#include "tests/engines/comfyui_server/worker.h"

namespace stoker::engines::comfyui {

struct Reply {
  int status = 200;
  std::string type = {};  // empty: no Content-Type
  std::string body = {};
  net::Headers headers = {};

  static Reply empty(int status_code = 200) { return {.status = status_code}; }
  static Reply of_json(const json::value& value, int status_code = 200);
  static Reply text(int status_code, std::string_view words);
  // What aiohttp says when a handler raised.
  static Reply crash();
};

struct Asked {
  const net::RequestHead& head;
  std::string path;  // as declared: without the twin prefix /api
  std::string rest;  // what follows a route that ends with a slash
  const std::string& body;

  std::string query(std::string_view name) const;
  bool has_query(std::string_view name) const;
  // nullopt: no JSON object.
  std::optional<json::object> json_object() const;
};

// Canonical: lower case with hyphens.
bool is_uuid(std::string_view text);

class Routes {
 public:
  Routes(State& state, Worker& worker) : state_(state), worker_(worker) {}

  net::Task<void> answer(net::Exchange& exchange, const std::string& body);

 private:
  using Answer = Reply (Routes::*)(const Asked&);
  struct Route {
    std::string_view method;
    std::string_view path;  // a trailing slash: anything may follow
    Answer answer;
    bool recent_only = false;
  };
  static const std::vector<Route>& table();

  Reply dispatch(const net::RequestHead& head, const std::string& body);
  std::optional<Reply> refuse_origin(const net::RequestHead& head) const;
  net::Task<void> serve_socket(net::Exchange& exchange);

  // routes_prompt.cc
  Reply get_prompt(const Asked& asked);
  Reply post_prompt(const Asked& asked);
  Reply get_queue(const Asked& asked);
  Reply post_queue(const Asked& asked);
  Reply interrupt(const Asked& asked);
  Reply free(const Asked& asked);
  Reply get_history(const Asked& asked);
  Reply get_history_of(const Asked& asked);
  Reply post_history(const Asked& asked);
  Reply refuse_prompt(json::object error, json::object node_errors = {});
  // The number of a new prompt and what the client gave for it; nullopt: not a number.
  std::optional<QueueItem> numbered(const json::object& request);
  std::optional<std::string> prompt_id_of(const json::object& request);
  void delete_pending(const json::object& request);
  void reveal_late_entries();

  // routes_jobs.cc
  Reply list_jobs(const Asked& asked);
  Reply get_job(const Asked& asked);
  Reply cancel_job(const Asked& asked);
  Reply cancel_jobs(const Asked& asked);
  json::object job_of(const QueueItem& item, std::string_view status) const;
  json::object job_of_entry(const std::string& id, const json::object& entry) const;
  std::vector<json::object> all_jobs() const;
  bool cancel(const std::string& id);

  // routes_files.cc
  Reply view(const Asked& asked);
  Reply view_metadata(const Asked& asked);
  Reply upload(const Asked& asked);
  bool has_original(const std::string& reference) const;

  // routes_info.cc
  Reply system_stats(const Asked& asked);
  Reply features(const Asked& asked);
  Reply object_info(const Asked& asked);
  Reply object_info_of(const Asked& asked);
  Reply embeddings(const Asked& asked);
  Reply models(const Asked& asked);
  Reply models_of(const Asked& asked);

  State& state_;
  Worker& worker_;
};

}  // namespace stoker::engines::comfyui
