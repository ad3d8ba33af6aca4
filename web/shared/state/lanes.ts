// The residency ledger as lanes: one row per model, pieces of time, captions with causes.
// Everything is in shares of the shown span, so that the drawing needs no knowledge of time.

import type { Entities, LedgerEntry, ModelView } from '../api/types';
import { m } from '../messages/messages';
import { clock, gb } from './time';
import { ledger_caption } from './causes';
import { MODEL_STATE } from './words';

export type PieceKind = 'cold' | 'warm' | 'hot' | 'foreign';
export interface Piece { kind: PieceKind; from: number; to: number }
export interface Caption { at: number; text: string; end: boolean }
export interface Lane { model: ModelView; fact: string; pieces: Piece[]; captions: Caption[] }
export interface Lanes { lanes: Lane[]; ticks: { at: number; text: string }[]; now: number; from_ms: number; to_ms: number }

const kNow = 0.9;
const kMinute_ms = 60_000;
const kSteps_min = [1, 2, 5, 10, 15, 30, 60, 120];
const kTicksMax = 6;
/** The share of the width below which two captions of one lane would overlap. */
const kCaptionApart = 0.34;

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

/** Captions of one lane, newest first kept, never overlapping. */
function captions(entries: LedgerEntry[], share: (at_ms: number) => number, title_of: (id: string) => string): Caption[] {
  const kept: Caption[] = [];
  const telling = entries.filter((entry) => entry.what !== 'unload_started');
  for (const entry of telling.reverse()) {
    if (entry.what === 'load_started' && telling.some((e) => e.what === 'load_finished' && e.at_ms >= entry.at_ms)) continue;
    const at = share(entry.at_ms);
    if (kept.some((other) => Math.abs(other.at - at) < kCaptionApart)) continue;
    kept.push({ at, text: ledger_caption(entry, title_of), end: at > 0.5 });
  }
  return kept;
}

function fact(model: ModelView): string {
  if (model.state === 'loading' && model.load?.done_mib != null) {
    return m.lane_loading({ sizes: m.sizes({ done: gb(model.load.done_mib), total: gb(model.load.total_mib) }) });
  }
  const word = MODEL_STATE[model.state]();
  return model.state === 'hot' || model.state === 'loading' ? m.lane_sized({ word, size: gb(model.vram_mib) }) : word;
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
      return { model, fact: fact(model), pieces: pieces(own, model, share), captions: captions([...own], share, title_of) };
    }),
    ticks: ticks(from_ms, now_ms, share),
    now: kNow,
    from_ms,
    to_ms: now_ms,
  };
}

/** "62 von 96 GB belegt, 17 GB davon noch im Laden". */
export function memory_sentence(entities: Entities): string | null {
  const devices = Object.values(entities.device);
  if (devices.length === 0) return null;
  const total = devices.reduce((sum, device) => sum + device.total_mib, 0);
  const taken = devices.reduce((sum, device) => sum + device.reserved_mib + device.foreign_mib, 0);
  const loading = Object.values(entities.model).filter((model) => model.state === 'loading').reduce((sum, model) => sum + model.vram_mib, 0);
  const base = m.memory({ used: gb(taken), total: gb(total) });
  return loading > 0 ? m.memory_loading({ base, loading: gb(loading) }) : base;
}
