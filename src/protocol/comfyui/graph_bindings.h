// Proposes where the values of a job go in somebody's workflow.
//
// Purpose: `stoker template import` shows the proposal; a person corrects it and the result becomes
// a template.
// Threading: pure. Limits: as graph.h and template.h; kDoubtsMax doubts.
// Errors: every place exists and holds a text or a number, so parse_template takes it; a proposal
// with the doubt no_prompt or no_seed lacks a binding that a template must have.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/comfyui/graph.h"
#include "protocol/comfyui/template.h"

namespace stoker::protocol::comfyui {

inline constexpr std::size_t kDoubtsMax = 32;

// What a person should look at.
enum class DoubtKind : std::uint8_t {
  several_outputs,  // one of several saving nodes was taken: `node`
  several_prompts,  // prompts of different texts; the first sampler's was taken
  several_negatives,
  several_images,  // only the first picture gets the job's
  split_steps,     // steps stand in several places, or are divided between samplers: not proposed
  computed_text,   // a prompt is put together by `node`; its first literal text was taken
  no_prompt,
  no_seed,
  no_sampler,
};
std::string_view doubt_name(DoubtKind kind);

struct Doubt {
  DoubtKind kind = DoubtKind::no_prompt;
  std::string node;  // may be empty

  friend bool operator==(const Doubt&, const Doubt&) = default;
};

struct BindingProposal {
  std::vector<Binding> bindings;  // named as in template.h
  std::string output;
  std::string medium;  // "image", "video", "audio", "music", "text"
  std::vector<Doubt> doubts;

  const Binding* binding(std::string_view name) const;
};

// `outputs` are the graph's output nodes. The one whose result is taken is the first that saves
// rather than previews; other nodes are looked at only as far as it needs them. The prompt is the
// text that a text encoder behind the sampler's positive conditioning (or its guider's) reads,
// followed through conditioning nodes and primitives; the negative likewise, unless it is zeroed
// out or the same text. Seeds of all samplers that add noise get the job's seed. bad_request
// without an output node.
Result<BindingProposal> propose_bindings(const Graph& graph, std::span<const NodeIndex> outputs);

}  // namespace stoker::protocol::comfyui
