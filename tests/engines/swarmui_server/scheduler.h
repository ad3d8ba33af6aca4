// The scheduler of the played SwarmUI: images wait for a backend that holds their model, or make one load it.
//
// Threading: network thread.
// Ownership: the server owns it; frames that still run when the process "dies" find its life ended.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/engines/comfyui_server/media.h"
#include "tests/engines/swarmui_server/state.h"

namespace stoker::engines::swarmui {

class Scheduler {
 public:
  explicit Scheduler(State& state) : state_(state), life_(std::make_shared<Life>()) {}

  // The images of a generation begin to wait. The session, the parameters and `tell` are set.
  void start(const std::shared_ptr<Generation>& generation);
  void interrupt(Session& session);
  // A model onto every running backend (or one), one after the other; the error text, or nothing.
  net::Task<std::optional<std::string>> select(std::string model, std::optional<int> backend,
                                               std::shared_ptr<Session> session);
  // Weights leave the cards. What SwarmUI believes stays as it is.
  std::size_t free(std::optional<int> backend);
  // Backends came or went, or time has passed.
  void look();
  void die();

 private:
  struct Pending {
    Pending(net::Network& network, Watch& watch) : woken(network, watch) {}
    std::shared_ptr<Generation> generation;
    Backend* granted = nullptr;
    std::optional<std::string> error;
    Instant since;
    WaitList woken;
  };

  net::Task<void> play(std::shared_ptr<Generation> generation, std::size_t index);
  net::Task<std::shared_ptr<Pending>> claim(std::shared_ptr<Generation> generation);
  // The error text; empty when the image was made.
  net::Task<std::string> make(std::shared_ptr<Generation> generation, Backend& backend,
                              std::size_t index);
  net::Task<bool> sample(Generation& generation, std::size_t index);
  net::Task<void> load(Backend& backend, std::string model, std::shared_ptr<Session> session);
  net::Task<std::optional<std::string>> bring_in(Backend& backend, std::string model);
  net::Task<bool> take_turn(Backend& backend, Life& life);
  void end_turn(Backend& backend);
  void save(Generation& generation, std::size_t index);
  void end_image(Generation& generation, std::size_t index, const std::string& error);

  bool settled(const Pending& pending) const { return pending.granted != nullptr || pending.error; }
  void grant(Pending& pending);
  void press();
  void press_model(const std::string& model);
  void refuse(Pending& pending, std::string error);
  void give_up_waiting();
  double pressure(const std::string& model) const;
  std::vector<Backend*> candidates(const Pending& pending) const;

  State& state_;
  std::shared_ptr<Life> life_;
  std::list<std::shared_ptr<Pending>> pending_;
  std::set<std::string> loading_;  // one load of a model at a time
  std::string last_failure_;
  Instant moved_at_;
};

}  // namespace stoker::engines::swarmui
