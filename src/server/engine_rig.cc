#include "server/engine_rig.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "backends/process/leftovers.h"
#include "backends/process/managed_backend.h"
#include "backends/process/system_engine_host.h"
#include "controller/thread_loop.h"
#include "gpu/machine_probe.h"
#include "server/links.h"

namespace stoker::server {
namespace {

constexpr Duration kLeftoverGrace = seconds(5);
constexpr const char* kNvmlVariable = "STOKER_NVML_LIBRARY";

gpu::CardKind card_kind(CardSource source) {
  if (source == CardSource::amd) return gpu::CardKind::amd;
  return source == CardSource::host ? gpu::CardKind::host : gpu::CardKind::nvidia;
}

// A random word of this data folder, made once: DATA/instance.
Result<std::string> instance_of(const std::string& data) {
  const std::string path = data + "/instance";
  if (std::filesystem::exists(path)) return read_private_file(path, 256);
  std::array<unsigned char, 16> random{};
  randombytes_buf(random.data(), random.size());
  std::array<char, 33> hex{};
  sodium_bin2hex(hex.data(), hex.size(), random.data(), random.size());
  if (auto written = write_private_file(path, std::string(hex.data()) + "\n"); !written)
    return fail(written.error());
  return std::string(hex.data());
}

std::string engine_folder(const RigPlace& place) {
  return place.data + "/engines";
}

// What a killed server left behind holds memory that nobody accounts for, also where its backend is configured no more.
// Processes that stay are told and not waited for: an engine that needs their place fails to load and says so.
void end_leftovers(const RigPlace& place) {
  std::vector<std::string> files = pid_files_in(engine_folder(place));
  if (files.empty()) return;
  ThreadLoop loop;
  Result<int> ended;
  sweep_leftovers(loop, std::move(files), kLeftoverGrace, [&](Result<int> processes) {
    ended = std::move(processes);
    loop.stop();
  });
  loop.run();
  if (!place.log) return;
  if (!ended) {
    return place.log(
        "leftovers_stay",
        "\"detail\":" + boost::json::serialize(boost::json::value(ended.error().detail)));
  }
  if (*ended > 0) place.log("leftovers_ended", "\"processes\":" + std::to_string(*ended));
}

CardSource card_of(const Machine& machine, DeviceId device) {
  const auto card = std::ranges::find(machine.cards, device, &CardSetup::device);
  return card == machine.cards.end() ? CardSource::simulated : card->source;
}

std::vector<EngineModel> models_of(const std::vector<Model>& models,
                                   const std::vector<EngineModel>& engine_models,
                                   BackendId backend) {
  std::vector<EngineModel> list;
  for (const EngineModel& engine_model : engine_models) {
    const auto model = std::ranges::find(models, engine_model.id, &Model::id);
    if (model != models.end() && model->backend == backend) list.push_back(engine_model);
  }
  return list;
}

}  // namespace

struct EngineRig::Real {
  std::unique_ptr<Backend> backend;
  ManagedBackend* managed = nullptr;  // the same, if Stoker starts its engines
  EngineAdapters adapters;

  void set_models(const std::vector<EngineModel>& models) const {
    if (managed != nullptr) return managed->set_models(models);
    adapters.set_models(*backend, models);
  }
};

// The simulated cards' samples and the real ones' as one answer.
class EngineRig::JoinedProbe final : public GpuProbe {
 public:
  JoinedProbe(GpuProbe& simulated, std::unique_ptr<GpuProbe> real, std::vector<DeviceId> devices)
      : simulated_(simulated), real_(std::move(real)), devices_(std::move(devices)) {}

  Result<std::vector<GpuSample>> sample() override {
    auto samples = simulated_.sample();
    auto real = real_->sample();
    if (!samples || samples->empty()) return real;
    if (!real) {
      for (const DeviceId device : devices_) {
        samples->push_back(
            {.device = device, .total = {}, .used = {}, .processes = {}, .trouble = real.error()});
      }
      return samples;
    }
    samples->insert(samples->end(), std::make_move_iterator(real->begin()),
                    std::make_move_iterator(real->end()));
    return samples;
  }

