#include "gpu/nvidia_smi/smi_cards.h"

#include <algorithm>
#include <utility>

#include "gpu/nvidia_smi/smi_text.h"
#include "gpu/proc_files.h"

namespace stoker::gpu {
namespace {

constexpr std::size_t kWordsMax = 200;

std::string first_line(std::string_view text) {
  text = trimmed(text);
  return text.empty() ? "nothing" : "\"" + printable(take_line(text), kWordsMax) + "\"";
}

}  // namespace

SmiCards::SmiCards(Places places)
    : places_(std::move(places)), program_(places_.program, places_.limits) {}

Result<std::vector<CardReading>> SmiCards::read() {
  auto output =
      program_.run({"--query-gpu=" + std::string(kSmiCardFields), "--format=csv,noheader,nounits"});
  if (!output) return fail(std::move(output.error()));
  if (output->status != 0) {
    return fail(ErrorCode::backend_down, "nvidia-smi failed with status " +
                                             std::to_string(output->status) + " and said " +
                                             first_line(output->text));
  }
  SmiCardList list = parse_smi_cards(output->text);
  if (list.cards.empty()) {
    return fail(ErrorCode::backend_down,
                "nvidia-smi lists no card; it said " + first_line(output->text));
  }
  read_processes(list.cards);
  return std::move(list.cards);
}

void SmiCards::read_processes(std::vector<CardReading>& cards) {
  const auto output = program_.run(
      {"--query-compute-apps=" + std::string(kSmiProcessFields), "--format=csv,noheader,nounits"});
  if (!output || output->status != 0) {
    for (CardReading& card : cards) card.processes_complete = false;
    return;
  }
  SmiProcessList list = parse_smi_processes(output->text);
  for (CardReading& card : cards) card.processes_complete = list.lines_not_understood == 0;
  for (SmiProcess& found : list.processes) {
    const auto card = std::ranges::find(cards, found.uuid, &CardReading::uuid);
    if (card == cards.end() || card->processes.size() >= kCardProcessesMax) continue;
    const std::int32_t pid = found.process.pid;
    if (has(card->processes, pid, &CardProcess::pid)) continue;
    found.process.name = program_name(places_.proc_root, pid).value_or("");
    card->processes.push_back(std::move(found.process));
  }
}

}  // namespace stoker::gpu
