// Time in words: rounded up to bands, never a running countdown.

import type { Eta } from '../api/types';
import { intl_locale } from '../lang.svelte';
import { m } from '../messages/messages';

export type Band = 'unknown' | 'soon' | 'under_1' | 'over_10' | number;

export function band(eta: Eta | null): Band {
  if (eta === null || !Number.isFinite(eta.high_s)) return 'unknown';
  if (eta.high_s < 20) return 'soon';
  if (eta.high_s < 60) return 'under_1';
  const minutes = Math.ceil(eta.high_s / 60);
  return minutes > 10 ? 'over_10' : minutes;
}

/** A whole sentence: "Es dauert etwa 2 Minuten." */
export function takes(eta: Eta | null): string {
  const b = band(eta);
  if (b === 'unknown') return m.takes_unknown();
  if (b === 'soon') return m.takes_soon();
  if (b === 'under_1') return m.takes_under_1();
  if (b === 'over_10') return m.takes_over_10();
  return b === 1 ? m.takes_1() : m.takes_n({ n: b });
}

/** A phrase inside a sentence: "etwa 2 Minuten". */
export function about(eta: Eta | null): string {
  const b = band(eta);
  if (b === 'unknown') return m.about_unknown();
  if (b === 'soon' || b === 'under_1') return m.about_under_1();
  if (b === 'over_10') return m.about_over_10();
  return b === 1 ? m.about_1() : m.about_n({ n: b });
}

/** For tables and the board: "2 Min." */
export function short_time(eta: Eta | null): string {
  const b = band(eta);
  if (b === 'unknown') return m.short_unknown();
  if (b === 'soon') return m.short_soon();
  if (b === 'under_1') return m.short_n({ n: 1 });
  if (b === 'over_10') return m.short_over_10();
  return m.short_n({ n: b });
}

export const clock = (at_ms: number): string =>
  new Intl.DateTimeFormat(intl_locale(), { hour: 'numeric', minute: '2-digit', hour12: false }).format(at_ms);

export const clock_seconds = (at_ms: number): string =>
  new Intl.DateTimeFormat(intl_locale(), { hour: 'numeric', minute: '2-digit', second: '2-digit', hour12: false }).format(at_ms);

export const day = (at_ms: number): string =>
  new Intl.DateTimeFormat(intl_locale(), { weekday: 'long', day: 'numeric', month: 'long' }).format(at_ms);

export const decimal = (value: number, digits = 0): string =>
  new Intl.NumberFormat(intl_locale(), { maximumFractionDigits: digits }).format(value);

/** Sizes are shown in GB with at most one decimal below 10. */
export function gb(mib: number): string {
  const value = mib / 1024;
  return decimal(value, value < 10 ? 1 : 0);
}

/** Measured sizes beside each other: always one decimal, so that a spread shows. */
export const gb_fine = (mib: number): string =>
  new Intl.NumberFormat(intl_locale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(mib / 1024);
