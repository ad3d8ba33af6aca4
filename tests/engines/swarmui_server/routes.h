// The routes of the played SwarmUI: POST /API/…, its websockets, GET /View/….
//
// Threading: network thread. Ownership: refers to the state and the scheduler of its server.
// Errors: a failed handler answers 200 with {"error":…}; what is wrong with the call itself answers 400 or 401.
#pragma once

#include <boost/json.hpp>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"
#include "tests/engines/swarmui_server/outlet.h"
#include "tests/engines/swarmui_server/passthrough.h"
#include "tests/engines/swarmui_server/scheduler.h"
#include "tests/engines/swarmui_server/state.h"

namespace stoker::engines::swarmui {

struct CallError {
  int status = 400;
  std::string error;
  std::string error_id;

  json::object json() const;
};

// One call of an API route whose session is known.
struct Call {
  json::object request;
  std::shared_ptr<Session> session;  // null for GetNewSession
  std::string user;
  Life& life;

  std::optional<std::string> text(std::string_view name) const;
  std::optional<std::int64_t> number(std::string_view name) const;
  bool flag(std::string_view name) const;
};

class Routes {
 public:
  Routes(State& state, Scheduler& scheduler, Passthrough& passthrough)
      : state_(state), scheduler_(scheduler), passthrough_(passthrough) {}

  net::Task<void> answer(net::Exchange& exchange, const std::string& body, Life& life);
  // Some seconds have passed: {"keep_alive":true} to every open websocket.
  void keep_alive();
  void die();

 private:
  using Handler = net::Task<json::object> (Routes::*)(Call& call);
  struct Route {
    std::string_view name;
    Handler handler;  // null for a websocket
    std::string_view permission = {};
    bool needs_session = true;
  };
  static const std::vector<Route>& table();
  static const Route* find(std::string_view name);

  // A websocket of a generation or of SelectModel.
  struct Line {
    std::shared_ptr<Outlet> outlet;
    std::shared_ptr<Session> session;  // of the first request
    std::uint64_t listener = 0;
    std::size_t open = 0;     // requests that have not ended
    std::size_t indices = 0;  // handed out
    std::string last_status;
    Life life;
  };

  net::Task<void> answer_api(net::Exchange& exchange, const std::string& body, Life& life);
  net::Task<void> answer_view(net::Exchange& exchange);
  std::optional<CallError> check_head(const net::RequestHead& head, const std::string& body) const;
  std::expected<std::shared_ptr<Session>, CallError> session_of(const net::RequestHead& head,
                                                                const json::object& request) const;
  std::optional<CallError> check_permission(const Route& route) const;
  static net::Task<void> respond(net::Exchange& exchange, int status, const json::value& body);

  // routes_sockets.cc
  net::Task<void> answer_socket(net::Exchange& exchange, const Route& route);
  net::Task<void> serve_generations(std::shared_ptr<Line> line, net::RequestHead head,
                                    std::string first);
  net::Task<void> serve_selection(std::shared_ptr<Line> line, json::object request);
  bool begin_on_line(const std::shared_ptr<Line>& line, const net::RequestHead& head,
                     const std::string& text);
  net::Task<void> conclude(std::shared_ptr<Line> line, std::shared_ptr<Generation> generation);
  std::optional<json::object> open_line(Line& line, const net::RequestHead& head,
                                        const std::string& text, const Route& route) const;
  void listen(const std::shared_ptr<Line>& line);
  void unlisten(Line& line);

  // routes_session.cc
  net::Task<json::object> get_new_session(Call& call);
  net::Task<json::object> generate(Call& call);
  net::Task<json::object> get_current_status(Call& call);
  net::Task<json::object> get_global_status(Call& call);
  net::Task<json::object> interrupt_all(Call& call);
  net::Task<json::object> comfy_workflow(Call& call);

  // routes_backends.cc
  net::Task<json::object> list_backends(Call& call);
  net::Task<json::object> free_backend_memory(Call& call);
  net::Task<json::object> resource_info(Call& call);
  net::Task<json::object> list_models(Call& call);
  net::Task<json::object> describe_model(Call& call);
  net::Task<json::object> list_loaded_models(Call& call);
  net::Task<json::object> select_model(Call& call);
  net::Task<json::object> list_params(Call& call);
  net::Task<json::object> trigger_refresh(Call& call);
  json::object model_json(const SwarmUiModel& model) const;

  State& state_;
  Scheduler& scheduler_;
  Passthrough& passthrough_;
  std::vector<std::weak_ptr<Line>> open_;
  std::uint64_t next_listener_ = 0;
};

std::shared_ptr<Generation> new_generation(State& state, std::shared_ptr<Session> session,
                                           Params params);

}  // namespace stoker::engines::swarmui
