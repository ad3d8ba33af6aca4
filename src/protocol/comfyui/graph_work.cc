// The part of graph_models.h that says how much work a run is.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "protocol/comfyui/graph_models.h"
#include "protocol/comfyui/graph_walk.h"

namespace stoker::protocol::comfyui {
namespace {

constexpr int kHopsMax = 64;
constexpr std::uint64_t kStepsMax = 1'000'000;
constexpr std::uint64_t kSideDefault = 1024;
constexpr std::uint64_t kSideMax = 1ULL << 32;
constexpr double kScaleMax = 64;
constexpr double kMegapixelsMax = 4096;
constexpr double kSecondsMax = 1e6;
constexpr std::uint64_t kWorkMax = 1ULL << 63;

std::uint64_t capped_product(std::uint64_t a, std::uint64_t b) {
  if (b != 0 && a > kWorkMax / b) return kWorkMax;
  return a * b;
}

bool is_positive(const std::optional<double>& number, double largest) {
  return number && *number > 0 && *number <= largest;
}

// Steps that the list of sigmas behind this link holds.
std::optional<std::uint64_t> sigma_steps(const Graph& graph, const Link& link, int hops) {
  if (hops >= kHopsMax) return std::nullopt;
  const GraphNode& node = graph.nodes[link.node];
  if (const Link* before = node.link("sigmas")) {
    const auto steps = sigma_steps(graph, *before, hops + 1);
    const auto split =
        node.class_type == "SplitSigmas" ? number_behind(graph, link.node, "step") : std::nullopt;
    if (!steps || !split || !(*split >= 0)) return steps;
    const std::uint64_t first =
        *split >= static_cast<double>(*steps) ? *steps : static_cast<std::uint64_t>(*split);
    return link.slot == 0 ? first : *steps - first;
  }
  if (const auto listed = text_behind(graph, link.node, "sigmas"))
    return static_cast<std::uint64_t>(std::ranges::count(*listed, ','));
  return count_behind(graph, link.node, "steps");
}

std::uint64_t steps_of(const Graph& graph, NodeIndex index, std::uint64_t otherwise) {
  const GraphNode& node = graph.nodes[index];
  if (const Link* sigmas = node.link("sigmas"))
    return std::min(sigma_steps(graph, *sigmas, 0).value_or(otherwise), kStepsMax);
  const std::uint64_t steps =
      std::min(count_behind(graph, index, "steps").value_or(otherwise), kStepsMax);
  const auto whole = static_cast<double>(steps);
  const double end =
      std::clamp(number_behind(graph, index, "end_at_step").value_or(whole), 0.0, whole);
  const double start =
      std::clamp(number_behind(graph, index, "start_at_step").value_or(0), 0.0, end);
  return static_cast<std::uint64_t>(end - start);
}

struct Size {
  std::uint64_t width = kSideDefault;
  std::uint64_t height = kSideDefault;
  std::uint64_t batch = 1;
  std::uint64_t length = 1;
};

std::optional<Size> own_size(const Graph& graph, NodeIndex index) {
  Size size;
  size.batch = count_behind(graph, index, "batch_size").value_or(1);
  if (const SizePlace place = size_place(graph, index); place.is_complete()) {
    size.width = place.width;
    size.height = place.height;
    size.length = count_behind(graph, index, "length").value_or(1);
    return size;
  }
  if (const auto seconds = number_behind(graph, index, "seconds");
      is_positive(seconds, kSecondsMax)) {
    size.width = 1;
    size.height = 1;
    size.length = static_cast<std::uint64_t>(std::ceil(*seconds));
    return size;
  }
  if (const auto area = number_behind(graph, index, "megapixels");
      is_positive(area, kMegapixelsMax)) {
    size.height = static_cast<std::uint64_t>(std::ceil(*area * static_cast<double>(kSideDefault)));
    return size;
  }
  return std::nullopt;
}

void scale(const Graph& graph, NodeIndex index, Size& size) {
  if (const auto factor = number_behind(graph, index, "scale_by"); is_positive(factor, kScaleMax)) {
    const auto scaled = [&](std::uint64_t side) {
      return static_cast<std::uint64_t>(
          std::ceil(static_cast<double>(std::min(side, kSideMax)) * *factor));
    };
    size.width = scaled(size.width);
    size.height = scaled(size.height);
  }
  if (const auto times = count_behind(graph, index, "amount"))
    size.batch = capped_product(size.batch, *times);
}

// The size of what a sampler works on: the first node up the chain of latents and pictures that
// states one, scaled by those that it passes.
std::optional<Size> latent_size(const Graph& graph, NodeIndex sampler) {
  std::vector<NodeIndex> passed;
  const auto source = find_up_latents(
      graph, sampler, [&](NodeIndex node) { return own_size(graph, node).has_value(); }, passed);
  if (!source) return std::nullopt;
  auto size = own_size(graph, *source);
  for (const NodeIndex node : passed) scale(graph, node, *size);
  return size;
}

}  // namespace

std::vector<SamplerPass> sampler_passes(const Graph& graph, const Reach& reach) {
  std::vector<SamplerPass> passes;
  for (const NodeIndex node : reach.nodes) {
    if (!is_sampler(graph.nodes[node])) continue;
    if (passes.size() >= kSamplerPassesMax) break;
    SamplerPass pass;
    pass.node = graph.nodes[node].id;
    pass.steps = steps_of(graph, node, pass.steps);
    if (const auto size = latent_size(graph, node)) {
      pass.width = size->width;
      pass.height = size->height;
      pass.batch = size->batch;
      pass.length = size->length;
      pass.size_known = true;
    }
    passes.push_back(std::move(pass));
  }
  return passes;
}

std::uint64_t work_of(std::span<const SamplerPass> passes) {
  std::uint64_t sum = 0;
  for (const SamplerPass& pass : passes) {
    std::uint64_t work = pass.steps;
    for (const std::uint64_t factor : {pass.width, pass.height, pass.batch, pass.length})
      work = capped_product(work, factor);
    sum = std::min(sum + work, kWorkMax);
  }
  return sum;
}

std::uint32_t work_bucket(std::uint64_t work) {
  if (work == 0) return 0;
  const auto doublings = static_cast<std::uint32_t>(std::bit_width(work)) - 1;
  const std::uint64_t upper_half = doublings == 0 ? 0 : (work >> (doublings - 1)) & 1;
  return 1 + 2 * doublings + static_cast<std::uint32_t>(upper_half);
}

std::string duration_key(std::string_view bundle_id, std::uint64_t work) {
  return std::string(bundle_id) + "/" + std::to_string(work_bucket(work));
}

}  // namespace stoker::protocol::comfyui
