// The parameters of a generation, as SwarmUI reads them.
//
// Purpose: names reduced to lower-case letters, values from text or JSON, models matched loosely.
// Threading: pure functions. Errors: the text that SwarmUI shows.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::engines::swarmui {

namespace json = boost::json;

struct Params {
  std::size_t images = 1;
  std::string prompt;
  std::string negative;
  std::string model;  // the full name; empty: none
  std::uint32_t width = 1024;
  std::uint32_t height = 1024;
  std::uint32_t steps = 20;
  double cfg_scale = 7;
  std::int64_t seed = -1;
  bool do_not_save = false;
  bool no_previews = false;
  bool no_seed_increment = false;
  bool continue_after_errors = false;
  bool forward_raw = false;
  std::optional<int> backend;  // exactbackendid
};

// "CFG Scale" and "cfg_scale" are "cfgscale".
std::string cleaned_id(std::string_view name);

using Outcome = std::expected<Params, std::string>;
Outcome read_params(const json::object& request, const std::vector<std::string>& models);

// Exact, with or without its extension; else the shortest name that contains the text.
std::optional<std::string> fuzzy_model(std::string_view text,
                                       const std::vector<std::string>& models);
// Exact, with or without ".safetensors".
std::optional<std::string> exact_model(std::string_view text,
                                       const std::vector<std::string>& models);

// As text, whatever it is in JSON; arrays are joined with commas.
std::string value_text(const json::value& value);

std::string base64(std::string_view bytes);

}  // namespace stoker::engines::swarmui
