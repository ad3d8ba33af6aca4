#include "backends/rehearsal/painting/motifs.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "backends/rehearsal/painting/artist.h"
#include "backends/rehearsal/painting/motif_words.h"
#include "base/random.h"

namespace stoker::painting {
namespace {

struct ColourWord {
  std::string_view word;
  Colour colour;
};

constexpr std::array kColourWords{
    ColourWord{"rot", hex(0xcf4a36)},       ColourWord{"red", hex(0xcf4a36)},
    ColourWord{"blau", hex(0x3f6fb5)},      ColourWord{"blue", hex(0x3f6fb5)},
    ColourWord{"gelb", hex(0xeec04a)},      ColourWord{"yellow", hex(0xeec04a)},
    ColourWord{"gruen", hex(0x4e9a5b)},     ColourWord{"green", hex(0x4e9a5b)},
    ColourWord{"lila", hex(0x8458a8)},      ColourWord{"violett", hex(0x8458a8)},
    ColourWord{"purple", hex(0x8458a8)},    ColourWord{"rosa", hex(0xe58aa6)},
    ColourWord{"pink", hex(0xe0679a)},      ColourWord{"orange", hex(0xe8853a)},
    ColourWord{"weiss", hex(0xf6efe0)},     ColourWord{"white", hex(0xf6efe0)},
    ColourWord{"schwarz", hex(0x33303d)},   ColourWord{"black", hex(0x33303d)},
    ColourWord{"braun", hex(0x8a5a3c)},     ColourWord{"brown", hex(0x8a5a3c)},
    ColourWord{"grau", hex(0x8d8f99)},      ColourWord{"grey", hex(0x8d8f99)},
    ColourWord{"gray", hex(0x8d8f99)},      ColourWord{"tuerkis", hex(0x3fa6a0)},
    ColourWord{"turquoise", hex(0x3fa6a0)}, ColourWord{"golden", hex(0xe0b040)},
    ColourWord{"gold", hex(0xe0b040)},
};

struct CountWord {
  std::string_view word;
  std::uint32_t count;
};

constexpr std::array kCountWords{
    CountWord{"zwei", 2},    CountWord{"two", 2},     CountWord{"drei", 3},   CountWord{"three", 3},
    CountWord{"vier", 4},    CountWord{"four", 4},    CountWord{"fuenf", 5},  CountWord{"five", 5},
    CountWord{"viele", 5},   CountWord{"many", 5},    CountWord{"einige", 3}, CountWord{"some", 3},
    CountWord{"mehrere", 4}, CountWord{"several", 4},
};

constexpr std::array<std::string_view, 14> kEndings{"s",  "es",   "e",    "n", "en", "er", "ern",
                                                    "em", "chen", "lein", "y", "i",  "in", "nen"};
constexpr std::array<std::string_view, 8> kColourEndings{"e",  "er", "es",  "em",
                                                         "en", "ne", "nes", "ner"};

// Stems that end other words by accident: "walking", "million", "friendship".
constexpr std::array<std::string_view, 16> kNeverInCompounds{
    "king", "rain", "ship", "tent", "hill", "rose", "bike", "star",
    "park", "wind", "bear", "lion", "sail", "tree", "wood", "dark"};

// Small words that only one of the two languages has.
constexpr std::array<std::string_view, 22> kGermanWords{
    "der", "die", "das", "ein", "eine", "einen", "einem", "einer", "und",   "im",    "ist",
    "mit", "auf", "aus", "von", "den",  "dem",   "zu",    "ueber", "unter", "nicht", "ich"};
constexpr std::array<std::string_view, 20> kEnglishWords{
    "the",  "a",    "an", "and", "of",    "with",    "is",   "on",  "to", "at",
    "from", "over", "by", "it",  "under", "through", "that", "are", "my", "for"};

// Letters of the prompt in lower case; umlauts become two letters, everything else ends a word.
std::vector<std::string> words_of(std::string_view prompt) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    const auto c = static_cast<unsigned char>(prompt[i]);
    const unsigned char next =
        i + 1 < prompt.size() ? static_cast<unsigned char>(prompt[i + 1]) : 0;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += static_cast<char>(c);
    } else if (c >= 'A' && c <= 'Z') {
      word += static_cast<char>(c - 'A' + 'a');
    } else if (c == 0xc3 && next >= 0x80) {
      ++i;
      const unsigned char low = next | 0x20U;
      if (low == 0xa4) word += "ae";
      if (low == 0xb6) word += "oe";
      if (low == 0xbc) word += "ue";
      if (next == 0x9f) word += "ss";
    } else {
      end_word();
    }
  }
  end_word();
  return words;
}

