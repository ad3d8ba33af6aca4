#include "server/server.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "api/tokens.h"
#include "assets/assets.h"
#include "controller/dictionary.h"
#include "server/addresses.h"
#include "server/build_facts.h"
#include "server/systemd.h"
#include "storage/sqlite/sqlite_store.h"

namespace stoker::server {
namespace {

// Engines answer in real time however fast planning time runs: their deadlines are never shorter than this.
constexpr Duration kShortestDeadline = seconds(10);
// Until the engines that were started here have ended; what is left then is killed.
constexpr Duration kDrainEngines = seconds(20);
// Between the end of the last work and the end of the event streams.
constexpr Duration kLastNews = milliseconds(200);
// Painting a film takes real time, too.
constexpr Duration kShortestRunDeadline = seconds(60);

std::string_view text_of_asset(std::string_view name) {
  const assets::Asset* asset = assets::find_asset(name);
  return asset == nullptr ? std::string_view() : asset->raw;
}

std::string build_name() {
  const assets::Asset* page = assets::find_asset("web/index.html");
  return std::string(kVersion) + "-" + std::string(page == nullptr ? "" : page->hash.substr(0, 8));
}

std::string data_of(const ServeOptions& options, const Config& config) {
  return data_folder(options.data.empty() ? config.data : options.data);
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  randombytes_buf(&number, sizeof number);
  return number;
}

}  // namespace

controller::Topology topology_of(const Machine& machine) {
  controller::Topology topology{.devices = machine.devices,
                                .backends = {},
                                .models = machine.models,
                                .speeds = machine.speeds,
                                .patience = machine.patience,
                                .misfit = machine.misfit};
  for (const EngineSetup& engine : machine.engines) topology.backends.push_back(engine.info);
  return topology;
}

void take_ids(const controller::Topology& topology, Machine& machine) {
  std::map<ModelId, ModelId> models;
  for (std::size_t i = 0; i < machine.models.size(); ++i)
    models[machine.models[i].id] = topology.models[i].id;
  for (ModelId& model : machine.preload) model = models.at(model);
  for (std::size_t i = 0; i < machine.cards.size(); ++i)
    machine.cards[i].device = topology.devices[i].id;
  for (std::size_t i = 0; i < machine.engine_models.size(); ++i)
    machine.engine_models[i].id = topology.models[i].id;
  machine.devices = topology.devices;
  machine.speeds = topology.speeds;
  machine.models = topology.models;
  for (std::size_t i = 0; i < machine.engines.size(); ++i)
    machine.engines[i].info = topology.backends[i];
}

Server::Server(ServeOptions options, Config config, Log& log)
    : options_(std::move(options)),
      config_(std::move(config)),
      log_(log),
      data_(data_of(options_, config_)),
      build_(build_name()),
      loop_(real_loop_, options_.speed),
      metrics_(kVersion, real_loop_.wall_now()),
      front_(log, metrics_) {}

// A reading of the cards or a write may be under way; what it uses goes after it.
Server::~Server() {
  real_loop_.stop();
  real_loop_.finish_slow_work();
}

Result<std::unique_ptr<Server>> Server::start(ServeOptions options, Config config, Log& log) {
  if (sodium_init() < 0) return fail(ErrorCode::internal, "the system gives no randomness");
  if (options.speed != 1 && !is_all_rehearsal(config.machine))
    return fail(ErrorCode::bad_request, "--speed is for rehearsals: real engines take their time");
  std::unique_ptr<Server> server(new Server(std::move(options), std::move(config), log));
  if (auto opened = server->open_store(); !opened) return fail(opened.error());
  if (auto allowed = server->require_credentials(); !allowed) return fail(allowed.error());
  if (auto listening = server->listen(); !listening) return fail(listening.error());
  if (auto opened = server->open_controller(); !opened) return fail(opened.error());
  server->open_front();
  return server;
}

Result<void> Server::open_store() {
  auto keys = read_operator_keys(config_.keys);
  if (!keys) return fail(keys.error());
  keys_ = *std::move(keys);
  auto store = SqliteStore::open(data_, real_loop_);
  if (!store) return fail(store.error());
  store_ = *std::move(store);
  auto files = ResultFiles::open(path_in_data("results"));
  if (!files) return fail(files.error());
  files_.emplace(*std::move(files));
  auto tokens = store_->read_tokens();
  if (!tokens) return fail(tokens.error());
  tokens_at_start_ = *std::move(tokens);
  auto links = read_links(path_in_data("links.json"));
  if (!links) return fail(links.error());
  links_ = completed_links(*std::move(links), tokens_at_start_);
  return {};
}

// A server that others can reach must have been given an admin token on purpose: by STOKER_ADMIN_TOKEN, by a [[key]] or
// by `stoker token create --role admin`. The token that a start makes for its own links does not count.
Result<void> Server::require_credentials() const {
  const auto local = is_for_this_machine_only(config_.listen);
  if (!local) return fail(local.error());
  const auto is_admin_key = [](const OperatorKey& key) { return key.role == Role::admin; };
  const TokenHash own = api::hash_of(links_.admin_token);
  const auto is_admin_row = [&](const TokenRow& row) {
    return row.role == Role::admin && !row.revoked && row.hash != own;
  };
  if (*local || std::ranges::any_of(keys_, is_admin_key) ||
      std::ranges::any_of(tokens_at_start_, is_admin_row))
    return {};
  return fail(
      ErrorCode::forbidden,
      fmt::format(
          "{}:{} can be reached from other machines, and no admin token was set; set {} or run: "
          "stoker token create --role admin --data {}",
          config_.listen.host, config_.listen.port, kAdminTokenVariable, data_));
}

Result<void> Server::listen() {
  net::ListenOptions listening{
      .host = config_.listen.host, .port = config_.listen.port, .tls = {}, .limits = {}};
  if (tls()) listening.tls = net::TlsFiles{config_.tls_certificate, config_.tls_key};
  auto http = net::HttpServer::listen(network_, std::move(listening), front_.handler());
  if (!http) {
    return fail(http.error().code, fmt::format("cannot listen on {}:{}: {}", config_.listen.host,
                                               config_.listen.port, http.error().detail));
  }
  http_ = *std::move(http);
  return {};
}

Result<void> Server::open_controller() {
  controller::Topology topology = topology_of(config_.machine);
  if (auto assigned = controller::assign_lasting_ids(*store_, topology); !assigned) return assigned;
  take_ids(topology, config_.machine);
  const auto note = [this](std::string_view event, std::string_view fields) {
    log_.write(LogLevel::warning, event, fields);
  };
  auto rig = EngineRig::make(
      {.loop = loop_, .network = network_, .data = data_, .seed = options_.seed, .log = note},
      config_.machine);
  if (!rig) return fail(rig.error());
  rig_ = *std::move(rig);
  for (const std::string& text : options_.faults) {
    const auto fault = parse_fault(text);
    if (!fault) {
      return fail(ErrorCode::bad_request,
                  "--fault " + text + " is not understood; see stoker serve --help");
    }
    if (auto arranged = rig_->arrange(*fault); !arranged) return arranged;
  }

  controller::Ports ports{.loop = &loop_,
                          .store = store_.get(),
                          .files = &*files_,
                          .gpu = &rig_->probe(),
                          .backends = rig_->backends(),
                          .random = random_number,
                          .log = {}};
  ports.log = [this](std::string_view event, std::string_view fields) {
    if (event == "store_failed") metrics_.count_store_failure();
    log_.write(LogLevel::warning, event, fields);
  };
  controller::Settings settings;
  settings.probe_interval = loop_.planned(settings.probe_interval);
  settings.publish_interval = loop_.planned(settings.publish_interval);
  for (Duration* deadline :
       {&settings.load_deadline, &settings.unload_deadline, &settings.cancel_deadline})
    *deadline = std::max(*deadline, loop_.planned(kShortestDeadline));
  settings.run_deadline_min =
      std::max(settings.run_deadline_min, loop_.planned(kShortestRunDeadline));
  settings.speed = loop_.speed();
  settings.build_id = policy_build();
  settings.preload = config_.machine.preload;
  auto opened =
      controller::Controller::open(std::move(ports), std::move(topology), std::move(settings));
  if (!opened) return fail(opened.error());
  controller_ = *std::move(opened);
  controller_->on_publish([this](const auto& snapshot) { metrics_.observe(*snapshot); });
  return {};
}

void Server::open_front() {
  const auto local = is_for_this_machine_only(config_.listen);
  api::Options options;
  options.version = kVersion;
  options.build = build_;
  options.simulated = std::ranges::all_of(config_.machine.engines,
                                          [](const auto& engine) { return engine.info.simulated; });
  options.speed = loop_.speed();
  options.messages = [](std::string_view language) -> std::optional<std::string_view> {
    const assets::Asset* asset = assets::find_asset("messages/" + std::string(language) + ".json");
    return asset == nullptr ? std::nullopt : std::optional(asset->raw);
  };
  options.openapi_json = text_of_asset("reference/openapi.json");
  options.origin.reach = local.value_or(false) ? api::Reach::loopback : api::Reach::network;
  options.origin.hosts = config_.hostnames;
  if (const auto url = net::parse_url(config_.public_url))
    options.origin.hosts.push_back(url->host);
  if (!config_.public_url.empty()) options.origin.origins.push_back(config_.public_url);
  options.clocks = {.now = [this] { return real_loop_.now(); },
                    .wall = [this] { return real_loop_.wall_now(); },
                    .planning = [this] { return loop_.now(); }};

  Household household;
  api_ = std::make_unique<api::Api>(api::Surroundings{network_, loop_, *controller_, *files_},
                                    std::move(options));
  api_->set_public_base_url(base_url_of_links());
  api_->watch_publications();
  household.api = api_->handler();
  household.is_ours = [this](const net::RequestHead& head) {
    return api_->origin_check().allows(head);
  };
  household.snapshot = [this] { return controller_->snapshot(); };
  household.connections = [this] { return http_->connection_count(); };
  front_.open(std::move(household));
}

int Server::run() {
  for (const int signal : {SIGTERM, SIGINT}) {
    network_.on_signal(signal, [this] {
      // The second one does not wait for anything; the journal restores what was open.
      if (std::exchange(told_to_end_, true)) std::_Exit(kFailure);
      real_loop_.post([this] { drain(); });
    });
  }
  network_.on_signal(SIGHUP, [this] { real_loop_.post([this] { reload(); }); });
  real_loop_.post([this] { greet(); });
  real_loop_.run();
  return exit_code_;
}

void Server::greet() {
  if (const auto interval = watchdog_interval()) keep_watchdog_quiet(*interval);
  const auto known = read_known_keys(path_in_data("keys.json"));
  if (!known) return give_up(known.error().detail);
  if (auto written = write_known_keys(path_in_data("keys.json"), keys_); !written)
    return give_up(written.error().detail);
  prepare_entrance({.controller = controller_.get(),
                    .wall = [this] { return real_loop_.wall_now(); },
                    .links_path = path_in_data("links.json"),
                    .links = links_,
                    .tokens = std::exchange(tokens_at_start_, {}),
                    .keys = rows_of_keys(keys_, *known, real_loop_.wall_now()),
                    .demo = options_.config.empty() ? Demo::wanted : Demo::none},
                   [this](Result<Entrance> entrance) { on_entrance(std::move(entrance)); });
}

void Server::on_entrance(Result<Entrance> entrance) {
  if (!entrance) return give_up(entrance.error().detail);
  if (auto written = write_ready_file(*entrance); !written) return give_up(written.error().detail);
  print_links(*entrance);
  log(LogLevel::info, "ready",
      Fields()
          .add("version", kVersion)
          .add("port", static_cast<int>(http_->port()))
          .add("models", config_.machine.models.size()));
  notify_ready();
}

std::string Server::base_url_of_links() const {
  return config_.public_url.empty() ? base_url(config_.listen, http_->port(), tls())
                                    : config_.public_url;
}

Result<void> Server::write_ready_file(const Entrance& entrance) const {
  if (options_.ready_file.empty()) return {};
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? boost::json::value(nullptr)
                        : boost::json::value(boost::json::string(text));
  };
  const boost::json::object ready{{"http", base_url(config_.listen, http_->port(), tls())},
                                  {"ollama", nullptr},
                                  {"comfyui", nullptr},
                                  {"swarmui", nullptr},
                                  {"leader_token", entrance.links.leader_token},
                                  {"admin_token", entrance.links.admin_token},
                                  {"board_token", text_or_null(entrance.links.board_token)},
                                  {"join_code", text_or_null(entrance.join_code)}};
  return write_private_file(options_.ready_file, boost::json::serialize(ready) + "\n");
}

