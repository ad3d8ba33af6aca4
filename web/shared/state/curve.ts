// The measured memory of one card over the last minutes, as blocks in shares of the drawing, as marks at loads
// and unloads, and as the same data in rows and one sentence. Nothing is drawn where nothing was measured.

import type { BackendView, DeviceView, Entities, HistoryPoint, LedgerEntry, LedgerWhat } from '../api/types';
import { m } from '../messages/messages';
import { measured_words, WHAT } from './causes';
import { title_in } from './lanes';
import { clock, clock_seconds, gb, gb_fine } from './time';

export interface Block { from: number; to: number; low: number; high: number; mib: number }
export type LayerKind = 'foreign' | 'tone-1' | 'tone-2' | 'tone-3' | 'tone-4' | 'rest';
export interface Layer { key: string; kind: LayerKind; blocks: Block[]; label: { at: number; middle: number; text: string } | null }
export interface Mark { at: number; up: boolean; text: string }
export interface Row { time: string; used: string; foreign: string; backends: string[]; what: string }
export interface Curve {
  layers: Layer[];
  marks: Mark[];
  gaps: { from: number; to: number }[];
  ticks: { at: number; text: string }[];
  /** Names of the table's middle columns. */
  backends: string[];
  rows: Row[];
  /** The sentence for those who do not see the drawing. */
  told: string;
  highest: number;
}

export const kMinutes = 10;
const kMinute_ms = 60_000;
/** Longer without a point is a gap, unless points come that rarely. */
const kGap_ms = 5000;
const kGapSteps = 4;
/** One step of the drawing; smaller changes are not visible. */
const kStep = 1 / 160;
const kLabelHeight = 0.14;
const kLetter_px = 9;
const kTick_px = 64;
/** Amounts that lie closer together than this are one amount to a reader. */
const kSame = 0.02;
/** A line of the ledger belongs to a measurement made so shortly before or after it. */
const kSame_ms = 5000;
const kTones: readonly LayerKind[] = ['tone-2', 'tone-4', 'tone-1', 'tone-3'];

interface At { at_ms: number; point: HistoryPoint }
interface Span { from_ms: number; to_ms: number; until: (i: number) => number }

function typical_step(points: At[]): number {
  const steps = points.slice(1).map((one, i) => one.at_ms - points[i]!.at_ms).sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 1000;
}

/** Each point holds until the next one; before a gap only as long as usual. */
function span_of(points: At[], to_ms: number): Span {
  const step = typical_step(points);
  const most = Math.max(kGap_ms, kGapSteps * step);
  const until = (i: number): number => {
    const next = points[i + 1]?.at_ms ?? to_ms;
    return next - points[i]!.at_ms > most ? points[i]!.at_ms + step : next;
  };
  return { from_ms: to_ms - kMinutes * kMinute_ms, to_ms, until };
}

const mib_of = (point: HistoryPoint, backend: string): number => point.backends.find((one) => one.backend === backend)?.mib ?? 0;

/** From the bottom: what is foreign, then each backend, then what nobody told the owner of. */
function parts(point: HistoryPoint, backends: string[]): number[] {
  const own = backends.map((id) => mib_of(point, id));
  const rest = point.used_mib - point.foreign_mib - own.reduce((sum, mib) => sum + mib, 0);
  return [point.foreign_mib, ...own, Math.max(0, rest)];
}

function blocks_of(points: At[], index: number, backends: string[], total: number, span: Span): Block[] {
  const share = (at_ms: number): number => Math.min(1, Math.max(0, (at_ms - span.from_ms) / (span.to_ms - span.from_ms)));
  const snap = (mib: number): number => Math.round(mib / total / kStep) * kStep;
  const blocks: Block[] = [];
  points.forEach(({ at_ms, point }, i) => {
    const amounts = parts(point, backends);
    const below = amounts.slice(0, index).reduce((sum, mib) => sum + mib, 0);
    const [low, high] = [snap(below), snap(below + amounts[index]!)];
    const [from, to] = [share(at_ms), share(span.until(i))];
    const last = blocks.at(-1);
    if (last && last.to === from && last.low === low && last.high === high) Object.assign(last, { to, mib: amounts[index]! });
    else if (high > low && to > from) blocks.push({ from, to, low, high, mib: amounts[index]! });
  });
  return blocks;
}

