#include <fmt/format.h>

#include <boost/json.hpp>

#include "controller/replay.h"
#include "server/build_facts.h"
#include "server/commands.h"
#include "server/config/config.h"
#include "server/config/config_schema.h"
#include "server/stopped_store.h"

namespace stoker::server {
namespace {

namespace json = boost::json;

std::string address_of(const KeyRule& rule) {
  const TableRule* table = find_table(rule.table);
  return std::string(rule.table) + (table != nullptr && table->repeated ? "[]." : ".") +
         std::string(rule.key);
}

int list_keys(OutputForm form) {
  json::array keys;
  for (const KeyRule& rule : config_keys()) {
    const bool works = rule.availability == Availability::works;
    if (form == OutputForm::text)
      fmt::print("{:<26} {:<16} {}{}\n", address_of(rule), value_kind_words(rule.kind),
                 rule.required ? "required" : "optional",
                 works ? "" : ", not available in this version");
    keys.push_back(json::object{{"key", address_of(rule)},
                                {"kind", std::string(value_kind_words(rule.kind))},
                                {"required", rule.required},
                                {"available", works}});
  }
  if (form == OutputForm::json)
    fmt::print("{}\n", json::serialize(json::object{{"ok", true}, {"keys", keys}}));
  return kSuccess;
}

// What was looked at, as text for people on the way and as one object at the end.
struct Findings {
  OutputForm form = OutputForm::text;
  bool ok = true;
  json::object object;

  void say(const std::string& words) const {
    if (form == OutputForm::text) fmt::print("{}\n", words);
  }
};

void check_config(const std::string& path, Findings& findings) {
  const ConfigResult config = read_config(path);
  if (config) {
    const Machine& machine = config->machine;
    findings.say(fmt::format("{}: good: {} devices, {} backends, {} models", path,
                             machine.devices.size(), machine.engines.size(),
                             machine.models.size()));
    findings.object["config"] = json::object{{"ok", true}, {"models", machine.models.size()}};
    return;
  }
  findings.ok = false;
  json::array problems;
  for (const ConfigProblem& problem : config.error()) {
    findings.say(problem_text(path, problem));
    problems.push_back(json::object{
        {"line", problem.line}, {"column", problem.column}, {"problem", problem.words}});
  }
  findings.object["config"] = json::object{{"ok", false}, {"problems", problems}};
}

void check_journal(const std::string& data, Findings& findings) {
  auto opened = StoppedStore::open(data);
  const auto report = opened ? controller::verify_journal(opened->store(), policy_build())
                             : Result<controller::ReplayReport>(fail(opened.error()));
  if (!report) {
    findings.ok = false;
    findings.say(data + ": " + report.error().detail);
    findings.object["journal"] = json::object{{"ok", false}, {"error", report.error().detail}};
    return;
  }
  json::object object{{"ok", !report->first_difference_seq},
                      {"rows", report->rows},
                      {"epochs", report->epochs},
                      {"epochs_of_other_builds", report->epochs_of_other_builds},
                      {"decisions_compared", report->decisions_compared}};
  std::string words = fmt::format("{}: {} journal rows of {} starts, {} decisions replayed", data,
                                  report->rows, report->epochs, report->decisions_compared);
  if (report->epochs_of_other_builds > 0)
    words += fmt::format(", {} starts of other versions only read", report->epochs_of_other_builds);
  if (report->first_difference_seq) {
    findings.ok = false;
    object["first_difference_seq"] = *report->first_difference_seq;
    words += fmt::format("; the first difference is at row {}", *report->first_difference_seq);
  } else {
    words += ", no difference";
  }
  findings.say(words);
  findings.object["journal"] = std::move(object);
}

}  // namespace

int run_check(const CheckOptions& options) {
  if (options.list_keys) return list_keys(options.form);
  if (options.config.empty() && options.data.empty())
    return complain("nothing to check: give --config FILE or --data DIR", kWrongUse);
  Findings findings{.form = options.form, .ok = true, .object = {}};
  if (!options.config.empty()) check_config(options.config, findings);
  if (!options.data.empty()) check_journal(options.data, findings);
  if (options.form == OutputForm::json) {
    findings.object["ok"] = findings.ok;
    fmt::print("{}\n", json::serialize(findings.object));
  }
  return findings.ok ? kSuccess : kFailure;
}

}  // namespace stoker::server
