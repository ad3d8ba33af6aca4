// The native API: everything under /api/v1.
//
// Purpose: authenticates, limits, checks and answers; state is read from snapshots and changed by the controller only.
// Threading: construct and destroy on the owner thread; the handler runs on the network thread; `watch_publications` on the
//   controller's loop; `set_public_base_url` from any thread.
// Ownership: borrows its surroundings. The HTTP server must be destroyed before the Api, the Api before the controller,
//   the controller (and its loop) before the Network.
// Limits: Options; bodies of kBodyBytesMax; kTicketsMax tickets; EventHub::Limits streams.
// Errors: every failure is answered with the body of refusal.h.
#pragma once

#include <memory>
#include <string>

#include "api/options.h"
#include "api/refusal.h"
#include "api/surroundings.h"

namespace stoker::api {

class Handlers;
struct Route;

class Api {
 public:
  Api(Surroundings surroundings, Options options);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // For whatever path begins with /api/. Its captures end with this object.
  net::Handler handler();

  // Lets event streams follow the controller. Once, on its loop, before it publishes much.
  void watch_publications();

  // Where people reach the pages ("http://192.168.1.20:8420"), for the join address on the board.
  void set_public_base_url(std::string url);

  // The Host and Origin rules, for pages beside the API.
  const OriginCheck& origin_check() const { return origin_; }

  // Network thread.
  std::size_t stream_count() const { return hub_->stream_count(); }

 private:
  net::Task<void> serve(net::Exchange& exchange);
  net::Task<Answer> answer(net::Exchange& exchange);
  net::Task<Answer> authorised(net::Exchange& exchange, const Route& route,
                               std::vector<std::string> parameters);
  Checked<TokenHash> credential(const net::RequestHead& head, const Route& route, Instant now);

  Surroundings around_;
  const Options options_;
  const OriginCheck origin_;
  std::shared_ptr<EventHub> hub_;
  std::unique_ptr<Handlers> handlers_;
  RateLimit<TokenHash> requests_;
};

}  // namespace stoker::api
