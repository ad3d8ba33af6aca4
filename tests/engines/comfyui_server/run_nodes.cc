// What the nodes of a run do: read weights, sample, save.
#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "tests/engines/comfyui_server/run.h"

namespace stoker::engines::comfyui {
namespace {

bool is_sampler(std::string_view name) {
  return name == "KSampler" || name == "KSamplerAdvanced" || name.starts_with("SamplerCustom");
}

bool makes_weights(const NodeClass& known) {
  return std::ranges::any_of(known.outputs, carries_weights);
}

bool carries_pictures(std::string_view type) {
  return type == "IMAGE" || type == "LATENT" || type == "VIDEO" || type == "AUDIO";
}

void add_new(std::vector<ModelPtr>& models, const std::vector<ModelPtr>& more) {
  for (const ModelPtr& model : more) {
    if (std::ranges::find(models, model) == models.end()) models.push_back(model);
  }
}

// "strength_model" and "strength_clip" of a LoRA.
bool has_strength(const json::object& inputs) {
  bool any = false;
  for (const auto& [name, value] : inputs) {
    if (!name.starts_with("strength_")) continue;
    any = true;
    if (!value.is_number() || value.to_number<double>() != 0) return true;
  }
  return !any;
}

}  // namespace

const NodeValue* Run::linked(const json::value& value) const {
  const auto link = as_link(value);
  if (!link) return nullptr;
  const auto source = results_.find(link->node);
  if (source == results_.end() || link->slot >= source->second.outputs.size()) return nullptr;
  return &source->second.outputs[link->slot];
}

json::value Run::literal(const json::object& node, std::string_view name) const {
  const json::value* value = inputs_of(node).if_contains(name);
  if (value == nullptr) return nullptr;
  if (const NodeValue* source = linked(*value)) return source->literal;
  return literal_of(*value);
}

std::optional<double> Run::number(const json::object& node, std::string_view name) const {
  const json::value value = literal(node, name);
  if (value.is_number()) return value.to_number<double>();
  if (!value.is_string()) return std::nullopt;
  const json::string& text = value.get_string();  // as lenient as the validation
  double parsed = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return parsed;
}

std::string Run::word(const json::object& node, std::string_view name) const {
  const json::value value = literal(node, name);
  return value.is_string() ? std::string(value.get_string()) : std::string();
}

net::Task<NodeResult> Run::compute(const json::object& node, const NodeClass& known) {
  const std::vector<ModelPtr> own = co_await read_weights(node, known);
  if (fault_ || dead()) co_return NodeResult();
  use_weights(node, known);
  if (fault_) co_return NodeResult();
  if (is_sampler(known.name)) co_await sample(steps_of(node, known));
  if (fault_ || dead()) co_return NodeResult();
  co_return result_of(node, known, own);
}

// A loader reads its files into main memory.
net::Task<std::vector<ModelPtr>> Run::read_weights(const json::object& node,
                                                   const NodeClass& known) {
  std::vector<ModelPtr> own;
  const bool on_cpu = state_.flags.cpu || word(node, "device") == "cpu";
  for (const NodeInput& input : known.inputs) {
    if (input.folder.empty() || input.folder == "input" || !has_strength(inputs_of(node))) continue;
    const std::string file = word(node, input.name);
    state_.loading = file;
    const bool alive = co_await state_.gates.pass(Gate::load, *life_) && !dead();
    if (!alive) co_return own;
    state_.loading.clear();
    if (const auto fault = state_.faults.take(FaultKind::load_error)) {
      const std::string text =
          fault->text.empty() ? "Error while deserializing header" : fault->text;
      fault_ = NodeFault{.type = "safetensors_rust.SafetensorError", .message = text};
      co_return own;
    }
    ++state_.counts.disk_loads[file];
    own.push_back(std::make_shared<const ModelObject>(
        ModelObject{.file = file, .bytes = state_.bytes_of(input.folder, file), .on_cpu = on_cpu}));
  }
  co_return own;
}

// What is neither a loader nor a change of a model brings the weights of its inputs into device memory.
void Run::use_weights(const json::object& node, const NodeClass& known) {
  if (makes_weights(known) || known.category.ends_with("schedulers")) return;
  std::vector<ModelPtr> models;
  for (const NodeInput& input : known.inputs) {
    if (carries_weights(input.type)) add_new(models, models_in(node, known, input.type));
  }
  if (models.empty()) return;
  if (state_.faults.take(FaultKind::out_of_memory)) {
    fault_ =
        NodeFault{.type = "torch.OutOfMemoryError",
                  .message = "Allocation on device 0 would exceed allowed memory. (out of memory)",
                  .out_of_memory = true};
    return;
  }
  const bool spills = state_.faults.take(FaultKind::spill).has_value();
  state_.memory.load(models, spills ? 50 : 100);
  state_.watch.changed();
}

std::vector<ModelPtr> Run::models_in(const json::object& node, const NodeClass& known,
                                     std::string_view type) const {
  std::vector<ModelPtr> models;
  for (const NodeInput& input : known.inputs) {
    if (input.type != type) continue;
    const json::value* value = inputs_of(node).if_contains(input.name);
    const NodeValue* source = value == nullptr ? nullptr : linked(*value);
    if (source != nullptr) add_new(models, source->models);
  }
  return models;
}

net::Task<void> Run::sample(std::uint32_t steps) {
  max_ = std::max(steps, 1U);
  for (std::uint32_t step = 1; step <= steps; ++step) {
    if (!co_await pass(Gate::step)) co_return;
    show_progress(step, "running");
    send_to_owner_or_all("progress",
                         {{"value", step}, {"max", steps}, {"prompt_id", item_.id}, {"node", at_}});
    show_preview();
    state_.watch.changed();
  }
}

std::uint32_t Run::steps_of(const json::object& node, const NodeClass& known) const {
  if (const json::value* sigmas = inputs_of(node).if_contains("sigmas")) {
    const NodeValue* source = linked(*sigmas);
    return source == nullptr ? 0 : source->steps;
  }
  const double steps = number(node, "steps").value_or(0);
  if (known.name != "KSamplerAdvanced") return static_cast<std::uint32_t>(std::max(steps, 0.0));
  const double end = std::min(number(node, "end_at_step").value_or(steps), steps);
  return static_cast<std::uint32_t>(std::max(end - number(node, "start_at_step").value_or(0), 0.0));
}

// Size, frames and number of pictures: from the first input that has them, unless the node sets its own.
NodeValue Run::merged(const json::object& node, const NodeClass& known) const {
  NodeValue value;
  for (const NodeInput& input : known.inputs) {
    const json::value* given = inputs_of(node).if_contains(input.name);
    const NodeValue* source = given == nullptr ? nullptr : linked(*given);
    if (source == nullptr || !carries_pictures(input.type)) continue;
    value = *source;
    value.models.clear();
    break;
  }
  const auto own = [&](std::string_view name, std::uint32_t& field) {
    if (const auto given = number(node, name)) field = static_cast<std::uint32_t>(*given);
  };
  own("width", value.size.width);
  own("height", value.size.height);
  own("batch_size", value.batch);
  own("length", value.length);
  own("color", value.rgb);
  own("steps", value.steps);
  if (is_sampler(known.name)) {
    value.rgb =
        static_cast<std::uint32_t>(std::hash<std::string>{}(signatures_.at(at_)) & 0xFFFFFF);
  }
  if (known.name == "LoadImage") {
    const std::string* picture = state_.files.find(annotated_place(word(node, "image"), "input"));
    if (picture != nullptr) value.size = png_size(*picture);
  }
  value.literal = literal(node, "value");
  return value;
}

NodeResult Run::result_of(const json::object& node, const NodeClass& known,
                          const std::vector<ModelPtr>& own) {
  NodeResult result;
  const NodeValue value = merged(node, known);
  for (const std::string& type : known.outputs) {
    NodeValue output = value;
    if (carries_weights(type)) {
      output.models = models_in(node, known, type);
      add_new(output.models, own);
      if (output.models.empty()) output.models = models_in(node, known, "MODEL");
    }
    result.outputs.push_back(std::move(output));
  }
  if (known.output_node) result.ui = saved(node, known, value);
  return result;
}

// Writes what an output node saves, and says where.
json::value Run::saved(const json::object& node, const NodeClass& known, const NodeValue& value) {
  const std::string& name = known.name;
  if (name == "PreviewAny") {
    const json::value source = literal(node, "source");
    const std::string text =
        source.is_string() ? std::string(source.get_string()) : json::serialize(source);
    return json::object{{"text", json::array{text}}};
  }
  const std::string given = word(node, "filename_prefix");
  const bool temporary = name.starts_with("Preview");
  const std::string prefix = temporary ? "ComfyUI_temp_engine" : given.empty() ? "ComfyUI" : given;
  const auto one = [&](std::string_view extension, std::string bytes) {
    return json::array{
        state_.files.save(temporary ? "temp" : "output", prefix, extension, std::move(bytes))
            .item()};
  };
  if (name == "SaveAudioMP3") return json::object{{"audio", one(".mp3", mp3_sound())}};
  if (name == "SaveAudioOpus") return json::object{{"audio", one(".opus", opus_sound())}};
  if (name.ends_with("Audio")) return json::object{{"audio", one(".flac", flac_sound())}};
  const json::array moves{true};
  if (name == "SaveVideo")
    return json::object{{"images", one(".mp4", mp4_clip())}, {"animated", moves}};
  if (name == "SaveWEBM")
    return json::object{{"images", one(".webm", webm_clip())}, {"animated", moves}};
  if (name == "SaveAnimatedWEBP")
    return json::object{{"images", one(".webp", webp_picture())}, {"animated", moves}};
  const std::string workflow = state_.flags.metadata ? json::serialize(item_.prompt) : "";
  json::array pictures;
  for (std::uint32_t i = 0; i < value.batch; ++i)
    pictures.push_back(one(".png", png_picture(value.size, value.rgb + i, workflow))[0]);
  return json::object{{"images", pictures}};
}

}  // namespace stoker::engines::comfyui
