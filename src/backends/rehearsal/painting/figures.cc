#include "backends/rehearsal/painting/figures.h"

#include <array>

namespace stoker::painting {
namespace {

using enum Ground;

// In the order of Motif.
constexpr std::array<Figure, static_cast<std::size_t>(kLastFigure) + 1> kFigures{{
    {paint_lighthouse, land, 1.55, 0.5, 0}, {paint_boat, water, 0.80, 1.0, 0.10},
    {paint_whale, water, 0.80, 2.1, 0.10},  {paint_fish, deep, 0.55, 1.5, 0},
    {paint_octopus, deep, 1.00, 1.1, 0.30}, {paint_jellyfish, deep, 0.90, 0.7, 0},
    {paint_turtle, deep, 0.60, 1.7, 0},     {paint_penguin, land, 0.75, 0.6, 0},
    {paint_duck, water, 0.50, 1.1, 0.10},   {paint_house, land, 0.95, 0.9, 0},
    {paint_castle, land, 1.35, 1.2, 0},     {paint_windmill, land, 1.40, 1.0, 0},
    {paint_tent, land, 0.75, 1.3, 0},       {paint_stairs, land, 1.30, 1.3, 0},
    {paint_bridge, land, 0.70, 2.6, 0},     {paint_robot, land, 0.95, 0.8, 0},
    {paint_car, land, 0.55, 1.9, 0},        {paint_train, land, 0.65, 2.6, 0},
    {paint_bicycle, land, 0.65, 1.6, 0},    {paint_tree, land, 1.30, 0.9, 0},
    {paint_pine, land, 1.35, 0.7, 0},       {paint_palm, land, 1.40, 0.9, 0},
    {paint_cactus, land, 0.95, 0.7, 0},     {paint_flower, land, 0.75, 0.5, 0},
    {paint_mushroom, land, 0.80, 0.9, 0},   {paint_bird, air, 0.42, 1.4, 0},
    {paint_owl, land, 0.85, 0.75, 0},       {paint_cat, land, 0.85, 0.8, 0},
    {paint_dog, land, 0.85, 1.0, 0},        {paint_fox, land, 0.80, 1.1, 0},
    {paint_bear, land, 1.05, 0.8, 0},       {paint_rabbit, land, 0.85, 0.6, 0},
    {paint_hedgehog, land, 0.55, 1.5, 0},   {paint_elephant, land, 1.10, 1.3, 0},
    {paint_snail, land, 0.60, 1.3, 0},      {paint_horse, land, 1.10, 1.1, 0},
    {paint_unicorn, land, 1.10, 1.1, 0},    {paint_dragon, land, 1.20, 1.3, 0},
    {paint_dinosaur, land, 1.35, 1.4, 0},   {paint_frog, land, 0.55, 1.2, 0},
    {paint_lion, land, 0.90, 1.0, 0},       {paint_butterfly, air, 0.50, 1.2, 0},
    {paint_bee, air, 0.40, 1.3, 0},         {paint_balloon, air, 1.05, 0.75, 0},
    {paint_kite, air, 0.80, 0.7, 0},        {paint_rocket, space, 1.10, 0.6, 0},
    {paint_planet, space, 1.00, 1.7, 0},    {paint_ufo, space, 0.60, 1.9, 0},
    {paint_ghost, land, 0.90, 0.7, 0},      {paint_child, land, 0.80, 0.45, 0},
    {paint_snowman, land, 0.95, 0.7, 0},    {paint_star, air, 0.35, 1.0, 0},
}};

}  // namespace

const Figure& figure_of(Motif motif) {
  return kFigures.at(static_cast<std::size_t>(motif));
}

}  // namespace stoker::painting
