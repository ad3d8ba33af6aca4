#include "tests/engines/ollama_server/residency.h"

#include <algorithm>
#include <tuple>

namespace stoker::engines::ollama {
namespace {

constexpr std::size_t kModelsPerGpu = 3;
const Refusal kGone{};

std::unexpected<Refusal> refuse(int status, std::string text) {
  return std::unexpected(Refusal{status, std::move(text)});
}

bool has(const OllamaModel& model, std::string_view capability) {
  return std::ranges::find(model.capabilities, capability) != model.capabilities.end();
}

}  // namespace

bool needs_reload(const LoadSettings& loaded, const LoadSettings& wanted) {
  const bool both_automatic = loaded.num_ctx_automatic && wanted.num_ctx_automatic;
  if (!both_automatic && loaded.num_ctx != wanted.num_ctx) return true;
  if (loaded.num_batch != wanted.num_batch || loaded.num_thread != wanted.num_thread ||
      loaded.main_gpu != wanted.main_gpu || loaded.draft_num_predict != wanted.draft_num_predict) {
    return true;
  }
  const bool asks_for_layers = wanted.num_gpu && *wanted.num_gpu >= 0;
  if (asks_for_layers && wanted.num_gpu != loaded.num_gpu) return true;
  if (wanted.use_mmap && wanted.use_mmap != loaded.use_mmap) return true;
  return loaded.shift != wanted.shift;
}

// The right to load, given on to the next in the queue.
class Residency::Turn {
 public:
  explicit Turn(Residency& residency) : residency_(residency) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { residency_.turn_taken_ = residency_.queue_.wake_one(); }

