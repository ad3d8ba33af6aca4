// The subcommands as functions: options in, exit code out.
//
// Purpose: main() reads the command line and calls one of these.
// Threading: on the main thread; `serve` runs the loop there until it ends.
// Exit codes: 0 success, 1 a finding or a failure (said on standard error), 2 wrong use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/log.h"
#include "simulation/quotes.h"

namespace stoker::server {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kWrongUse = 2;

enum class OutputForm : std::uint8_t { text, json };

struct ServeOptions {
  std::string config;  // empty: the embedded defaults
  std::string data;    // empty: from the configuration, else $STATE_DIRECTORY, else ./data
  std::string listen;  // empty: from the configuration
  std::string ready_file;
  double speed = 1;
  std::uint64_t seed = 1;
  std::vector<std::string> faults;
  LogLevel log_level = LogLevel::info;
  OutputForm form = OutputForm::text;
};
int run_serve(const ServeOptions& options);

struct CheckOptions {
  std::string config;
  std::string data;
  bool list_keys = false;
  OutputForm form = OutputForm::text;
};
int run_check(const CheckOptions& options);

enum class TokenAction : std::uint8_t { create, list, revoke };
struct TokenOptions {
  TokenAction action = TokenAction::list;
  std::string data;
  std::string role;
  std::string workshop;
  std::string id;
  OutputForm form = OutputForm::text;
};
int run_token(const TokenOptions& options);

struct BackupOptionsOfCommand {
  std::string data;
  std::string file;
  bool with_content = false;
  OutputForm form = OutputForm::text;
};
int run_backup(const BackupOptionsOfCommand& options);
int run_restore(const BackupOptionsOfCommand& options);

struct SimulateOptions {
  std::vector<std::string> scenarios;  // files and folders; at least one
  std::string policy = "stoker";
  std::string log;  // a file for one scenario, a folder for several; empty: none
  simulation::Quotes quotes = simulation::Quotes::given;
  OutputForm form = OutputForm::text;
};
int run_simulate(const SimulateOptions& options);

struct DoctorOptions {
  std::string config;                // its engines are looked at instead of the usual addresses
  std::string data;                  // the folder whose disk is looked at
  std::string write;                 // a file for a proposed configuration; empty: none
  std::vector<std::string> engines;  // KIND=URL
  bool prove = false;                // load A, B and A again at each engine of the configuration
  OutputForm form = OutputForm::text;
};
int run_doctor(const DoctorOptions& options);

enum class TemplateAction : std::uint8_t { list, check, import };
struct TemplateOptions {
  TemplateAction action = TemplateAction::list;
  std::string file;    // a workflow or a template; check takes the name of a shipped one, too
  std::string to;      // of import
  std::string name;    // of import; empty: from the file
  std::string medium;  // of import; empty: by the output node
  std::string engine;  // of check: a ComfyUI whose nodes and files are asked
  OutputForm form = OutputForm::text;
};
int run_template(const TemplateOptions& options);

int run_version(OutputForm form);

// The given folder, else $STATE_DIRECTORY, else ./data.
std::string data_folder(const std::string& given);

// "stoker: WORDS" on standard error; returns the exit code.
int complain(const std::string& words, int exit_code = kFailure);

}  // namespace stoker::server