interface Run { from: number; to: number; low: number; high: number; blocks: Block[] }

/** The neighbours from this block on that leave one band free for the words. */
function run_from(blocks: Block[], first: number): Run {
  const run: Run = { ...blocks[first]!, blocks: [blocks[first]!] };
  for (const next of blocks.slice(first + 1)) {
    const [low, high] = [Math.max(run.low, next.low), Math.min(run.high, next.high)];
    if (next.from !== run.to || high - low < kLabelHeight) break;
    Object.assign(run, { to: next.to, low, high });
    run.blocks.push(next);
  }
  return run;
}

/** The words stand where the layer has room for them; with the amount, if it is one. */
function label_of(blocks: Block[], name: string, width_px: number): Layer['label'] {
  let best: Run | null = null;
  blocks.forEach((block, i) => {
    if (block.high - block.low < kLabelHeight || (best !== null && block.from < best.to)) return;
    const run = run_from(blocks, i);
    if (best === null || run.to - run.from > best.to - best.from) best = run;
  });
  if (best === null) return null;
  const { from, to, low, high, blocks: inside } = best as Run;
  const amounts = inside.map((block) => block.mib);
  const one = Math.max(...amounts) - Math.min(...amounts) <= Math.max(...amounts) * kSame;
  const text = one ? m.curve_layer({ name, n: gb(amounts.at(-1)!) }) : name;
  if ((to - from) * width_px < text.length * kLetter_px) return null;
  return { at: (from + to) / 2, middle: (low + high) / 2, text };
}

const kAfterLoad: readonly LedgerWhat[] = ['load_finished', 'load_failed', 'load_spilled'];
const kAfterUnload: readonly LedgerWhat[] = ['unload_finished', 'unload_failed'];

function entry_at(ledger: LedgerEntry[], at_ms: number, kinds: readonly LedgerWhat[], taken: Set<string>): LedgerEntry | null {
  const near = ledger
    .filter((entry) => kinds.includes(entry.what) && !taken.has(entry.id) && Math.abs(entry.at_ms - at_ms) <= kSame_ms)
    .sort((a, b) => Math.abs(a.at_ms - at_ms) - Math.abs(b.at_ms - at_ms));
  if (near[0]) taken.add(near[0].id);
  return near[0] ?? null;
}

/** The change between the measurement before and the one after, if it has the direction that was expected. */
function change_words(points: At[], i: number, up: boolean): string | null {
  const wanted = up ? 'before_load' : 'before_unload';
  const before = points.slice(0, i).findLast((one) => one.point.mark === wanted || one.point.mark === points[i]!.point.mark);
  if (before === undefined || before.point.mark !== wanted) return null;
  const change = (points[i]!.point.used_mib - before.point.used_mib) * (up ? 1 : -1);
  if (change <= 0) return null;
  return up ? m.mark_grew({ n: gb_fine(change) }) : m.size_freed({ n: gb_fine(change) });
}

function marks_of(points: At[], ledger: LedgerEntry[], entities: Entities, span: Span): (Mark & { at_ms: number })[] {
  const taken = new Set<string>();
  const title_of = title_in(entities);
  return points.flatMap(({ at_ms, point }, i) => {
    if (point.mark !== 'after_load' && point.mark !== 'after_unload') return [];
    const up = point.mark === 'after_load';
    const entry = entry_at(ledger, at_ms, up ? kAfterLoad : kAfterUnload, taken);
    const title = entry?.title ?? (entry?.model ? title_of(entry.model) : null);
    const what = entry && title !== null ? m.mark_what({ title, what: WHAT[entry.what]() }) : up ? m.mark_load() : m.mark_unload();
    const size = (entry ? measured_words(entry) : null) ?? change_words(points, i, up);
    const at = (at_ms - span.from_ms) / (span.to_ms - span.from_ms);
    const text = size === null ? m.mark({ clock: clock(at_ms), what }) : m.mark_sized({ clock: clock(at_ms), what, size });
    return [{ at, at_ms, up, text }];
  });
}

function gaps_of(points: At[], span: Span): { from: number; to: number }[] {
  const share = (at_ms: number): number => Math.max(0, (at_ms - span.from_ms) / (span.to_ms - span.from_ms));
  return points.flatMap((_, i) => {
    const next = points[i + 1]?.at_ms ?? span.to_ms;
    const end = span.until(i);
    return next - end > 0 ? [{ from: share(end), to: share(next) }] : [];
  });
}

