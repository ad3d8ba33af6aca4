#include "tests/engines/comfyui_server.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tests/engines/comfyui_server/routes.h"
#include "tests/engines/comfyui_server/state.h"
#include "tests/engines/comfyui_server/worker.h"

namespace stoker::engines {
namespace {

// 2026-08-21T10:00:00Z, when the virtual time of every engine begins.
constexpr std::int64_t kBeginningMs = 1'787'306'400'000;

std::size_t count_of(const std::map<std::string, std::size_t, std::less<>>& counts,
                     std::string_view name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

std::size_t ComfyUiCounts::disk_loads_of(std::string_view file) const {
  return count_of(disk_loads, file);
}

std::size_t ComfyUiCounts::device_loads_of(std::string_view file) const {
  return count_of(device_loads, file);
}

struct ComfyUiServer::Parts {
  Parts(net::Network& network, Gates& gates, Faults& faults, Watch& watch, ComfyUiOptions options)
      : state(network, gates, faults, watch, std::move(options)),
        worker(state),
        routes(state, worker),
        hanging(network, watch) {}

  comfyui::State state;
  comfyui::Worker worker;
  comfyui::Routes routes;
  WaitList hanging;
  std::set<std::string, std::less<>> silent_paths;
};

ComfyUiServer::ComfyUiServer(net::Network& network, ComfyUiOptions options)
    : EngineServer(network),
      parts_(std::make_unique<Parts>(network, gates(), faults(), watch(), std::move(options))) {
  parts_->state.now_ms = [this] { return kBeginningMs + now().us / 1000; };
  start();
}

ComfyUiServer::~ComfyUiServer() {
  stop();
  // What the stop has woken ends before the members go.
  on_network(network(), [] {});
}

net::Task<void> ComfyUiServer::handle(net::Exchange& exchange, std::string body, Life& life) {
  while (parts_->silent_paths.contains(exchange.head().path)) {
    if (!co_await parts_->hanging.wait(life)) co_return;
  }
  co_await parts_->routes.answer(exchange, body);
}

void ComfyUiServer::forget() {
  comfyui::State& state = parts_->state;
  parts_->worker.die();
  state.running.reset();
  state.queue.clear();
  state.history.clear();
  state.late.clear();
  state.cache.drop_all();
  state.memory.reset();
  state.sockets.cut_all();
  state.files.wipe("temp");
  state.interrupted = state.free_memory = state.unload_models = false;
  state.loading.clear();
  state.next_number = 0;
}

ComfyUiCounts ComfyUiServer::counts() {
  return on_network(network(), [this] {
    ComfyUiCounts counts = parts_->state.counts;
    counts.device_loads = parts_->state.memory.loads();
    counts.unloads = parts_->state.memory.unloads();
    return counts;
  });
}

std::vector<std::string> ComfyUiServer::pending() {
  return on_network(network(), [this] {
    std::vector<comfyui::QueueItem> items = parts_->state.queue.heap();
    std::ranges::sort(items, [](const auto& a, const auto& b) {
      return std::tie(a.number, a.id) < std::tie(b.number, b.id);
    });
    std::vector<std::string> ids;
    for (const auto& item : items) ids.push_back(item.id);
    return ids;
  });
}

std::optional<std::string> ComfyUiServer::running() {
  return on_network(network(), [this]() -> std::optional<std::string> {
    const auto& running = parts_->state.running;
    if (!running) return std::nullopt;
    return running->item.id;
  });
}

std::string ComfyUiServer::loading() {
  return on_network(network(), [this] { return parts_->state.loading; });
}

bool ComfyUiServer::in_history(std::string_view prompt_id) {
  return on_network(network(), [&] { return parts_->state.history.find(prompt_id) != nullptr; });
}

bool ComfyUiServer::wait_for_end(std::size_t runs) {
  return wait_until([this, runs] {
    const ComfyUiCounts& counts = parts_->state.counts;
    return counts.succeeded + counts.failed + counts.interrupted >= runs && !parts_->state.running;
  });
}

std::size_t ComfyUiServer::socket_count() {
  return on_network(network(), [this] { return parts_->state.sockets.count(); });
}

std::vector<std::string> ComfyUiServer::output_files() {
  return on_network(network(), [this] { return parts_->state.files.list("output"); });
}

std::uint64_t ComfyUiServer::device_bytes_of(std::string_view file) {
  return on_network(network(), [&] { return parts_->state.memory.held(file); });
}

std::vector<std::string> ComfyUiServer::device_files() {
  return on_network(network(), [this] { return parts_->state.memory.files(); });
}

std::uint64_t ComfyUiServer::vram_free() {
  return on_network(network(), [this] { return parts_->state.memory.free(); });
}

bool ComfyUiServer::spilled(std::string_view file) {
  return on_network(network(), [&] { return parts_->state.memory.partial(file); });
}

void ComfyUiServer::set_other_use(std::uint64_t bytes) {
  on_network(network(), [&] { parts_->state.memory.set_other_use(bytes); });
}

void ComfyUiServer::drop_cache() {
  on_network(network(), [this] { parts_->state.cache.drop_all(); });
}

void ComfyUiServer::fail_node(std::string_view class_type, std::string_view message,
                              std::size_t times) {
  on_network(network(), [&] {
    parts_->state.failures.push_back(
        {.class_type = std::string(class_type), .message = std::string(message), .times = times});
  });
}

void ComfyUiServer::delay_history(std::size_t requests) {
  on_network(network(), [&] { parts_->state.history_delay = requests; });
}

void ComfyUiServer::hang(std::string_view path) {
  on_network(network(), [&] { parts_->silent_paths.emplace(path); });
}

void ComfyUiServer::answer_paths() {
  on_network(network(), [this] {
    parts_->silent_paths.clear();
    parts_->hanging.wake_all();
  });
}

void ComfyUiServer::cut_sockets() {
  on_network(network(), [this] { parts_->state.sockets.cut_all(); });
}

void ComfyUiServer::cut_socket(std::string_view client_id) {
  on_network(network(), [&] { parts_->state.sockets.cut(std::string(client_id)); });
}

void ComfyUiServer::restart() {
  stop();
  start();
}

void ComfyUiServer::send_frame(std::string_view client_id, std::string_view text) {
  on_network(network(), [&] { parts_->state.sockets.send_text(std::string(client_id), text); });
}

void ComfyUiServer::send_binary_frame(std::string_view client_id, std::string_view bytes) {
  on_network(network(), [&] { parts_->state.sockets.send_binary(std::string(client_id), bytes); });
}

void ComfyUiServer::add_file(ComfyUiFile file) {
  on_network(network(), [&] { parts_->state.options.files.push_back(std::move(file)); });
}

void ComfyUiServer::remove_file(std::string_view folder, std::string_view name) {
  on_network(network(), [&] {
    std::erase_if(parts_->state.options.files, [&](const ComfyUiFile& file) {
      return file.folder == folder && file.name == name;
    });
  });
}

}  // namespace stoker::engines
