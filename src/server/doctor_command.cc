// stoker doctor: looks at cards, memory, disk and engines, says what to change, and writes a configuration.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <set>

#include "server/adapters.h"
#include "server/commands.h"
#include "server/config/config.h"
#include "server/doctor/engine_search.h"
#include "server/doctor/machine_findings.h"
#include "server/doctor/residency_proof.h"
#include "server/text_files.h"

namespace stoker::server {
namespace {

namespace json = boost::json;

std::optional<std::uint64_t> free_bytes_at(const std::string& folder) {
  // The folder may not be there yet; its nearest parent has the same disk.
  std::error_code ignored;
  std::filesystem::path path = std::filesystem::absolute(folder, ignored);
  while (!path.empty() && path.has_relative_path() && !std::filesystem::exists(path, ignored))
    path = path.parent_path();
  struct statvfs disk{};
  if (statvfs(path.c_str(), &disk) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

double gib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(1024 * kBytesPerMiB);
}

void print_cards(const MachineFindings& findings) {
  fmt::print("Cards and memory\n");
  for (const gpu::FoundCard& card : findings.cards.cards) {
    const std::string kind(gpu::card_kind_name(card.kind));
    if (card.trouble) {
      fmt::print("  {} {}: {}\n", kind, card.index, card.trouble->detail);
      continue;
    }
    fmt::print("  {} {}: {}, {:.1f} GiB, {:.1f} in use{}{}\n", kind, card.index, card.name,
               gib(static_cast<std::uint64_t>(card.total.count) * kBytesPerMiB),
               gib(static_cast<std::uint64_t>(card.used.count) * kBytesPerMiB),
               card.driver_version.empty() ? "" : ", driver ", card.driver_version);
  }
  for (const gpu::AbsentDriver& driver : findings.cards.absent)
    fmt::print("  no {}: {}\n", gpu::card_kind_name(driver.kind), driver.reason);
  if (findings.disk_free_bytes) {
    fmt::print("  disk for {}: {:.1f} GiB free\n", findings.data_folder,
               gib(*findings.disk_free_bytes));
  }
}

void print_engines(const MachineFindings& findings) {
  fmt::print("Engines\n");
  for (const FoundEngine& engine : findings.engines) {
    fmt::print("  {}{} at {}: version {}, {} models\n", engine.kind,
               engine.flavour.empty() ? "" : " (" + engine.flavour + ")", engine.url,
               engine.probe.version.empty() ? "not told" : engine.probe.version,
               engine.models.size());
  }
  if (findings.engines.empty()) fmt::print("  none answered\n");
}

void print_advice(const MachineFindings& findings) {
  fmt::print("What to change\n");
  for (const Advice& advice : findings.advice)
    fmt::print("  {}: {}\n", advice.subject, advice.words);
  if (findings.advice.empty()) fmt::print("  nothing\n");
}

void print_proofs(const std::vector<ResidencyProof>& proofs) {
  fmt::print("What stays\n");
  for (const ResidencyProof& proof : proofs) {
    if (!proof.trouble.empty()) {
      fmt::print("  {}: no proof: {}\n", proof.backend, proof.trouble);
      continue;
    }
    fmt::print("  {}: {}, {}, and {} again: {}\n", proof.backend, proof.first, proof.second,
               proof.first,
               proof.kept ? "kept, as far as the engine tells" : "loaded a second time");
  }
  if (proofs.empty()) fmt::print("  no running engine of the configuration has two models\n");
}

json::array as_json(const std::vector<ResidencyProof>& proofs) {
  json::array list;
  for (const ResidencyProof& proof : proofs) {
    json::object object{{"backend", proof.backend},
                        {"first", proof.first},
                        {"second", proof.second},
                        {"kept", proof.kept}};
    if (!proof.trouble.empty()) object["trouble"] = proof.trouble;
    list.push_back(std::move(object));
  }
  return list;
}

json::object as_json(const MachineFindings& findings) {
  json::array cards;
  for (const gpu::FoundCard& card : findings.cards.cards) {
    json::object object{{"kind", std::string(gpu::card_kind_name(card.kind))},
                        {"index", card.index},
                        {"uuid", card.uuid},
                        {"name", card.name},
                        {"total_mib", card.total.count},
                        {"used_mib", card.used.count},
                        {"driver_version", card.driver_version}};
    if (card.trouble) object["trouble"] = card.trouble->detail;
    cards.push_back(std::move(object));
  }
  json::array absent;
  for (const gpu::AbsentDriver& driver : findings.cards.absent) {
    absent.push_back(json::object{{"kind", std::string(gpu::card_kind_name(driver.kind))},
                                  {"reason", driver.reason}});
  }
  json::array engines;
  for (const FoundEngine& engine : findings.engines) {
    json::array remarks;
    for (const EngineRemark remark : engine.probe.remarks)
      remarks.push_back(json::string(engine_remark_name(remark)));
    engines.push_back(json::object{{"kind", engine.kind},
                                   {"flavour", engine.flavour},
                                   {"url", engine.url},
                                   {"version", engine.probe.version},
                                   {"models", engine.models.size()},
                                   {"models_max", engine.probe.holds_max},
                                   {"remarks", std::move(remarks)}});
  }
  json::array advice;
  for (const Advice& entry : findings.advice)
    advice.push_back(json::object{{"subject", entry.subject}, {"advice", entry.words}});
  json::object all{{"ok", findings.advice.empty()},
                   {"cards", std::move(cards)},
                   {"absent", std::move(absent)},
                   {"engines", std::move(engines)},
                   {"advice", std::move(advice)}};
  if (findings.disk_free_bytes) all["disk_free_bytes"] = *findings.disk_free_bytes;
  return all;
}

// Where to look: what the operator named, else what the configuration has, else the usual addresses.
Result<std::vector<EnginePlace>> places_of(const DoctorOptions& options) {
  std::vector<EnginePlace> places;
  for (const std::string& text : options.engines) {
    auto place = parse_engine_place(text);
    if (!place) {
      return fail(
          ErrorCode::bad_request,
          "--engine " + text + ": must be KIND=URL, for example ollama=http://127.0.0.1:11434");
    }
    places.push_back(*std::move(place));
  }
  if (!places.empty()) return places;
  if (options.config.empty()) return usual_places();
  const ConfigResult config = read_config(options.config);
  if (!config)
    return fail(ErrorCode::bad_request, problem_text(options.config, config.error().front()));
  for (const EngineSetup& engine : config->machine.engines) {
    if (engine.is_rehearsal() || engine.url.empty() || engine.command) continue;
    auto key = engine_key(engine);
    if (!key) return fail(key.error());
    places.push_back({engine.info.kind, engine.url, engine.flavour, *std::move(key)});
  }
  return places;
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  const auto places = places_of(options);
  if (!places) return complain(places.error().detail, kWrongUse);
  if (options.prove && options.config.empty())
    return complain("--prove needs --config: it loads models of the configuration", kWrongUse);
  if (!options.write.empty() && std::filesystem::exists(options.write))
    return complain(options.write + " is there already; it is not written over", kWrongUse);
  MachineFindings findings{.cards = gpu::detect_cards(),
                           .data_folder = data_folder(options.data),
                           .disk_free_bytes = {},
                           .engines = find_engines(*places),
                           .advice = {}};
  findings.disk_free_bytes = free_bytes_at(findings.data_folder);
  findings.advice = advice_for(findings);
  if (options.form == OutputForm::text) {
    print_cards(findings);
    print_engines(findings);
    print_advice(findings);
  }
  if (!options.write.empty()) {
    if (auto written = write_text_file(options.write, proposed_config(findings)); !written)
      return complain(written.error().detail);
    if (options.form == OutputForm::text) {
      fmt::print("Wrote {}. Look through it, then: stoker serve --config {}\n", options.write,
                 options.write);
    }
  }
  json::object object = as_json(findings);
  bool all_kept = true;
  if (options.prove) {
    const ConfigResult config = read_config(options.config);
    if (!config) return complain(problem_text(options.config, config.error().front()));
    const std::vector<ResidencyProof> proofs = prove_residency(config->machine);
    all_kept = std::ranges::all_of(proofs, &ResidencyProof::kept);
    if (options.form == OutputForm::text) print_proofs(proofs);
    object["proofs"] = as_json(proofs);
  }
  if (options.form == OutputForm::json) fmt::print("{}\n", json::serialize(object));
  return findings.advice.empty() && all_kept ? kSuccess : kFailure;
}

}  // namespace stoker::server