function ticks_of(span: Span, width_px: number): { at: number; text: string }[] {
  const result: { at: number; text: string }[] = [];
  const step = ((width_px * 2) / kMinutes >= kTick_px ? 2 : 5) * kMinute_ms;
  for (let at = Math.ceil(span.from_ms / step) * step; at < span.to_ms; at += step) {
    const share = (at - span.from_ms) / (span.to_ms - span.from_ms);
    if (share < 1 - (1.3 * kTick_px) / width_px) result.push({ at: share, text: clock(at) });
  }
  return result;
}

/** One row a minute, the newest of it, and one for each load and unload; newest first. */
function rows_of(points: At[], backends: string[], marks: (Mark & { at_ms: number })[]): Row[] {
  const minute = (at_ms: number): number => Math.floor(at_ms / kMinute_ms);
  return points
    .filter((one, i) => marks.some((mark) => mark.at_ms === one.at_ms) || points[i + 1] === undefined || minute(points[i + 1]!.at_ms) !== minute(one.at_ms))
    .map(({ at_ms, point }) => ({
      time: clock_seconds(at_ms), used: m.size_gb({ n: gb_fine(point.used_mib) }), foreign: m.size_gb({ n: gb_fine(point.foreign_mib) }),
      backends: backends.map((id) => m.size_gb({ n: gb_fine(mib_of(point, id)) })),
      what: marks.find((mark) => mark.at_ms === at_ms)?.text ?? '',
    }))
    .reverse();
}

/** The backends of this card that held anything, in the order of the page. */
function holding(points: At[], all: BackendView[]): string[] {
  const there = new Set(points.flatMap(({ point }) => point.backends.filter((one) => one.mib > 0).map((one) => one.backend)));
  const known = all.map((backend) => backend.id).filter((id) => there.has(id));
  return [...known, ...[...there].filter((id) => !known.includes(id)).sort()];
}

/** `now_ms` is the server's instant of the answer; null when nothing was measured in the last minutes. */
export function curve(points: HistoryPoint[], now_ms: number, device: DeviceView, entities: Entities, width_px: number): Curve | null {
  const known = points.map((point): At => ({ at_ms: now_ms - point.ago_s * 1000, point })).filter(({ at_ms }) => at_ms >= now_ms - kMinutes * kMinute_ms);
  if (known.length === 0 || device.total_mib <= 0) return null;
  const span = span_of(known, now_ms);
  const names = holding(known, Object.values(entities.backend));
  const own = Object.values(entities.ledger).filter((entry) => entry.model === null || entities.backend[entities.model[entry.model]?.backend ?? '']?.device === device.id);
  const marks = marks_of(known, own, entities, span);
  const layers = ['foreign', ...names, 'rest'].map((key, i): Layer => {
    const blocks = blocks_of(known, i, names, device.total_mib, span);
    const kind = i === 0 ? 'foreign' : i > names.length ? 'rest' : kTones[(i - 1) % kTones.length]!;
    const name = kind === 'foreign' ? m.curve_foreign() : kind === 'rest' ? (names.length === 0 ? m.curve_used() : m.curve_rest()) : key;
    return { key, kind, blocks, label: label_of(blocks, name, width_px) };
  });
  const used = known.map(({ point }) => point.used_mib);
  const told = m.curve_told({ last: gb_fine(used.at(-1)!), total: gb(device.total_mib), low: gb_fine(Math.min(...used)), high: gb_fine(Math.max(...used)) });
  return {
    layers: layers.filter((layer) => layer.blocks.length > 0),
    marks, gaps: gaps_of(known, span), ticks: ticks_of(span, width_px), backends: names, rows: rows_of(known, names, marks),
    told: [told, ...marks.map((mark) => `${mark.text}.`)].join(' '), highest: Math.max(...used) / device.total_mib,
  };
}

/** When the newest measurement was made; null: none is known. */
export const newest_ms = (points: HistoryPoint[], now_ms: number): number | null =>
  points.length === 0 ? null : now_ms - Math.min(...points.map((point) => point.ago_s)) * 1000;
