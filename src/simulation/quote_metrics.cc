#include "simulation/quote_metrics.h"

#include <algorithm>
#include <cmath>

#include "simulation/world_parts.h"

namespace stoker::simulation {
namespace {

constexpr double kToleranceSeconds = 1e-3;
// Errors of short waits would look enormous in percent.
constexpr double kErrorFloorSeconds = 10.0;
// A later bound that moved up by less is the same promise.
constexpr double kRevisionSeconds = 1.0;

struct Sample {
  bool inside = false;
  double width_s = 0;
  double error = 0;
  double bias_s = 0;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

QuoteQuality quality_of(const std::vector<Sample>& samples) {
  QuoteQuality quality{.steps = samples.size()};
  if (samples.empty()) return quality;
  std::vector<double> widths;
  std::vector<double> errors;
  std::size_t inside = 0;
  long double bias = 0;
  for (const Sample& sample : samples) {
    widths.push_back(sample.width_s);
    errors.push_back(sample.error);
    if (sample.inside) ++inside;
    bias += sample.bias_s;
  }
  const auto count = static_cast<double>(samples.size());
  quality.coverage = rounded(static_cast<double>(inside) / count, 4);
  quality.median_width_s = rounded(median(std::move(widths)), 3);
  quality.mdape = rounded(median(std::move(errors)), 4);
  quality.bias_s = rounded(static_cast<double>(bias / static_cast<long double>(count)), 3);
  return quality;
}

// What is known about the promises to one step.
struct Promise {
  const Quote* first = nullptr;
  double best_s = 0;  // earliest bound so far, on the clock
};

std::optional<Sample> sample_of(const Quote& quote, const StepFacts& step) {
  const double actual = seconds_of(step.ended) - seconds_of(quote.at);
  const double low = quote.low.seconds();
  const double mid = quote.mid.seconds();
  const double high = quote.high.seconds();
  Sample sample{.inside = false,
                .width_s = high - low,
                .error = std::abs(mid - actual) / std::max(actual, kErrorFloorSeconds),
                .bias_s = mid - actual};
  if (step.outcome == StepOutcome::finished) {
    sample.inside = low - kToleranceSeconds <= actual && actual <= high + kToleranceSeconds;
    return sample;
  }
  // Given up after the bound: a miss. Given up before it, or refused: nothing is known.
  if (step.outcome != StepOutcome::refused && actual > high) return sample;
  return std::nullopt;
}

bool is_late(const Quote& quote, const StepFacts& step) {
  const double actual = seconds_of(step.ended) - seconds_of(quote.at);
  if (step.outcome == StepOutcome::refused) return false;
  const bool finished = step.outcome == StepOutcome::finished;
  return actual > quote.high.seconds() + (finished ? kToleranceSeconds : 0.0);
}

}  // namespace

std::optional<QuoteMetrics> quote_metrics_of(const RunRecord& record) {
  if (record.quotes.empty()) return std::nullopt;
  std::vector<Promise> promises(record.steps.size());
  std::uint64_t revisions = 0;
  for (const Quote& quote : record.quotes) {
    Promise& promise = promises[quote.job];
    const double bound_s = seconds_of(quote.at) + quote.high.seconds();
    if (promise.first != nullptr && bound_s > promise.best_s + kRevisionSeconds) ++revisions;
    promise.best_s = promise.first == nullptr ? bound_s : std::min(promise.best_s, bound_s);
    if (promise.first == nullptr) promise.first = &quote;
  }
  std::vector<Sample> all;
  std::array<std::vector<Sample>, 2> of_kind;
  std::uint64_t promised = 0;
  std::uint64_t broken = 0;
  for (std::size_t job = 0; job < promises.size(); ++job) {
    const Quote* first = promises[job].first;
    if (first == nullptr) continue;
    const StepFacts& step = record.steps[job];
    ++promised;
    if (is_late(*first, step)) ++broken;
    const std::optional<Sample> sample = sample_of(*first, step);
    if (!sample) continue;
    all.push_back(*sample);
    of_kind[kind_index(step.kind)].push_back(*sample);
  }
  const auto share = [&](std::uint64_t count) {
    return rounded(static_cast<double>(count) / static_cast<double>(promised), 4);
  };
  return QuoteMetrics{.all = quality_of(all),
                      .of_kind = {quality_of(of_kind[0]), quality_of(of_kind[1])},
                      .bound_broken_share = share(broken),
                      .upward_revisions_per_step = share(revisions)};
}

}  // namespace stoker::simulation
