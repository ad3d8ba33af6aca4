// Calls to engines with one deadline for all of their requests together.
//
// Purpose: a load is several requests; its deadline starts when the call starts and covers them all.
// Threading: loop. Errors: run_timeout once the deadline has passed; its connections are closed then.
#pragma once

#include <memory>
#include <utility>

#include "backends/http/engine_link.h"

namespace stoker {

// The callback comes on the loop, never inside this call.
template <class T>
void refuse_soon(const EngineLink& link, Error why, Backend::Callback<T> done) {
  link.post()([done = std::move(done), why = std::move(why)]() mutable {
    done(std::unexpected(std::move(why)));
  });
}

// A deadline that is not positive has passed already: nothing is sent.
template <class T>
EngineLink::CallId start_within(EngineLink& link, Duration deadline, net::Task<Result<T>> work,
                                Backend::Callback<T> done) {
  const Error late{ErrorCode::run_timeout, "the deadline passed", {}, {}};
  if (deadline <= Duration{}) {
    refuse_soon<T>(link, late, std::move(done));
    return {};
  }
  Loop& loop = link.loop();
  const auto timer = std::make_shared<TimerId>();
  const EngineLink::CallId call = link.start<T>(
      std::move(work), [&loop, timer, done = std::move(done)](Result<T> result) mutable {
        loop.cancel(*timer);
        done(std::move(result));
      });
  // The adapter may be gone by then: only the link's own post knows.
  *timer = loop.after(deadline, [post = link.post(), &link, call, late] {
    post([&link, call, late] { link.give_up(call, late); });
  });
  return call;
}

}  // namespace stoker
