#include "backends/rehearsal/painting/motifs.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "backends/rehearsal/painting/artist.h"
#include "base/random.h"

namespace stoker::painting {
namespace {

struct Stem {
  std::string_view word;  // lower case, umlauts as two letters
  Motif motif;
};

using enum Motif;

constexpr Stem kStems[] = {
    Stem{"leuchtturm", lighthouse}, Stem{"leuchttuerm", lighthouse}, Stem{"lighthouse", lighthouse},
    Stem{"boot", boat}, Stem{"boat", boat}, Stem{"schiff", boat}, Stem{"ship", boat}, Stem{"segel", boat},
    Stem{"sail", boat}, Stem{"pirat", boat}, Stem{"pirate", boat}, Stem{"kapitaen", boat}, Stem{"captain", boat},
    Stem{"wal", whale}, Stem{"walfisch", whale}, Stem{"whale", whale}, Stem{"delfin", whale}, Stem{"dolphin", whale},
    Stem{"fisch", fish}, Stem{"fish", fish}, Stem{"hai", fish}, Stem{"shark", fish},
    Stem{"krake", octopus}, Stem{"oktopus", octopus}, Stem{"octopus", octopus}, Stem{"tintenfisch", octopus},
    Stem{"qualle", jellyfish}, Stem{"jellyfish", jellyfish},
    Stem{"schildkroete", turtle}, Stem{"turtle", turtle}, Stem{"tortoise", turtle},
    Stem{"pinguin", penguin}, Stem{"penguin", penguin}, Stem{"ente", duck}, Stem{"duck", duck}, Stem{"schwan", duck},
    Stem{"haus", house}, Stem{"haeus", house}, Stem{"house", house}, Stem{"huette", house}, Stem{"dorf", house},
    Stem{"hut", house}, Stem{"village", house}, Stem{"cabin", house}, Stem{"schule", house}, Stem{"school", house},
    Stem{"schloss", castle}, Stem{"schloess", castle}, Stem{"burg", castle}, Stem{"castle", castle},
    Stem{"prinzessin", castle}, Stem{"princess", castle}, Stem{"koenig", castle}, Stem{"king", castle},
    Stem{"ritter", castle}, Stem{"knight", castle}, Stem{"palast", castle}, Stem{"palace", castle},
    Stem{"windmuehle", windmill}, Stem{"muehle", windmill}, Stem{"windmill", windmill}, Stem{"windrad", windmill},
    Stem{"zelt", tent}, Stem{"tent", tent}, Stem{"camping", tent}, Stem{"zirkus", tent}, Stem{"circus", tent},
    Stem{"treppe", stairs}, Stem{"stufe", stairs}, Stem{"stairs", stairs}, Stem{"staircase", stairs},
    Stem{"bruecke", bridge}, Stem{"bridge", bridge},
    Stem{"roboter", robot}, Stem{"robot", robot}, Stem{"maschine", robot}, Stem{"machine", robot},
    Stem{"auto", car}, Stem{"car", car}, Stem{"bus", car}, Stem{"rennwagen", car}, Stem{"taxi", car},
    Stem{"zug", train}, Stem{"zuege", train}, Stem{"train", train}, Stem{"lokomotive", train}, Stem{"bahn", train},
    Stem{"fahrrad", bicycle}, Stem{"fahrraeder", bicycle}, Stem{"bicycle", bicycle}, Stem{"bike", bicycle},
    Stem{"baum", tree}, Stem{"baeum", tree}, Stem{"tree", tree}, Stem{"eiche", tree}, Stem{"apfel", tree},
    Stem{"tanne", pine}, Stem{"fichte", pine}, Stem{"pine", pine}, Stem{"fir", pine}, Stem{"weihnacht", pine},
    Stem{"christmas", pine}, Stem{"palme", palm}, Stem{"palm", palm},
    Stem{"kaktus", cactus}, Stem{"kakteen", cactus}, Stem{"cactus", cactus}, Stem{"cacti", cactus},
    Stem{"blume", flower}, Stem{"bluete", flower}, Stem{"flower", flower}, Stem{"rose", flower}, Stem{"tulpe", flower},
    Stem{"tulip", flower}, Stem{"garten", flower}, Stem{"garden", flower},
    Stem{"pilz", mushroom}, Stem{"mushroom", mushroom}, Stem{"toadstool", mushroom},
    Stem{"vogel", bird}, Stem{"voegel", bird}, Stem{"bird", bird}, Stem{"papagei", bird}, Stem{"parrot", bird},
    Stem{"adler", bird}, Stem{"eagle", bird}, Stem{"moewe", bird}, Stem{"gull", bird},
    Stem{"eule", owl}, Stem{"uhu", owl}, Stem{"owl", owl},
    Stem{"katze", cat}, Stem{"kater", cat}, Stem{"kaetzchen", cat}, Stem{"cat", cat}, Stem{"kitten", cat},
    Stem{"tiger", cat}, Stem{"hund", dog}, Stem{"dog", dog}, Stem{"welpe", dog}, Stem{"puppy", dog},
    Stem{"wolf", dog}, Stem{"woelf", dog}, Stem{"fuchs", fox}, Stem{"fuechs", fox}, Stem{"fox", fox},
    Stem{"baer", bear}, Stem{"bear", bear}, Stem{"teddy", bear}, Stem{"panda", bear},
    Stem{"hase", rabbit}, Stem{"kaninchen", rabbit}, Stem{"rabbit", rabbit}, Stem{"bunny", rabbit}, Stem{"hare", rabbit},
    Stem{"igel", hedgehog}, Stem{"hedgehog", hedgehog}, Stem{"elefant", elephant}, Stem{"elephant", elephant},
    Stem{"mammut", elephant}, Stem{"mammoth", elephant}, Stem{"schnecke", snail}, Stem{"snail", snail},
    Stem{"pferd", horse}, Stem{"pony", horse}, Stem{"einhorn", unicorn}, Stem{"einhoerner", unicorn}, Stem{"horse", horse},
    Stem{"unicorn", unicorn}, Stem{"drache", dragon}, Stem{"dragon", dragon},
    Stem{"dinosaurier", dinosaur}, Stem{"dino", dinosaur}, Stem{"dinosaur", dinosaur}, Stem{"giraffe", dinosaur},
    Stem{"frosch", frog}, Stem{"froesche", frog}, Stem{"frog", frog}, Stem{"loewe", lion}, Stem{"lion", lion},
    Stem{"schmetterling", butterfly}, Stem{"butterfly", butterfly}, Stem{"butterflies", butterfly},
    Stem{"fee", butterfly}, Stem{"fairy", butterfly}, Stem{"biene", bee}, Stem{"hummel", bee}, Stem{"bee", bee},
    Stem{"heissluftballon", balloon}, Stem{"ballon", balloon}, Stem{"balloon", balloon}, Stem{"luftballon", balloon},
    Stem{"papierdrachen", kite}, Stem{"kite", kite}, Stem{"rakete", rocket}, Stem{"rocket", rocket},
    Stem{"raumschiff", rocket}, Stem{"spaceship", rocket}, Stem{"astronaut", rocket},
    Stem{"planet", planet}, Stem{"saturn", planet}, Stem{"mars", planet}, Stem{"ufo", ufo}, Stem{"alien", ufo},
    Stem{"ausserirdisch", ufo}, Stem{"gespenst", ghost}, Stem{"geist", ghost}, Stem{"ghost", ghost},
    Stem{"monster", ghost}, Stem{"kind", child}, Stem{"child", child}, Stem{"children", child}, Stem{"maedchen", child},
    Stem{"junge", child}, Stem{"girl", child}, Stem{"boy", child}, Stem{"mensch", child}, Stem{"person", child},
    Stem{"schneemann", snowman}, Stem{"schneemaenner", snowman}, Stem{"snowman", snowman}, Stem{"snowmen", snowman},
    Stem{"stern", star}, Stem{"star", star}, Stem{"sternschnuppe", star}, Stem{"komet", star}, Stem{"comet", star},
    Stem{"meer", sea}, Stem{"see", sea}, Stem{"ozean", sea}, Stem{"welle", sea}, Stem{"sea", sea}, Stem{"ocean", sea},
    Stem{"wave", sea}, Stem{"hafen", sea}, Stem{"harbour", sea}, Stem{"lake", sea}, Stem{"kueste", sea},
    Stem{"unterwasser", underwater}, Stem{"underwater", underwater}, Stem{"koralle", underwater},
    Stem{"coral", underwater}, Stem{"tiefsee", underwater}, Stem{"meerjungfrau", underwater},
    Stem{"mermaid", underwater}, Stem{"aquarium", underwater}, Stem{"taucher", underwater}, Stem{"diver", underwater},
    Stem{"insel", island}, Stem{"island", island}, Stem{"strand", island}, Stem{"beach", island},
    Stem{"wald", forest}, Stem{"waeld", forest}, Stem{"forest", forest}, Stem{"wood", forest}, Stem{"dschungel", forest},
    Stem{"jungle", forest}, Stem{"fluss", river}, Stem{"fluess", river}, Stem{"river", river}, Stem{"bach", river},
    Stem{"stream", river}, Stem{"kanu", river}, Stem{"canoe", river},
    Stem{"stadt", city}, Stem{"staedt", city}, Stem{"city", city}, Stem{"cities", city}, Stem{"town", city},
    Stem{"hochhaus", city}, Stem{"skyscraper", city}, Stem{"strasse", city}, Stem{"street", city},
    Stem{"weltraum", space}, Stem{"weltall", space}, Stem{"universum", space}, Stem{"space", space},
    Stem{"galaxie", space}, Stem{"galaxy", space}, Stem{"universe", space},
    Stem{"wueste", desert}, Stem{"desert", desert}, Stem{"pyramide", desert}, Stem{"pyramid", desert},
    Stem{"duene", desert}, Stem{"dune", desert}, Stem{"berg", mountain}, Stem{"gebirge", mountain}, Stem{"alpen", mountain},
    Stem{"mountain", mountain}, Stem{"vulkan", mountain}, Stem{"volcano", mountain}, Stem{"gipfel", mountain},
    Stem{"wiese", meadow}, Stem{"huegel", meadow}, Stem{"feld", meadow}, Stem{"meadow", meadow}, Stem{"hill", meadow},
    Stem{"field", meadow}, Stem{"park", meadow},
    Stem{"nacht", night}, Stem{"naecht", night}, Stem{"night", night}, Stem{"dunkel", night}, Stem{"dark", night},
    Stem{"traum", night}, Stem{"dream", night}, Stem{"sonnenuntergang", sunset}, Stem{"sunset", sunset},
    Stem{"abend", sunset}, Stem{"evening", sunset}, Stem{"daemmerung", sunset}, Stem{"dusk", sunset},
    Stem{"morgen", morning}, Stem{"sonnenaufgang", morning}, Stem{"morning", morning}, Stem{"sunrise", morning},
    Stem{"sturm", storm}, Stem{"stuerm", storm}, Stem{"storm", storm}, Stem{"gewitter", storm}, Stem{"blitz", storm},
    Stem{"lightning", storm}, Stem{"thunder", storm}, Stem{"regen", rain}, Stem{"rain", rain},
    Stem{"schnee", snow}, Stem{"snow", snow}, Stem{"winter", snow}, Stem{"eis", snow}, Stem{"ice", snow},
    Stem{"herbst", autumn}, Stem{"autumn", autumn}, Stem{"laub", autumn}, Stem{"regenbogen", rainbow},
    Stem{"rainbow", rainbow}, Stem{"mond", moon}, Stem{"moon", moon}, Stem{"sonne", sun}, Stem{"sun", sun},
    Stem{"sommer", sun}, Stem{"summer", sun}, Stem{"wolke", cloud}, Stem{"cloud", cloud}, Stem{"himmel", cloud},
    Stem{"sky", cloud}, Stem{"wind", cloud},
};

struct ColourWord {
  std::string_view word;
  Colour colour;
};

constexpr std::array kColourWords{
    ColourWord{"rot", hex(0xcf4a36)}, ColourWord{"red", hex(0xcf4a36)}, ColourWord{"blau", hex(0x3f6fb5)},
    ColourWord{"blue", hex(0x3f6fb5)}, ColourWord{"gelb", hex(0xeec04a)}, ColourWord{"yellow", hex(0xeec04a)},
    ColourWord{"gruen", hex(0x4e9a5b)}, ColourWord{"green", hex(0x4e9a5b)}, ColourWord{"lila", hex(0x8458a8)},
    ColourWord{"violett", hex(0x8458a8)}, ColourWord{"purple", hex(0x8458a8)}, ColourWord{"rosa", hex(0xe58aa6)},
    ColourWord{"pink", hex(0xe0679a)}, ColourWord{"orange", hex(0xe8853a)}, ColourWord{"weiss", hex(0xf6efe0)},
    ColourWord{"white", hex(0xf6efe0)}, ColourWord{"schwarz", hex(0x33303d)}, ColourWord{"black", hex(0x33303d)},
    ColourWord{"braun", hex(0x8a5a3c)}, ColourWord{"brown", hex(0x8a5a3c)}, ColourWord{"grau", hex(0x8d8f99)},
    ColourWord{"grey", hex(0x8d8f99)}, ColourWord{"gray", hex(0x8d8f99)}, ColourWord{"tuerkis", hex(0x3fa6a0)},
    ColourWord{"turquoise", hex(0x3fa6a0)}, ColourWord{"golden", hex(0xe0b040)}, ColourWord{"gold", hex(0xe0b040)},
};

struct CountWord {
  std::string_view word;
  std::uint32_t count;
};

constexpr std::array kCountWords{
    CountWord{"zwei", 2}, CountWord{"two", 2}, CountWord{"drei", 3}, CountWord{"three", 3}, CountWord{"vier", 4},
    CountWord{"four", 4}, CountWord{"fuenf", 5}, CountWord{"five", 5}, CountWord{"viele", 5}, CountWord{"many", 5},
    CountWord{"einige", 3}, CountWord{"some", 3}, CountWord{"mehrere", 4}, CountWord{"several", 4},
};

constexpr std::array<std::string_view, 14> kEndings{"s", "es", "e", "n", "en", "er", "ern", "em", "chen", "lein",
                                                    "y", "i", "in", "nen"};
constexpr std::array<std::string_view, 8> kColourEndings{"e", "er", "es", "em", "en", "ne", "nes", "ner"};

// Stems that end other words by accident: "walking", "million", "friendship".
constexpr std::array<std::string_view, 16> kNeverInCompounds{"king", "rain", "ship", "tent", "hill", "rose",
                                                             "bike", "star", "park", "wind", "bear", "lion",
                                                             "sail", "tree", "wood", "dark"};

// Small words that only one of the two languages has.
constexpr std::array<std::string_view, 22> kGermanWords{
    "der", "die", "das", "ein", "eine", "einen", "einem", "einer", "und", "im", "ist", "mit", "auf", "aus", "von",
    "den", "dem", "zu", "ueber", "unter", "nicht", "ich"};
constexpr std::array<std::string_view, 20> kEnglishWords{
    "the", "a", "an", "and", "of", "with", "is", "on", "to", "at", "from", "over", "by", "it", "under", "through",
    "that", "are", "my", "for"};

// Letters of the prompt in lower case; umlauts become two letters, everything else ends a word.
std::vector<std::string> words_of(std::string_view prompt) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    const auto c = static_cast<unsigned char>(prompt[i]);
    const unsigned char next = i + 1 < prompt.size() ? static_cast<unsigned char>(prompt[i + 1]) : 0;
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

// How well a word fits a stem: 0 not at all, otherwise longer stems and plain words win over parts of compounds.
std::size_t fit(std::string_view word, const Stem& stem) {
  const std::size_t length = stem.word.size();
  if (inflected(word, stem.word, kEndings)) return 100 + length;
  const bool compounds = length >= 4 && std::ranges::find(kNeverInCompounds, stem.word) == kNeverInCompounds.end();
  if (compounds && word.size() > length) {
    for (const std::string_view ending : kEndings) {
      if (word.ends_with(ending) && word.substr(0, word.size() - ending.size()).ends_with(stem.word)) {
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
  for (const Stem& stem : kStems) {
    const std::size_t score = fit(word, stem);
    if (score <= best) continue;
    best = score;
    const bool several = std::ranges::any_of(kPlurals, [&](std::string_view plural) {
      return word.ends_with(plural) && word.substr(0, word.size() - plural.size()).ends_with(stem.word);
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
