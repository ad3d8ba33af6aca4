#include "simulation/scenario.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "simulation/scenario_reader.h"

namespace stoker::simulation {
namespace {

constexpr std::int64_t kCountMax = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kListMax = std::numeric_limits<std::int32_t>::max();
constexpr double kPenaltyMax = 1000;
constexpr double kRateMin = 0.001;
constexpr double kRateMax = 1000;
constexpr Duration kHintByDefault = seconds(10);

// Indices by name. The names belong to the JSON document.
using Names = std::unordered_map<std::string_view, std::uint32_t>;

std::optional<StepKind> kind_from(std::string_view word) {
  if (word == "text") return StepKind::text;
  if (word == "generation") return StepKind::generation;
  return std::nullopt;
}

// Reads one document; each member function reads one part into `scenario_`.
class Reading {
 public:
  explicit Reading(const json::value& document) : root_(document, kTop, problem_) {}

  Result<Scenario> read() {
    head();
    backends();
    models();
    plan();
    participants();
    incidents();
    optimum();
    if (problem_.found()) return fail(problem_.take());
    return std::move(scenario_);
  }

 private:
  static constexpr Place kTop{};

  void head();
  void backends();
  void models();
  void model(const Node& node);
  void plan();
  std::vector<Phase> phases(const Node& node, std::string_view key);
  void check_order_of_phases();
  std::vector<ModelIndex> model_list(const Node& node, std::string_view key);
  void participants();
  void participant(const Node& node);
  void idea(const Node& node);
  StepDraw step(const Node& node);
  void incidents();
  void incident(const Node& node);
  void step_crash(const Node& node);
  void optimum();
  std::uint32_t known(const Node& node, std::string_view key, const Names& names,
                      std::string_view what);
  StepKind kind(const Node& node);

  Setting& setting() { return scenario_.setting; }

