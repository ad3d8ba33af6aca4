// Figures: what a prompt can name and a painter can put into a picture.
//
// Purpose: each figure stands on its origin, about one unit high, and moves a little with time so
//   that films live.
// Threading: pure painting on the given brush.
#pragma once

#include "backends/rehearsal/painting/brush.h"
#include "backends/rehearsal/painting/motifs.h"

namespace stoker::painting {

// The colours a figure is painted with, already fitting the palette of the picture.
struct Tones {
  Colour main;  // the one that a colour word changes
  Colour second;
  Colour light;  // paper, sails, bellies
  Colour dark;   // eyes, lines
  Colour glow;   // windows, lamps
};

// Where a figure belongs.
enum class Ground : std::uint8_t { land, water, deep, air, space };

struct Figure {
  void (*paint)(const Brush& brush, const Tones& tones,
                double time);  // time from 0 to 1, then again
  Ground ground;
  double size;   // height compared with other figures
  double width;  // compared with its height
  double sinks;  // share of its height below the surface of water
};

// `motif` must be a figure.
const Figure& figure_of(Motif motif);

// Painters of figures, by what they are; only `figure_of` needs to know them.
#define STOKER_FIGURE(name) void paint_##name(const Brush& brush, const Tones& tones, double time)
STOKER_FIGURE(lighthouse);
STOKER_FIGURE(boat);
STOKER_FIGURE(whale);
STOKER_FIGURE(fish);
STOKER_FIGURE(octopus);
STOKER_FIGURE(jellyfish);
STOKER_FIGURE(turtle);
STOKER_FIGURE(penguin);
STOKER_FIGURE(duck);
STOKER_FIGURE(house);
STOKER_FIGURE(castle);
STOKER_FIGURE(windmill);
STOKER_FIGURE(tent);
STOKER_FIGURE(stairs);
STOKER_FIGURE(bridge);
STOKER_FIGURE(robot);
STOKER_FIGURE(car);
STOKER_FIGURE(train);
STOKER_FIGURE(bicycle);
STOKER_FIGURE(tree);
STOKER_FIGURE(pine);
STOKER_FIGURE(palm);
STOKER_FIGURE(cactus);
STOKER_FIGURE(flower);
STOKER_FIGURE(mushroom);
STOKER_FIGURE(bird);
STOKER_FIGURE(owl);
STOKER_FIGURE(cat);
STOKER_FIGURE(dog);
STOKER_FIGURE(fox);
STOKER_FIGURE(bear);
STOKER_FIGURE(rabbit);
STOKER_FIGURE(hedgehog);
STOKER_FIGURE(elephant);
STOKER_FIGURE(snail);
STOKER_FIGURE(horse);
STOKER_FIGURE(unicorn);
STOKER_FIGURE(dragon);
STOKER_FIGURE(dinosaur);
STOKER_FIGURE(frog);
STOKER_FIGURE(lion);
STOKER_FIGURE(butterfly);
STOKER_FIGURE(bee);
STOKER_FIGURE(balloon);
STOKER_FIGURE(kite);
STOKER_FIGURE(rocket);
STOKER_FIGURE(planet);
STOKER_FIGURE(ufo);
STOKER_FIGURE(ghost);
STOKER_FIGURE(child);
STOKER_FIGURE(snowman);
STOKER_FIGURE(star);
#undef STOKER_FIGURE

}  // namespace stoker::painting
