// What the engines of tests answer: texts and pictures that follow from the prompt alone.
//
// Errors: none of these functions fails. Limits: pictures up to 1024 x 1024, larger sizes are cut to that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stoker::engines {

inline constexpr std::size_t kAnswerWords = 6;

// The tokens of an answer: the words of the prompt, repeated until there are `words`; all but the first begin with a
// space. An empty prompt is answered with "nothing".
std::vector<std::string> answer_tokens(std::string_view prompt, std::size_t words = kAnswerWords);
// The same as one text.
std::string answer_text(std::string_view prompt, std::size_t words = kAnswerWords);
std::size_t count_words(std::string_view text);

// "call f {"a":1} and g {"b":2}" asks for these tool calls (name, arguments as JSON text); empty for other prompts.
std::vector<std::pair<std::string, std::string>> requested_calls(std::string_view prompt);

// A vector of `size` numbers of length 1 that follows from the text.
std::vector<double> embedding_of(std::string_view text, std::size_t size);

// A valid PNG of one colour, which follows from `seed`.
std::string png_of(std::uint32_t width, std::uint32_t height, std::uint64_t seed);

std::string base64_of(std::string_view bytes);

// "64x32"; nullopt if it is not that.
std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_size(std::string_view text);

// A hash that is the same in every run.
std::uint64_t hash_of(std::string_view text);

}  // namespace stoker::engines