 private:
  Residency& residency_;
};

// Device memory of a model in mid-load.
class Residency::Reservation {
 public:
  Reservation(Residency& residency, std::int64_t bytes) : residency_(residency), bytes_(bytes) {
    residency_.loading_bytes_ += bytes_;
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() { residency_.loading_bytes_ -= bytes_; }

 private:
  Residency& residency_;
  std::int64_t bytes_;
};

Lease::~Lease() {
  if (runner_ != nullptr) residency_->give_back(*runner_);
}

Residency::Residency(World world, const OllamaOptions& options, OllamaCounters& counters)
    : world_(std::move(world)),
      options_(options),
      counters_(counters),
      queue_(world_.network, world_.watch),
      departures_(world_.network, world_.watch) {}

net::Task<std::expected<Lease, Refusal>> Residency::acquire(LoadOrder order, std::string path,
                                                            Life& life) {
  Runner* runner = find(order.model);
  if (runner != nullptr && !runner->leaving && !needs_reload(runner->settings, order.settings)) {
    co_return attach(*runner, order);
  }
  if (turn_taken_ && queue_.size() >= options_.max_queue) {
    co_return refuse(503, "server busy, please try again.  maximum pending requests exceeded");
  }
  if (!co_await take_turn(life)) co_return std::unexpected(kGone);
  const Turn turn(*this);
  bool reload = false;
  while ((runner = find(order.model)) != nullptr) {
    if (!runner->leaving && !needs_reload(runner->settings, order.settings)) {
      co_return attach(*runner, order);
    }
    if (!runner->leaving) reload = true;
    expire(*runner);
    if (find(order.model) == nullptr) break;  // it left at once, before anybody could wait
    if (!co_await departures_.wait(life)) co_return std::unexpected(kGone);
  }
  if (!co_await make_room(order, life)) co_return std::unexpected(kGone);
  auto lease = co_await load(std::move(order), std::move(path), life);
  if (lease && reload) ++counters_.reloads;
  co_return lease;
}

net::Task<bool> Residency::take_turn(Life& life) {
  if (life.ended()) co_return false;
  if (!turn_taken_) {
    turn_taken_ = true;
    co_return true;
  }
  co_return co_await queue_.wait(life);
}

net::Task<bool> Residency::make_room(const LoadOrder& order, Life& life) {
  while (!fits(order)) {
    Runner& chosen = victim();
    if (!std::exchange(chosen.evicted, true)) ++counters_.evictions;
    const std::size_t before = runners_.size();
    expire(chosen);
    if (runners_.size() < before) continue;  // it left at once, before anybody could wait
    if (!co_await departures_.wait(life)) co_return false;
  }
  co_return true;
}

net::Task<std::expected<Lease, Refusal>> Residency::load(LoadOrder order, std::string path,
                                                         Life& life) {
  auto runner = std::make_unique<Runner>(world_.network, world_.watch);
  runner->size = size_of(order);
  runner->size_vram = std::min(runner->size, std::max<std::int64_t>(free_bytes(), 0));
  if (world_.faults.take(FaultKind::spill, path)) runner->size_vram = runner->size / 2;
  ++counters_.loads_begun;
  {
    const Reservation reservation(*this, runner->size_vram);
    const bool let_through = co_await world_.gates.pass(Gate::load, life);
    const bool cut = world_.faults.take(FaultKind::cut_in_load, path).has_value();
    if (!let_through || life.ended() || cut) {
      ++counters_.loads_aborted;
      co_return refuse(cut ? kCut : 0, {});
    }
    if (auto fault = world_.faults.take(FaultKind::load_error, path)) {
      ++counters_.loads_failed;
      if (fault->text.empty()) fault->text = "llama-server process has terminated: exit status 1";
      co_return refuse(fault->status, std::move(fault->text));
    }
  }
  ++counters_.loads;
  runner->model = std::move(order.model);
  runner->settings = order.settings;
  runner->session = order.keep_alive.value_or(options_.keep_alive);
  runner->permits = has(runner->model, "embedding") ? 1 : options_.num_parallel;
  runner->references = 1;
  runners_.push_back(std::move(runner));
  world_.watch.changed();
  co_return Lease(*this, *runners_.back());
}

Runner* Residency::find(const OllamaModel& model) {
  const auto found = std::ranges::find(
      runners_, model.blob,
      [](const auto& runner) -> const std::string& { return runner->model.blob; });
  return found == runners_.end() ? nullptr : found->get();
}

Lease Residency::attach(Runner& runner, const LoadOrder& order) {
  ++runner.references;
  if (order.keep_alive) runner.session = *order.keep_alive;
  return Lease(*this, runner);
}

void Residency::give_back(Runner& runner) {
  if (--runner.references > 0) return;
  if (runner.session <= Duration{}) return begin_unload(runner);
  runner.expires =
      runner.session >= kForever ? Instant{kForever.us} : world_.now() + runner.session;
}

void Residency::unload(const OllamaModel& model) {
  if (Runner* const runner = find(model)) expire(*runner);
}

void Residency::unload_all() {
  std::vector<Runner*> all;
  for (const auto& runner : runners_) all.push_back(runner.get());
  for (Runner* const runner : all) expire(*runner);
}

void Residency::expire(Runner& runner) {
  runner.session = {};
  if (runner.references == 0) begin_unload(runner);
}

void Residency::begin_unload(Runner& runner) {
  if (std::exchange(runner.leaving, true)) return;
  leaving_.start(leave(runner));
}

net::Task<void> Residency::leave(Runner& runner) {
  co_await world_.gates.pass(Gate::unload, process_);
  if (world_.faults.take(FaultKind::unload_keeps_memory)) lost_bytes_ += runner.size_vram;
  std::erase_if(runners_, [&](const auto& other) { return other.get() == &runner; });
  ++counters_.unloads;
  departures_.wake_all();
  world_.watch.changed();
}

void Residency::time_passed() {
  std::vector<Runner*> due;
  for (const auto& runner : runners_) {
    const bool idle = runner->references == 0 && !runner->leaving && runner->expires;
    if (idle && *runner->expires <= world_.now()) due.push_back(runner.get());
  }
  for (Runner* const runner : due) begin_unload(*runner);
}

void Residency::forget() {
  leaving_.destroy_all();
  runners_.clear();
  turn_taken_ = false;
  lost_bytes_ = 0;
}

std::int64_t Residency::automatic_context() const {
  if (options_.context_length > 0) return options_.context_length;
  if (options_.gpu_bytes >= 47 * kGiB) return 262'144;
  return options_.gpu_bytes >= 23 * kGiB ? 32'768 : 4096;
}

std::vector<const Runner*> Residency::runners() const {
  std::vector<const Runner*> all;
  for (const auto& runner : runners_) all.push_back(runner.get());
  return all;
}

Instant Residency::expiry_of(const Runner& runner) const {
  if (runner.session >= kForever) return {kForever.us};
  return runner.references == 0 && runner.expires ? *runner.expires : world_.now() + runner.session;
}

std::int64_t Residency::gpu_bytes_in_use() const {
  std::int64_t bytes = loading_bytes_ + lost_bytes_ + foreign_bytes_;
  for (const auto& runner : runners_) bytes += runner->size_vram;
  return bytes;
}

std::int64_t Residency::free_bytes() const {
  return options_.gpu_bytes - gpu_bytes_in_use();
}

std::int64_t Residency::size_of(const LoadOrder& order) const {
  const auto parallel = static_cast<std::int64_t>(
      has(order.model, "embedding") ? std::size_t{1} : options_.num_parallel);
  return order.model.weight_bytes +
         order.settings.num_ctx * parallel * order.model.kv_bytes_per_token;
}

bool Residency::fits(const LoadOrder& order) const {
  if (runners_.empty()) return true;
  const std::size_t most =
      options_.max_loaded_models == 0 ? kModelsPerGpu : options_.max_loaded_models;
  return runners_.size() < most && size_of(order) <= free_bytes() / 10 * 8;
}

Runner& Residency::victim() {
  const auto rank = [](const std::unique_ptr<Runner>& runner) {
    return std::tuple(!runner->leaving, runner->references > 0, runner->session,
                      std::string_view(runner->model.blob));
  };
  return **std::ranges::min_element(runners_, {}, rank);
}

}  // namespace stoker::engines::ollama
