// GenerateText2ImageWS and SelectModelWS.
#include <algorithm>
#include <boost/system/error_code.hpp>
#include <utility>

#include "tests/engines/swarmui_server/routes.h"

namespace stoker::engines::swarmui {

net::Task<void> Routes::answer_socket(net::Exchange& exchange, const Route& route) {
  const net::RequestHead head = exchange.head();
  auto socket = co_await exchange.accept_websocket();
  if (!socket) {
    const CallError wrong{.status = 400, .error = "no websocket", .error_id = "bad_request_method"};
    co_return co_await respond(exchange, wrong.status, wrong.json());
  }
  const auto line = std::make_shared<Line>();
  line->outlet = std::make_shared<Outlet>(state_.network, std::move(*socket));
  const auto first = co_await line->outlet->read();
  if (!first) co_return;
  auto request = open_line(*line, head, first->bytes, route);
  if (!request) {
    line->outlet->close();
    static_cast<void>(co_await line->outlet->read());  // the peer's goodbye
    co_return;
  }
  listen(line);
  if (route.name == "SelectModelWS") {
    co_await serve_selection(line, std::move(*request));
  } else {
    co_await serve_generations(line, head, first->bytes);
  }
  unlisten(*line);
  line->life.end();
}

// The first message names the session. Nothing, and an error on the line, if it is not in order.
std::optional<json::object> Routes::open_line(Line& line, const net::RequestHead& head,
                                              const std::string& text, const Route& route) const {
  boost::system::error_code fault;
  const json::value parsed = json::parse(text, fault);
  const auto refuse = [&](const CallError& error) {
    line.outlet->push(json::serialize(error.json()));
    return std::nullopt;
  };
  if (fault || !parsed.is_object())
    return refuse({.error = "bad input (must be a JSON object)", .error_id = "basic_api"});
  auto session = session_of(head, parsed.get_object());
  if (!session) return refuse(session.error());
  if (const auto wrong = check_permission(route)) return refuse(*wrong);
  line.session = std::move(*session);
  return parsed.get_object();
}

// Status messages: at once, on every change.
void Routes::listen(const std::shared_ptr<Line>& line) {
  const std::weak_ptr<Line> weak = line;
  const auto show = [this, weak] {
    const auto kept = weak.lock();
    if (!kept) return;
    std::string status = json::serialize(state_.status_of(kept->session.get()));
    if (status == kept->last_status) return;
    kept->last_status = status;
    kept->outlet->push(std::move(status));
  };
  line->listener = ++next_listener_;
  line->session->listeners[line->listener] = show;
  std::erase_if(open_, [](const auto& other) { return other.expired(); });
  open_.push_back(line);
  show();
}

void Routes::unlisten(Line& line) {
  if (line.session) line.session->listeners.erase(line.listener);
}

void Routes::keep_alive() {
  for (const auto& weak : open_) {
    if (const auto line = weak.lock()) line->outlet->push(R"({"keep_alive":true})");
  }
}

void Routes::die() {
  for (const auto& weak : std::exchange(open_, {})) {
    const auto line = weak.lock();
    if (!line) continue;
    line->life.end();
    line->outlet->cut();
  }
}

net::Task<void> Routes::serve_generations(std::shared_ptr<Line> line, net::RequestHead head,
                                          std::string first) {
  line->outlet->break_after(state_.faults.take(FaultKind::cut_stream));
  if (const auto garbage = state_.faults.take(FaultKind::garbage_in_stream))
    line->outlet->push(garbage->text.empty() ? "{\"status\": {" : garbage->text);
  if (!begin_on_line(line, head, first)) line->outlet->close();
  while (!line->life.ended()) {
    const auto message = co_await line->outlet->read();
    if (!message) co_return;
    begin_on_line(line, head, message->bytes);
  }
}

// Another request on the same line runs beside those that are under way.
bool Routes::begin_on_line(const std::shared_ptr<Line>& line, const net::RequestHead& head,
                           const std::string& text) {
  boost::system::error_code fault;
  const json::value parsed = json::parse(text, fault);
  const auto refuse = [&](std::string_view error) {
    line->outlet->push(json::serialize(json::object{{"error", error}}));
    return false;
  };
  if (fault || !parsed.is_object()) return refuse("bad input (must be a JSON object)");
  if (const auto session = session_of(head, parsed.get_object()); !session)
    return refuse(session.error().error);
  Outcome params = read_params(parsed.get_object(), state_.model_names());
  if (!params) return refuse(params.error());
  const auto generation = new_generation(state_, line->session, std::move(*params));
  generation->index_offset = line->indices;
  line->indices += generation->params.images;
  ++line->open;
  const std::weak_ptr<Line> weak = line;
  generation->tell = [weak](const json::object& message) {
    if (const auto kept = weak.lock()) kept->outlet->push(json::serialize(message));
  };
  scheduler_.start(generation);
  state_.network.spawn(conclude(line, generation));
  return true;
}

net::Task<void> Routes::conclude(std::shared_ptr<Line> line,
                                 std::shared_ptr<Generation> generation) {
  while (generation->left > 0) {
    if (!co_await generation->ended.wait(line->life)) co_return;
  }
  line->outlet->push(json::serialize(json::object{{"discard_indices", json::array()}}));
  if (--line->open > 0 || line->life.ended()) co_return;
  line->outlet->push(R"({"socket_intention":"close"})");
  const bool stays = co_await state_.gates.pass(Gate::transfer, line->life);
  if (!stays || line->life.ended() || line->open > 0) co_return;
  unlisten(*line);
  line->outlet->push(json::serialize(state_.status_of(line->session.get())));
  line->outlet->close();
}

net::Task<void> Routes::serve_selection(std::shared_ptr<Line> line, json::object request) {
  Call call{.request = std::move(request),
            .session = line->session,
            .user = line->session->user,
            .life = line->life};
  const json::object reply = co_await select_model(call);
  line->outlet->push(json::serialize(reply));
  unlisten(*line);
  line->outlet->push(json::serialize(state_.status_of(line->session.get())));
  line->outlet->close();
  static_cast<void>(co_await line->outlet->read());  // the peer's goodbye
}

}  // namespace stoker::engines::swarmui
