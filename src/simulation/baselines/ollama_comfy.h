// Two engines beside each other without a word between them: Ollama for text, ComfyUI for media.
//
// Ollama: a keep-alive timer from the last finish, one pending load at a time, loaded models bypass it; the victim is
// the idle model with the shortest keep-alive, then by name; a load dies with the client that asked for it.
// ComfyUI: strictly in order; frees its own idle models, smallest first, and knows no timer.
// Generous: Ollama may evict idle media models, and ComfyUI idle text models when nothing else can ever make room. In
// reality Ollama would spill to the CPU and ComfyUI would stream weights, both several times slower.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "simulation/policy.h"

namespace stoker::simulation {

class OllamaComfy final : public Policy {
 public:
  // Without a keep-alive: the mix of one real workshop, 10 minutes on checks and none on rewriting, by position.
  OllamaComfy(std::string_view name, std::optional<Duration> keep_alive)
      : name_(name), keep_alive_(keep_alive) {}

  std::string_view name() const override { return name_; }
  void begin(World& world) override;
  void finished(World& world, const Job& job) override { settle(world, job); }
  void requeued(World& world, const Job& job, CancelCause) override { settle(world, job); }
  void abandoned(World& world, const Job& job) override;
  void decide(World& world) override;

 private:
  struct Expiry {
    ModelIndex model = 0;
    Instant at;
  };

  Duration keep_alive_of(const Job& job) const;
  void settle(World& world, const Job& job);
  void evict_expired(World& world);
  // Starts what can start; returns the first step whose model is absent.
  std::optional<JobIndex> start_texts(World& world);
  void load_text(World& world, JobIndex job);
  void load_media(World& world, JobIndex job);

  std::string_view name_;
  std::optional<Duration> keep_alive_;
  std::vector<Duration> kept_;    // of the last request, for each model
  std::vector<JobIndex> asker_;   // of the last load, for each model
  std::vector<Expiry> expiries_;  // in the order in which the timers were set first
};

}  // namespace stoker::simulation
