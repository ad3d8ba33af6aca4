#include "server/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "backends/rehearsal/catalogue.h"
#include "server/config/config_reader.h"
#include "server/config/engine_tables.h"

namespace stoker::server {
namespace {

constexpr std::int64_t kDefaultReserveMib = 2048;
constexpr double kGuessedMibPerSecond =
    1200;  // weights from a fast disk, until loads were measured
constexpr double kGuessedRunS = 20;

using Tables = std::map<std::string_view, std::vector<CheckedTable>>;

// Turns checked tables into a Config; references between tables are checked here.
class ConfigBuilder {
 public:
  ConfigBuilder(const Tables& tables, std::string folder, Problems& problems)
      : tables_(tables), folder_(std::move(folder)), problems_(problems) {}

  Config build() {
    read_residency_reserve();
    for (const CheckedTable& table : all("server")) read_server(table);
    for (const CheckedTable& table : all("device")) read_device(table);
    for (const CheckedTable& table : all("backend")) read_backend(table);
    for (const CheckedTable& table : all("model")) read_model(table);
    for (const CheckedTable& table : all("residency")) read_residency(table);
    for (const CheckedTable& table : all("scheduling")) read_scheduling(table);
    for (const CheckedTable& table : all("key")) read_key(table);
    return std::move(config_);
  }

 private:
  const std::vector<CheckedTable>& all(std::string_view name) const {
    static const std::vector<CheckedTable> none;
    const auto found = tables_.find(name);
    return found == tables_.end() ? none : found->second;
  }

  std::string resolved(const std::string& path) const { return resolved_path(path, folder_); }

  // The id of a name that is new; none when it is taken or absent.
  template <class Id>
  Id new_id(std::map<std::string, Id>& names, const CheckedTable& table, std::string_view what) {
    const std::string name = table.text("id");
    if (name.empty()) return {};
    const Id id(static_cast<std::uint32_t>(names.size() + 1));
    if (names.emplace(name, id).second) return id;
    table.complain("id", fmt::format("a second {} with the id \"{}\"", what, name));
    return {};
  }

  template <class Id>
  Id look_up(const std::map<std::string, Id>& names, const std::string& name,
             const toml::source_region& where, std::string_view what) {
    if (const auto found = names.find(name); found != names.end()) return found->second;
    std::vector<std::string_view> known;
    for (const auto& [other, id] : names) known.push_back(other);
    const std::string nearest = nearest_word(name, known);
    problems_.add(
        where, fmt::format("no {} has the id \"{}\"{}", what, name,
                           nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest)));
    return {};
  }

  void read_residency_reserve() {
    for (const CheckedTable& table : all("residency"))
      reserve_ = MiB{table.whole("reserve_mib").value_or(kDefaultReserveMib)};
  }

  void read_server(const CheckedTable& table) {
    if (table.has("listen")) {
      const auto address = parse_listen_address(table.text("listen"));
      if (address) config_.listen = *address;
      if (!address)
        table.complain("listen", "listen must be HOST:PORT, for example \"127.0.0.1:8420\"");
    }
    config_.public_url = table.text("public_url");
    while (config_.public_url.ends_with('/')) config_.public_url.pop_back();
    if (table.has("public_url") && !config_.public_url.starts_with("http://") &&
        !config_.public_url.starts_with("https://"))
      table.complain("public_url", "public_url must begin with http:// or https://");
    config_.hostnames = table.texts("hostnames");
    config_.tls_certificate = resolved(table.text("tls_certificate"));
    config_.tls_key = resolved(table.text("tls_key"));
    if (config_.tls_certificate.empty() != config_.tls_key.empty())
      table.complain("tls_certificate", "tls_certificate and tls_key belong together");
    config_.data = resolved(table.text("data"));
  }

  void read_device(const CheckedTable& table) {
    const DeviceId id = new_id(devices_, table, "device");
    const MiB vram{table.whole("vram_mib").value_or(0)};
    if (table.has("vram_mib") && vram <= reserve_) {
      table.complain("vram_mib", fmt::format("vram_mib must be more than the reserve of {} MiB",
                                             reserve_.count));
    }
    if (!id) return;
    config_.machine.devices.push_back({id, table.text("id"), vram, reserve_});
    config_.machine.cards.push_back(
        {.device = id,
         .source = card_source_from_name(table.text("kind")).value_or(CardSource::simulated),
         .card = table.text("card")});
    config_.machine.speeds.push_back(speeds_of(id, table));
  }