  Problem problem_;
  Node root_;
  Scenario scenario_;
  Names backend_names_;
  Names model_names_;
  Names user_names_;
  Names participant_names_;
};

std::uint32_t Reading::known(const Node& node, std::string_view key, const Names& names,
                             std::string_view what) {
  const std::string_view name = node.name(key);
  const auto found = names.find(name);
  if (found != names.end()) return found->second;
  node.complain(key, "names no " + std::string(what) + " of this file");
  return 0;
}

StepKind Reading::kind(const Node& node) {
  const std::optional<StepKind> kind = kind_from(node.name("kind"));
  if (!kind) node.complain("kind", "must be \"text\" or \"generation\"");
  return kind.value_or(StepKind::text);
}

void Reading::head() {
  if (const json::value* format = root_.need("format")) {
    const json::string* word = format->if_string();
    if (word == nullptr || std::string_view(*word) != kScenarioFormat)
      root_.complain("format", "must be \"" + std::string(kScenarioFormat) + "\"");
  }
  scenario_.name = root_.name("name");
  scenario_.label = root_.text_or("kind", scenario_.name);
  if (const json::value* seed = root_.find("seed")) {
    const bool natural = seed->is_uint64() || (seed->is_int64() && seed->get_int64() >= 0);
    if (!natural) root_.complain("seed", "must be a whole number that is not negative");
    if (natural) scenario_.seed = seed->to_number<std::uint64_t>();
  }
  scenario_.horizon = root_.instant("horizon_s");
  if (const json::value* device = root_.need("device")) {
    const Place place{&kTop, "device", {}};
    const Node node(*device, place, problem_);
    setting().device.vram = {node.whole("vram_mib", 1, kMemoryMax.count)};
    setting().device.reserve = {node.whole("reserve_mib", 0, setting().device.vram.count)};
  }
  if (const json::value* loader = root_.find("loader")) {
    const Place place{&kTop, "loader", {}};
    setting().loads_max = static_cast<std::uint32_t>(
        Node(*loader, place, problem_).whole_or("parallel", 1, 1, kLoadsMax));
  }
  if (const json::value* contention = root_.find("contention")) {
    const Place place{&kTop, "contention", {}};
    const Node node(*contention, place, problem_);
    const auto read = [&](std::string_view key, double& value, double low, double high) {
      value = node.ratio_or(key, value, low, high);
    };
    Contention& rates = setting().contention;
    read("text_parallel_penalty", rates.text_parallel_penalty, 0, kPenaltyMax);
    read("generation_parallel_penalty", rates.generation_parallel_penalty, 0, kPenaltyMax);
    read("text_rate_beside_generation", rates.text_rate_beside_generation, kRateMin, kRateMax);
    read("generation_rate_beside_text", rates.generation_rate_beside_text, kRateMin, kRateMax);
  }
  if (const json::value* patience = root_.need("patience_s")) {
    const Place place{&kTop, "patience_s", {}};
    const Node node(*patience, place, problem_);
    setting().patience = {node.duration("text", Sign::not_negative),
                          node.duration("generation", Sign::not_negative)};
  }
}

void Reading::backends() {
  const Place list{&kTop, "backends", {}};
  for (const json::value& value : root_.needed_list("backends", kBackendsMax)) {
    const Place place{&list, {}, setting().backends.size()};
    const Node node(value, place, problem_);
    const std::string_view name = node.name("id");
    const auto index = static_cast<BackendIndex>(setting().backends.size());
    if (!backend_names_.emplace(name, index).second) node.complain("id", "appears twice");
    const auto slots = static_cast<std::uint32_t>(node.whole("slots", 1, kSlotsMax));
    setting().backends.push_back({std::string(name), kind(node), slots});
  }
}

void Reading::models() {
  const Place list{&kTop, "models", {}};
  for (const json::value& value : root_.needed_list("models", kModelsMax)) {
    const Place place{&list, {}, setting().models.size()};
    model(Node(value, place, problem_));
    if (problem_.found()) return;
  }
  scenario_.load_failures.resize(setting().models.size());
}

void Reading::model(const Node& node) {
  ModelFacts facts;
  facts.name = node.name("id");
  const auto index = static_cast<ModelIndex>(setting().models.size());
  if (!model_names_.emplace(node.name("id"), index).second) node.complain("id", "appears twice");
  facts.backend = known(node, "backend", backend_names_, "backend");
  facts.kind = kind(node);
  if (problem_.found()) return;
  if (facts.kind != setting().backends[facts.backend].kind)
    node.complain("kind", "must be the kind of its backend");
  facts.memory = {node.whole("vram_mib", 1, kMemoryMax.count)};
  if (facts.memory > setting().device.capacity())
    node.complain("vram_mib", "must fit the device beside its reserve");
  facts.load = node.duration("load_s", Sign::positive);
  facts.hint = node.duration_or("hint_s", kHintByDefault, Sign::not_negative);
  setting().models.push_back(std::move(facts));
}

std::vector<Phase> Reading::phases(const Node& node, std::string_view key) {
  std::vector<Phase> phases;
  const Place list{&node.place(), key, {}};
  for (const json::value& value : node.needed_list(key, kPhasesMax)) {
    const Place place{&list, {}, phases.size()};
    const Node phase(value, place, problem_);
    phases.push_back({phase.instant("start_s"), phase.instant("end_s")});
  }
  return phases;
}

void Reading::check_order_of_phases() {
  const Place plan{&kTop, "plan", {}};
  const bool planned = root_.find("actual_phases") == nullptr;
  const Place list = planned ? Place{&plan, "phases", {}} : Place{&kTop, "actual_phases", {}};
  if (scenario_.phases.empty()) problem_.say(list, "must have at least one phase");
  for (std::size_t i = 0; i < scenario_.phases.size(); ++i) {
    const Phase& phase = scenario_.phases[i];
    const bool after_the_last = i == 0 || scenario_.phases[i - 1].end <= phase.start;
    if (after_the_last && phase.start < phase.end) continue;
    problem_.say(Place{&list, {}, i}, "must begin after the phase before it and end later");
  }
}

std::vector<ModelIndex> Reading::model_list(const Node& node, std::string_view key) {
  std::vector<ModelIndex> models;
  const Place list{&node.place(), key, {}};
  for (const json::value& value : node.list(key, kModelsMax)) {
    const Place place{&list, {}, models.size()};
    const auto found = model_names_.find(read_name(value, place, problem_));
    if (found == model_names_.end()) problem_.say(place, "names no model of this file");
    if (problem_.found()) return {};
    models.push_back(found->second);
  }
  return models;
}

void Reading::plan() {
  const json::value* value = root_.need("plan");
  if (value == nullptr) return;
  const Place place{&kTop, "plan", {}};
  const Node node(*value, place, problem_);
  Plan& plan = setting().plan;
  plan.phases = phases(node, "phases");
  plan.focus = model_list(node, "focus");
  plan.pinned = model_list(node, "pinned");
  if (node.find("head_count") != nullptr)
    plan.head_count = static_cast<std::uint32_t>(node.whole("head_count", 0, kCountMax));
  scenario_.phases =
      root_.find("actual_phases") != nullptr ? phases(root_, "actual_phases") : plan.phases;
  check_order_of_phases();

  MiB used;
  for (const ModelIndex model : model_list(root_, "initial_resident")) {
    std::vector<ModelIndex>& resident = setting().initial_resident;
    if (std::ranges::find(resident, model) != resident.end()) continue;
    resident.push_back(model);
    used += setting().models[model].memory;
  }
  if (used > setting().device.capacity())
    root_.complain("initial_resident", "must fit the device beside its reserve");
}

void Reading::participants() {
  const Place list{&kTop, "participants", {}};
  for (const json::value& value : root_.needed_list("participants", kParticipantsMax)) {
    const Place place{&list, {}, scenario_.persons.size()};
    participant(Node(value, place, problem_));
    if (problem_.found()) return;
  }
}

void Reading::participant(const Node& node) {
  const std::string_view name = node.name("id");
  const auto index = static_cast<ParticipantIndex>(scenario_.persons.size());
  if (!participant_names_.emplace(name, index).second) node.complain("id", "appears twice");
  const std::string_view account = node.text_or("user", name);
  const auto [user, is_new] =
      user_names_.emplace(account, static_cast<UserIndex>(user_names_.size()));
  if (is_new) setting().users.emplace_back(account);
  setting().participants.push_back(
      {std::string(name), std::string(node.text_or("group", "")), user->second});

  Person person;
  person.first_offset = node.duration("first_offset_s", Sign::not_negative);
  const Place offsets{&node.place(), "phase_offsets_s", {}};
  for (const json::value& value : node.needed_list("phase_offsets_s", kPhasesMax)) {
    const Place place{&offsets, {}, person.phase_offsets.size()};
    person.phase_offsets.push_back(read_duration(value, place, problem_, Sign::not_negative));
  }
  if (person.phase_offsets.size() != scenario_.phases.size())
    node.complain("phase_offsets_s", "must have one element for each actual phase");
  person.first_idea = static_cast<std::uint32_t>(scenario_.ideas.size());
  const Place ideas{&node.place(), "ideas", {}};
  for (const json::value& value : node.needed_list("ideas", kListMax)) {
    const Place place{&ideas, {}, person.ideas};
    idea(Node(value, place, problem_));
    if (problem_.found()) return;
    ++person.ideas;
  }
  scenario_.persons.push_back(std::move(person));
}

void Reading::idea(const Node& node) {
  Idea idea;
  idea.think = node.duration("think_s", Sign::not_negative);
  idea.first_step = static_cast<std::uint32_t>(scenario_.steps.size());
  const Place list{&node.place(), "steps", {}};
  for (const json::value& value : node.needed_list("steps", kStepsOfIdeaMax)) {
    const Place place{&list, {}, idea.steps};
    scenario_.steps.push_back(step(Node(value, place, problem_)));
    if (problem_.found()) return;
    ++idea.steps;
  }
  if (idea.steps == 0) node.complain("steps", "must have at least one step");
  scenario_.ideas.push_back(idea);
}

StepDraw Reading::step(const Node& node) {
  StepDraw draw;
  draw.model = known(node, "model", model_names_, "model");
  draw.work = node.duration("work_s", Sign::positive);
  draw.read = node.duration_or("read_s", {}, Sign::not_negative);
  if (node.find("withdraw_s") != nullptr)
    draw.withdraw = node.duration("withdraw_s", Sign::not_negative);
  return draw;
}

void Reading::incidents() {
  const Place list{&kTop, "incidents", {}};
  std::size_t index = 0;
  for (const json::value& value : root_.list("incidents", kIncidentsMax)) {
    const Place place{&list, {}, index++};
    incident(Node(value, place, problem_));
    if (problem_.found()) return;
  }
}

void Reading::incident(const Node& node) {
  const std::string_view type = node.name("type");
  if (type == "load_failure") {
    const ModelIndex model = known(node, "model", model_names_, "model");
    const auto occurrence = static_cast<std::uint32_t>(node.whole("occurrence", 1, kCountMax));
    if (problem_.found()) return;
    scenario_.load_failures[model].push_back({occurrence, node.ratio_or("at_fraction", 1, 0, 1)});
  } else if (type == "step_crash") {
    step_crash(node);
  } else if (type == "external_eviction") {
    scenario_.external_evictions.push_back(
        {node.instant("t"), known(node, "model", model_names_, "model")});
  } else if (type == "foreign_vram") {
    scenario_.foreign.push_back(
        {node.instant("t0"), node.instant("t1"), {node.whole("mib", 0, kMemoryMax.count)}});
  } else {
    node.complain("type", "must be load_failure, step_crash, external_eviction or foreign_vram");
  }
}

void Reading::step_crash(const Node& node) {
  const std::uint32_t who = known(node, "participant", participant_names_, "participant");
  const auto idea = static_cast<std::uint32_t>(node.whole("idea", 0, kCountMax));
  const auto step = static_cast<std::uint32_t>(node.whole("step", 0, kCountMax));
  if (node.need("at_fraction") == nullptr || problem_.found()) return;
  const double fraction = node.ratio_or("at_fraction", 1, 0, 1);
  // A crash of a step that is not in the file happens to nobody.
  const Person& person = scenario_.persons[who];
  if (idea >= person.ideas) return;
  const Idea& of = scenario_.ideas[person.first_idea + idea];
  if (step < of.steps) scenario_.steps[of.first_step + step].crash_at = fraction;
}

void Reading::optimum() {
  const json::value* value = root_.find("optimum");
  if (value == nullptr) return;
  const Place place{&kTop, "optimum", {}};
  const Node node(*value, place, problem_);
  if (problem_.found()) return;
  for (const json::key_value_pair& member : value->get_object()) {
    if (!member.value().is_number()) continue;
    scenario_.optimum.emplace_back(member.key(), member.value().to_number<double>());
  }
}

// The position of the reader's complaint, for people.
std::string line_and_column(std::string_view before) {
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t last = before.rfind('\n');
  const std::size_t column =
      last == std::string_view::npos ? before.size() + 1 : before.size() - last;
  return "line " + std::to_string(line) + " column " + std::to_string(column);
}

Result<json::value> parse_json(std::string_view text, json::storage_ptr storage) {
  json::stream_parser parser(std::move(storage));
  json::error_code problem;
  const std::size_t read = parser.write_some(text.data(), text.size(), problem);
  if (!problem && !parser.done()) parser.finish(problem);
  if (!problem && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
    problem = json::error::extra_data;
  if (problem) {
    return fail(ErrorCode::bad_request, "is no JSON: " + problem.message(),
                line_and_column(text.substr(0, read)));
  }
  return parser.release();
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text) {
  if (text.size() > kScenarioBytesMax)
    return fail(ErrorCode::too_large, "has more than 64 MiB", "file");
  json::monotonic_resource arena(text.size() * 4 + 1024);
  const Result<json::value> document = parse_json(text, &arena);
  if (!document) return fail(document.error());
  return Reading(*document).read();
}

std::string scenario_error_text(const Error& error) {
  return error.param.empty() ? error.detail : error.param + ": " + error.detail;
}

}  // namespace stoker::simulation
