// The residency ledger as lanes: one row per model, pieces of time, captions with causes.
// Everything is in shares of the shown span, so that the drawing needs no knowledge of time.

import type { Entities, LedgerEntry, ModelView } from '../api/types';
import { m } from '../messages/messages';
import { ledger_caption, short_caption } from './causes';
import { lane_size } from './sizes';
import { clock, gb, gb_fine } from './time';
import { MODEL_STATE } from './words';

export type PieceKind = 'cold' | 'warm' | 'hot' | 'foreign';
export interface Piece { kind: PieceKind; from: number; to: number }
export interface Caption { at: number; text: string; end: boolean }
export interface Track { fact: string; pieces: Piece[]; captions: Caption[] }
export interface Lane extends Track { model: ModelView }
/** `foreign`: what other programs hold, when it is or was worth a row. */
export interface Lanes { lanes: Lane[]; foreign: Track | null; ticks: { at: number; text: string }[]; now: number; from_ms: number; to_ms: number }

const kNow = 0.9;
const kMinute_ms = 60_000;
const kSteps_min = [1, 2, 5, 10, 15, 30, 60, 120];
const kTicksMax = 6;
/** About the share of the width that one letter of a caption takes, and the room between two captions. */
const kLetter = 0.0085;
const kApart = 0.02;
/** Less is the desktop and drivers, which is always there. */
const kForeignShown_mib = 2048;

/** What follows an entry, and what must have been before it. */
function after(entry: LedgerEntry): PieceKind {
  switch (entry.what) {
    case 'load_started': return 'warm';
    case 'load_finished': case 'unload_failed': return 'hot';
    case 'external_load': return 'foreign';
    case 'unload_started': return 'hot';
    default: return 'cold';
  }
}
function before(entry: LedgerEntry): PieceKind {
  switch (entry.what) {
    case 'load_finished': case 'load_failed': case 'load_spilled': return 'warm';
    case 'unload_started': case 'unload_finished': case 'unload_failed': return 'hot';
    case 'external_unload': return 'foreign';
    default: return 'cold';
  }
}

function current(model: ModelView): PieceKind {
  return model.state === 'hot' || model.state === 'draining' ? 'hot' : model.state === 'loading' ? 'warm' : 'cold';
}

function pieces(entries: LedgerEntry[], model: ModelView, share: (at_ms: number) => number): Piece[] {
  const result: Piece[] = [];
  let kind: PieceKind = entries[0] ? before(entries[0]) : current(model);
  let from = 0;
  const close = (to: number): void => {
    const last = result.at(-1);
    if (last && last.kind === kind) last.to = to;
    else if (to > from) result.push({ kind, from, to });
    from = to;
  };
  for (const entry of entries) {
    close(share(entry.at_ms));
    // A load the ledger did not start (its first line is cut off) still ends in memory.
    kind = after(entry);
  }
  close(kNow);
  return result;
}

const width_of = (text: string): number => text.length * kLetter;
const extent = ({ at, text, end }: Caption): [number, number] => (end ? [at - width_of(text), at] : [at, at + width_of(text)]);

/** To the right of its moment where it ends before now, else to the left of it. */
const caption_at = (at: number, text: string): Caption => ({ at, text, end: at + width_of(text) > kNow });

/** The first captions that do not overlap; each comes with its wordings, the longest first. */
function apart(captions: { at: number; texts: string[] }[]): Caption[] {
  const kept: Caption[] = [];
  const free = (caption: Caption): boolean => {
    const [from, to] = extent(caption);
    return from >= 0 && kept.every((other) => extent(other)[0] > to + kApart || extent(other)[1] < from - kApart);
  };
  for (const { at, texts } of captions) {
    const fits = texts.map((text) => caption_at(at, text)).find(free);
    if (fits) kept.push(fits);
  }
  return kept;
}

function captions(entries: LedgerEntry[], share: (at_ms: number) => number, title_of: (id: string) => string): Caption[] {
  const telling = entries.filter((entry) => entry.what !== 'unload_started').reverse();
  // A start is told by its end, if that is there.
  const ends = (entry: LedgerEntry): boolean => entry.what === 'load_finished' || entry.what === 'load_spilled' || entry.what === 'load_failed';
  const told = telling.filter((entry) => entry.what !== 'load_started' || !telling.some((other) => ends(other) && other.at_ms >= entry.at_ms));
  // What changed the memory comes before what was only asked for.
  const ordered = [...told.filter((entry) => entry.what !== 'refused'), ...told.filter((entry) => entry.what === 'refused')];
  return apart(ordered.map((entry) => ({ at: share(entry.at_ms), texts: [ledger_caption(entry, title_of), short_caption(entry)] })));
}

/** What other programs held, summed over the cards, after each line of the ledger that tells it. */
function foreign_steps(ledger: LedgerEntry[]): { at_ms: number; mib: number }[] {
  const by_device = new Map<string | null, number>();
  return ledger.filter((entry) => entry.what === 'foreign_memory').map((entry) => {
    by_device.set(entry.device, entry.measured_mib ?? 0);
    return { at_ms: entry.at_ms, mib: [...by_device.values()].reduce((sum, mib) => sum + mib, 0) };
  });
}

