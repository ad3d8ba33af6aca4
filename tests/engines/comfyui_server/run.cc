#include "tests/engines/comfyui_server/run.h"

#include <algorithm>
#include <utility>

namespace stoker::engines::comfyui {
namespace {

json::array words(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

}  // namespace

Run::Run(State& state, std::shared_ptr<Life> life, QueueItem item)
    : state_(state), life_(std::move(life)), item_(std::move(item)), owner_(item_.client_id()) {}

net::Task<bool> Run::play() {
  begin();
  for (const std::string& id : order_) {
    if (const auto known = results_.find(id); known != results_.end()) {
      if (!known->second.ui.is_null()) show_executed(id, known->second.ui);
      continue;
    }
    if (co_await pass(Gate::node)) co_await play_node(id);
    if (dead()) co_return false;
    if (fault_) break;
  }
  report_end();
  if (!co_await state_.gates.pass(Gate::result, *life_) || dead()) co_return false;
  finish();
  co_return true;
}

void Run::begin() {
  state_.interrupted = false;
  state_.running = Running{.item = item_, .node = "", .wait = std::make_shared<Life>()};
  ++state_.counts.started;
  cut_ = state_.faults.take(FaultKind::cut_stream);
  garbage_ = state_.faults.take(FaultKind::garbage_in_stream);
  state_.broadcast_status();
  signatures_ = signatures_of(item_.prompt, state_.files);
  message("execution_start", {});
  std::set<std::string> all;
  for (const auto& [id, signature] : signatures_) all.insert(signature);
  state_.cache.begin(all);
  json::array cached;
  for (const auto& [id, node] : item_.prompt) {
    if (state_.cache.find(signatures_[std::string(id)]) != nullptr) cached.emplace_back(id);
  }
  message("execution_cached", {{"nodes", cached}});
  std::set<std::string> seen;
  for (const std::string& output : item_.outputs) plan(output, seen);
  state_.watch.changed();
}

void Run::plan(const std::string& id, std::set<std::string>& seen) {
  if (!seen.insert(id).second) return;
  const json::object* node = node_of(item_.prompt, id);
  if (node == nullptr) return;
  if (const NodeResult* cached = state_.cache.find(signatures_[id])) {
    results_[id] = *cached;
  } else {
    for (const auto& [name, value] : inputs_of(*node)) {
      if (const auto link = as_link(value)) plan(link->node, seen);
    }
  }
  order_.push_back(id);
}

net::Task<void> Run::play_node(const std::string& id) {
  const json::object& node = *node_of(item_.prompt, id);
  const std::string class_name = class_of(node);
  at_ = id;
  state_.running->node = id;
  max_ = 1;
  show_progress(0, "running");
  send("executing", {{"node", id}, {"display_node", id}, {"prompt_id", item_.id}});
  fail_as_planned(class_name);
  NodeResult result;
  if (!fault_) result = co_await compute(node, *state_.table.find(class_name));
  if (dead()) co_return;
  if (fault_) {
    if (!fault_->interrupted) show_progress(0, "error");
    co_return;
  }
  if (!result.ui.is_null()) show_executed(id, result.ui);
  show_progress(max_, "finished");
  executed_.push_back(id);
  state_.cache.store(signatures_[id], result);
  results_[id] = std::move(result);
}

net::Task<bool> Run::pass(Gate gate) {
  const std::shared_ptr<Life> wait = state_.running->wait;
  co_await state_.gates.pass(gate, *wait);
  if (dead()) co_return false;
  if (!state_.interrupted) co_return true;
  fault_ = NodeFault{.type = "InterruptProcessingException", .message = "", .interrupted = true};
  co_return false;
}

void Run::fail_as_planned(const std::string& class_name) {
  const auto planned = std::ranges::find_if(state_.failures, [&](const NodeFailure& failure) {
    return failure.class_type.empty() || failure.class_type == class_name;
  });
  if (planned == state_.failures.end()) return;
  fault_ = NodeFault{.type = "RuntimeError", .message = planned->message};
  if (--planned->times == 0) state_.failures.erase(planned);
}

void Run::report_end() {
  if (!fault_) {
    ++state_.counts.succeeded;
    return message("execution_success", {});
  }
  const json::object* node = node_of(item_.prompt, at_);
  json::object data{{"node_id", at_},
                    {"node_type", node == nullptr ? std::string() : class_of(*node)},
                    {"executed", words(executed_)}};
  if (fault_->interrupted) {
    ++state_.counts.interrupted;
    return message("execution_interrupted", data);
  }
  ++state_.counts.failed;
  json::object inputs;
  for (const auto& [name, value] : inputs_of(*node)) {
    if (!as_link(value)) inputs[name] = json::array{json::value(value)};
  }
  data["exception_message"] = fault_->message;
  data["exception_type"] = fault_->type;
  data["traceback"] = json::array{"  File \"execution.py\", line 1, in execute\n"};
  data["current_inputs"] = inputs;
  data["current_outputs"] = words(executed_);
  message("execution_error", data);
  if (fault_->out_of_memory) state_.memory.unload_all();
}

void Run::finish() {
  state_.cache.end();
  if (state_.history_delay == 0) {
    state_.history.add(item_.id, history_entry());
  } else {
    state_.late.push_back(
        {.item = item_, .entry = history_entry(), .requests = state_.history_delay});
  }
  state_.running.reset();
  state_.broadcast_status();
  if (!owner_.empty()) send("executing", {{"node", nullptr}, {"prompt_id", item_.id}});
  results_.clear();
  if (!state_.flags.smart_memory) state_.memory.unload_all();
  state_.watch.changed();
}

json::object Run::history_entry() const {
  json::object meta;
  for (const auto& [id, output] : ui_outputs_) {
    meta[id] = {
        {"node_id", id}, {"display_node", id}, {"parent_node", nullptr}, {"real_node_id", id}};
  }
  const bool success = !fault_;
  return {{"prompt", item_.tuple()},
          {"outputs", ui_outputs_},
          {"status",
           {{"status_str", success ? "success" : "error"},
            {"completed", success},
            {"messages", messages_}}},
          {"meta", meta}};
}

// What of the frames depends on whether the prompt has an owner: without one the execution_* and executed frames
// are not sent at all, progress and interrupts go to everybody.
void Run::message(std::string_view type, json::object data) {
  data["prompt_id"] = item_.id;
  data["timestamp"] = state_.now_ms();
  messages_.push_back(json::array{type, data});
  if (type == "execution_interrupted") return send_to_owner_or_all(type, data);
  send(type, data);
}

void Run::send(std::string_view type, const json::object& data) {
  if (owner_.empty()) return;
  if (garbage_ && frames_ >= garbage_->after) {
    state_.sockets.send_text(owner_, garbage_->text.empty() ? "{\"type\": \"prog" : garbage_->text);
    garbage_.reset();
  }
  if (cut_ && cut_->after == 0) state_.sockets.cut(owner_);
  ++frames_;
  if (cut_ && frames_ >= cut_->after) {
    cut_.reset();
    return state_.sockets.send_last(owner_, type, data);
  }
  state_.sockets.send(owner_, type, data);
}

void Run::send_to_owner_or_all(std::string_view type, const json::object& data) {
  if (!owner_.empty()) return send(type, data);
  state_.sockets.broadcast(type, data);
}

void Run::show_progress(std::uint32_t value, std::string_view state) {
  progress_nodes_[at_] = {{"value", value},
                          {"max", max_},
                          {"state", state},
                          {"node_id", at_},
                          {"prompt_id", item_.id},
                          {"display_node_id", at_},
                          {"parent_node_id", nullptr},
                          {"real_node_id", at_}};
  send_to_owner_or_all("progress_state", {{"prompt_id", item_.id}, {"nodes", progress_nodes_}});
}

void Run::show_executed(const std::string& id, const json::value& ui) {
  ui_outputs_[id] = ui;
  send("executed", {{"node", id}, {"display_node", id}, {"output", ui}, {"prompt_id", item_.id}});
}

void Run::show_preview() {
  const json::value* method = item_.extra_data.if_contains("preview_method");
  const bool asked = state_.recent() && method != nullptr && method->is_string() &&
                     *method != json::value("none") && *method != json::value("default");
  if (!asked && !state_.flags.previews) return;
  state_.sockets.send_preview(owner_, {.bytes = jpeg_preview(),
                                       .mime = "image/jpeg",
                                       .metadata = {{"node_id", at_},
                                                    {"prompt_id", item_.id},
                                                    {"display_node_id", at_},
                                                    {"parent_node_id", nullptr},
                                                    {"real_node_id", at_}}});
}

}  // namespace stoker::engines::comfyui