 private:
  GpuProbe& simulated_;
  std::unique_ptr<GpuProbe> real_;
  const std::vector<DeviceId> devices_;  // the real ones
};

EngineRig::EngineRig(const RigPlace& place, const Machine& machine)
    : rehearsal_(place.loop, machine, place.seed) {
  std::vector<gpu::DeviceCard> cards;
  for (const CardSetup& card : machine.cards) {
    if (card.source != CardSource::simulated)
      cards.push_back({card.device, card_kind(card.source), card.card});
  }
  gpu::MachinePlaces places;
  if (const char* library = std::getenv(kNvmlVariable)) places.nvml_library = library;
  std::vector<DeviceId> devices;
  for (const gpu::DeviceCard& card : cards) devices.push_back(card.device);
  std::unique_ptr<GpuProbe> real;
  if (!cards.empty()) real = std::make_unique<gpu::MachineProbe>(std::move(cards), owners_, places);
  if (real)
    probe_ = std::make_unique<JoinedProbe>(rehearsal_.probe(), std::move(real), std::move(devices));
}

EngineRig::~EngineRig() = default;

Result<std::unique_ptr<EngineRig>> EngineRig::make(const RigPlace& place, const Machine& machine) {
  std::unique_ptr<EngineRig> rig(new EngineRig(place, machine));
  end_leftovers(place);
  if (is_all_rehearsal(machine)) return rig;
  const auto salt = instance_of(place.data);
  if (!salt) return fail(salt.error());
  for (const EngineSetup& engine : machine.engines) {
    if (engine.is_rehearsal()) continue;
    if (auto added = rig->add(place, machine, engine, *salt); !added) return fail(added.error());
  }
  return rig;
}

Result<void> EngineRig::add(const RigPlace& place, const Machine& machine,
                            const EngineSetup& engine, const std::string& salt) {
  auto key = engine_key(engine);
  if (!key) return fail(key.error());
  const AdapterPlace adapter_place{.loop = place.loop,
                                   .network = place.network,
                                   .key = *std::move(key),
                                   .salt = salt,
                                   .memory = card_of(machine, engine.info.device)};
  auto real = std::make_unique<Real>();
  real->adapters = adapters_for(adapter_place, engine);
  const std::vector<EngineModel> models =
      models_of(machine.models, machine.engine_models, engine.info.id);
  if (engine.command) {
    if (auto managed = manage(place, engine, models, *real); !managed) return managed;
  } else {
    const net::Url url = net::parse_url(engine.url).value_or(net::Url{});
    real->backend = real->adapters.make(url, models);
    const bool is_here =
        url.host == "localhost" || url.host == "::1" || url.host.starts_with("127.");
    owners_.set_rule({.backend = engine.info.id,
                      .port = is_here ? url.port : std::uint16_t{0},
                      .program = engine.program});
  }
  real_.emplace(engine.info.id, std::move(real));
  return {};
}

Result<void> EngineRig::manage(const RigPlace& place, const EngineSetup& engine,
                               const std::vector<EngineModel>& models, Real& real) {
  const std::string folder = engine_folder(place);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(ErrorCode::internal, "cannot make " + folder + ": " + error.message());
  EngineHosts hosts = [&place_loop = place.loop, &network = place.network,
                       folder](const std::string& name) -> std::unique_ptr<EngineHost> {
    return std::make_unique<SystemEngineHost>(
        place_loop, network,
        EngineFiles{.name = name, .state_folder = folder, .log_folder = folder});
  };
  ManagedOptions options{.id = engine.info.id,
                         .name = engine.info.name,
                         .share = engine.share,
                         .start = EngineStart::at_once,
                         .command = *engine.command};
  auto managed = std::make_unique<ManagedBackend>(place.loop, std::move(hosts), std::move(options),
                                                  real.adapters, models);
  managed->on_groups(
      [this, program = engine.program](BackendId id, const std::vector<int>& groups) {
        owners_.set_rule({.backend = id, .process_groups = groups, .program = program});
      });
  real.managed = managed.get();
  real.backend = std::move(managed);
  return {};
}

void EngineRig::shutdown(Duration wait_max, std::move_only_function<void()> done) {
  auto open = std::make_shared<std::size_t>(1);
  auto all_done = std::make_shared<std::move_only_function<void()>>(std::move(done));
  const auto end_one = [open, all_done] {
    if (--*open == 0) (*all_done)();
  };
  for (const auto& [id, real] : real_) {
    if (real->managed == nullptr) continue;
    ++*open;
    real->managed->shutdown(wait_max, [end_one](const Result<void>&) { end_one(); });
  }
  end_one();
}

void EngineRig::set_models(const std::vector<Model>& models,
                           const std::vector<EngineModel>& engine_models) {
  rehearsal_.set_models(models);
  for (const auto& [id, real] : real_) real->set_models(models_of(models, engine_models, id));
}

std::vector<std::pair<BackendId, Backend*>> EngineRig::backends() const {
  std::vector<std::pair<BackendId, Backend*>> list = rehearsal_.backends();
  for (const auto& [id, real] : real_) list.emplace_back(id, real->backend.get());
  return list;
}

GpuProbe& EngineRig::probe() {
  return probe_ ? *probe_ : rehearsal_.probe();
}

}  // namespace stoker::server