function foreign_track(entities: Entities, steps: { at_ms: number; mib: number }[], share: (at_ms: number) => number): Track | null {
  const devices = Object.values(entities.device);
  const seen = devices.filter((device) => device.probe_ok);
  const now_mib = seen.reduce((sum, device) => sum + device.foreign_mib, 0);
  const large = (i: number): boolean => (steps[i]?.mib ?? 0) >= kForeignShown_mib;
  if (now_mib < kForeignShown_mib && !steps.some((_, i) => large(i))) return null;
  const result: Piece[] = [];
  const told: { at: number; texts: string[] }[] = [];
  steps.forEach(({ at_ms, mib }, i) => {
    const at = share(at_ms);
    const to = steps[i + 1] ? share(steps[i + 1]!.at_ms) : kNow;
    const kind = large(i) ? 'foreign' : 'cold';
    const last = result.at(-1);
    if (last?.kind === kind) last.to = to;
    else if (to > at) result.push({ kind, from: at, to });
    const text = large(i) ? m.caption_foreign({ clock: clock(at_ms), n: gb_fine(mib) }) : m.caption_foreign_gone({ clock: clock(at_ms), n: gb_fine(mib) });
    if (large(i) || large(i - 1)) told.unshift({ at, texts: [text] });
  });
  const fact = seen.length < devices.length ? m.admin_not_measured() : m.size_gb({ n: gb(now_mib) });
  return { fact, pieces: result, captions: apart(told) };
}

function fact(model: ModelView): string {
  if (model.state === 'loading' && model.load?.done_mib != null) {
    return m.lane_loading({ sizes: m.sizes({ done: gb(model.load.done_mib), total: gb(model.load.total_mib) }) });
  }
  const word = MODEL_STATE[model.state]();
  return model.state === 'hot' || model.state === 'loading' ? m.lane_sized({ word, size: lane_size(model) }) : word;
}

function ticks(from_ms: number, now_ms: number, share: (at_ms: number) => number): { at: number; text: string }[] {
  const step = (kSteps_min.find((s) => (now_ms - from_ms) / (s * kMinute_ms) <= kTicksMax) ?? 240) * kMinute_ms;
  const result: { at: number; text: string }[] = [];
  for (let at = Math.ceil(from_ms / step) * step; at < now_ms; at += step) {
    if (share(at) < kNow - 0.09) result.push({ at: share(at), text: clock(at) });
  }
  return result;
}

export const title_in = (entities: Entities) => (id: string): string => entities.model[id]?.title ?? id;

export function lanes(entities: Entities, now_ms: number): Lanes {
  const ledger = Object.values(entities.ledger).sort((a, b) => a.at_ms - b.at_ms);
  const oldest = ledger[0]?.at_ms ?? now_ms - 10 * kMinute_ms;
  const from_ms = Math.min(Math.max(oldest - kMinute_ms / 2, now_ms - 120 * kMinute_ms), now_ms - 2 * kMinute_ms);
  const share = (at_ms: number): number => Math.min(kNow, Math.max(0, (kNow * (at_ms - from_ms)) / (now_ms - from_ms)));
  const shown = Object.values(entities.model).filter(
    (model) => model.state !== 'cold' || model.in_focus || ledger.some((entry) => entry.model === model.id),
  );
  const title_of = title_in(entities);
  return {
    lanes: shown.map((model) => {
      const own = ledger.filter((entry) => entry.model === model.id && entry.at_ms >= from_ms);
      return { model, fact: fact(model), pieces: pieces(own.filter((entry) => entry.what !== 'refused'), model, share), captions: captions(own, share, title_of) };
    }),
    foreign: foreign_track(entities, foreign_steps(ledger.filter((entry) => entry.at_ms >= from_ms)), share),
    ticks: ticks(from_ms, now_ms, share),
    now: kNow,
    from_ms,
    to_ms: now_ms,
  };
}

/** "62 von 96 GB belegt, 17 GB davon noch im Laden". Without a measurement nobody knows what others hold. */
export function memory_sentence(entities: Entities): string | null {
  const devices = Object.values(entities.device);
  if (devices.length === 0) return null;
  const total = devices.reduce((sum, device) => sum + device.total_mib, 0);
  const ours = devices.reduce((sum, device) => sum + device.reserved_mib, 0);
  if (devices.some((device) => !device.probe_ok)) return m.memory_planned({ used: gb(ours), total: gb(total) });
  const taken = ours + devices.reduce((sum, device) => sum + device.foreign_mib, 0);
  const loading = Object.values(entities.model).filter((model) => model.state === 'loading').reduce((sum, model) => sum + model.vram_mib, 0);
  const base = m.memory({ used: gb(taken), total: gb(total) });
  return loading > 0 ? m.memory_loading({ base, loading: gb(loading) }) : base;
}
