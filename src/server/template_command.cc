// stoker template: lists the templates that ship, checks one, and makes one out of an operator's own workflow.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <optional>

#include "backends/http/engine_http.h"
#include "controller/thread_loop.h"
#include "net/network.h"
#include "protocol/comfyui/graph_bindings.h"
#include "protocol/comfyui/graph_models.h"
#include "protocol/comfyui/node_schemas.h"
#include "protocol/comfyui/template.h"
#include "server/commands.h"
#include "server/text_files.h"
#include "server/workflow_templates.h"

namespace stoker::server {
namespace {

namespace json = boost::json;
namespace wire = protocol::comfyui;

constexpr Duration kSchemasMax = seconds(60);

int list_templates(OutputForm form) {
  json::array list;
  for (const std::string& name : shipped_templates()) {
    const auto text = template_source(name, "");
    const auto parsed = text ? wire::parse_template(*text) : Result<wire::WorkflowTemplate>();
    if (!parsed) return complain(name + ": " + parsed.error().detail);
    json::array files;
    for (const std::string& file : parsed->model_files) files.push_back(json::string(file));
    if (form == OutputForm::text) {
      fmt::print("{:<14} {:<6} {}\n", name, parsed->medium, parsed->title);
      for (const std::string& file : parsed->model_files) fmt::print("{:>21} {}\n", "", file);
    }
    list.push_back(json::object{{"name", name},
                                {"title", parsed->title},
                                {"medium", parsed->medium},
                                {"model_files", std::move(files)}});
  }
  if (form == OutputForm::json)
    fmt::print("{}\n", json::serialize(json::object{{"ok", true}, {"templates", std::move(list)}}));
  return kSuccess;
}

// The node schemas of a running ComfyUI.
class SchemaQuestion {
 public:
  Result<std::string> ask(const net::Url& url) {
    auto http = std::make_shared<EngineHttp>(network_, url);
    network_.spawn(answer(http, loop_, result_));
    loop_.run();
    return std::move(result_);
  }

 private:
  static net::Task<void> answer(std::shared_ptr<EngineHttp> http, ThreadLoop& loop,
                                Result<std::string>& result) {
    auto got = co_await EngineHttp::ask(
        http, {.target = "/object_info", .body = {}, .deadline = kSchemasMax});
    loop.post([&loop, &result, got = std::move(got)]() mutable {
      if (!got) {
        result = fail(got.error());
      } else if (!got->ok()) {
        result = fail(ErrorCode::backend_down, fmt::format("it answers {}", got->status));
      } else {
        result = std::move(got->body);
      }
      loop.stop();
    });
  }

