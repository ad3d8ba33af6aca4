#include "protocol/comfyui/graph_bindings.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "protocol/comfyui/graph_conditioning.h"
#include "protocol/comfyui/graph_walk.h"

namespace stoker::protocol::comfyui {
namespace {

constexpr std::string_view kPreview = "Preview";
constexpr std::string_view kMusicEncoder = "TextEncodeAceStepAudio";
constexpr std::string_view kSecondsTotal = "seconds_total";

struct MediumWord {
  std::string_view part;  // of the class of an output node
  std::string_view medium;
};
// The first part that occurs decides: a video is also an image.
constexpr auto kMedia = std::to_array<MediumWord>({
    {"Video", "video"},
    {"WEBM", "video"},
    {"Animated", "video"},
    {"Animation", "video"},
    {"Audio", "audio"},
    {"Any", "text"},
    {"Text", "text"},
    {"Image", "image"},
    {"Mask", "image"},
});

std::string_view medium_of_class(std::string_view class_type) {
  for (const MediumWord& word : kMedia) {
    if (class_type.contains(word.part)) return word.medium;
  }
  return "image";
}

bool is_text(const Literal& literal) {
  return std::holds_alternative<std::string>(*literal.value);
}

bool is_number(const Literal& literal) {
  return std::holds_alternative<std::uint64_t>(*literal.value) ||
         std::holds_alternative<std::int64_t>(*literal.value) ||
         std::holds_alternative<double>(*literal.value);
}

class Proposer {
 public:
  Proposer(const Graph& graph, NodeIndex output)
      : graph_(graph), output_(output), reach_(reach_back(graph, {&output_, 1})) {}

  BindingProposal propose() {
    proposal_.output = graph_.nodes[output_].id;
    proposal_.medium = std::string(medium());
    for (const NodeIndex node : reach_.nodes) {
      if (is_sampler(graph_.nodes[node])) samplers_.push_back(node);
    }
    if (samplers_.empty()) doubt(DoubtKind::no_sampler, output_);
    propose_texts();
    propose_seed();
    propose_steps();
    propose_size();
    propose_seconds();
    propose_image();
    return std::move(proposal_);
  }

  void doubt(DoubtKind kind, NodeIndex node) {
    Doubt entry{.kind = kind, .node = graph_.nodes[node].id};
    if (proposal_.doubts.size() >= kDoubtsMax) return;
    if (std::ranges::find(proposal_.doubts, entry) == proposal_.doubts.end())
      proposal_.doubts.push_back(std::move(entry));
  }

 private:
  using Places = std::vector<InputPlace>;

  std::string_view medium() const {
    const std::string_view medium = medium_of_class(graph_.nodes[output_].class_type);
    const bool music = std::ranges::any_of(reach_.nodes, [this](NodeIndex node) {
      return graph_.nodes[node].class_type.starts_with(kMusicEncoder);
    });
    return medium == "audio" && music ? "music" : medium;
  }

  InputPlace place_of(const Literal& literal) const {
    return {.node = graph_.nodes[literal.node].id, .input = literal.input};
  }

  static void add_place(Places& places, InputPlace place) {
    if (places.size() >= kBindingPlacesMax) return;
    if (std::ranges::find(places, place) == places.end()) places.push_back(std::move(place));
  }

  void bind(std::string_view name, Places places) {
    if (!places.empty())
      proposal_.bindings.push_back({.name = std::string(name), .places = std::move(places)});
  }

  // The places of one side's text of the first sampler that has any.
  Places texts_of(Side side, DoubtKind several) {
    Places chosen;
    for (const NodeIndex sampler : samplers_) {
      Places places;
      for (const TextPlace& text : conditioning_texts(graph_, sampler, side)) {
        if (text.computed_by) doubt(DoubtKind::computed_text, *text.computed_by);
        if (!text.is_alternative) {
          add_place(places, place_of(text.literal));
        } else {
          doubt(several, text.literal.node);
        }
      }
      if (places.empty()) continue;
      if (chosen.empty()) {
        chosen = std::move(places);
      } else if (chosen != places) {
        doubt(several, sampler);
      }
    }
    return chosen;
  }

  void propose_texts() {
    Places positive = texts_of(Side::positive, DoubtKind::several_prompts);
    Places negative = texts_of(Side::negative, DoubtKind::several_negatives);
    std::erase_if(negative, [&positive](const InputPlace& place) {
      return std::ranges::find(positive, place) != positive.end();
    });
    if (positive.empty()) doubt(DoubtKind::no_prompt, output_);
    bind("prompt", std::move(positive));
    bind("negative", std::move(negative));
  }

  bool adds_no_noise(NodeIndex sampler) const {
    const auto literal = literal_behind(graph_, sampler, "add_noise");
    if (!literal) return false;
    const auto* flag = std::get_if<bool>(literal->value);
    const auto* word = std::get_if<std::string>(literal->value);
    return (flag != nullptr && !*flag) || (word != nullptr && *word == "disable");
  }

