#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "server/doctor/machine_findings.h"

namespace stoker::server {
namespace {

constexpr std::size_t kModelsShownMax = 40;

// A name that the configuration takes: letters, digits and . _ - :
std::string as_name(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, 64)) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == ':';
    name += allowed ? c : '_';
  }
  if (name.empty() || name.front() == '.' || name.front() == '_' || name.front() == '-' ||
      name.front() == ':')
    name.insert(0, "m");
  return name.substr(0, 64);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

struct ChosenCard {
  const gpu::FoundCard* card = nullptr;
  std::string id;
};

// The graphics cards that can be read; without one, the machine's memory.
std::vector<ChosenCard> choose_cards(const MachineFindings& findings) {
  std::vector<ChosenCard> chosen;
  for (const gpu::FoundCard& card : findings.cards.cards) {
    if (!card.trouble && card.kind != gpu::CardKind::host)
      chosen.push_back({&card, fmt::format("gpu{}", chosen.size())});
  }
  if (!chosen.empty()) return chosen;
  for (const gpu::FoundCard& card : findings.cards.cards) {
    if (!card.trouble) chosen.push_back({&card, "memory"});
  }
  return chosen;
}

std::int64_t mib_of(std::uint64_t bytes) {
  return static_cast<std::int64_t>((bytes + kBytesPerMiB - 1) / kBytesPerMiB);
}

// Texts come from Ollama and OpenAI-like servers; what a workflow makes is said by its template.
bool makes_texts(const FoundEngine& engine) {
  return engine.kind == "ollama" || (engine.kind == "openai" && engine.flavour != "sd_cpp");
}

std::string model_table(const FoundEngine& engine, const OfferedModel& model,
                        const std::string& backend, std::set<std::string>& names) {
  const bool is_complete = makes_texts(engine) && model.bytes > 0;
  std::string name = as_name(model.name);
  if (!names.insert(name).second) return {};
  const char* mark = is_complete ? "" : "# ";
  std::string text = fmt::format("\n{}[[model]]\n", mark);
  text += fmt::format("{}id = {}\n", mark, quoted(name));
  text += fmt::format("{}backend = {}\n", mark, quoted(backend));
  text +=
      fmt::format("{}medium = {}\n", mark,
                  makes_texts(engine) ? "\"text\"" : "\"image\"   # text image video audio music");
  if (name != model.name) text += fmt::format("{}engine_name = {}\n", mark, quoted(model.name));
  if (engine.kind == "comfyui") {
    text += fmt::format(
        "{}template = \"sd3.5_large\"   # one of `stoker template list`, or a file\n", mark);
  }
  if (model.bytes > 0) {
    text += fmt::format("{}declared_mib = {}   # its file; measured at the first load\n", mark,
                        mib_of(model.bytes));
  } else {
    text += fmt::format("{}declared_mib = 8192   # not known; measured at the first load\n", mark);
  }
  if (engine.kind == "ollama") {
    text += fmt::format(
        "{}load_options = {{ num_ctx = 8192 }}   # one length for everybody: a change loads the "
        "model again\n",
        mark);
  }
  return text;
}

}  // namespace

std::string proposed_config(const MachineFindings& findings) {
  const std::vector<ChosenCard> cards = choose_cards(findings);
  std::string text =
      "# Written by `stoker doctor --write`. Every key: docs/reference/config.md, or `stoker check "
      "--list-keys`.\n\n[server]\nlisten = \"127.0.0.1:8420\"\n";
  for (const ChosenCard& chosen : cards) {
    const gpu::FoundCard& card = *chosen.card;
    text += fmt::format("\n[[device]]\nid = {}   # {}\nkind = {}\n", quoted(chosen.id), card.name,
                        quoted(gpu::card_kind_name(card.kind)));
    if (card.kind != gpu::CardKind::host) {
      text += fmt::format("card = {}\n",
                          quoted(card.uuid.empty() ? std::to_string(card.index) : card.uuid));
    }
    text += fmt::format("vram_mib = {}\n", card.total.count);
  }
  std::map<std::string, int> counts;
  std::set<std::string> names;
  for (const FoundEngine& engine : findings.engines) {
    const int number = ++counts[engine.kind];
    const std::string id = number == 1 ? engine.kind : fmt::format("{}{}", engine.kind, number);
    text += fmt::format("\n[[backend]]\nid = {}   # {}\nkind = {}\nurl = {}\n", quoted(id),
                        engine.probe.version.empty() ? "version not told" : engine.probe.version,
                        quoted(engine.kind), quoted(engine.url));
    if (!engine.flavour.empty()) text += fmt::format("flavour = {}\n", quoted(engine.flavour));
    if (cards.size() > 1)
      text += fmt::format("devices = [{}]   # the card it runs on\n", quoted(cards.front().id));
    std::size_t shown = 0;
    for (const OfferedModel& model : engine.models) {
      if (++shown > kModelsShownMax) break;
      text += model_table(engine, model, id, names);
    }
    if (engine.models.size() > kModelsShownMax)
      text += fmt::format("\n# and {} more models\n", engine.models.size() - kModelsShownMax);
  }
  return text;
}

}  // namespace stoker::server