  static scheduler::DeviceSpeeds speeds_of(DeviceId device, const CheckedTable& table) {
    scheduler::DeviceSpeeds speeds{.device = device};
    const auto read_ppm = [&](std::string_view key, std::uint32_t& ppm) {
      if (const auto share = table.number(key))
        ppm = static_cast<std::uint32_t>(std::llround(*share * 1e6));
    };
    if (const auto loads = table.whole("loads_parallel"))
      speeds.loads_parallel = static_cast<std::uint32_t>(*loads);
    read_ppm("text_parallel_penalty", speeds.text_parallel_penalty_ppm);
    read_ppm("generation_parallel_penalty", speeds.generation_parallel_penalty_ppm);
    read_ppm("text_beside_generation", speeds.text_beside_generation_ppm);
    read_ppm("generation_beside_text", speeds.generation_beside_text_ppm);
    return speeds;
  }

  void read_backend(const CheckedTable& table) {
    const BackendId id = new_id(backends_, table, "backend");
    EngineSetup engine = read_engine(table, folder_);
    engine.info.id = id;
    engine.info.device = device_of(table);
    check_card(table, engine);
    if (id) config_.machine.engines.push_back(std::move(engine));
  }

  // A rehearsal plays on a simulated card, a real engine works on a real one.
  void check_card(const CheckedTable& table, const EngineSetup& engine) {
    if (engine.info.kind.empty() || engine.info.kind == "mistral") return;
    for (const CardSetup& card : config_.machine.cards) {
      if (card.device != engine.info.device) continue;
      const bool is_simulated = card.source == CardSource::simulated;
      if (is_simulated == engine.is_rehearsal()) return;
      table.complain("kind",
                     engine.is_rehearsal()
                         ? "a rehearsal needs a device of the kind \"simulated\""
                         : "a real engine needs a real device: give its [[device]] the kind "
                           "\"nvidia\", \"amd\" or \"host\"");
    }
  }

  DeviceId device_of(const CheckedTable& table) {
    const std::vector<std::string> names = table.texts("devices");
    if (names.size() > 1) {
      table.complain("devices", "a backend over several devices is not available in this version");
      return {};
    }
    if (names.size() == 1)
      return look_up(devices_, names.front(), table.where("devices", 0), "device");
    if (config_.machine.devices.size() == 1) return config_.machine.devices.front().id;
    table.complain("devices",
                   "devices must name the device, because there is not exactly one [[device]]");
    return {};
  }

  void read_model(const CheckedTable& table) {
    const ModelId id = new_id(models_, table, "model");
    Model model;
    model.id = id;
    model.name = table.text("id");
    model.title = table.text("title", model.name);
    if (table.has("backend"))
      model.backend = look_up(backends_, table.text("backend"), table.where("backend"), "backend");
    model.medium = medium_from_name(table.text("medium")).value_or(Medium::text);
    read_size(table, model);
    const double vram_mib = static_cast<double>(model.vram.count);
    model.load_hint =
        duration_of_seconds(table.number("load_s").value_or(vram_mib / kGuessedMibPerSecond));
    model.run_hint = duration_of_seconds(table.number("run_s").value_or(kGuessedRunS));
    model.steps_hint = static_cast<std::uint32_t>(table.whole("steps").value_or(0));
    model.pinned = table.flag("pinned").value_or(false);
    model.offered = table.flag("offered").value_or(true);
    EngineModel engine_model = read_engine_model(table, folder_, model);
    if (model.backend && !engine_of(model.backend).is_rehearsal()) {
      model.settings = settings_of(engine_model);
      check_engine_model(table, engine_of(model.backend));
    }
    if (!id) return;
    config_.machine.models.push_back(std::move(model));
    config_.machine.engine_models.push_back(std::move(engine_model));
  }

  static void check_engine_model(const CheckedTable& table, const EngineSetup& engine) {
    const bool has_template = table.has("template");
    if (engine.info.kind == "comfyui" && !has_template)
      table.complain("id", "a model of ComfyUI needs a template");
    if (engine.info.kind != "comfyui" && has_template)
      table.complain("template", "only models of ComfyUI have a template");
  }

  const EngineSetup& engine_of(BackendId id) const {
    return *std::ranges::find(config_.machine.engines, id,
                              [](const EngineSetup& engine) { return engine.info.id; });
  }

