// The language of this page, as reactive state: every message read in a template follows it.

import { language_from, type Lang } from './say';

export type { Lang };
export const LANGS: readonly Lang[] = ['de', 'en', 'de-simple'];

const kKey = 'stoker.lang';
let current = $state<Lang>('de');
language_from(() => current);

export const lang = (): Lang => current;
/** For Intl: numbers, clocks and dates; the easy variant is German. */
export const intl_locale = (): string => (current === 'en' ? 'en-GB' : 'de-DE');

export function set_lang(next: Lang, remember = true): void {
  current = next;
  document.documentElement.lang = next;
  if (remember) remember_lang(next);
}

function remember_lang(next: Lang): void {
  try {
    localStorage.setItem(kKey, next);
  } catch {
    // Private windows may refuse storage; the choice then lasts as long as the page.
  }
}

export function start_lang(): void {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(kKey);
  } catch {
    stored = null;
  }
  // A board has no switch: ?lang=en in its address decides.
  const asked = new URLSearchParams(location.search).get('lang') ?? stored;
  const known = LANGS.find((l) => l === asked);
  const browser = navigator.languages?.some((l) => l.toLowerCase().startsWith('de')) ? 'de' : navigator.language?.startsWith('en') ? 'en' : 'de';
  set_lang(known ?? browser, false);
}
