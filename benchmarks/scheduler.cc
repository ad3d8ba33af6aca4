// What one decision of the scheduler costs, by the number of waiting jobs and of models; and how fast
// whole virtual workshops play. What is told to the scheduler, and what is timed: scheduler_machine.h.
//
// usage: scheduler OUTPUT.json [--quick] [--jobs N] [--models M] [--patience on|off] [--events N]
//   --quick: a small subset. --jobs, --models, --patience: only these cells. --events: timed events
//   of a round.
#include <malloc.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/random.h"
#include "scheduler_machine.h"
#include "simulation/policies.h"
#include "simulation/stoker_policy.h"
#include "simulation/world.h"
#include "stopwatch.h"

namespace stoker::benchmarks {
namespace {

namespace json = boost::json;

constexpr int kRounds = 7;  // timed; one more before them warms up
constexpr std::size_t kEventsPerRound = 30'000;
constexpr double kP50MustNs = 2'000;
constexpr double kP50MoonshotNs = 500;
constexpr double kP99MustNs = 10'000;
constexpr double kGrowthMust = 4;

struct Memory {
  double heap = 0, resident = 0;
};

Memory memory_now() {
  const struct mallinfo2 heap = mallinfo2();
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return {static_cast<double>(heap.uordblks + heap.hblkhd),
          static_cast<double>(pages * sysconf(_SC_PAGESIZE))};
}

// How often the kernel took the core away; each time is at least one outlier of milliseconds.
long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

json::object to_json(const Spread& s) {
  return {{"count", s.count},
          {"p50_ns", s.p50},
          {"p99_ns", s.p99},
          {"p999_ns", s.p999},
          {"max_ns", s.max},
          {"mean_ns", s.mean},
          {"mean_to_p99_ns", s.mean_to_p99}};
}

// ── cells ────────────────────────────────────────────────────────────────────────────────────────

struct CellResult {
  Cell cell;
  Spread mix, loader_free, loader_busy;
  std::array<Spread, kKindNames.size()> of_kind;
  double busy_share = 0;
  double p50_min_ns = 0, p50_max_ns = 0;  // over the rounds
  double bytes_per_job = 0, bytes_per_job_after = 0, resident_bytes_per_job = 0;
  std::size_t starved = 0;
  long preempted = 0;
};

CellResult measure(const Cell& cell, const Stopwatch& watch, std::size_t events) {
  malloc_trim(0);
  Machine machine(cell, watch, 2 * events * (kRounds + 1));
  Times times;
  times.mix.reserve(events * kRounds);
  times.loader_free.reserve(events * kRounds);
  times.loader_busy.reserve(events * kRounds);
  for (auto& kind : times.of_kind) kind.reserve(events * kRounds);
  const auto per_job = [&](double bytes) { return bytes / static_cast<double>(cell.jobs); };

  CellResult result{.cell = cell};
  const Memory before = memory_now();
  machine.fill();
  const Memory filled = memory_now();
  machine.play(events, nullptr);
  const long preempted_before = preemptions();
  for (int round = 0; round < kRounds; ++round) {
    const auto first = static_cast<std::ptrdiff_t>(times.mix.size());
    machine.play(events, &times);
    times.round_p50_ns.push_back(
        spread_of(watch, {times.mix.begin() + first, times.mix.end()}).p50);
  }
  result.preempted = preemptions() - preempted_before;
  result.bytes_per_job = per_job(filled.heap - before.heap);
  result.resident_bytes_per_job = per_job(filled.resident - before.resident);
  result.bytes_per_job_after = per_job(memory_now().heap - before.heap);
  result.mix = spread_of(watch, times.mix);
  result.loader_free = spread_of(watch, times.loader_free);
  result.loader_busy = spread_of(watch, times.loader_busy);
  for (std::size_t i = 0; i < kKindNames.size(); ++i)
    result.of_kind[i] = spread_of(watch, times.of_kind[i]);
  result.busy_share = static_cast<double>(times.loader_busy.size()) /
                      static_cast<double>(times.loader_busy.size() + times.loader_free.size());
  result.p50_min_ns = std::ranges::min(times.round_p50_ns);
  result.p50_max_ns = std::ranges::max(times.round_p50_ns);
  result.starved = machine.starved();
  return result;
}

void print_row(std::string_view name, const Spread& s) {
  if (s.count == 0) return;
  std::printf("  %-12.*s %9zu %9.0f %9.0f %9.0f %10.0f %9.0f\n", static_cast<int>(name.size()),
              name.data(), s.count, s.p50, s.p99, s.p999, s.max, s.mean);
}

void print(const CellResult& r) {
  std::printf("\n%zu jobs, %u models, patience %s: %.0f B a job (%.0f at the end)\n", r.cell.jobs,
              r.cell.models, r.cell.patience ? "300/480 s" : "none", r.bytes_per_job,
              r.bytes_per_job_after);
  std::printf("%.2f million events a second, loader busy %.0f %%, preempted %ld times\n",
              1e3 / r.mix.mean, r.busy_share * 100, r.preempted);
  std::printf("  %-12s %9s %9s %9s %9s %10s %9s\n", "ns", "events", "p50", "p99", "p99.9", "max",
              "mean");
  print_row("the mix", r.mix);
  for (std::size_t i = 0; i < kKindNames.size(); ++i) print_row(kKindNames[i], r.of_kind[i]);
  print_row("loader free", r.loader_free);
  print_row("loader busy", r.loader_busy);
  if (r.starved > 0) std::printf("  %zu ends were arrivals instead: nothing ran\n", r.starved);
  std::fflush(stdout);
}

json::object to_json(const CellResult& r) {
  json::object kinds;
  for (std::size_t i = 0; i < kKindNames.size(); ++i) kinds[kKindNames[i]] = to_json(r.of_kind[i]);
  return {{"jobs", r.cell.jobs},
          {"models", r.cell.models},
          {"patience", r.cell.patience},
          {"mix", to_json(r.mix)},
          {"round_p50_ns", {{"min", r.p50_min_ns}, {"max", r.p50_max_ns}}},
          {"kinds", std::move(kinds)},
          {"loader_free", to_json(r.loader_free)},
          {"loader_busy", to_json(r.loader_busy)},
          {"loader_busy_share", r.busy_share},
          {"bytes_per_job", r.bytes_per_job},
          {"bytes_per_job_at_the_end", r.bytes_per_job_after},
          {"resident_bytes_per_job", r.resident_bytes_per_job},
          {"events_per_s", 1e9 / r.mix.mean},
          {"ends_without_run", r.starved},
          {"preempted", r.preempted}};
}

// ── whole simulations ────────────────────────────────────────────────────────────────────────────

// Ten people, 90 minutes in two phases; ideas of two texts and a picture or film.
simulation::Scenario workshop(std::uint64_t seed) {
  using namespace simulation;
  Random random(seed);
  const auto about = [&](double mean_s) {
    return microseconds(static_cast<std::int64_t>(mean_s * 1e6 * random.lognormal_factor(0.35)));
  };
  Scenario s{.name = "benchmark", .seed = seed, .horizon = Instant{minutes(90).us}};
  Setting& setting = s.setting;
  setting.device = {MiB{96 << 10}, MiB{3 << 10}};
  setting.backends = {{"llm", StepKind::text, 3}, {"media", StepKind::generation, 1}};
  setting.models = {{"llm", 0, StepKind::text, MiB{65 << 10}, seconds(180), seconds(8)},
                    {"small", 1, StepKind::generation, MiB{14 << 10}, seconds(20), seconds(15)},
                    {"large", 1, StepKind::generation, MiB{18 << 10}, seconds(30), seconds(25)},
                    {"film", 1, StepKind::generation, MiB{20 << 10}, seconds(40), seconds(60)}};
  setting.patience = {seconds(300), seconds(480)};
  setting.plan.phases = {{Instant{minutes(15).us}, Instant{minutes(50).us}},
                         {Instant{minutes(62).us}, Instant{minutes(90).us}}};
  setting.plan.focus = {0};
  s.phases = setting.plan.phases;
  s.load_failures.resize(setting.models.size());
  constexpr std::uint32_t kIdeas = 100;
  for (std::uint32_t person = 0; person < 10; ++person) {
    const std::string name = std::to_string(person);
    setting.users.push_back(name);
    setting.participants.push_back({name, person % 2 == 0 ? "A" : "B", person});
    s.persons.push_back(
        {about(30), {about(30), about(30)}, static_cast<std::uint32_t>(s.ideas.size()), kIdeas});
    for (std::uint32_t idea = 0; idea < kIdeas; ++idea) {
      s.ideas.push_back({about(90), static_cast<std::uint32_t>(s.steps.size()), 3});
      s.steps.push_back({0, about(8), about(10), {}, {}});
      s.steps.push_back({0, about(8), about(10), {}, {}});
      const auto model =
          static_cast<simulation::ModelIndex>(1 + (person % 2 + random.below(2)) % 3);
      s.steps.push_back({model, setting.models[model].hint, Duration{}, {}, {}});
    }
  }
  return s;
}

struct Played {
  std::vector<double> ms;
  std::uint64_t events = 0;
  double seconds_in_all = 0;
};

Played play_workshops(std::string_view policy_name, std::uint64_t seeds) {
  Played played;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const simulation::Scenario scenario = workshop(seed);
    std::unique_ptr<simulation::Policy> policy;
    if (policy_name.starts_with("stoker")) {
      simulation::StokerOptions options;
      options.quotes = policy_name == "stoker";
      policy = std::make_unique<simulation::StokerPolicy>(options);
    } else {
      policy = simulation::make_policy(policy_name);
    }
    simulation::World world(scenario, *policy);
    const auto began = SteadyClock::now();
    played.events += world.run().events;
    const std::chrono::duration<double> took = SteadyClock::now() - began;
    played.ms.push_back(took.count() * 1e3);
    played.seconds_in_all += took.count();
  }
  std::ranges::sort(played.ms);
  return played;
}

json::array measure_workshops(std::uint64_t seeds) {
  json::array rows;
  std::printf(
      "\nworkshops of 90 minutes, ten people, %llu seeds (one run each)\n"
      "  %-22s %10s %10s %10s %14s\n",
      static_cast<unsigned long long>(seeds), "policy", "median ms", "min", "max",
      "events a second");
  for (const std::string_view name : {"stoker without quotes", "stoker", "memo"}) {
    const Played played = play_workshops(name, seeds);
    const double rate = static_cast<double>(played.events) / played.seconds_in_all;
    std::printf("  %-22.*s %10.2f %10.2f %10.2f %14.0f\n", static_cast<int>(name.size()),
                name.data(), played.ms[played.ms.size() / 2], played.ms.front(), played.ms.back(),
                rate);
    rows.push_back(json::object{{"policy", name},
                                {"median_ms", played.ms[played.ms.size() / 2]},
                                {"min_ms", played.ms.front()},
                                {"max_ms", played.ms.back()},
                                {"events_per_s", rate}});
  }
  return rows;
}

// ── verdicts ─────────────────────────────────────────────────────────────────────────────────────

struct Options {
  std::string output;
  std::vector<std::size_t> jobs = {100, 1'000, 10'000, 100'000, 1'000'000};
  std::vector<std::uint32_t> models = {10, 100, 1'000};
  std::vector<bool> patience = {false, true};
  std::size_t events = kEventsPerRound;
  std::uint64_t seeds = 20;
};

const CellResult* find(const std::vector<CellResult>& results, std::size_t jobs,
                       std::uint32_t models, bool patience) {
  const auto it = std::ranges::find_if(results, [&](const CellResult& r) {
    return r.cell.jobs == jobs && r.cell.models == models && r.cell.patience == patience;
  });
  return it == results.end() ? nullptr : &*it;
}

std::string_view word(double value, double must, double goal) {
  if (value <= goal) return "goal reached";
  return value <= must ? "must reached" : "MUST MISSED";
}

// The largest cell against what a decision may cost, and how the mean up to p99 grows from the smallest
// of at least 1,000 jobs.
json::array judge(const Options& options, const std::vector<CellResult>& results, bool& missed) {
  json::array verdicts;
  const auto say = [&](const std::string& what, double value, double must, double goal) {
    const std::string_view verdict = word(value, must, goal);
    missed = missed || verdict == "MUST MISSED";
    std::printf("  %-64s %10.1f   must %.0f, goal %.0f: %.*s\n", what.c_str(), value, must, goal,
                static_cast<int>(verdict.size()), verdict.data());
    verdicts.push_back(json::object{
        {"what", what}, {"value", value}, {"must", must}, {"goal", goal}, {"verdict", verdict}});
  };
  std::printf("\nverdicts\n");
  const std::size_t most = options.jobs.back();
  for (const bool patience : options.patience) {
    const std::string with = patience ? ", patience" : "";
    const CellResult& largest = *find(results, most, options.models.back(), patience);
    const std::string where =
        std::to_string(most) + " jobs, " + std::to_string(options.models.back()) + " models" + with;
    say("p50 (ns), " + where, largest.mix.p50, kP50MustNs, kP50MoonshotNs);
    say("p99 (ns), " + where, largest.mix.p99, kP99MustNs, kP99MustNs);
    const auto base = std::ranges::find_if(options.jobs, [](std::size_t n) { return n >= 1'000; });
    if (base == options.jobs.end() || *base == most) continue;
    for (const std::uint32_t models : options.models) {
      const double growth = find(results, most, models, patience)->mix.mean_to_p99 /
                            find(results, *base, models, patience)->mix.mean_to_p99;
      say("time(" + std::to_string(most) + ") / time(" + std::to_string(*base) + "), " +
              std::to_string(models) + " models" + with,
          growth, kGrowthMust, kGrowthMust);
    }
  }
  return verdicts;
}

void print_summary(const std::vector<CellResult>& results) {
  std::printf("\nthe mix in ns\n  %9s %7s %9s %9s %17s %9s %9s %10s %7s %12s\n", "jobs", "models",
              "patience", "p50", "p50 of rounds", "p99", "p99.9", "max", "B/job", "events/s");
  for (const CellResult& r : results) {
    std::printf("  %9zu %7u %9s %9.0f %8.0f-%-8.0f %9.0f %9.0f %10.0f %7.0f %12.0f\n", r.cell.jobs,
                r.cell.models, r.cell.patience ? "300/480" : "none", r.mix.p50, r.p50_min_ns,
                r.p50_max_ns, r.mix.p99, r.mix.p999, r.mix.max, r.bytes_per_job, 1e9 / r.mix.mean);
  }
}

// ── the program ──────────────────────────────────────────────────────────────────────────────────

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  if (argc < 2) return std::nullopt;
  options.output = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--quick") {
      options.jobs = {1'000, 100'000};
      options.models = {10, 1'000};
      options.events = kEventsPerRound / 5;
      options.seeds = 5;
      continue;
    }
    if (i + 1 >= argc) return std::nullopt;
    const std::string_view value = argv[++i];
    std::size_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (name == "--patience" && (value == "on" || value == "off")) {
      options.patience = {value == "on"};
    } else if (name == "--jobs" && number > 0 && number <= 10'000'000) {
      options.jobs = {number};
    } else if (name == "--models" && number >= 4 && number <= kModelsMax) {
      options.models = {static_cast<std::uint32_t>(number)};
    } else if (name == "--events" && number > 0 && number <= 10'000'000) {
      options.events = number;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

json::object head(const Options& options, const Stopwatch& watch) {
  utsname system{};
  uname(&system);
  std::array<double, 1> load{};
  if (getloadavg(load.data(), 1) != 1) load[0] = -1;
  std::vector<std::uint64_t> nothing(100'000);
  for (std::uint64_t& ticks : nothing) {
    const std::uint64_t began = watch.ticks();
    ticks = watch.ticks() - began;
  }
  const Spread empty = spread_of(watch, std::move(nothing));
  std::printf(
      "timer: %s, an empty measurement takes %.0f ns (not subtracted); %d rounds of %zu events, "
      "load average %.1f\n",
      watch.uses_tsc() ? "time stamp counter" : "steady clock", empty.p50, kRounds, options.events,
      load[0]);
  return {{"benchmark", "scheduler"},
          {"rounds", kRounds},
          {"events_per_round", options.events},
          {"seed", kSeed},
          {"load_average", load[0]},
          {"kernel", system.release},
          {"cores", std::thread::hardware_concurrency()},
          {"timer", watch.uses_tsc() ? "tsc" : "steady_clock"},
          {"empty_measurement", to_json(empty)}};
}

int run(const Options& options) {
  const Stopwatch watch;
  json::object out = head(options, watch);
  std::vector<CellResult> results;
  json::array cells;
  for (const bool patience : options.patience) {
    for (const std::uint32_t models : options.models) {
      for (const std::size_t jobs : options.jobs) {
        results.push_back(measure({jobs, models, patience}, watch, options.events));
        print(results.back());
        cells.push_back(to_json(results.back()));
      }
    }
  }
  out["cells"] = std::move(cells);
  out["workshops"] = measure_workshops(options.seeds);
  print_summary(results);
  bool missed = false;
  out["verdict"] = judge(options, results, missed);
  std::ofstream file(options.output);
  file << json::serialize(out) << '\n';
  if (!file.flush()) {
    std::fprintf(stderr, "cannot write %s\n", options.output.c_str());
    return 2;
  }
  std::printf("written to %s\n", options.output.c_str());
  return missed ? 1 : 0;
}

}  // namespace
}  // namespace stoker::benchmarks

int main(int argc, char** argv) {
  const auto options = stoker::benchmarks::parse(argc, argv);
  if (options) return stoker::benchmarks::run(*options);
  std::fputs(
      "usage: scheduler OUTPUT.json [--quick] [--jobs N] [--models M] [--patience on|off] "
      "[--events N]\n",
      stderr);
  return 2;
}
