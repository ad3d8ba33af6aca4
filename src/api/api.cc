#include "api/api.h"

#include "api/handlers.h"
#include "api/router.h"

namespace stoker::api {
namespace {

Refusal unauthorised(std::string detail) {
  return {.code = ErrorCode::unauthorised, .detail = std::move(detail)};
}

net::ResponseHead head_of(Reply& reply) {
  net::ResponseHead head{.status = reply.status, .headers = {}};
  add_safety_headers(head.headers);
  if (!reply.type.empty() && !reply.body.empty()) head.headers.set("Content-Type", reply.type);
  for (const auto& [name, value] : reply.headers.all()) head.headers.set(name, value);
  return head;
}

Reply reply_of(const Refusal& refusal) {
  Reply reply = json_reply(refusal_body(refusal), status_of(refusal));
  if (refusal.retry_after_s)
    reply.headers.add("Retry-After", std::to_string(*refusal.retry_after_s));
  if (!refusal.allow.empty()) reply.headers.add("Allow", refusal.allow);
  if (refusal.code == ErrorCode::unauthorised) reply.headers.add("WWW-Authenticate", "Bearer");
  return reply;
}

Reply options_reply(std::string_view allow) {
  Reply reply{.status = 204};
  reply.headers.add("Allow", allow);
  return reply;
}

EventHub::Limits limits_of(const Options& options) {
  return options.streams;
}

}  // namespace

Api::Api(Surroundings surroundings, Options options)
    : around_(surroundings),
      options_(std::move(options)),
      origin_(options_.origin),
      hub_(EventHub::create(
          around_.network, limits_of(options_), options_.build,
          [clocks = options_.clocks] { return Moment{clocks.planning(), clocks.wall()}; },
          around_.controller.snapshot())),
      handlers_(std::make_unique<Handlers>(around_, options_, hub_)),
      requests_(options_.request_rate, options_.rate_keys_max) {}

Api::~Api() = default;

net::Handler Api::handler() {
  return [this](net::Exchange& exchange) { return serve(exchange); };
}

void Api::watch_publications() {
  around_.controller.on_publish(
      [weak = std::weak_ptr(hub_)](std::shared_ptr<const Snapshot> snapshot) {
        if (const auto hub = weak.lock()) hub->publish(std::move(snapshot));
      });
}

void Api::set_public_base_url(std::string url) {
  around_.network.post([weak = std::weak_ptr(hub_), url = std::move(url)]() mutable {
    if (const auto hub = weak.lock()) hub->set_join_place({std::move(url)});
  });
}

net::Task<void> Api::serve(net::Exchange& exchange) {
  Answer answered = co_await answer(exchange);
  if (answered && answered->sent) co_return;
  if (exchange.gone()) co_return;
  Reply reply = answered ? std::move(*answered) : reply_of(answered.error());
  net::ResponseHead head = head_of(reply);
  [[maybe_unused]] const auto sent =
      co_await exchange.respond(std::move(head), std::move(reply.body));
}

net::Task<Answer> Api::answer(net::Exchange& exchange) {
  const net::RequestHead& head = exchange.head();
  if (!origin_.host_is_ours(head)) {
    co_return refuse(
        {.code = ErrorCode::forbidden, .detail = "not a name of this server", .field = "Host"});
  }
  if (!origin_.origin_is_ours(head)) {
    co_return refuse({.code = ErrorCode::forbidden, .detail = "another site", .field = "Origin"});
  }
  RouteMatch match = match_route(head.method, head.path);
  if (match.allow.empty())
    co_return refuse({.code = ErrorCode::not_found, .detail = "no such path"});
  if (head.method == "OPTIONS") co_return options_reply(match.allow);
  if (match.route == nullptr) {
    co_return refuse({.code = ErrorCode::bad_request,
                      .detail = "this path does not take this method",
                      .field = "method",
                      .status = 405,
                      .allow = std::move(match.allow)});
  }
  co_return co_await authorised(exchange, *match.route, std::move(match.parameters));
}

// The hash of the token that the request shows, itself or by a ticket.
Checked<TokenHash> Api::credential(const net::RequestHead& head, const Route& route, Instant now) {
  if (const auto field = head.headers.find("Authorization")) {
    const auto token = bearer_token(*field);
    if (!token) return refuse(unauthorised("no bearer token"));
    return hash_of(*token);
  }
  const auto ticket = net::query_value(head.query, "ticket");
  if (!ticket || route.credential != Credential::token_or_ticket)
    return refuse(unauthorised("no token"));
  const auto token = handlers_->tickets().redeem(*ticket, now);
  if (!token) return refuse(unauthorised("the ticket was used or is too old"));
  return *token;
}

net::Task<Answer> Api::authorised(net::Exchange& exchange, const Route& route,
                                  std::vector<std::string> parameters) {
  Request request{.exchange = exchange,
                  .parameters = std::move(parameters),
                  .who = {},
                  .snapshot = around_.controller.snapshot()};
  if (route.credential == Credential::none)
    co_return co_await (handlers_.get()->*route.handle)(request);

  const Instant now = options_.clocks.now();
  const auto token = credential(exchange.head(), route, now);
  if (!token) co_return refuse(token.error());
  if (!request.snapshot->tokens) co_return refuse(unauthorised("unknown token"));
  const auto found = request.snapshot->tokens->find(*token);
  if (found == request.snapshot->tokens->end() || !same_hash(found->first, *token)) {
    co_return refuse(unauthorised("unknown token"));
  }
  if (const auto wait = requests_.take(*token, now)) {
    co_return refuse({.code = ErrorCode::limit_reached,
                      .detail = "too many requests of this token",
                      .retry_after_s = retry_seconds(*wait)});
  }
  if ((route.roles & role_bit(found->second.role)) == 0) {
    co_return refuse({.code = ErrorCode::forbidden, .detail = "not for this role"});
  }
  request.who = found->second;
  request.token = *token;
  co_return co_await (handlers_.get()->*route.handle)(request);
}

}  // namespace stoker::api