void Server::print_links(const Entrance& entrance) const {
  if (options_.form == OutputForm::json) return;
  // Under a service manager standard output is a log, and keys do not belong there.
  if (std::getenv("JOURNAL_STREAM") != nullptr) {
    fmt::print("Stoker {} is ready; the keys of its links are in {}\n", kVersion,
               path_in_data("links.json"));
    std::fflush(stdout);
    return;
  }
  const std::string url = base_url_of_links();
  const std::string engines = options_.config.empty() ? "rehearsal engines, nothing real is made"
                                                      : "configuration " + options_.config;
  fmt::print("Stoker {} is ready ({}).\n", kVersion, engines);
  if (!entrance.join_code.empty())
    fmt::print("  participants  {}/?code={}\n", url, entrance.join_code);
  fmt::print("  leader        {}/leader#t={}\n", url, entrance.links.leader_token);
  if (!entrance.links.board_token.empty())
    fmt::print("  board         {}/board#t={}\n", url, entrance.links.board_token);
  fmt::print("  admin         {}/admin#t={}\n", url, entrance.links.admin_token);
  fmt::print(
      "Each link but the first opens with its own key: keep them to yourself. Ctrl-C ends the "
      "server.\n");
  std::fflush(stdout);
}

void Server::keep_watchdog_quiet(Duration interval) {
  notify_alive();
  real_loop_.after(interval, [this, interval] { keep_watchdog_quiet(interval); });
}