  void read_size(const CheckedTable& table, Model& model) {
    const MiB files = size_of_files(table, folder_);
    model.files_vram = files;
    model.declared_vram = MiB{table.whole("declared_mib").value_or(0)};
    if (const auto vram = table.whole("vram_mib")) {
      model.vram = MiB{*vram};
      model.vram_source = SizeSource::measured;
    } else if (files.count > 0) {
      model.vram = files;
      model.vram_source = SizeSource::files;
    } else if (model.declared_vram.count > 0) {
      model.vram = model.declared_vram;
    } else {
      table.complain(
          "id",
          fmt::format("model \"{}\" needs its size: vram_mib, files or declared_mib", model.name));
    }
    if (model.declared_vram.count == 0) model.declared_vram = model.vram;
  }

  void read_residency(const CheckedTable& table) {
    if (table.text("misfit") == "turns") config_.machine.misfit = MisfitRule::turns;
    const std::vector<std::string> pins = table.texts("pins");
    for (std::size_t n = 0; n < pins.size(); ++n) {
      const ModelId id = look_up(models_, pins[n], table.where("pins", n), "model");
      for (Model& model : config_.machine.models)
        if (model.id == id) model.pinned = true;
    }
    const std::vector<std::string> preload = table.texts("preload");
    for (std::size_t n = 0; n < preload.size(); ++n) {
      if (const ModelId id = look_up(models_, preload[n], table.where("preload", n), "model"))
        config_.machine.preload.push_back(id);
    }
  }

  void read_scheduling(const CheckedTable& table) {
    config_.machine.patience = {
        duration_of_seconds(table.number("text_patience_s").value_or(0)),
        duration_of_seconds(table.number("generation_patience_s").value_or(0))};
  }

  void read_key(const CheckedTable& table) {
    KeySource key{.role = role_from_name(table.text("role")).value_or(Role::application),
                  .name = table.text("name"),
                  .token_file = resolved(table.text("token_file")),
                  .env = table.text("env")};
    if (key.token_file.empty() == key.env.empty())
      table.complain("role", "a [[key]] needs either token_file or env");
    config_.keys.push_back(std::move(key));
  }

  const Tables& tables_;
  const std::string folder_;
  Problems& problems_;
  Config config_;
  MiB reserve_{kDefaultReserveMib};
  std::map<std::string, DeviceId> devices_;
  std::map<std::string, BackendId> backends_;
  std::map<std::string, ModelId> models_;
};

std::vector<ConfigProblem> whole_file(std::string words) {
  return {{0, 0, std::move(words)}};
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 300) return std::nullopt;
  ListenAddress address;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.contains(':')) return std::nullopt;
  address.host = host;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  return address;
}

ConfigResult parse_config(std::string_view text, const std::string& folder) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    return std::unexpected(
        std::vector<ConfigProblem>{{at.line, at.column, std::string(error.description())}});
  }
  Problems problems;
  const Tables tables = check_tables(root, problems);
  Config config = ConfigBuilder(tables, folder, problems).build();
  if (!problems.empty()) return std::unexpected(problems.take());
  if (config.machine.engines.empty() && config.machine.models.empty() &&
      config.machine.devices.empty()) {
    Machine machine = default_config().machine;
    machine.patience = config.machine.patience;
    machine.misfit = config.machine.misfit;
    config.machine = std::move(machine);
  }
  if (config.machine.devices.empty())
    return std::unexpected(whole_file("no [[device]]: at least one is needed"));
  return config;
}

ConfigResult read_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return std::unexpected(whole_file("cannot be read"));
  if (text.view().size() > kConfigBytesMax)
    return std::unexpected(whole_file(fmt::format("may have {} bytes", kConfigBytesMax)));
  return parse_config(text.view(), std::filesystem::absolute(path).parent_path().string());
}

Config default_config() {
  Config config;
  Catalogue catalogue = rehearsal_catalogue();
  config.machine.devices.push_back(std::move(catalogue.device));
  config.machine.cards.push_back({.device = config.machine.devices.front().id});
  for (RehearsalEngine& engine : catalogue.engines)
    config.machine.engines.push_back({.info = std::move(engine.info), .style = engine.style});
  for (const Model& model : catalogue.models)
    config.machine.engine_models.push_back({.id = model.id, .medium = model.medium});
  config.machine.models = std::move(catalogue.models);
  return config;
}

bool is_all_rehearsal(const Machine& machine) {
  return std::ranges::all_of(machine.engines, &EngineSetup::is_rehearsal);
}

std::string problem_text(const std::string& path, const ConfigProblem& problem) {
  if (problem.line == 0) return fmt::format("{}: {}", path, problem.words);
  return fmt::format("{}:{}:{}: {}", path, problem.line, problem.column, problem.words);
}

}  // namespace stoker::server
