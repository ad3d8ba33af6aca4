#include <fmt/format.h>

#include <algorithm>

#include "server/doctor/machine_findings.h"

namespace stoker::server {
namespace {

constexpr std::uint64_t kGib = 1024 * kBytesPerMiB;
constexpr std::uint64_t kDiskFreeMin = 40 * kGib;
constexpr double kMemoryToCardMin = 0.5;  // main memory for each byte of the largest card
constexpr double kCardInUseMax = 0.15;

double gib(MiB amount) {
  return static_cast<double>(amount.count) / 1024;
}

std::string name_of(const gpu::FoundCard& card) {
  return fmt::format("{} {} ({})", gpu::card_kind_name(card.kind), card.index, card.name);
}

bool is_card(const gpu::FoundCard& card) {
  return card.kind != gpu::CardKind::host;
}

void look_at_cards(const MachineFindings& findings, std::vector<Advice>& advice) {
  const auto& cards = findings.cards.cards;
  if (std::ranges::none_of(cards, is_card)) {
    advice.push_back({AdviceKind::no_card, "cards",
                      "no graphics card was found: models would run on the processor, many times "
                      "slower. If there is one, its driver does not answer (see above)"});
  }
  for (const gpu::FoundCard& card : cards) {
    if (card.trouble)
      advice.push_back({AdviceKind::card_trouble, name_of(card), card.trouble->detail});
    const bool is_taken = static_cast<double>(card.used.count) >
                          kCardInUseMax * static_cast<double>(card.total.count);
    if (!card.trouble && is_card(card) && is_taken) {
      advice.push_back({AdviceKind::memory_in_use, name_of(card),
                        fmt::format("{:.1f} of {:.1f} GiB are in use already. What is no engine's "
                                    "counts as foreign and is left alone; end what is not needed",
                                    gib(card.used), gib(card.total))});
    }
  }
}

void look_at_memory(const MachineFindings& findings, std::vector<Advice>& advice) {
  MiB largest;
  MiB memory;
  for (const gpu::FoundCard& card : findings.cards.cards) {
    (is_card(card) ? largest : memory) = std::max(is_card(card) ? largest : memory, card.total);
  }
  const double wanted = kMemoryToCardMin * static_cast<double>(largest.count);
  if (memory.count > 0 && static_cast<double>(memory.count) < wanted) {
    advice.push_back({AdviceKind::little_memory, "memory",
                      fmt::format("{:.0f} GiB of main memory beside a card of {:.0f} GiB: weights "
                                  "that do not fit into it come from the disk at every load",
                                  gib(memory), gib(largest))});
  }
  if (findings.disk_free_bytes && *findings.disk_free_bytes < kDiskFreeMin) {
    advice.push_back(
        {AdviceKind::little_disk, findings.data_folder,
         fmt::format("{:.1f} GiB are free for results; a workshop may fill up to 20 GiB. New work "
                     "is refused below 0.5 GiB",
                     static_cast<double>(*findings.disk_free_bytes) / static_cast<double>(kGib))});
  }
}

void look_at_engines(const MachineFindings& findings, std::vector<Advice>& advice) {
  if (findings.engines.empty()) {
    advice.push_back({AdviceKind::no_engine, "engines",
                      "no engine answered at its usual address. Start one, or let Stoker start it: "
                      "a [[backend]] with a command"});
  }
  for (const FoundEngine& engine : findings.engines) {
    const std::string subject = engine.kind + " at " + engine.url;
    for (const EngineRemark remark : engine.probe.remarks) {
      advice.push_back({AdviceKind::engine_settings, subject, remark_words(remark, engine.kind)});
    }
    if (!engine.trouble.empty())
      advice.push_back({AdviceKind::engine_trouble, subject, engine.trouble});
  }
}

}  // namespace

std::string remark_words(EngineRemark remark, const std::string& kind) {
  switch (remark) {
    case EngineRemark::keeps_one_workflow:
      return "it drops the models of one workflow when the next one comes, so two models cannot "
             "stay "
             "warm. Start it with --cache-lru 100 (it counts node results, not models), or give "
             "each model a process of its own: a [[backend]] with a command and process_per = "
             "\"model\"";
    case EngineRemark::keeps_by_ram_pressure:
      return "it keeps earlier models in main memory as long as that suffices; on the card the "
             "next model may push them out. For models that must stay on the card: process_per = "
             "\"model\"";
    case EngineRemark::keeps_n_results:
      return "it keeps a fixed number of node results (--cache-lru); make it large enough for the "
             "loaders of all models that shall stay";
    case EngineRemark::keeps_nothing:
      return "it loads the model again for every run (--cache-none). Start it without that flag";
    case EngineRemark::pages_weights:
      return "it moves weights to the card on demand, so measured memory says less than a model "
             "needs. Start it with --disable-dynamic-vram where loads must be predictable";
    case EngineRemark::unloads_after_run:
      return "it unloads everything after every run (--disable-smart-memory). Start it without "
             "that flag";
    case EngineRemark::unloads_when_idle:
      return kind == "swarmui" ? "it clears the card after some idle minutes. Set Backends / "
                                 "ClearVRAMAfterMinutes "
                                 "and ClearSystemRAMAfterMinutes to -1 in its server configuration"
                               : "it clears its memory when it is idle. Switch that off: Stoker "
                                 "decides what stays";
    case EngineRemark::queues_ahead:
      return "it takes more work than it runs, so a load waits behind work that Stoker cannot "
             "order. Set OverQueue of its ComfyUI backend to 0";
    case EngineRemark::cannot_unload:
      return "its model stays as long as its process runs. To free the card for others, let Stoker "
             "start it: a [[backend]] with a command and process_per = \"model\"";
    case EngineRemark::interrupts_globally:
      return "it is too old to stop one run without hitting others. Update it (ComfyUI of "
             "September 2025 or later)";
    case EngineRemark::remote_models:
      return "it offers models that run on other machines; texts would leave this one. Stoker "
             "refuses them; to switch them off start Ollama with OLLAMA_NO_CLOUD=1";
  }
  return {};
}

std::vector<Advice> advice_for(const MachineFindings& findings) {
  std::vector<Advice> advice;
  look_at_cards(findings, advice);
  look_at_memory(findings, advice);
  look_at_engines(findings, advice);
  return advice;
}

}  // namespace stoker::server
