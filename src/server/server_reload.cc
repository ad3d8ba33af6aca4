// SIGHUP: the configuration is read again and taken over by difference, or not at all.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "controller/dictionary.h"
#include "server/server.h"
#include "server/systemd.h"

namespace stoker::server {
namespace {

bool same_device(const Device& a, const Device& b) {
  return a.name == b.name && a.vram == b.vram;
}

bool same_engine(const EngineSetup& a, const EngineSetup& b) {
  return a.info.name == b.info.name && a.info.kind == b.info.kind &&
         a.info.device == b.info.device && a.info.slots == b.info.slots &&
         a.info.granularity == b.info.granularity && a.style == b.style && a.url == b.url &&
         a.key_file == b.key_file && a.key_env == b.key_env && a.flavour == b.flavour &&
         a.program == b.program && a.share == b.share && a.command == b.command;
}

// Engines keep models that left the configuration, because those are still to be unloaded.
template <class AnyModel>
std::vector<AnyModel> with_old_models(std::vector<AnyModel> models,
                                      const std::vector<AnyModel>& old) {
  for (const AnyModel& model : old)
    if (std::ranges::find(models, model.id, &AnyModel::id) == models.end()) models.push_back(model);
  return models;
}

}  // namespace

void Server::reload() {
  if (draining_) return;
  if (options_.config.empty()) return log(LogLevel::warning, "reload_without_config");
  // One at a time: the next reading must see the names that this one gave numbers to.
  if (reload_ != Reload::none) {
    reload_ = Reload::again;
    return;
  }
  reload_ = Reload::running;
  notify_reloading();
  struct Reread {
    ConfigResult config = std::unexpected(std::vector<ConfigProblem>{});
    Result<std::vector<OperatorKey>> keys;
  };
  auto reread = std::make_shared<Reread>();
  real_loop_.offload(
      [reread, path = options_.config] {
        reread->config = read_config(path);
        if (reread->config) reread->keys = read_operator_keys(reread->config->keys);
      },
      [this, reread] { on_reread(std::move(reread->config), std::move(reread->keys)); });
}

void Server::on_reread(ConfigResult reread, Result<std::vector<OperatorKey>> keys) {
  if (!reread) {
    for (const ConfigProblem& problem : reread.error()) {
      log(LogLevel::error, "config_refused",
          Fields().add("problem", problem_text(options_.config, problem)));
    }
    return end_reload();
  }
  const auto refuse = [this](const Error& error) {
    log(LogLevel::error, "config_refused",
        Fields().add("problem", options_.config + ": " + error.detail));
    end_reload();
  };
  if (!keys) return refuse(keys.error());
  auto topology = changed_topology(reread->machine);
  if (!topology) return refuse(topology.error());

  rig_->set_models(with_old_models(topology->models, config_.machine.models),
                   with_old_models(reread->machine.engine_models, config_.machine.engine_models));
  Machine machine = std::move(reread->machine);
  controller_->set_topology(
      *std::move(topology), [this, count = machine.models.size()](Result<void> taken) {
        if (!taken)
          log(LogLevel::error, "config_refused", Fields().add("problem", taken.error().detail));
        if (taken) {
          log(LogLevel::info, "config_taken",
              Fields().add("models", static_cast<std::uint64_t>(count)));
        }
        end_reload();
      });
  const bool listens_elsewhere = options_.listen.empty() && reread->listen != config_.listen;
  if (listens_elsewhere || reread->tls_certificate != config_.tls_certificate ||
      reread->tls_key != config_.tls_key || reread->public_url != config_.public_url ||
      reread->hostnames != config_.hostnames)
    log(LogLevel::warning, "restart_needed", Fields().add("for", "[server]"));
  if (machine.preload != config_.machine.preload)
    log(LogLevel::warning, "restart_needed", Fields().add("for", "preload in [residency]"));
  config_.machine.models = with_old_models(std::move(machine.models), config_.machine.models);
  config_.machine.engine_models =
      with_old_models(std::move(machine.engine_models), config_.machine.engine_models);
  apply_keys(*std::move(keys));
}

void Server::end_reload() {
  notify_ready();
  if (std::exchange(reload_, Reload::none) == Reload::again) reload();
}

// The new machine with lasting ids, if only its models differ.
Result<controller::Topology> Server::changed_topology(Machine& machine) const {
  controller::Topology topology = topology_of(machine);
  if (auto assigned = controller::assign_lasting_ids(*store_, topology); !assigned)
    return fail(assigned.error());
  take_ids(topology, machine);
  const bool same = std::ranges::equal(machine.devices, config_.machine.devices, same_device) &&
                    machine.cards == config_.machine.cards &&
                    std::ranges::equal(machine.engines, config_.machine.engines, same_engine);
  if (!same) {
    return fail(ErrorCode::conflict,
                "a change of [[device]] or [[backend]] needs a restart; nothing was taken over");
  }
  return topology;
}

void Server::apply_keys(std::vector<OperatorKey> keys) {
  if (keys == keys_) return;
  std::vector<TokenHash> known;
  for (const OperatorKey& key : keys_) known.push_back(key.hash);
  if (auto written = write_known_keys(path_in_data("keys.json"), keys); !written)
    return log(LogLevel::error, "keys_refused", Fields().add("problem", written.error().detail));
  for (const TokenRow& row : rows_of_keys(keys, known, real_loop_.wall_now())) {
    controller_->issue_token(row, [this](Result<void> issued) {
      if (!issued)
        log(LogLevel::error, "keys_refused", Fields().add("problem", issued.error().detail));
    });
  }
  keys_ = std::move(keys);
}

}  // namespace stoker::server
