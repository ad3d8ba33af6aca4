#include "server/config/engine_tables.h"

#include <fmt/format.h>

#include <csignal>
#include <map>
#include <string_view>

#include "net/http.h"
#include "protocol/comfyui/template.h"
#include "server/workflow_templates.h"
#include "staging/weight_file.h"

namespace stoker::server {
namespace {

int signal_of(std::string_view name) {
  static const std::map<std::string_view, int> kSignals = {
      {"TERM", SIGTERM}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"HUP", SIGHUP}, {"KILL", SIGKILL}};
  const auto found = kSignals.find(name);
  return found == kSignals.end() ? SIGTERM : found->second;
}

EvictionGranularity granularity_of(std::string_view name, std::string_view kind) {
  if (name == "self") return EvictionGranularity::self;
  if (name == "backend") return EvictionGranularity::backend;
  // /free and FreeBackendMemory drop everything.
  if (name.empty() && (kind == "comfyui" || kind == "swarmui")) return EvictionGranularity::backend;
  return EvictionGranularity::model;
}

// Where engines say that they take work.
std::string ready_path_of(std::string_view kind) {
  if (kind == "ollama") return "/api/version";
  if (kind == "comfyui") return "/system_stats";
  return "/health";
}

std::optional<EngineCommand> read_command(const CheckedTable& table, const EngineSetup& engine,
                                          const std::string& folder) {
  constexpr std::string_view kKeys[] = {"environment", "folder",      "process_per", "ready_path",
                                        "ready_max_s", "stop_signal", "stop_grace_s"};
  if (!table.has("command")) {
    for (const std::string_view key : kKeys) {
      if (table.has(key)) table.complain(key, fmt::format("{} needs a command", key));
    }
    return std::nullopt;
  }
  EngineCommand command{.argv = table.texts("command")};
  for (const auto& [name, value] : table.options("environment")) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) table.complain("environment", name + " must be a text");
    if (text != nullptr) command.environment.emplace_back(name, *text);
  }
  command.working_directory = resolved_path(table.text("folder"), folder);
  command.ready.path = table.text("ready_path", ready_path_of(engine.info.kind));
  if (!command.ready.path.starts_with('/'))
    table.complain("ready_path", "ready_path must begin with /");
  if (const auto s = table.number("ready_max_s")) command.ready.max = duration_of_seconds(*s);
  if (const auto s = table.number("stop_grace_s")) command.grace = duration_of_seconds(*s);
  command.stop_signal = signal_of(table.text("stop_signal", "TERM"));
  // The address of an engine that Stoker starts may be fixed by its url.
  if (const auto url = net::parse_url(engine.url)) {
    command.port = url->port;
    command.base_path = url->base_path;
  }
  if (auto good = check_engine_command(command, engine.share); !good)
    table.complain("command", good.error().detail);
  return command;
}

void check_address(const CheckedTable& table, const EngineSetup& engine) {
  if (engine.is_rehearsal()) {
    for (const std::string_view key : {"url", "command", "key_file", "key_env", "program"})
      if (table.has(key)) table.complain(key, fmt::format("a rehearsal has no {}", key));
    return;
  }
  if (engine.url.empty() && !engine.command)
    table.complain("kind", "a backend needs the url of a running engine, or a command");
  if (table.has("url") && !net::parse_url(engine.url))
    table.complain("url", "url must be like http://127.0.0.1:11434");
  if (table.has("key_file") && table.has("key_env"))
    table.complain("key_file", "key_file and key_env exclude each other");
}

// The text of a workflow template, checked; empty when there is none or it is wrong.
std::string read_template(const CheckedTable& table, const std::string& folder) {
  if (!table.has("template")) {
    if (table.has("weights")) table.complain("weights", "weights needs a template");
    return {};
  }
  WeightNames weights;
  for (const auto& [from, to] : table.options("weights")) {
    const auto* text = std::get_if<std::string>(&to);
    if (text == nullptr) table.complain("weights", from + " must be a text");
    if (text != nullptr) weights.emplace_back(from, *text);
  }
  auto text = template_source(table.text("template"), folder);
  if (!text) {
    table.complain("template", text.error().detail);
    return {};
  }
  if (auto good = protocol::comfyui::parse_template(*text); !good) {
    table.complain("template", good.error().detail);
    return {};
  }
  auto renamed = with_weights(*text, weights);
  if (renamed) return *std::move(renamed);
  table.complain("weights", renamed.error().detail);
  return {};
}

