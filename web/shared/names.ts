import type { Lang } from './lang.svelte';
import type { Symbol } from './api/types';

// A participant's name is a colour and an animal: 8 × 40 pairs, drawn on a stone and spelled out.
// The lists leave out animals that are used as insults, stand for something political or sexual,
// or form a fixed phrase with one of the colours (so: no wolf, whale, pig, mouse, cow, dog, elephant).
// Order is part of the API: a symbol travels as two indices.

export type Gender = 'm' | 'f' | 'n';
export interface Animal { id: string; de: string; en: string; gender: Gender }
export interface Colour { id: string; de: Record<Gender, string>; en: string }

const adjective = (stem: string): Record<Gender, string> => ({ m: `${stem}er`, f: `${stem}e`, n: `${stem}es` });
const unchanged = (word: string): Record<Gender, string> => ({ m: word, f: word, n: word });

export const COLOURS: readonly Colour[] = [
  { id: 'blau', de: adjective('Blau'), en: 'Blue' },
  { id: 'rot', de: adjective('Rot'), en: 'Red' },
  { id: 'gruen', de: adjective('Grün'), en: 'Green' },
  { id: 'gelb', de: adjective('Gelb'), en: 'Yellow' },
  { id: 'lila', de: unchanged('Lila'), en: 'Purple' },
  { id: 'tuerkis', de: adjective('Türkis'), en: 'Turquoise' },
  { id: 'rosa', de: unchanged('Rosa'), en: 'Pink' },
  { id: 'grau', de: adjective('Grau'), en: 'Grey' },
];

const list: [id: string, gender: Gender, de: string, en: string][] = [
  ['otter', 'm', 'Otter', 'otter'], ['eule', 'f', 'Eule', 'owl'], ['igel', 'm', 'Igel', 'hedgehog'],
  ['baer', 'm', 'Bär', 'bear'], ['fuchs', 'm', 'Fuchs', 'fox'], ['katze', 'f', 'Katze', 'cat'],
  ['hase', 'm', 'Hase', 'hare'], ['panda', 'm', 'Panda', 'panda'], ['koala', 'm', 'Koala', 'koala'],
  ['tiger', 'm', 'Tiger', 'tiger'], ['loewe', 'm', 'Löwe', 'lion'], ['luchs', 'm', 'Luchs', 'lynx'],
  ['frosch', 'm', 'Frosch', 'frog'], ['pinguin', 'm', 'Pinguin', 'penguin'], ['pferd', 'n', 'Pferd', 'horse'],
  ['zebra', 'n', 'Zebra', 'zebra'], ['giraffe', 'f', 'Giraffe', 'giraffe'], ['elch', 'm', 'Elch', 'moose'],
  ['reh', 'n', 'Reh', 'deer'], ['lama', 'n', 'Lama', 'llama'], ['dachs', 'm', 'Dachs', 'badger'],
  ['eichhoernchen', 'n', 'Eichhörnchen', 'squirrel'], ['delfin', 'm', 'Delfin', 'dolphin'], ['hai', 'm', 'Hai', 'shark'],
  ['robbe', 'f', 'Robbe', 'seal'], ['schildkroete', 'f', 'Schildkröte', 'turtle'],
  ['kugelfisch', 'm', 'Kugelfisch', 'pufferfish'], ['schmetterling', 'm', 'Schmetterling', 'butterfly'],
  ['biene', 'f', 'Biene', 'bee'], ['marienkaefer', 'm', 'Marienkäfer', 'ladybird'],
  ['libelle', 'f', 'Libelle', 'dragonfly'], ['ente', 'f', 'Ente', 'duck'], ['schwan', 'm', 'Schwan', 'swan'],
  ['flamingo', 'm', 'Flamingo', 'flamingo'], ['papagei', 'm', 'Papagei', 'parrot'], ['tukan', 'm', 'Tukan', 'toucan'],
  ['rabe', 'm', 'Rabe', 'raven'], ['krokodil', 'n', 'Krokodil', 'crocodile'], ['gecko', 'm', 'Gecko', 'gecko'],
  ['fledermaus', 'f', 'Fledermaus', 'bat'],
];

export const ANIMALS: readonly Animal[] = list.map(([id, gender, de, en]) => ({ id, gender, de, en }));

const animalOf = (symbol: Symbol): Animal => ANIMALS[symbol.animal] ?? ANIMALS[0]!;
const colourOf = (symbol: Symbol): Colour => COLOURS[symbol.colour] ?? COLOURS[0]!;

export function symbolName(symbol: Symbol, lang: Lang): string {
  const animal = animalOf(symbol);
  const colour = colourOf(symbol);
  return lang === 'en' ? `${colour.en} ${animal.en}` : `${colour.de[animal.gender]} ${animal.de}`;
}

export function animalName(animal: Animal, lang: Lang): string {
  return lang === 'en' ? animal.en.charAt(0).toUpperCase() + animal.en.slice(1) : animal.de;
}

export function colourName(colour: Colour, lang: Lang): string {
  return lang === 'en' ? colour.en : colour.de.m.replace(/(?<=Blau|Rot|Grün|Gelb|Türkis|Grau)er$/, '');
}

export const animalId = (symbol: Symbol): string => animalOf(symbol).id;
export const colourId = (symbol: Symbol): string => colourOf(symbol).id;
