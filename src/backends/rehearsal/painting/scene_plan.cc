// Decides place, mood and composition of a picture.
#include <algorithm>
#include <array>
#include <cmath>

#include "backends/rehearsal/painting/scene.h"
#include "base/random.h"

namespace stoker::painting {
namespace {

using enum Motif;

bool any_of(const Reading& reading, std::initializer_list<Motif> motifs) {
  return std::ranges::any_of(motifs, [&](Motif m) { return reading.speaks_of(m); });
}

std::vector<Mention> figures_in(const Reading& reading) {
  std::vector<Mention> figures;
  for (const Mention& mention : reading.mentions) {
    if (is_figure(mention.motif)) figures.push_back(mention);
  }
  return figures;
}

// What is painted when the words name nothing that is known.
std::vector<Mention> figures_by_chance(Random& random) {
  static constexpr std::array<std::array<Motif, 2>, 16> kPairs{{{lighthouse, boat},
                                                                {whale, bird},
                                                                {balloon, windmill},
                                                                {fox, mushroom},
                                                                {owl, pine},
                                                                {castle, kite},
                                                                {planet, rocket},
                                                                {turtle, fish},
                                                                {bear, tree},
                                                                {cactus, balloon},
                                                                {house, cat},
                                                                {hedgehog, mushroom},
                                                                {octopus, fish},
                                                                {train, tree},
                                                                {rabbit, flower},
                                                                {robot, star}}};
  std::vector<Mention> figures;
  for (const Motif motif : kPairs.at(random.below(kPairs.size())))
    figures.push_back({motif, {}, 1});
  return figures;
}

Place place_for(Motif hero, Random& random) {
  if (hero == rocket || hero == planet || hero == ufo) return Place::space;
  if (hero == palm) return Place::island;
  if (hero == cactus) return Place::desert;
  if (hero == penguin || hero == snowman) return Place::snow;
  if (hero == lighthouse) return Place::sea;
  if (hero == mushroom || hero == owl || hero == bear || hero == fox || hero == hedgehog) {
    return random.below(2) == 0 ? Place::forest : Place::meadow;
  }
  if (hero == robot || hero == car) return random.below(2) == 0 ? Place::city : Place::meadow;
  if (hero == butterfly || hero == bee || hero == flower || hero == kite) return Place::meadow;
  if (figure_of(hero).ground == Ground::water) return Place::sea;
  if (figure_of(hero).ground == Ground::deep) return Place::underwater;
  return random.below(3) == 0 ? Place::mountain : Place::meadow;
}

Place place_named(Motif motif, bool with_figures) {
  switch (motif) {
    case sea:
      return Place::sea;
    case underwater:
      return Place::underwater;
    case island:
      return Place::island;
    case forest:
      return Place::forest;
    case river:
      return with_figures ? Place::meadow : Place::treetops;
    case city:
      return Place::city;
    case space:
      return Place::space;
    case desert:
      return Place::desert;
    case mountain:
      return Place::mountain;
    default:
      return Place::meadow;
  }
}

Place choose_place(const Reading& reading, const std::vector<Mention>& figures, bool place_only,
                   Random& random) {
  const bool snowy = any_of(reading, {snow, snowman, penguin});
  const bool only_boats = place_only || std::ranges::all_of(figures, [](const Mention& m) {
                            return m.motif == boat || m.motif == tree;
                          });
  for (const Mention& mention : reading.mentions) {
    if (!is_place(mention.motif)) continue;
    const Place named = place_named(mention.motif, !only_boats);
    const bool whale_there = reading.speaks_of(whale);
    if (named == Place::city && whale_there) return Place::sea;
    return named == Place::meadow && snowy ? Place::snow : named;
  }
  // Deep figures beside a boat are seen from above the water, alone from below.
  const bool surface = std::ranges::any_of(
      figures, [](const Mention& m) { return figure_of(m.motif).ground == Ground::water; });
  Place place = place_for(figures.front().motif, random);
  if (place == Place::underwater && surface) place = Place::sea;
  if (snowy && (place == Place::meadow || place == Place::mountain)) place = Place::snow;
  return place;
}

Mood choose_mood(const Reading& reading, Place place, Random& random) {
  if (place == Place::space) return Mood::space;
  if (place == Place::treetops) return random.below(3) == 0 ? Mood::autumn : Mood::day;
  if (place == Place::underwater) return Mood::deep;
  if (place == Place::snow || reading.speaks_of(snow)) return Mood::winter;
  if (any_of(reading, {storm})) return Mood::storm;
  if (any_of(reading, {night, moon, star, ghost, owl, planet, ufo, rocket})) return Mood::night;
  if (any_of(reading, {sunset})) return Mood::dusk;
  if (any_of(reading, {morning})) return Mood::morning;
  if (any_of(reading, {autumn})) return Mood::autumn;
  if (place == Place::desert) return Mood::desert;

  if (any_of(reading, {sun, rainbow, flower, butterfly, bee})) return Mood::day;
  static constexpr std::array<Mood, 8> kAny{Mood::day, Mood::dusk, Mood::night, Mood::morning,
                                            Mood::day, Mood::dusk, Mood::night, Mood::autumn};
  return kAny.at(random.below(kAny.size()));
}

Weather choose_weather(const Reading& reading, Place place, Mood mood, Random& random) {
  Weather weather;
  const bool outside = place != Place::underwater && place != Place::treetops;
  const bool dark = mood == Mood::night || mood == Mood::space;
  weather.stars = outside && dark;
  weather.moon = outside && (mood == Mood::night || (dark && reading.speaks_of(moon)));
  weather.rain = outside && place != Place::space && any_of(reading, {rain, storm}) &&
                 !reading.speaks_of(snow);
  weather.snowfall =
      outside && (place == Place::snow || reading.speaks_of(snow)) && random.below(4) != 0;
  weather.lightning = outside && reading.speaks_of(storm);
  weather.rainbow = outside && reading.speaks_of(rainbow);
  weather.sun = outside && !dark && mood != Mood::storm;
  weather.clouds =
      outside && !dark && (any_of(reading, {cloud, rain, storm, rainbow}) || random.below(3) != 0);
  return weather;
}

// The colours things have in the world; the rest takes them from the palette.
std::optional<Colour> natural(Motif motif, Random& random) {
  const auto one_of = [&](std::initializer_list<std::uint32_t> colours) {
    return hex(colours.begin()[random.below(colours.size())]);
  };
  switch (motif) {
    case lighthouse:
      return hex(0xcc4f34);
    case whale:
      return one_of({0x3d2446, 0x2f5a7c, 0x35506e, 0x4a4a7a});
    case fish:
      return one_of({0xee7f3f, 0xe2553f, 0xf0b23f, 0x4aa3a8});
    case octopus:
      return one_of({0xd9655a, 0xc96a92, 0xe08a4a});
    case jellyfish:
      return one_of({0xe58aa6, 0xb88ad0, 0xf0a878});
    case turtle:
      return one_of({0x4e8f5a, 0x3f8a72, 0x7a8f45});
    case duck:
      return one_of({0xf2c44a, 0xf6efe0});
    case cactus:
      return one_of({0x4f9a62, 0x3f8a6a});
    case owl:
      return one_of({0x9a6a48, 0x8a6a9a, 0x6a7a8f});
    case cat:
      return one_of({0xe0904a, 0x4a4656, 0xb8a89a, 0x8f8a96});
    case dog:
      return one_of({0xc08a54, 0xa86f48, 0xd9b27c});
    case fox:
      return hex(0xe07a3a);
    case bear:
      return one_of({0x9a6844, 0x7d563f, 0xb58a5c});
    case rabbit:
      return one_of({0xb9967a, 0xcfc4b8, 0xa89a94});
    case elephant:
      return one_of({0x8a97a8, 0x9a94ac, 0x7d93a3});
    case horse:
      return one_of({0xb98a5e, 0xa3704a, 0x8f8a90});
    case unicorn:
      return one_of({0xf1e6f0, 0xd9c3e6, 0xf3d3e0});
    case dragon:
      return one_of({0x4f9a6a, 0xc9503f, 0x5a6fb0});
    case dinosaur:
      return one_of({0x5f9f62, 0x7aa64c, 0x4c8f94});
    case frog:
      return one_of({0x6aab4c, 0x4f9f5c});
    case lion:
      return hex(0xe2aa52);
    case penguin:
      return one_of({0xcf4a36, 0x3f6fb5, 0xe0a03c});
    case snail:
      return one_of({0xc9704a, 0x8f6aa8, 0x4f93a0});
    case flower:
      return one_of({0xe0679a, 0xcf4a36, 0xf0b23f, 0x8f6ac0});
    case mushroom:
      return one_of({0xcf4a36, 0xe0963a, 0xc9568a, 0x4f9a94});
    default:
      return std::nullopt;
  }
}

Tones tones_for(const Mention& mention, const Palette& palette, Random& random) {
  Tones tones{palette.main, palette.second, palette.light, palette.dark, palette.glow};
  if (random.below(2) == 0) std::swap(tones.main, tones.second);
  const bool plant = mention.motif == tree || mention.motif == pine || mention.motif == palm;
  if (plant) tones.main = palette.leaf;
  // Natural colours lean towards the palette, so that the picture stays one.
  if (const auto own = natural(mention.motif, random)) tones.main = mix(*own, palette.sky[2], 0.10);
  if (mention.colour) tones.main = mix(*mention.colour, palette.sky[2], 0.05);
  return tones;
}

struct Slot {
  double x;  // of the width
  int layer;
  double size;
};

// The first figure stands at a third, the others keep their distance.
constexpr std::array<Slot, 6> kSlots{{{0.36, 2, 1.0},
                                      {0.70, 1, 0.66},
                                      {0.87, 2, 0.60},
                                      {0.12, 1, 0.55},
                                      {0.56, 3, 0.58},
                                      {0.22, 3, 0.52}}};

struct Stage {
  Scene& scene;
  Random& random;
  bool mirrored;  // the whole composition the other way round
};

double slot_x(const Stage& stage, double x) {
  return (stage.mirrored ? 1.0 - x : x) * stage.scene.width;
}

void stand(Stage& stage, Placement& placed, const Figure& figure) {
  const Scene& scene = stage.scene;
  const bool wet = scene.place == Place::sea || scene.place == Place::island;
  if (figure.ground == Ground::air ||
      (figure.ground == Ground::space && scene.place != Place::space)) {
    placed.layer = -1;
    placed.y = scene.height * stage.random.between(0.26, 0.40);
    if (placed.height > scene.height * 0.3) placed.y = scene.height * 0.52;
    placed.y = std::max(placed.y, placed.height * 1.12 + scene.height * 0.04);
    return;
  }
  if (scene.place == Place::underwater && figure.ground != Ground::land) {
    placed.y = scene.height * stage.random.between(0.45, 0.72);
    placed.layer = 0;
    return;
  }
  if (scene.place == Place::space && figure.ground != Ground::land) {
    placed.layer = -1;
    placed.y = scene.height * stage.random.between(0.60, 0.72);
    return;
  }
  if (wet && figure.ground == Ground::deep)
    placed.turn = placed.mirrored ? -0.45 : 0.45;  // it leaps
  const double ground = crest(scene, placed.layer, placed.x, 0);
  const double sink = wet && figure.ground != Ground::land ? figure.sinks + 0.04 : 0.0;
  placed.y = ground + placed.height * sink + (wet ? 14 : 10);
}

// How much of a figure that stands at x would hide behind or before those that stand already.
double crowding(const Scene& scene, double x, double half) {
  double sum = 0;
  for (const Placement& other : scene.figures) {
    const double other_half = other.height * figure_of(other.motif).width / 2;
    sum += std::max(
        0.0, std::min(x + half, other.x + other_half) - std::max(x - half, other.x - other_half));
  }
  return sum;
}

// Where there is most room near the wanted place.
double roomiest(const Scene& scene, double wanted, double half) {
  double best = wanted;
  double least = crowding(scene, wanted, half);
  for (const double share : {0.10, 0.18, 0.26, 0.34, 0.50, 0.62, 0.72, 0.80, 0.90}) {
    const double x = share * scene.width;
    const double crowded = crowding(scene, x, half) + std::abs(x - wanted) * 0.05;
    if (crowded >= least) continue;
    least = crowded;
    best = x;
  }
  return best;
}

void place_figure(Stage& stage, const Mention& mention, const Slot& slot) {
  Scene& scene = stage.scene;
  const Figure& figure = figure_of(mention.motif);
  const double room = std::min(scene.height, scene.width * 0.85);
  double height = room * 0.43 * std::pow(figure.size, 0.75) * slot.size;
  height = std::min({height, scene.width * 0.56 * slot.size / figure.width, scene.height * 0.58});
  for (std::uint32_t i = 0; i < mention.count && scene.figures.size() < kPlacementsMax; ++i) {
    Placement placed;
    placed.motif = mention.motif;
    placed.tones = tones_for(mention, scene.palette, stage.random);
    placed.height = height * (i == 0 ? 1.0 : stage.random.between(0.52, 0.78));
    placed.layer =
        std::clamp(slot.layer + (i == 0 ? 0 : static_cast<int>(i % 2) * (slot.layer > 1 ? -1 : 1)),
                   0, kLayers - 1);
    if (scene.place == Place::island && figure.ground == Ground::water)
      placed.layer = 1;  // what swims stays in the water
    const double side = i % 2 == 0 ? -1.0 : 1.0;
    placed.x =
        slot_x(stage, slot.x) + side * height * std::max(figure.width, 0.8) * 0.68 * ((i + 1) / 2);
    if (!scene.figures.empty())
      placed.x = roomiest(scene, placed.x, placed.height * figure.width * 0.5);
    const double margin = std::clamp(placed.height * figure.width * 0.40 / scene.width, 0.05, 0.45);
    placed.x = std::clamp(placed.x, scene.width * margin, scene.width * (1 - margin));
    placed.mirrored =
        placed.x < scene.width / 2;  // most figures look to the left; they shall look inwards
    placed.phase = stage.random.unit();
    placed.beams = mention.motif == lighthouse && (scene.weather.moon || scene.weather.lightning);
    stand(stage, placed, figure);
    if (placed.layer < 0 && i > 0) {
      placed.y = std::max(placed.height * 1.15,
                          placed.y - stage.random.between(-0.10, 0.12) * scene.height);
    }
    scene.figures.push_back(placed);
  }
}

// Small things that make a place: trees on hills, birds in the sky, fish in the deep.
void add_company(Stage& stage, const Reading& reading) {
  Scene& scene = stage.scene;
  const auto add = [&](Motif motif, double x, int layer, double size) {
    if (!reading.speaks_of(motif)) place_figure(stage, {motif, {}, 1}, {x, layer, size});
  };
  switch (scene.place) {
    case Place::meadow:
      if (reading.speaks_of(butterfly) || reading.speaks_of(bee)) {
        for (const double x : {0.30, 0.62, 0.74}) add(flower, x, 2, 0.55);
      }
      if (reading.speaks_of(kite)) add(child, 0.62, 2, 0.75);
      if (stage.random.below(3) == 0)
        add(stage.random.below(2) == 0 ? house : windmill, 0.74, 0, 0.36);
      for (const double x : {0.05, 0.14, 0.93, 0.60}) {
        if (stage.random.below(4) == 0) continue;
        add(stage.random.below(2) == 0 ? tree : pine, x + stage.random.between(-0.03, 0.03),
            x > 0.5 ? 0 : 1, stage.random.between(0.34, 0.52));
      }
      if (stage.random.below(3) == 0) add(mushroom, 0.20, 3, 0.26);
      break;
    case Place::forest:
      for (const double x : {0.10, 0.90, 0.72})
        add(mushroom, x, x > 0.8 ? 3 : 2, stage.random.between(0.18, 0.30));
      break;
    case Place::city:
      for (const double x : {0.06, 0.94, 0.52}) add(tree, x, 1, 0.34);
      break;
    case Place::snow:
      for (const double x : {0.06, 0.18, 0.94, 0.82}) add(pine, x, x > 0.5 ? 0 : 1, 0.46);
      break;
    case Place::mountain:
      for (const double x : {0.04, 0.13, 0.96, 0.88, 0.79}) add(pine, x, x > 0.5 ? 1 : 2, 0.36);
      break;
    case Place::island:
      add(palm, 0.80, 2, 0.95);
      break;
    case Place::desert:
      add(cactus, 0.90, 1, 0.42);
      break;
    case Place::underwater:
      for (const double x : {0.84, 0.14, 0.72}) add(fish, x, 0, 0.30);
      break;
    default:
      break;
  }
}

// A whale that carries a town, when somebody asked for both.
void load_town_on_whale(Stage& stage) {
  Scene& scene = stage.scene;
  const auto hero = std::ranges::find(scene.figures, whale, &Placement::motif);
  if (hero == scene.figures.end()) return;
  const Placement carrier = *hero;
  std::vector<Placement> town;
  for (int i = 0; i < 6; ++i) {
    Placement building = carrier;
    building.motif = i == 2 ? castle : house;
    building.tones = tones_for({building.motif, {}, 1}, scene.palette, stage.random);
    building.height = carrier.height * (i == 2 ? 0.72 : stage.random.between(0.34, 0.50));
    const double along = -0.55 + i * 0.21;
    building.x = carrier.x + (carrier.mirrored ? -1 : 1) * along * carrier.height;
    building.y = carrier.y - carrier.height * (0.66 - 0.16 * std::abs(along + 0.2));
    building.phase = carrier.phase;
    town.push_back(building);
  }
  scene.figures.insert(scene.figures.begin(), town.begin(), town.end());
}

}  // namespace

Scene plan_scene(const Reading& reading, std::uint64_t seed, double width, double height) {
  Scene scene;
  scene.width = width;
  scene.height = height;
  scene.seed = mix64(reading.hash ^ mix64(seed));
  Random random(scene.seed);
  scene.lift = random.between(-0.05, 0.06);
  std::vector<Mention> figures = figures_in(reading);
  const bool nothing_known = reading.mentions.empty();
  if (nothing_known) figures = figures_by_chance(random);
  const bool place_only = figures.empty();
  if (place_only) figures.push_back({bird, {}, 3});
  scene.place = choose_place(reading, figures, place_only, random);
  const Mood mood = choose_mood(reading, scene.place, random);
  const auto palettes = palettes_of(mood);
  scene.palette = palettes[random.below(palettes.size())];
  scene.weather = choose_weather(reading, scene.place, mood, random);
  scene.river = reading.speaks_of(river) && scene.place == Place::meadow;
  Stage stage{scene, random, random.below(2) == 0};
  scene.sun_x = slot_x(stage, random.between(0.66, 0.84));
  scene.sun_y = height * random.between(0.16, 0.27);
  if (scene.place == Place::treetops) return scene;
  if (place_only && (scene.place == Place::sea || scene.place == Place::island))
    figures.insert(figures.begin(), {boat, {}, 1});
  if (place_only && scene.place == Place::underwater) figures = {{turtle, {}, 1}, {fish, {}, 3}};
  if (place_only && scene.place == Place::space) figures = {{planet, {}, 1}, {rocket, {}, 1}};
  for (std::size_t i = 0; i < figures.size() && i < kSlots.size(); ++i) {
    Slot slot = kSlots[i];
    if (place_only && figures[i].motif == bird) slot.size = 0.5;  // the place is the picture
    place_figure(stage, figures[i], slot);
  }
  if (reading.speaks_of(city) && reading.speaks_of(whale)) load_town_on_whale(stage);
  add_company(stage, reading);
  return scene;
}

}  // namespace stoker::painting
