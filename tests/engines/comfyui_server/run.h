// One prompt being played: its frames, its nodes, its history entry.
//
// Threading: network thread. Ownership: lives in the frame of the worker.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engines/comfyui_server/state.h"

namespace stoker::engines::comfyui {

// Why a node did not end well.
struct NodeFault {
  std::string type;  // "RuntimeError"
  std::string message;
  bool out_of_memory = false;
  bool interrupted = false;
};

class Run {
 public:
  Run(State& state, std::shared_ptr<Life> life, QueueItem item);

  // Plays it to its end. False when the process died on the way.
  net::Task<bool> play();

 private:
  // The frames of a run.
  void message(std::string_view type, json::object data);  // execution_*: also kept for the history
  void send(std::string_view type, const json::object& data);
  void send_to_owner_or_all(std::string_view type, const json::object& data);
  void show_progress(std::uint32_t value, std::string_view state);
  void show_executed(const std::string& id, const json::value& ui);
  void show_preview();

  void begin();
  void plan(const std::string& id, std::set<std::string>& seen);
  net::Task<void> play_node(const std::string& id);
  net::Task<NodeResult> compute(const json::object& node, const NodeClass& known);
  net::Task<std::vector<ModelPtr>> read_weights(const json::object& node, const NodeClass& known);
  net::Task<void> sample(std::uint32_t steps);
  void use_weights(const json::object& node, const NodeClass& known);
  // Waits where an interrupt is noticed; the fault is set when one was.
  net::Task<bool> pass(Gate gate);
  void fail_as_planned(const std::string& class_name);
  bool dead() const { return life_->ended(); }

  // What the inputs of a node hold.
  const NodeValue* linked(const json::value& value) const;
  json::value literal(const json::object& node, std::string_view name) const;
  std::optional<double> number(const json::object& node, std::string_view name) const;
  std::string word(const json::object& node, std::string_view name) const;
  NodeValue merged(const json::object& node, const NodeClass& known) const;
  std::uint32_t steps_of(const json::object& node, const NodeClass& known) const;
  std::vector<ModelPtr> models_in(const json::object& node, const NodeClass& known,
                                  std::string_view type) const;
  NodeResult result_of(const json::object& node, const NodeClass& known,
                       const std::vector<ModelPtr>& own);
  json::value saved(const json::object& node, const NodeClass& known, const NodeValue& value);

  void report_end();
  void finish();
  json::object history_entry() const;

  State& state_;
  std::shared_ptr<Life> life_;
  QueueItem item_;
  std::string owner_;  // client id; empty: none
  std::map<std::string, std::string> signatures_;
  std::vector<std::string> order_;  // nodes to visit, sources first
  std::map<std::string, NodeResult> results_;
  std::vector<std::string> executed_;
  json::object progress_nodes_;
  json::array messages_;
  json::object ui_outputs_;
  std::optional<NodeFault> fault_;
  std::string at_;         // the node that runs
  std::uint32_t max_ = 1;  // its progress ends there
  std::size_t frames_ = 0;
  std::optional<Fault> cut_;      // of the socket, after so many frames
  std::optional<Fault> garbage_;  // in place of a frame
};

}  // namespace stoker::engines::comfyui