  void propose_seed() {
    Places places;
    for (const NodeIndex sampler : samplers_) {
      if (adds_no_noise(sampler)) continue;
      const Link* noise = graph_.nodes[sampler].link("noise");
      const NodeIndex node = noise == nullptr ? sampler : noise->node;
      for (const std::string_view input : {"seed", "noise_seed"}) {
        const auto literal = literal_behind(graph_, node, input);
        if (literal && is_number(*literal)) add_place(places, place_of(*literal));
      }
    }
    if (places.empty()) doubt(DoubtKind::no_seed, output_);
    bind("seed", std::move(places));
  }

  void propose_steps() {
    Places places;
    bool split = false;
    for (const NodeIndex sampler : samplers_) {
      const StepsPlace steps = steps_place(graph_, sampler);
      split = split || steps.is_split;
      if (steps.literal && is_number(*steps.literal)) add_place(places, place_of(*steps.literal));
    }
    if (split || places.size() > 1) {
      doubt(DoubtKind::split_steps, samplers_.front());
      return;
    }
    bind("steps", std::move(places));
  }

  void propose_size() {
    Places widths;
    Places heights;
    Places lengths;
    std::vector<NodeIndex> passed;
    for (const NodeIndex sampler : samplers_) {
      const auto sized = [this](NodeIndex node) { return size_place(graph_, node).is_complete(); };
      const auto source = find_up_latents(graph_, sampler, sized, passed);
      // A later pass that enlarges the picture has a size of its own, which is not the job's.
      if (!source || !widths.empty()) continue;
      const SizePlace place = size_place(graph_, *source);
      add_place(widths, place_of(*place.width_at));
      add_place(heights, place_of(*place.height_at));
      const auto length = literal_behind(graph_, *source, "length");
      if (length && is_number(*length)) add_place(lengths, place_of(*length));
    }
    // One primitive that feeds both sides makes squares only.
    if (widths == heights) return bind("length", std::move(lengths));
    bind("width", std::move(widths));
    bind("height", std::move(heights));
    bind("length", std::move(lengths));
  }

  void propose_seconds() {
    Places places;
    std::vector<NodeIndex> passed;
    const auto timed = [this](NodeIndex node) {
      return number_behind(graph_, node, "seconds").value_or(0) > 0;
    };
    for (const NodeIndex sampler : samplers_) {
      const auto source = find_up_latents(graph_, sampler, timed, passed);
      if (source) add_place(places, place_of(*literal_behind(graph_, *source, "seconds")));
    }
    if (places.empty()) return;
    for (const NodeIndex node : reach_.nodes) {
      const auto total = literal_behind(graph_, node, kSecondsTotal);
      if (total && is_number(*total)) add_place(places, place_of(*total));
    }
    bind("seconds", std::move(places));
  }

  void propose_image() {
    Places places;
    for (const NodeIndex node : reach_.nodes) {
      if (graph_.nodes[node].class_type != "LoadImage") continue;
      const auto image = literal_behind(graph_, node, "image");
      if (!image || !is_text(*image)) continue;
      if (places.empty()) {
        add_place(places, place_of(*image));
      } else {
        doubt(DoubtKind::several_images, node);
      }
    }
    bind("image", std::move(places));
  }

  const Graph& graph_;
  NodeIndex output_;
  Reach reach_;
  std::vector<NodeIndex> samplers_;
  BindingProposal proposal_;
};

}  // namespace

std::string_view doubt_name(DoubtKind kind) {
  switch (kind) {
    case DoubtKind::several_outputs:
      return "several_outputs";
    case DoubtKind::several_prompts:
      return "several_prompts";
    case DoubtKind::several_negatives:
      return "several_negatives";
    case DoubtKind::several_images:
      return "several_images";
    case DoubtKind::split_steps:
      return "split_steps";
    case DoubtKind::computed_text:
      return "computed_text";
    case DoubtKind::no_prompt:
      return "no_prompt";
    case DoubtKind::no_seed:
      return "no_seed";
    case DoubtKind::no_sampler:
      return "no_sampler";
  }
  return "no_prompt";
}

const Binding* BindingProposal::binding(std::string_view name) const {
  const auto found = std::ranges::find(bindings, name, &Binding::name);
  return found == bindings.end() ? nullptr : &*found;
}

Result<BindingProposal> propose_bindings(const Graph& graph, std::span<const NodeIndex> outputs) {
  if (outputs.empty())
    return fail(ErrorCode::bad_request, "workflow: it has no output node", "output");
  const auto saves = [&graph](NodeIndex node) {
    return !graph.nodes[node].class_type.starts_with(kPreview);
  };
  const auto saving = std::ranges::find_if(outputs, saves);
  const NodeIndex output = saving == outputs.end() ? outputs.front() : *saving;
  Proposer proposer(graph, output);
  if (std::ranges::count_if(outputs, saves) > 1 || (saving == outputs.end() && outputs.size() > 1))
    proposer.doubt(DoubtKind::several_outputs, output);
  return proposer.propose();
}

}  // namespace stoker::protocol::comfyui