template <class Endings>
bool inflected(std::string_view word, std::string_view stem, const Endings& endings) {
  if (!word.starts_with(stem)) return false;
  const std::string_view rest = word.substr(stem.size());
  return rest.empty() || std::ranges::find(endings, rest) != endings.end();
}

// How well a word fits a stem: 0 not at all, otherwise longer stems and plain words win over parts
// of compounds.
std::size_t fit(std::string_view word, const Stem& stem) {
  const std::size_t length = stem.word.size();
  if (inflected(word, stem.word, kEndings)) return 100 + length;
  const bool compounds =
      length >= 4 && std::ranges::find(kNeverInCompounds, stem.word) == kNeverInCompounds.end();
  if (compounds && word.size() > length) {
    for (const std::string_view ending : kEndings) {
      if (word.ends_with(ending) &&
          word.substr(0, word.size() - ending.size()).ends_with(stem.word)) {
        return 50 + length;  // "Segelboote"
      }
    }
    if (word.ends_with(stem.word)) return 50 + length;
  }
  return length >= 5 && word.starts_with(stem.word) ? length : 0;  // "Leuchtturmwärter"
}

constexpr std::array<std::string_view, 7> kPlurals{"s", "es", "e", "n", "en", "er", "ern"};

// The thing that a word names; several of it when the word looks like a plural.
std::optional<Mention> mention_of(std::string_view word) {
  std::size_t best = 0;
  std::optional<Mention> mention;
  for (const Stem& stem : known_stems()) {
    const std::size_t score = fit(word, stem);
    if (score <= best) continue;
    best = score;
    const bool several = std::ranges::any_of(kPlurals, [&](std::string_view plural) {
      return word.ends_with(plural) &&
             word.substr(0, word.size() - plural.size()).ends_with(stem.word);
    });
    mention = Mention{stem.motif, {}, several ? 3U : 1U};
  }
  return mention;
}

std::optional<Colour> colour_of(std::string_view word) {
  for (const ColourWord& known : kColourWords) {
    if (inflected(word, known.word, kColourEndings)) return known.colour;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> count_of(std::string_view word) {
  if (word.size() == 1 && word[0] >= '1' && word[0] <= '9') {
    return std::min(5U, static_cast<std::uint32_t>(word[0] - '0'));
  }
  for (const CountWord& known : kCountWords) {
    if (inflected(word, known.word, kColourEndings)) return known.count;
  }
  return std::nullopt;
}

void add_mention(Reading& reading, Mention mention) {
  for (Mention& known : reading.mentions) {
    if (known.motif != mention.motif) continue;
    if (!known.colour) known.colour = mention.colour;
    known.count = std::max(known.count, mention.count);
    return;
  }
  if (reading.mentions.size() < kMentionsMax) reading.mentions.push_back(mention);
}

}  // namespace

bool Reading::speaks_of(Motif motif) const {
  return std::ranges::any_of(mentions, [motif](const Mention& m) { return m.motif == motif; });
}

Reading read(std::string_view prompt) {
  prompt = prompt.substr(0, kPromptBytesRead);
  Reading reading;
  for (const char c : prompt) reading.hash = mix64(reading.hash ^ static_cast<unsigned char>(c));
  std::ptrdiff_t german = 0;
  std::ptrdiff_t english = 0;
  std::optional<Colour> next_colour;
  std::optional<std::uint32_t> next_count;
  for (const std::string& word : words_of(prompt)) {
    german += std::ranges::count(kGermanWords, std::string_view(word));
    english += std::ranges::count(kEnglishWords, std::string_view(word));
    if (const auto colour = colour_of(word)) {
      next_colour = colour;
    } else if (const auto count = count_of(word)) {
      next_count = count;
    } else if (auto mention = mention_of(word)) {
      mention->colour = std::exchange(next_colour, {});
      if (next_count) mention->count = *std::exchange(next_count, {});
      add_mention(reading, *mention);
    }
  }
  reading.language = english > german ? Language::english : Language::german;
  return reading;
}

}  // namespace stoker::painting
