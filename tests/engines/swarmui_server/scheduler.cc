#include "tests/engines/swarmui_server/scheduler.h"

#include <algorithm>
#include <utility>

namespace stoker::engines::swarmui {
namespace {

constexpr Duration kStallMax = minutes(120);
constexpr const char* kInterrupted = "Generation session interrupted.";

bool open_for_work(const Backend& backend) {
  return backend.status == SwarmBackendStatus::running;
}

bool coming(const Backend& backend) {
  return backend.status == SwarmBackendStatus::loading ||
         backend.status == SwarmBackendStatus::waiting;
}

}  // namespace

void Scheduler::start(const std::shared_ptr<Generation>& generation) {
  Session& session = *generation->session;
  generation->left = generation->params.images;
  session.waiting_gens += generation->left;
  session.generations.insert(generation);
  ++state_.counts.requests;
  session.changed();
  for (std::size_t i = 0; i < generation->params.images; ++i)
    state_.network.spawn(play(generation, i));
}

void Scheduler::interrupt(Session& session) {
  for (const auto& generation : std::set(session.generations)) {
    generation->interrupted = true;
    generation->cancel.end();
  }
}

void Scheduler::die() {
  life_->end();
  for (const auto& [id, session] : state_.sessions) {
    interrupt(*session);
    session->generations.clear();
    session->listeners.clear();
    session->waiting_gens = session->loading_models = 0;
    session->waiting_backends = session->live_gens = 0;
  }
  pending_.clear();
  loading_.clear();
  life_ = std::make_shared<Life>();
}

net::Task<void> Scheduler::play(std::shared_ptr<Generation> generation, std::size_t index) {
  const std::shared_ptr<Life> life = life_;
  const std::shared_ptr<Session> session = generation->session;
  if (life->ended()) co_return;
  ++session->waiting_backends;
  const std::shared_ptr<Pending> pending = co_await claim(generation);
  if (life->ended()) co_return;
  --session->waiting_backends;
  if (pending->granted == nullptr) {
    end_image(*generation, index, pending->error.value_or(""));
    co_return;
  }
  Backend& backend = *pending->granted;
  ++session->live_gens;
  state_.counts.most_live = std::max<std::size_t>(
      state_.counts.most_live,
      state_.status_of(nullptr).at("status").at("live_gens").to_number<std::size_t>());
  session->changed();
  const std::string error = co_await make(generation, backend, index);
  if (life->ended()) co_return;
  --session->live_gens;
  --backend.usages;
  backend.released_at = state_.now();
  backend.released_as = ++state_.releases;
  end_image(*generation, index, error);
  look();
}

net::Task<std::shared_ptr<Scheduler::Pending>> Scheduler::claim(
    std::shared_ptr<Generation> generation) {
  const std::shared_ptr<Life> life = life_;
  auto pending = std::make_shared<Pending>(state_.network, state_.watch);
  pending->generation = generation;
  pending->since = state_.now();
  pending_.push_back(pending);
  look();
  generation->session->changed();
  while (!settled(*pending)) {
    if (!co_await pending->woken.wait(generation->cancel)) break;
  }
  if (!life->ended()) pending_.remove(pending);
  co_return pending;
}

net::Task<std::string> Scheduler::make(std::shared_ptr<Generation> generation, Backend& backend,
                                       std::size_t index) {
  const std::shared_ptr<Life> life = life_;
  Generation& g = *generation;
  if (!co_await take_turn(backend, g.cancel) || life->ended()) co_return kInterrupted;
  std::string error;
  if (backend.resident != g.params.model) {
    if (const auto failure = co_await bring_in(backend, g.params.model))
      error = "ComfyUI execution error: " + *failure;
    if (life->ended()) co_return kInterrupted;
  }
  if (error.empty() && state_.faults.take(FaultKind::out_of_memory)) {
    backend.resident.clear();
    error = "ComfyUI execution error: Allocation on device 0 would exceed allowed memory.";
  }
  if (const auto fault = state_.faults.take(FaultKind::error_in_stream); fault && error.empty())
    error = fault->text.empty() ? "Something went wrong while generating images." : fault->text;
  if (error.empty() && !co_await sample(g, index)) error = kInterrupted;
  if (life->ended()) co_return kInterrupted;
  if (error.empty()) {
    const bool alive = co_await state_.gates.pass(Gate::result, *life);
    if (!alive || life->ended()) co_return kInterrupted;
    save(g, index);
  }
  end_turn(backend);
  co_return error;
}

// Nobody else runs on the backend's ComfyUI until end_turn; false when `life` ended first.
net::Task<bool> Scheduler::take_turn(Backend& backend, Life& life) {
  while (backend.at_work) {
    if (!co_await backend.turn.wait(life)) co_return false;
  }
  if (life.ended()) co_return false;
  backend.at_work = true;
  co_return true;
}

void Scheduler::end_turn(Backend& backend) {
  backend.at_work = false;
  backend.turn.wake_one();
}

net::Task<bool> Scheduler::sample(Generation& generation, std::size_t index) {
  const auto& params = generation.params;
  for (std::uint32_t step = 0; step <= params.steps; ++step) {
    const double share = params.steps == 0 ? 1.0 : static_cast<double>(step) / params.steps;
    json::object progress{{"batch_index", std::to_string(generation.index_offset + index)},
                          {"request_id", generation.request_id},
                          {"overall_percent", share},
                          {"current_percent", share}};
    if (!params.no_previews && step > 0)
      progress["preview"] = "data:image/jpeg;base64," + base64(comfyui::jpeg_preview());
    generation.say({{"gen_progress", progress}});
    if (params.forward_raw) {
      generation.say(
          {{"raw_backend_data",
            {{"type", "progress"}, {"data", {{"value", step}, {"max", params.steps}}}}}});
    }
    state_.watch.changed();
    if (step == params.steps) co_return true;
    if (!co_await state_.gates.pass(Gate::step, generation.cancel)) co_return false;
  }
  co_return true;
}

net::Task<std::optional<std::string>> Scheduler::bring_in(Backend& backend, std::string model) {
  const std::shared_ptr<Life> life = life_;
  const bool alive = co_await state_.gates.pass(Gate::load, *life);
  if (!alive || life->ended()) co_return std::nullopt;
  if (const auto fault = state_.faults.take(FaultKind::load_error))
    co_return fault->text.empty() ? "Error while deserializing header" : fault->text;
  backend.resident = model;
  if (!model.empty()) ++state_.counts.loads[model];
  state_.watch.changed();
  co_return std::nullopt;
}

net::Task<void> Scheduler::load(Backend& backend, std::string model,
                                std::shared_ptr<Session> session) {
  const std::shared_ptr<Life> life = life_;
  if (!co_await take_turn(backend, *life) || life->ended()) co_return;
  const auto failure = co_await bring_in(backend, model);
  if (life->ended()) co_return;
  end_turn(backend);
  if (failure) {
    last_failure_ = *failure;
    backend.failed.insert(model);
  } else {
    backend.current_model = model;
    backend.failed.erase(model);
  }
  backend.reserved = false;
  loading_.erase(model);
  --session->loading_models;
  session->changed();
  look();
}

net::Task<std::optional<std::string>> Scheduler::select(std::string model,
                                                        std::optional<int> backend,
                                                        std::shared_ptr<Session> session) {
  const std::shared_ptr<Life> life = life_;
  bool any = false;
  for (const auto& one : state_.backends) {
    if (!open_for_work(*one) || (backend && one->id != *backend)) continue;
    ++session->loading_models;
    session->changed();
    if (!co_await take_turn(*one, *life) || life->ended()) co_return "Model failed to load.";
    const auto failure = co_await bring_in(*one, model);
    if (life->ended()) co_return "Model failed to load.";
    end_turn(*one);
    if (!failure) one->current_model = model;
    any = any || !failure;
    --session->loading_models;
    session->changed();
  }
  look();
  if (!any) co_return "Model failed to load.";
  co_return std::nullopt;
}

std::size_t Scheduler::free(std::optional<int> backend) {
  std::size_t count = 0;
  for (const auto& one : state_.backends) {
    if (!open_for_work(*one) || (backend && one->id != *backend)) continue;
    ++count;
    if (state_.faults.take(FaultKind::unload_keeps_memory))
      one->leaked += state_.bytes_of(one->resident);
    one->resident.clear();
  }
  if (count > 0) ++state_.counts.frees;
  state_.watch.changed();
  return count;
}

void Scheduler::save(Generation& generation, std::size_t index) {
  const Params& params = generation.params;
  std::uint64_t seed = params.seed < 0 ? ++state_.minted : static_cast<std::uint64_t>(params.seed);
  if (!params.no_seed_increment) seed += index;
  const std::string bytes =
      comfyui::png_picture({.width = params.width, .height = params.height},
                           static_cast<std::uint32_t>(seed * 2654435761U) & 0xFFFFFFU);
  std::string words = params.prompt.substr(0, 40);
  std::ranges::replace_if(words, [](char c) { return c == '/' || c == '\\'; }, '_');
  const std::string name =
      std::to_string(++state_.saved) + "-" + words + "-" + std::to_string(seed) + ".png";
  const std::string path =
      "View/" + generation.session->user + "/raw/" + state_.date() + "/" + name;
  std::string shown = path;
  if (params.do_not_save) {
    shown = "data:image/png;base64," + base64(bytes);
  } else {
    state_.outputs[path] = bytes;
  }
  generation.images[index] = shown;
  ++state_.counts.images;
  const json::object about{{"sui_image_params",
                            {{"prompt", params.prompt},
                             {"model", params.model},
                             {"seed", seed},
                             {"steps", params.steps},
                             {"width", params.width},
                             {"height", params.height}}}};
  generation.say({{"image", shown},
                  {"batch_index", std::to_string(generation.index_offset + index)},
                  {"request_id", generation.request_id},
                  {"metadata", json::serialize(about)}});
}

void Scheduler::end_image(Generation& generation, std::size_t index, const std::string& error) {
  const bool made = generation.images.contains(index);
  const bool cancelled = !made && (error.empty() || error == kInterrupted);
  if (cancelled) ++state_.counts.interrupted;
  if (!made && !cancelled) ++state_.counts.failed;
  if (!error.empty() && !generation.error) {
    generation.error = error;
    generation.say({{"error", error}});
    if (!generation.params.continue_after_errors) generation.cancel.end();
  }
  generation.say({{"keep_alive", true}});
  --generation.left;
  Session& session = *generation.session;
  --session.waiting_gens;
  session.changed();
  if (generation.left > 0) return;
  generation.ended.wake_all();
  std::erase_if(session.generations, [&](const auto& other) { return other.get() == &generation; });
  state_.watch.changed();
}

std::vector<Backend*> Scheduler::candidates(const Pending& pending) const {
  std::vector<Backend*> found;
  const auto& wanted = pending.generation->params.backend;
  for (const auto& backend : state_.backends) {
    if (open_for_work(*backend) && (!wanted || backend->id == *wanted))
      found.push_back(backend.get());
  }
  return found;
}

void Scheduler::refuse(Pending& pending, std::string error) {
  pending.error = std::move(error);
  pending.woken.wake_all();
}

void Scheduler::grant(Pending& pending) {
  const std::string& model = pending.generation->params.model;
  if (std::ranges::none_of(state_.backends, [](const auto& b) { return open_for_work(*b); })) {
    const bool wait =
        std::ranges::any_of(state_.backends, [](const auto& b) { return coming(*b); });
    if (!wait) refuse(pending, "No backends available!");
    return;
  }
  std::vector<Backend*> open = candidates(pending);
  if (open.empty()) {
    return refuse(pending,
                  "No backends match the settings of the request given! Backends refused for the "
                  "following reason(s): \n- Request requires a specific backend");
  }
  std::ranges::sort(open, {}, [](const Backend* backend) { return backend->usages; });
  for (Backend* backend : open) {
    const bool busy = backend->usages >= state_.options.uses_max || backend->reserved;
    if (busy || (!model.empty() && backend->current_model != model)) continue;
    ++backend->usages;
    pending.granted = backend;
    moved_at_ = state_.now();
    return pending.woken.wake_all();
  }
}

// Ten for each waiting request, one for each second that the first of them has waited.
double Scheduler::pressure(const std::string& model) const {
  double requests = 0;
  std::optional<Instant> first;
  for (const auto& pending : pending_) {
    if (settled(*pending) || pending->generation->params.model != model) continue;
    requests += 1;
    first = first ? std::min(*first, pending->since) : pending->since;
  }
  return requests * 10 + (first ? (state_.now() - *first).seconds() : 0);
}

// The model with the highest pressure gets the free backend that was released longest ago.
void Scheduler::press() {
  std::vector<std::string> models;
  for (const auto& pending : pending_) {
    const std::string& model = pending->generation->params.model;
    const bool known = std::ranges::find(models, model) != models.end();
    if (!settled(*pending) && !model.empty() && !known) models.push_back(model);
  }
  std::vector<std::pair<double, std::string>> order;
  for (const std::string& model : models) order.emplace_back(-pressure(model), model);
  std::ranges::sort(order);
  for (const auto& [negative, model] : order) press_model(model);
}

void Scheduler::press_model(const std::string& model) {
  if (loading_.contains(model)) return;
  const auto first = std::ranges::find_if(pending_, [&](const auto& pending) {
    return !settled(*pending) && pending->generation->params.model == model;
  });
  if (first == pending_.end()) return;
  std::vector<Backend*> open = candidates(**first);
  if (open.empty()) return;
  std::erase_if(open, [&](const Backend* backend) { return backend->failed.contains(model); });
  if (open.empty()) {
    for (const auto& backend : state_.backends) backend->failed.erase(model);
    for (const auto& pending : std::list(pending_)) {
      if (settled(*pending) || pending->generation->params.model != model) continue;
      refuse(*pending, "All available backends failed to load the model '" + model +
                           "'. Possible reason: " + last_failure_);
    }
    return;
  }
  std::erase_if(open, [&](const Backend* backend) {
    return backend->reserved || backend->usages >= state_.options.uses_max ||
           backend->current_model == model;
  });
  if (open.empty()) return;
  Backend* chosen = *std::ranges::min_element(open, [](const Backend* a, const Backend* b) {
    return std::tie(a->usages, a->released_as) < std::tie(b->usages, b->released_as);
  });
  chosen->reserved = true;
  loading_.insert(model);
  moved_at_ = state_.now();
  const std::shared_ptr<Session> session = (*first)->generation->session;
  ++session->loading_models;
  session->changed();
  state_.network.spawn(load(*chosen, model, session));
}

void Scheduler::give_up_waiting() {
  for (const auto& pending : std::list(pending_)) {
    const Instant since = std::max(moved_at_, pending->since);
    if (!settled(*pending) && state_.now() - since >= kStallMax)
      refuse(*pending, "No backend has responded in 120 minutes.");
  }
}

void Scheduler::look() {
  for (const auto& pending : std::list(pending_)) {
    if (!settled(*pending)) grant(*pending);
  }
  press();
  give_up_waiting();
  state_.watch.changed();
}

}  // namespace stoker::engines::swarmui
