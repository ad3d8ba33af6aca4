#include "pipeline/generation/generation_stage.h"

#include <utility>

#include "pipeline/generation/result_metadata.h"

namespace stoker::pipeline {
namespace {

constexpr std::size_t kVideoBytesMax = 512 * kBytesPerMiB;
constexpr std::size_t kOtherBytesMax = 64 * kBytesPerMiB;

}  // namespace

RunCall call_of(GenerationOrder order) {
  RunCall call;
  call.attempt = order.attempt;
  call.job = order.job;
  call.model = order.model;
  call.medium = order.medium;
  call.prompt = std::move(order.prompt);
  call.seed = order.seed;
  call.deadline = order.deadline;
  call.output_bytes_max = order.medium == Medium::video ? kVideoBytesMax : kOtherBytesMax;
  return call;
}

Result<std::vector<GeneratedResult>> accept_answer(RunReport report, Medium wanted,
                                                   std::size_t bytes_max) {
  if (report.outputs.empty()) return fail(ErrorCode::internal, "the engine ended without a result");
  if (report.outputs.size() > kOutputsMax) return fail(ErrorCode::too_large, "too many results");
  std::vector<GeneratedResult> results;
  for (RunOutput& output : report.outputs) {
    if (output.bytes.empty()) return fail(ErrorCode::internal, "the engine gave an empty result");
    if (output.bytes.size() > bytes_max) return fail(ErrorCode::too_large, "a result is too large");
    const auto format = sniff_format(output.bytes);
    if (!format || !format_suits(*format, wanted)) {
      return fail(ErrorCode::internal, "a result is not of the medium that was asked for");
    }
    // A rehearsal marks its results itself, and writes nothing else into them.
    results.push_back({*format, report.simulated
                                    ? std::move(output.bytes)
                                    : without_metadata(*format, std::move(output.bytes))});
  }
  return results;
}

}  // namespace stoker::pipeline
