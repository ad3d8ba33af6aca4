#include "backends/rehearsal/painting/story.h"

#include <array>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace stoker::painting {
namespace {

using Sentences = std::vector<std::string_view>;

struct Words {
  std::string_view de;     // with its article, nominative: "ein Leuchtturm"
  std::string_view de_it;  // er, sie, es
  std::string_view en;     // "a lighthouse"
};

// In the order of Motif, figures only.
constexpr std::array<Words, static_cast<std::size_t>(kLastFigure) + 1> kNames{{
    {"ein Leuchtturm", "er", "a lighthouse"},
    {"ein kleines Boot", "es", "a little boat"},
    {"ein Wal", "er", "a whale"},
    {"ein bunter Fisch", "er", "a bright fish"},
    {"eine Krake", "sie", "an octopus"},
    {"eine Qualle", "sie", "a jellyfish"},
    {"eine Schildkröte", "sie", "a turtle"},
    {"ein Pinguin", "er", "a penguin"},
    {"eine Ente", "sie", "a duck"},
    {"ein Haus", "es", "a house"},
    {"ein Schloss", "es", "a castle"},
    {"eine Windmühle", "sie", "a windmill"},
    {"ein Zelt", "es", "a tent"},
    {"eine Treppe in die Wolken", "sie", "a staircase to the clouds"},
    {"eine Brücke", "sie", "a bridge"},
    {"ein Roboter", "er", "a robot"},
    {"ein kleines Auto", "es", "a little car"},
    {"ein Zug", "er", "a train"},
    {"ein Fahrrad", "es", "a bicycle"},
    {"ein alter Baum", "er", "an old tree"},
    {"eine Tanne", "sie", "a fir tree"},
    {"eine Palme", "sie", "a palm tree"},
    {"ein Kaktus", "er", "a cactus"},
    {"eine Blume", "sie", "a flower"},
    {"ein Pilz", "er", "a mushroom"},
    {"ein Vogel", "er", "a bird"},
    {"eine Eule", "sie", "an owl"},
    {"eine Katze", "sie", "a cat"},
    {"ein Hund", "er", "a dog"},
    {"ein Fuchs", "er", "a fox"},
    {"ein Bär", "er", "a bear"},
    {"ein Hase", "er", "a hare"},
    {"ein Igel", "er", "a hedgehog"},
    {"ein Elefant", "er", "an elephant"},
    {"eine Schnecke", "sie", "a snail"},
    {"ein Pferd", "es", "a horse"},
    {"ein Einhorn", "es", "a unicorn"},
    {"ein Drache", "er", "a dragon"},
    {"ein Dinosaurier", "er", "a dinosaur"},
    {"ein Frosch", "er", "a frog"},
    {"ein Löwe", "er", "a lion"},
    {"ein Schmetterling", "er", "a butterfly"},
    {"eine Biene", "sie", "a bee"},
    {"ein Heißluftballon", "er", "a hot-air balloon"},
    {"ein Papierdrachen", "er", "a kite"},
    {"eine Rakete", "sie", "a rocket"},
    {"ein Planet", "er", "a planet"},
    {"ein Ufo", "es", "a flying saucer"},
    {"ein Gespenst", "es", "a ghost"},
    {"ein Kind", "es", "a child"},
    {"ein Schneemann", "er", "a snowman"},
    {"ein Stern", "er", "a star"},
}};

std::string_view place_words(const Reading& reading, Language language) {
  struct Where {
    Motif motif;
    std::string_view de;
    std::string_view en;
  };
  static constexpr Where kWhere[] = {
      {Motif::underwater, "Tief unter dem Meer", "Deep under the sea"},
      {Motif::sea, "Weit draußen am Meer", "Far out by the sea"},
      {Motif::island, "Auf einer kleinen Insel", "On a small island"},
      {Motif::forest, "Mitten im Wald", "In the middle of the forest"},
      {Motif::river, "An einem stillen Fluss", "By a quiet river"},
      {Motif::city, "In einer Stadt mit vielen Fenstern", "In a city of many windows"},
      {Motif::space, "Zwischen den Sternen", "Among the stars"},
      {Motif::desert, "In der warmen Wüste", "In the warm desert"},
      {Motif::mountain, "Hoch oben in den Bergen", "High up in the mountains"},
      {Motif::meadow, "Auf einer weiten Wiese", "On a wide meadow"},
      {Motif::snow, "Im tiefen Schnee", "In the deep snow"},
      {Motif::storm, "Im lautesten Sturm", "In the loudest storm"},
      {Motif::night, "In einer klaren Nacht", "On a clear night"},
  };
  for (const Where& where : kWhere) {
    if (reading.speaks_of(where.motif)) return language == Language::german ? where.de : where.en;
  }
  return language == Language::german ? "Gar nicht weit von hier" : "Not far from here";
}

std::string_view pick(Random& random, const Sentences& sentences) {
  return sentences[random.below(sentences.size())];
}

std::string capital(std::string_view words) {
  std::string text(words);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string german_story(const Reading& reading, const Words& hero, const Words* friend_there,
                         Random& random) {
  const std::string it(hero.de_it);
  std::string text = "[Probelauf] Dieser Text wurde ohne Sprachmodell zusammengesetzt.\n\n";
  text +=
      std::string(place_words(reading, Language::german)) + " lebte " + std::string(hero.de) + ". ";
  text += "Jeden Morgen " + std::string(pick(random, {"schaute ", "lauschte ", "träumte "})) + it +
          " ein wenig in die Ferne. ";
  text += pick(random, {"Heute aber war etwas anders: Die Luft roch nach Abenteuer. ",
                        "Da kam ein leiser Wind und brachte eine Frage mit. ",
                        "Eines Tages lag ein Zettel da, auf dem stand nur ein Wort: Komm! "});
  if (friend_there != nullptr) {
    text += "Plötzlich war da noch jemand: " + std::string(friend_there->de) + ". ";
    text += pick(random, {"Die beiden sahen sich an und mussten lachen. ",
                          "Sie erzählten sich Geschichten, bis es dunkel wurde. ",
                          "Zusammen war alles halb so schwer. "});
  } else {
    text += random.below(2) == 0
                ? "„Allein bin ich nicht“, dachte " + it + ", „ich habe ja die Sterne.“ "
                : "Also machte " + it + " sich auf den Weg, Schritt für Schritt. ";
  }
  text += pick(random, {"Und wer genau hinhört, hört es heute noch.",
                        "So wurde aus einem Tag eine Geschichte.",
                        "Am Ende war die Welt ein kleines Stück größer."});
  return text + "\n";
}

std::string english_story(const Reading& reading, const Words& hero, const Words* friend_there,
                          Random& random) {
  std::string text = "[Rehearsal] This text was put together without a language model.\n\n";
  text += std::string(place_words(reading, Language::english)) + " there was " +
          std::string(hero.en) + ". ";
  text += pick(random, {"Every morning the world looked brand new. ",
                        "The days were long and the evenings were golden. ",
                        "Nobody knew how it had come to be there. "});
  text += pick(random, {"But today something was different: the air smelled of adventure. ",
                        "Then a soft wind came by and brought a question along. ",
                        "One day there was a note with a single word on it: Come! "});
  if (friend_there != nullptr) {
    text += capital(friend_there->en) + " came along and stayed. ";
    text += pick(random, {"They looked at each other and had to laugh. ",
                          "They told each other stories until it grew dark. ",
                          "Together everything was half as hard. "});
  } else {
    text += pick(random, {"There was no map, so the stars had to do. ",
                          "So the journey began, step by step. "});
  }
  text +=
      pick(random, {"If you listen closely, you can hear it still.", "And so a day became a story.",
                    "In the end the world was a little bit larger."});
  return text + "\n";
}

}  // namespace

std::string tell_story(const Reading& reading, std::uint64_t seed) {
  Random random(mix64(reading.hash ^ mix64(seed)));
  std::vector<const Words*> figures;
  for (const Mention& mention : reading.mentions) {
    if (is_figure(mention.motif))
      figures.push_back(&kNames.at(static_cast<std::size_t>(mention.motif)));
  }
  if (figures.empty()) figures.push_back(&kNames.at(random.below(kNames.size())));
  const Words* const friend_there = figures.size() > 1 ? figures[1] : nullptr;
  if (reading.language == Language::german)
    return german_story(reading, *figures[0], friend_there, random);
  return english_story(reading, *figures[0], friend_there, random);
}

}  // namespace stoker::painting
