// The first minute of a start: the operator's tokens are made valid, and without a configuration a demo workshop is
// there, warmed up and running.
//
// Purpose: ends with everything that links and the ready file need.
// Threading: on the loop; `done` is called there once.
// Ownership: borrows the controller; keeps itself alive until `done`.
// Errors: those of the controller; the start is given up then.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "controller/controller.h"
#include "server/links.h"
#include "storage/store.h"

namespace stoker::server {

// Whether a first start makes a workshop to play with.
enum class Demo : std::uint8_t { wanted, none };

struct EntranceOrder {
  controller::Controller* controller = nullptr;
  std::function<WallTime()> wall;
  std::string links_path;
  Links links;                   // complete: every token is made
  std::vector<TokenRow> tokens;  // what the store knew before this start
  std::vector<TokenRow> keys;    // of the configuration
  Demo demo = Demo::none;
};

struct Entrance {
  Links links;
  WorkshopId workshop;    // none: no workshop of the links
  std::string join_code;  // of that workshop, unless it has ended
};

// Tokens that are missing or were revoked are made anew.
Links completed_links(Links links, const std::vector<TokenRow>& tokens);

void prepare_entrance(EntranceOrder order, std::function<void(Result<Entrance>)> done);

}  // namespace stoker::server
