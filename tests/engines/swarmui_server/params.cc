#include "tests/engines/swarmui_server/params.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace stoker::engines::swarmui {
namespace {

constexpr std::string_view kExtension = ".safetensors";
constexpr std::int64_t kImagesMax = 10'000;
constexpr std::int64_t kSideMin = 64;
constexpr std::int64_t kSideMax = 16384;
constexpr std::int64_t kStepsMax = 500;

using Values = std::map<std::string, std::string>;

std::string lower(std::string_view text) {
  std::string all(text);
  std::ranges::transform(all, all.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return all;
}

std::string clean_model(std::string_view name) {
  std::string all = lower(name);
  std::ranges::replace(all, '\\', '/');
  while (all.starts_with('/')) all.erase(0, 1);
  if (all.ends_with(kExtension)) all.resize(all.size() - kExtension.size());
  return all;
}

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string invalid(std::string_view name, std::string_view why) {
  return "Invalid value for parameter " + std::string(name) + ": " + std::string(why);
}

struct Range {
  std::string_view id;
  std::string_view name;
  std::int64_t min;
  std::int64_t max;
};

// The whole number, `otherwise` if it is not given, an error outside the range.
std::expected<std::int64_t, std::string> whole(const Values& values, const Range& range,
                                               std::int64_t otherwise) {
  const auto found = values.find(std::string(range.id));
  if (found == values.end()) return otherwise;
  const auto number = number_of<std::int64_t>(found->second);
  if (!number) {
    return std::unexpected(invalid(range.name, "Invalid integer value for param " +
                                                   std::string(range.name) + " - '" +
                                                   found->second + "'"));
  }
  if (*number < range.min || *number > range.max) {
    return std::unexpected(invalid(range.name, "Invalid integer value for param " +
                                                   std::string(range.name) + " - must be between " +
                                                   std::to_string(range.min) + " and " +
                                                   std::to_string(range.max)));
  }
  return *number;
}

bool is_on(const Values& values, const char* id) {
  const auto found = values.find(id);
  return found != values.end() && lower(found->second) == "true";
}

std::string text_in(const Values& values, const char* id) {
  const auto found = values.find(id);
  return found == values.end() ? std::string() : found->second;
}

}  // namespace

std::string cleaned_id(std::string_view name) {
  std::string id = lower(name);
  std::erase_if(id, [](char c) { return c < 'a' || c > 'z'; });
  return id;
}

std::string value_text(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null()) return "";
  if (!value.is_array()) return json::serialize(value);
  std::string joined;
  for (const json::value& item : value.get_array()) {
    if (!joined.empty()) joined += ",";
    joined += value_text(item);
  }
  return joined;
}

Outcome read_params(const json::object& request, const std::vector<std::string>& models) {
  Values values;
  for (const auto& [name, value] : request) values[cleaned_id(name)] = value_text(value);
  if (!values.contains("images")) return std::unexpected("Missing required parameter 'images'");
  Params params;
  const auto images = whole(values, {"images", "Images", 1, kImagesMax}, 1);
  const auto batch = whole(values, {"batchsize", "Batch Size", 1, 100}, 1);
  const auto width = whole(values, {"width", "Width", kSideMin, kSideMax}, params.width);
  const auto height = whole(values, {"height", "Height", kSideMin, kSideMax}, params.height);
  const auto steps = whole(values, {"steps", "Steps", 0, kStepsMax}, params.steps);
  const auto seed = whole(values, {"seed", "Seed", -1, INT64_MAX}, -1);
  for (const auto* number : {&images, &batch, &width, &height, &steps, &seed}) {
    if (!*number) return std::unexpected(number->error());
  }
  params.images = static_cast<std::size_t>(*images * *batch);
  params.width = static_cast<std::uint32_t>(*width);
  params.height = static_cast<std::uint32_t>(*height);
  params.steps = static_cast<std::uint32_t>(*steps);
  params.seed = *seed;
  params.prompt = text_in(values, "prompt");
  params.negative = text_in(values, "negativeprompt");
  params.cfg_scale = number_of<double>(text_in(values, "cfgscale")).value_or(params.cfg_scale);
  params.do_not_save = is_on(values, "donotsave");
  params.no_previews = is_on(values, "nopreviews");
  params.no_seed_increment = is_on(values, "noseedincrement");
  params.continue_after_errors = is_on(values, "continueaftererrors");
  params.forward_raw = is_on(values, "forwardrawbackenddata");
  params.backend = number_of<int>(text_in(values, "exactbackendid"));
  const std::string wanted = text_in(values, "model");
  if (wanted.empty()) return params;
  const auto model = fuzzy_model(wanted, models);
  if (!model) {
    return std::unexpected(invalid("Model", "Invalid model value for param Model - '" + wanted +
                                                "' - are you sure that model name is correct?"));
  }
  params.model = *model;
  return params;
}

std::optional<std::string> exact_model(std::string_view text,
                                       const std::vector<std::string>& models) {
  for (const std::string& model : models) {
    if (model == text || model == std::string(text) + std::string(kExtension)) return model;
  }
  return std::nullopt;
}

std::optional<std::string> fuzzy_model(std::string_view text,
                                       const std::vector<std::string>& models) {
  const std::string wanted = clean_model(text);
  const std::string* best = nullptr;
  for (const std::string& model : models) {
    const std::string name = clean_model(model);
    if (name == wanted) return model;
    if (name.find(wanted) == std::string::npos) continue;
    if (best == nullptr || model.size() < best->size()) best = &model;
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group * 256 + (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text.push_back(i <= count ? kDigits[(group >> (18 - 6 * i)) & 63U] : '=');
  }
  return text;
}

}  // namespace stoker::engines::swarmui
