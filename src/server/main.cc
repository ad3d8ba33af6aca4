// The command line of Stoker.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <string>

#include "controller/scaled_loop.h"
#include "server/build_facts.h"
#include "server/commands.h"

namespace {

using namespace stoker::server;

// What CLI11 fills; the parts become the options of the command that was named.
struct CommandLine {
  bool json = false;
  ServeOptions serve;
  CheckOptions check;
  TokenOptions token;
  BackupOptionsOfCommand backup;
  SimulateOptions simulate;
  DoctorOptions doctor;
  TemplateOptions workflow_template;
  bool no_eta = false;
  std::string log_level = "info";
  std::string ollama_listen;
  std::string comfyui_listen;
  std::string swarmui_listen;

  OutputForm form() const { return json ? OutputForm::json : OutputForm::text; }
};

CLI::App* add_command(CLI::App& app, CommandLine& line, const char* name, const char* what) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_flag("--json", line.json, "One JSON object on standard output");
  return command;
}

void add_serve(CLI::App& app, CommandLine& line) {
  CLI::App* serve = add_command(app, line, "serve", "Start the server");
  serve->add_option("--config", line.serve.config,
                    "Configuration file (TOML); without it: rehearsal engines and a demo workshop");
  serve->add_option("--data", line.serve.data,
                    "Data folder (default: $STATE_DIRECTORY, else ./data)");
  serve->add_option(
      "--listen", line.serve.listen,
      "HOST:PORT for pages and API (default 127.0.0.1:8420; port 0 picks a free one)");
  serve->add_option("--ollama-listen", line.ollama_listen,
                    "HOST:PORT of the Ollama door; not available in this version");
  serve->add_option("--comfyui-listen", line.comfyui_listen,
                    "HOST:PORT of the ComfyUI door; not available in this version");
  serve->add_option("--swarmui-listen", line.swarmui_listen,
                    "HOST:PORT of the SwarmUI door; not available in this version");
  serve->add_option("--speed", line.serve.speed, "How much faster rehearsals run, 1 to 1000")
      ->check(CLI::Range(1.0, stoker::kSpeedMax));
  serve->add_option("--seed", line.serve.seed, "Seed of the rehearsal engines' spread");
  serve->add_option("--ready-file", line.serve.ready_file,
                    "File that receives addresses and tokens once everything listens");
  serve->add_option(
      "--fault", line.serve.faults,
      "What shall go wrong in a rehearsal: load_failed:MODEL run_failed:MODEL load_stalled:MODEL "
      "run_stalled:MODEL backend_down:BACKEND[:SECONDS] foreign_memory:DEVICE:MIB "
      "chance:LOADS:RUNS");
  serve->add_option("--log-level", line.log_level, "debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}));
}

void add_check(CLI::App& app, CommandLine& line) {
  CLI::App* check = add_command(app, line, "check", "Check a configuration or a data folder");
  check->add_option("--config", line.check.config, "Configuration file");
  check->add_option("--data", line.check.data,
                    "Data folder of a stopped server: its journal is replayed and compared");
  check->add_flag("--list-keys", line.check.list_keys, "Print every configuration key");
}

void add_token(CLI::App& app, CommandLine& line) {
  CLI::App* token =
      app.add_subcommand("token", "Make, list and revoke tokens while the server is stopped");
  token->require_subcommand(1);
  const auto add_action = [&](const char* name, const char* what, TokenAction action) {
    CLI::App* command = add_command(*token, line, name, what);
    command->add_option("--data", line.token.data,
                        "Data folder (default: $STATE_DIRECTORY, else ./data)");
    command->callback([&line, action] { line.token.action = action; });
    return command;
  };
  CLI::App* create = add_action("create", "Make a token and print it once", TokenAction::create);
  create->add_option("--role", line.token.role, "leader, admin, application or board")->required();
  create->add_option("--workshop", line.token.workshop,
                     "Only for this workshop (its id, for example w1)");
  add_action("list", "Show all tokens but those of participants", TokenAction::list);
  CLI::App* revoke = add_action("revoke", "Make a token invalid", TokenAction::revoke);
  revoke->add_option("id", line.token.id, "The id that stoker token list shows")->required();
}

void add_backup(CLI::App& app, CommandLine& line) {
  CLI::App* backup = add_command(app, line, "backup",
                                 "Copy journal and settings of a stopped server into one file");
  backup->add_option("--data", line.backup.data,
                     "Data folder (default: $STATE_DIRECTORY, else ./data)");
  backup->add_option("--to", line.backup.file, "The new file")->required();
  backup->add_flag("--with-content", line.backup.with_content, "Also the texts that people wrote");
  CLI::App* restore = add_command(app, line, "restore", "Make a data folder from a backup");
  restore->add_option("--data", line.backup.data,
                      "Data folder without data (default: $STATE_DIRECTORY, else ./data)");
  restore->add_option("--from", line.backup.file, "The backup")
      ->required()
      ->check(CLI::ExistingFile);
}

void add_simulate(CLI::App& app, CommandLine& line) {
  CLI::App* simulate =
      add_command(app, line, "simulate", "Play workshops on a virtual clock and measure them");
  simulate
      ->add_option("scenario", line.simulate.scenarios,
                   "Scenario files, or folders with them (*.json)")
      ->required();
  simulate->add_option("--policy", line.simulate.policy,
                       "Who decides: stoker, or a baseline; a wrong name lists them all");
  simulate->add_option("--log", line.simulate.log,
                       "File for the log (JSON lines); with several scenarios a folder, where each "
                       "becomes POLICY.SCENARIO.jsonl");
  simulate->add_flag("--no-eta", line.no_eta, "Promise nobody a time");
}

void add_doctor(CLI::App& app, CommandLine& line) {
  CLI::App* doctor = add_command(app, line, "doctor",
                                 "Look at cards, memory, disk and engines, and say what to change");
  doctor->add_option("--config", line.doctor.config, "Look at the engines of this configuration");
  doctor->add_option("--engine", line.doctor.engines,
                     "Look here instead of the usual addresses: KIND=URL, KIND one of ollama, "
                     "openai, comfyui, swarmui");
  doctor->add_option("--data", line.doctor.data,
                     "Data folder (default: $STATE_DIRECTORY, else ./data)");
  doctor->add_flag("--prove", line.doctor.prove,
                   "With --config: load two models of each running engine and the first again, to "
                   "see whether it was kept (takes as long as the loads)");
  doctor->add_option("--write", line.doctor.write, "New file for a proposed configuration");
}

void add_template(CLI::App& app, CommandLine& line) {
  CLI::App* group =
      app.add_subcommand("template", "Workflow templates: list, check, make one of a workflow");
  group->require_subcommand(1);
  TemplateOptions& options = line.workflow_template;
  const auto add_action = [&](const char* name, const char* what, TemplateAction action) {
    CLI::App* command = add_command(*group, line, name, what);
    command->callback([&options, action] { options.action = action; });
    return command;
  };
  add_action("list", "The templates that ship with the program", TemplateAction::list);
  CLI::App* check =
      add_action("check", "Check a template against the nodes it uses", TemplateAction::check);
  check->add_option("template", options.file, "File, or name of a shipped template")->required();
  check->add_option("--engine", options.engine,
                    "URL of a ComfyUI that is asked for its nodes and files");
  CLI::App* import =
      add_action("import", "Make a template of a workflow that was exported in API format",
                 TemplateAction::import);
  import->add_option("workflow", options.file, "The workflow (API format, JSON)")
      ->required()
      ->check(CLI::ExistingFile);
  import->add_option("--to", options.to, "The new template file")->required();
  import->add_option("--name", options.name, "Name of the template (default: the file's)");
  import->add_option("--medium", options.medium, "image, video, audio, music or text")
      ->check(CLI::IsMember({"image", "video", "audio", "music", "text"}));
}

// The sentence for an option that belongs to a later version; empty: none was given.
std::string door_that_is_not_there(const CommandLine& line) {
  if (!line.ollama_listen.empty())
    return "--ollama-listen: the Ollama door is not available in this version";
  if (!line.comfyui_listen.empty())
    return "--comfyui-listen: the ComfyUI door is not available in this version";
  if (!line.swarmui_listen.empty())
    return "--swarmui-listen: the SwarmUI door is not available in this version";
  return {};
}

int serve(CommandLine& line) {
  if (const std::string words = door_that_is_not_there(line); !words.empty())
    return complain(words, kWrongUse);
  line.serve.log_level = log_level_from_name(line.log_level).value_or(LogLevel::info);
  line.serve.form = line.form();
  return run_serve(line.serve);
}

int simulate(CommandLine& line) {
  if (line.no_eta) line.simulate.quotes = stoker::simulation::Quotes::off;
  line.simulate.form = line.form();
  return run_simulate(line.simulate);
}

int run(const CLI::App& app, CommandLine& line) {
  line.check.form = line.token.form = line.backup.form = line.doctor.form =
      line.workflow_template.form = line.form();
  if (app.got_subcommand("serve")) return serve(line);
  if (app.got_subcommand("check")) return run_check(line.check);
  if (app.got_subcommand("token")) return run_token(line.token);
  if (app.got_subcommand("backup")) return run_backup(line.backup);
  if (app.got_subcommand("restore")) return run_restore(line.backup);
  if (app.got_subcommand("simulate")) return simulate(line);
  if (app.got_subcommand("doctor")) return run_doctor(line.doctor);
  if (app.got_subcommand("template")) return run_template(line.workflow_template);
  return run_version(line.form());
}

}  // namespace

int main(int argc, char** argv) {
  // Few threads allocate at the same time; more arenas only hold memory back.
  mallopt(M_ARENA_MAX, 2);
  // A closed pipe and a file size limit are errors of the write that meets them.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);

  CommandLine line;
  CLI::App app("Stoker keeps the models of a workshop ready on one graphics card", "stoker");
  app.require_subcommand(1);
  app.set_version_flag("--version", "stoker " + std::string(kVersion));
  add_serve(app, line);
  add_check(app, line);
  add_token(app, line);
  add_backup(app, line);
  add_simulate(app, line);
  add_doctor(app, line);
  add_template(app, line);
  add_command(app, line, "version", "Print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSuccess : kWrongUse;
  }
  return run(app, line);
}
