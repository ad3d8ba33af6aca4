#include "tests/engines/swarmui_server/state.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stoker::engines::swarmui {

State::State(net::Network& the_network, Gates& the_gates, Faults& the_faults, Watch& the_watch,
             SwarmUiOptions the_options)
    : network(the_network),
      gates(the_gates),
      faults(the_faults),
      watch(the_watch),
      options(std::move(the_options)) {
  for (std::size_t i = 0; i < options.backends; ++i)
    backends.push_back(std::make_unique<Backend>(static_cast<int>(i), network, watch));
}

std::vector<std::string> State::model_names(std::string_view subtype) const {
  std::vector<std::string> names;
  for (const SwarmUiModel& model : options.models) {
    if (model.subtype == subtype) names.push_back(model.name);
  }
  return names;
}

std::uint64_t State::bytes_of(std::string_view model) const {
  const auto found = std::ranges::find(options.models, model, &SwarmUiModel::name);
  return found == options.models.end() ? 0 : found->bytes;
}

std::uint64_t State::used_on(const Backend& backend) const {
  const std::uint64_t used = bytes_of(backend.resident) + backend.leaked + other_use;
  return std::min(used, options.vram_bytes);
}

bool State::loaded(std::string_view model) const {
  return std::ranges::any_of(backends,
                             [&](const auto& backend) { return backend->current_model == model; });
}

json::object State::backend_status() const {
  const auto count = [this](std::initializer_list<SwarmBackendStatus> wanted) {
    return std::ranges::count_if(backends, [&](const auto& backend) {
      return std::ranges::find(wanted, backend->status) != wanted.end();
    });
  };
  using enum SwarmBackendStatus;
  const auto all = static_cast<std::ptrdiff_t>(backends.size());
  const auto loading_now = count({loading, waiting});
  const bool any_loading = loading_now > 0;
  const auto row = [&](std::string_view status, std::string_view kind, std::string_view message) {
    return json::object{
        {"status", status}, {"class", kind}, {"message", message}, {"any_loading", any_loading}};
  };
  if (all == 0) return row("empty", "error", "No backends present. Add a backend to continue.");
  if (count({disabled}) == all)
    return row("all_disabled", "error", "All backends are disabled. Enable one to continue.");
  if (count({errored}) > 0)
    return row("errored", "error", "Some backends have errored on the server. Check the logs.");
  if (count({running}) > 0 && any_loading) {
    return row("some_loading", "warn", "Some backends are ready, but others are still loading...");
  }
  if (count({running}) > 0) return row("running", "", "");
  if (any_loading) return row("loading", "soft", "Backends are still loading on the server...");
  if (count({disabled}) > 0)
    return row("disabled", "warn", "Some backends are disabled. Enable one to continue.");
  if (count({idle}) == all) {
    return row("idle", "warn",
               "All backends are idle. Cannot generate until at least one backend is running.");
  }
  return row("unknown", "error", "Something is wrong with your backends.");
}

json::object State::status_of(const Session* session) const {
  std::array<std::size_t, 4> sums{};
  for (const auto& [id, other] : sessions) {
    if (session != nullptr && other.get() != session) continue;
    sums[0] += other->waiting_gens;
    sums[1] += other->loading_models;
    sums[2] += other->waiting_backends;
    sums[3] += other->live_gens;
  }
  return {{"status",
           {{"waiting_gens", sums[0]},
            {"loading_models", sums[1]},
            {"waiting_backends", sums[2]},
            {"live_gens", sums[3]}}},
          {"backend_status", backend_status()},
          {"supported_features", json::array{"comfyui", "txt2img", "img2img"}}};
}

std::string_view status_name(SwarmBackendStatus status) {
  static constexpr std::array<std::string_view, 6> kNames = {"disabled", "errored", "waiting",
                                                             "loading",  "idle",    "running"};
  return kNames.at(static_cast<std::size_t>(status));
}

}  // namespace stoker::engines::swarmui
