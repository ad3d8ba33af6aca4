#include "simulation/scenario_reader.h"

#include <cmath>
#include <utility>

namespace stoker::simulation {
namespace {

// Decimal fractions are kept as the double nearest to what was written, whatever the JSON reader made of them.
constexpr double kRatioSteps = 1e9;

std::optional<double> number_of(const json::value& value) {
  if (const auto* whole = value.if_int64()) return static_cast<double>(*whole);
  if (const auto* whole = value.if_uint64()) return static_cast<double>(*whole);
  const auto* real = value.if_double();
  if (real == nullptr || !std::isfinite(*real)) return std::nullopt;
  return *real;
}

std::string bounds_words(std::int64_t low, std::int64_t high) {
  return "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high);
}

const json::array& no_elements() {
  static const json::array kNone;
  return kNone;
}

}  // namespace

std::string Place::text() const {
  std::string out = above != nullptr ? above->text() : std::string();
  if (index) return out + '[' + std::to_string(*index) + ']';
  if (key.empty()) return out;
  if (!out.empty()) out += '.';
  return out + std::string(key);
}

void Problem::say(const Place& place, std::string words, ErrorCode code) {
  if (!first_) first_ = Error{code, std::move(words), place.text(), std::nullopt};
}

Node::Node(const json::value& value, const Place& place, Problem& problem)
    : object_(value.if_object()), place_(place), problem_(problem) {
  if (object_ == nullptr) problem_.say(place_, "must be an object");
}

void Node::complain(std::string_view key, std::string words) const {
  problem_.say(Place{&place_, key, {}}, std::move(words));
}

const json::value* Node::find(std::string_view key) const {
  if (object_ == nullptr) return nullptr;
  const json::value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const json::value* Node::need(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) complain(key, "is missing");
  return value;
}

const json::array& Node::list(std::string_view key, std::size_t elements_max) const {
  return find(key) == nullptr ? no_elements() : needed_list(key, elements_max);
}

const json::array& Node::needed_list(std::string_view key, std::size_t elements_max) const {
  const json::value* value = need(key);
  if (value == nullptr) return no_elements();
  const json::array* array = value->if_array();
  if (array == nullptr) {
    complain(key, "must be a list");
    return no_elements();
  }
  if (array->size() <= elements_max) return *array;
  problem_.say(Place{&place_, key, {}},
               "must have at most " + std::to_string(elements_max) + " elements",
               ErrorCode::too_large);
  return no_elements();
}

std::string_view read_name(const json::value& value, const Place& place, Problem& problem) {
  const json::string* text = value.if_string();
  if (text == nullptr) {
    problem.say(place, "must be a text");
  } else if (text->empty()) {
    problem.say(place, "must not be empty");
  } else if (text->size() > kNameBytesMax) {
    problem.say(place, "must have at most " + std::to_string(kNameBytesMax) + " bytes");
  } else {
    return {text->data(), text->size()};
  }
  return {};
}

std::string_view Node::name(std::string_view key) const {
  const json::value* value = need(key);
  return value == nullptr ? std::string_view()
                          : read_name(*value, Place{&place_, key, {}}, problem_);
}

std::string_view Node::text_or(std::string_view key, std::string_view otherwise) const {
  const json::value* value = find(key);
  if (value == nullptr) return otherwise;
  const json::string* text = value->if_string();
  if (text != nullptr && text->empty()) return {};
  return read_name(*value, Place{&place_, key, {}}, problem_);
}

Duration read_duration(const json::value& value, const Place& place, Problem& problem, Sign sign) {
  const std::optional<double> seconds = number_of(value);
  if (!seconds) {
    problem.say(place, "must be a number of seconds");
    return {};
  }
  if (std::abs(*seconds) > kTimeMax.seconds()) {
    problem.say(place, "must be at most " + std::to_string(kTimeMax.us / 1'000'000) + " seconds");
    return {};
  }
  const Duration duration = microseconds(std::llround(*seconds * 1e6));
  if (sign == Sign::not_negative && duration < Duration{}) {
    problem.say(place, "must not be negative");
    return {};
  }
  if (sign == Sign::positive && duration <= Duration{}) {
    problem.say(place, "must be positive, at least one microsecond");
    return {};
  }
  return duration;
}

Duration Node::duration(std::string_view key, Sign sign) const {
  const json::value* value = need(key);
  return value == nullptr ? Duration{}
                          : read_duration(*value, Place{&place_, key, {}}, problem_, sign);
}

Duration Node::duration_or(std::string_view key, Duration otherwise, Sign sign) const {
  return find(key) == nullptr ? otherwise : duration(key, sign);
}

double Node::ratio_or(std::string_view key, double otherwise, double low, double high) const {
  const json::value* value = find(key);
  if (value == nullptr) return otherwise;
  const std::optional<double> number = number_of(*value);
  if (number && *number >= low && *number <= high)
    return std::round(*number * kRatioSteps) / kRatioSteps;
  const auto bound = [](double x) {
    std::string text = std::to_string(x);
    text.erase(text.find_last_not_of('0') + 1);
    return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  };
  complain(key, "must be a number from " + bound(low) + " to " + bound(high));
  return otherwise;
}

std::int64_t Node::whole(std::string_view key, std::int64_t low, std::int64_t high) const {
  const json::value* value = need(key);
  if (value == nullptr) return low;
  const std::optional<double> number = number_of(*value);
  if (number && *number == std::floor(*number) && *number >= static_cast<double>(low) &&
      *number <= static_cast<double>(high))
    return static_cast<std::int64_t>(*number);
  complain(key, bounds_words(low, high));
  return low;
}

std::int64_t Node::whole_or(std::string_view key, std::int64_t otherwise, std::int64_t low,
                            std::int64_t high) const {
  return find(key) == nullptr ? otherwise : whole(key, low, high);
}

}  // namespace stoker::simulation
