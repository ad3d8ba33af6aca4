// What an operator configures: one TOML file, checked against a table of keys (config_schema.h).
//
// Purpose: from a file to values that need no further checks, or to every problem of the file with line and column.
// Threading: reads files on the calling thread; values otherwise.
// Limits: kConfigBytesMax; the counts of domain/model.h; kConfigProblemsMax problems are told.
// Errors: a list of problems; never half a configuration.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/engine_model.h"
#include "domain/model.h"
#include "domain/person.h"
#include "domain/workshop.h"
#include "scheduler/event.h"
#include "server/config/engine_setup.h"

namespace stoker::server {

inline constexpr std::size_t kConfigBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kConfigProblemsMax = 100;
inline constexpr std::size_t kConfigKeysMax = 100;
inline constexpr std::uint16_t kDefaultPort = 8420;

struct ListenAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = kDefaultPort;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// "127.0.0.1:8420", "[::1]:0", "name:80", ":8420" (all addresses).
std::optional<ListenAddress> parse_listen_address(std::string_view text);

// Where an operator's token comes from: a file that only its owner reads, or a variable of the environment.
struct KeySource {
  Role role = Role::application;
  std::string name;
  std::string token_file;
  std::string env;

  friend bool operator==(const KeySource&, const KeySource&) = default;
};

// Devices, engines and models. Ids count from 1 in the order of the file; a NameBook makes them last.
struct Machine {
  std::vector<Device> devices;
  std::vector<CardSetup> cards;  // one for each device
  std::vector<EngineSetup> engines;
  std::vector<Model> models;
  std::vector<EngineModel> engine_models;  // one for each model
  std::vector<ModelId> preload;
  std::vector<scheduler::DeviceSpeeds> speeds;  // one for each device
  scheduler::PatienceSet patience;
  MisfitRule misfit = MisfitRule::refuse;  // of workshops that say nothing else
};

struct Config {
  ListenAddress listen;
  std::string public_url;  // without trailing slash; empty: made from the request or the address
  std::vector<std::string> hostnames;  // further names under which browsers may reach the server
  std::string tls_certificate;
  std::string tls_key;
  std::string data;
  Machine machine;
  std::vector<KeySource> keys;
};

struct ConfigProblem {
  std::uint32_t line = 0;  // 0: the file as a whole
  std::uint32_t column = 0;
  std::string words;
};

using ConfigResult = std::expected<Config, std::vector<ConfigProblem>>;

// What everything rehearses: simulated cards and engines alone.
bool is_all_rehearsal(const Machine& machine);

ConfigResult read_config(const std::string& path);
// `text` as if it stood in a file; relative paths count from `folder`.
ConfigResult parse_config(std::string_view text, const std::string& folder);

// Without a file: the rehearsal engines and their models.
Config default_config();

// "stoker.toml:12:3: unknown key ..."
std::string problem_text(const std::string& path, const ConfigProblem& problem);

}  // namespace stoker::server