// FNV-1a, 64 bits: the same on every machine and in every version, because it stands in journals.
class Settings {
 public:
  void add(std::string_view text) {
    for (const char c : text) mix(static_cast<unsigned char>(c));
    mix(0xff);  // a border between two texts
  }
  std::uint64_t value() const { return hash_ == 0 ? 1 : hash_; }

 private:
  void mix(unsigned char byte) {
    hash_ ^= byte;
    hash_ *= 1'099'511'628'211ULL;
  }
  std::uint64_t hash_ = 14'695'981'039'346'656'037ULL;
};

struct OptionText {
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return fmt::format("{}", number); }
  std::string operator()(const std::string& text) const { return text; }
};

}  // namespace

std::optional<CardSource> card_source_from_name(std::string_view name) {
  if (name == "simulated") return CardSource::simulated;
  if (name == "nvidia") return CardSource::nvidia;
  if (name == "amd") return CardSource::amd;
  if (name == "host") return CardSource::host;
  return std::nullopt;
}

MiB size_of_files(const CheckedTable& table, const std::string& folder) {
  std::vector<staging::WeightFacts> facts;
  const std::vector<std::string> files = table.texts("files");
  for (std::size_t n = 0; n < files.size(); ++n) {
    auto read = staging::read_weight_facts(resolved_path(files[n], folder));
    if (!read) table.complain("files", n, fmt::format("{}: {}", files[n], read.error().detail));
    if (read) facts.push_back(*std::move(read));
  }
  staging::KvCacheSetting cache;
  for (const auto& [name, value] : table.options("load_options")) {
    const auto* count = std::get_if<std::int64_t>(&value);
    if (name == "num_ctx" && count != nullptr && *count > 0)
      cache.num_ctx = static_cast<std::uint64_t>(*count);
  }
  return staging::footprint_prior(facts, cache).total();
}

EngineSetup read_engine(const CheckedTable& table, const std::string& folder) {
  EngineSetup engine;
  engine.info.name = table.text("id");
  engine.info.kind = table.text("kind");
  engine.info.simulated = engine.is_rehearsal();
  if (engine.info.kind == "mistral")
    table.complain("kind", "kind \"mistral\" is not available in this version");
  // A kind that is wrong was complained about.
  if (engine.info.kind.empty() || engine.info.kind == "mistral") return engine;
  engine.style = table.text("style") == "ollama" ? RehearsalStyle::ollama : RehearsalStyle::comfyui;
  engine.info.slots = static_cast<std::uint32_t>(table.whole("slots").value_or(1));
  engine.info.granularity = granularity_of(table.text("granularity"), engine.info.kind);
  engine.url = table.text("url");
  engine.key_file = resolved_path(table.text("key_file"), folder);
  engine.key_env = table.text("key_env");
  engine.flavour = table.text("flavour");
  engine.program = table.text("program");
  engine.share =
      table.text("process_per") == "model" ? EngineShare::per_model : EngineShare::shared;
  engine.command = read_command(table, engine, folder);
  if (engine.command && engine.share == EngineShare::per_model)
    engine.info.granularity = EvictionGranularity::model;
  check_address(table, engine);
  if (table.has("style") && !engine.is_rehearsal())
    table.complain("style", "only a rehearsal has a style");
  if (table.has("flavour") && engine.info.kind != "openai")
    table.complain("flavour", "only the kind \"openai\" has flavours");
  return engine;
}

EngineModel read_engine_model(const CheckedTable& table, const std::string& folder,
                              const Model& model) {
  EngineModel engine_model{.id = model.id,
                           .medium = model.medium,
                           .upstream = table.text("engine_name", model.name),
                           .planned = model.vram,
                           .load_options = table.options("load_options"),
                           .run_options = table.options("run_options"),
                           .workflow = read_template(table, folder),
                           .files = {}};
  for (const std::string& file : table.texts("files"))
    engine_model.files.push_back(resolved_path(file, folder));
  return engine_model;
}

std::uint64_t settings_of(const EngineModel& model) {
  Settings settings;
  settings.add(model.upstream);
  settings.add(model.workflow);
  for (const auto& [name, value] : model.load_options) {
    settings.add(name);
    settings.add(std::visit(OptionText(), value));
  }
  for (const std::string& file : model.files) settings.add(file);
  return settings.value();
}

}  // namespace stoker::server