  ThreadLoop loop_;
  Result<std::string> result_;
  net::Network network_;
};

Result<wire::NodeSchemas> schemas_for(const std::string& engine) {
  if (engine.empty()) return wire::parse_node_schemas(shipped_node_schemas());
  const auto url = net::parse_url(engine);
  if (!url) return fail(ErrorCode::bad_request, "--engine must be like http://127.0.0.1:8188");
  const auto text = SchemaQuestion().ask(*url);
  if (!text) return fail(text.error().code, engine + ": " + text.error().detail);
  return wire::parse_node_schemas(*text);
}

std::string words_of(const wire::GraphProblem& problem) {
  if (problem.input.empty()) return fmt::format("node {}: {}", problem.node, problem.what);
  return fmt::format("node {}, {}: {}", problem.node, problem.input, problem.what);
}

int check_template(const TemplateOptions& options) {
  const auto text = template_source(options.file, ".");
  if (!text) return complain(text.error().detail);
  const auto parsed = wire::parse_template(*text);
  if (!parsed) return complain(options.file + ": " + parsed.error().detail);
  const auto schemas = schemas_for(options.engine);
  if (!schemas) return complain(schemas.error().detail);
  const std::vector<wire::GraphProblem> problems =
      wire::check_graph(parsed->graph, *schemas, parsed->output);
  json::array list;
  for (const wire::GraphProblem& problem : problems) {
    if (options.form == OutputForm::text) fmt::print("{}: {}\n", options.file, words_of(problem));
    list.push_back(json::string(words_of(problem)));
  }
  if (options.form == OutputForm::text && problems.empty()) {
    fmt::print("{}: good: makes {}, needs {} files{}\n", options.file, parsed->medium,
               parsed->model_files.size(),
               options.engine.empty() ? " (checked against the shipped schemas; with --engine URL "
                                        "also whether your engine has the nodes and files)"
                                      : "");
  }
  if (options.form == OutputForm::json) {
    fmt::print("{}\n", json::serialize(
                           json::object{{"ok", problems.empty()}, {"problems", std::move(list)}}));
  }
  return problems.empty() ? kSuccess : kFailure;
}

std::string words_of(const wire::Doubt& doubt) {
  const std::string at = doubt.node.empty() ? "" : " (node " + doubt.node + ")";
  switch (doubt.kind) {
    case wire::DoubtKind::several_outputs:
      return "several nodes save something; this one was taken" + at;
    case wire::DoubtKind::several_prompts:
      return "there are several prompts; the first sampler's was taken" + at;
    case wire::DoubtKind::several_negatives:
      return "there are several negative prompts; the first was taken" + at;
    case wire::DoubtKind::several_images:
      return "there are several input pictures; only the first gets the job's" + at;
    case wire::DoubtKind::split_steps:
      return "steps stand in several places and were not bound" + at;
    case wire::DoubtKind::computed_text:
      return "the prompt is put together by a node; its first text was taken" + at;
    case wire::DoubtKind::no_prompt:
      return "no place for the prompt was found: write one into bindings" + at;
    case wire::DoubtKind::no_seed:
      return "no place for the seed was found: write one into bindings" + at;
    case wire::DoubtKind::no_sampler:
      return "no sampler was found" + at;
  }
  return {};
}

Result<std::pair<wire::WorkflowTemplate, std::vector<wire::Doubt>>> imported(
    const TemplateOptions& options) {
  auto text = read_text_file(options.file, wire::kTemplateBytesMax);
  if (!text) return fail(text.error());
  const auto graph = wire::parse_graph(*text);
  if (!graph) return fail(graph.error());
  const auto outputs = wire::nodes_of_classes(*graph, wire::known_output_classes());
  auto proposal = wire::propose_bindings(*graph, outputs);
  if (!proposal) return fail(proposal.error());
  wire::WorkflowTemplate made;
  made.name =
      options.name.empty() ? std::filesystem::path(options.file).stem().string() : options.name;
  made.title = made.name;
  made.medium = options.medium.empty() ? proposal->medium : options.medium;
  made.graph = *std::move(text);
  made.bindings = proposal->bindings;
  made.output = proposal->output;
  const wire::Reach reach = wire::reach_back(*graph, outputs);
  for (const wire::ModelReference& model : wire::needs_of(*graph, reach).models)
    made.model_files.push_back(model.folder + "/" + model.file);
  if (made.binds("width")) made.warm_up.width = made.warm_up.height = 64;
  if (made.binds("steps")) made.warm_up.steps = 1;
  return std::pair(std::move(made), proposal->doubts);
}

int import_template(const TemplateOptions& options) {
  if (std::filesystem::exists(options.to))
    return complain(options.to + " is there already; it is not written over", kWrongUse);
  const auto made = imported(options);
  if (!made) return complain(options.file + ": " + made.error().detail);
  const std::string text = wire::template_text(made->first);
  const auto complete = wire::parse_template(text);
  if (auto written = write_text_file(options.to, text); !written)
    return complain(written.error().detail);
  json::array bindings;
  json::array doubts;
  for (const wire::Binding& binding : made->first.bindings) {
    for (const wire::InputPlace& place : binding.places) {
      if (options.form == OutputForm::text)
        fmt::print("  {:<9} -> node {}, {}\n", binding.name, place.node, place.input);
      bindings.push_back(
          json::object{{"name", binding.name}, {"node", place.node}, {"input", place.input}});
    }
  }
  for (const wire::Doubt& doubt : made->second) {
    if (options.form == OutputForm::text) fmt::print("  look at: {}\n", words_of(doubt));
    doubts.push_back(json::string(wire::doubt_name(doubt.kind)));
  }
  if (options.form == OutputForm::text) {
    fmt::print(
        "Wrote {}: makes {}, output of node {}, {} weight files. Look through it, then: "
        "stoker template check {}\n",
        options.to, made->first.medium, made->first.output, made->first.model_files.size(),
        options.to);
    if (!complete) fmt::print("It is not complete yet: {}\n", complete.error().detail);
  } else {
    fmt::print("{}\n", json::serialize(json::object{{"ok", complete.has_value()},
                                                    {"file", options.to},
                                                    {"medium", made->first.medium},
                                                    {"bindings", std::move(bindings)},
                                                    {"doubts", std::move(doubts)}}));
  }
  return complete ? kSuccess : kFailure;
}

}  // namespace

int run_template(const TemplateOptions& options) {
  switch (options.action) {
    case TemplateAction::list:
      return list_templates(options.form);
    case TemplateAction::check:
      return check_template(options);
    case TemplateAction::import:
      return import_template(options);
  }
  return kWrongUse;
}

}  // namespace stoker::server
