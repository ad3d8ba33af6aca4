#include "backends/process/engine_calls.h"

#include <algorithm>
#include <vector>

namespace stoker {

EngineCalls::AdapterId EngineCalls::add(std::unique_ptr<Backend> adapter) {
  const AdapterId id(++last_adapter_);
  adapters_[id].backend = std::move(adapter);
  return id;
}

void EngineCalls::give_up(AdapterId adapter, const Error& why) {
  const auto found = adapters_.find(adapter);
  if (found == adapters_.end()) return;
  found->second.given_up = true;
  for (auto call = calls_.begin(); call != calls_.end();) {
    if (call->second.adapter != adapter) {
      ++call;
      continue;
    }
    loop_.post([end_with = std::move(call->second.end_with), why]() mutable { end_with(why); });
    call = calls_.erase(call);
  }
  drop_unused(adapter);
}

EngineCalls::AdapterId EngineCalls::running_at(AttemptId attempt) const {
  const auto found = std::ranges::find_if(
      calls_, [attempt](const auto& call) { return call.second.attempt == attempt; });
  return found == calls_.end() ? AdapterId{} : found->second.adapter;
}

EngineCalls::TrackedRun EngineCalls::track_run(AdapterId adapter, AttemptId attempt,
                                               Progress progress, Callback<RunReport> done) {
  TrackedRun run;
  run.done = track<RunReport>(adapter, std::move(done));
  const CallId id(last_call_);
  calls_.at(id).attempt = attempt;
  run.progress = [this, id, progress = std::move(progress)](RunProgress step) {
    if (calls_.contains(id)) progress(step);
  };
  return run;
}

void EngineCalls::answered(AdapterId adapter) {
  --adapters_.at(adapter).calls;
  drop_unused(adapter);
}

// Never inside an answer of the adapter itself.
void EngineCalls::drop_unused(AdapterId adapter) {
  const Adapter& known = adapters_.at(adapter);
  if (known.given_up && known.calls == 0) {
    loop_.post([this, adapter] { adapters_.erase(adapter); });
  }
}

}  // namespace stoker