void Server::drain() {
  if (std::exchange(draining_, true)) return;
  front_.drain();
  notify_stopping();
  log(LogLevel::info, "draining");
  if (options_.form == OutputForm::text) {
    fmt::print(stderr,
               "stoker: ending; running work has up to {} s, a second Ctrl-C ends at once\n",
               kDrainWork.us / 1'000'000);
  }
  http_->drain(kDrainAnswers,
               [this] { real_loop_.post([this] { end_drain(DrainPart::answers); }); });
  // Whoever watches still sees how the last work ended.
  controller_->drain(loop_.planned(kDrainWork), [this] {
    real_loop_.after(kLastNews, [this] {
      network_.post([this] { front_.end_streams(); });
      end_drain(DrainPart::work);
    });
  });
}

void Server::end_drain(DrainPart part) {
  drained_ |= static_cast<unsigned>(part);
  if (drained_ !=
      (static_cast<unsigned>(DrainPart::answers) | static_cast<unsigned>(DrainPart::work)))
    return;
  rig_->shutdown(kDrainEngines, [this] {
    log(LogLevel::info, "stopped");
    real_loop_.stop();
  });
}

void Server::give_up(const std::string& words) {
  exit_code_ = complain(words);
  real_loop_.stop();
}

}  // namespace stoker::server
