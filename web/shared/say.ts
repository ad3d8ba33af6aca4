// What a message is at run time: its texts, one of which is picked when it is read.

export type Lang = 'de' | 'en' | 'de-simple';
export type Part = string | number;

let current: () => Lang = () => 'de';

/** The page hands in where the language is kept, so that reading a message follows it. */
export function language_from(source: () => Lang): void {
  current = source;
}

function pick(de: string, en: string, simple: string): string {
  const lang = current();
  return lang === 'en' ? en : lang === 'de' ? de : simple;
}

export const say = (de: string, en: string, simple: string = de) => (): string => pick(de, en, simple);

export const fill =
  <Inputs extends Record<string, Part>>(de: string, en: string, simple: string = de) =>
  (inputs: Inputs): string =>
    pick(de, en, simple).replace(/\{(\w+)\}/g, (hole, name: string) => String(inputs[name] ?? hole));
