// The sizes of a model as the operator reads them: declared, in files, measured, and what planning uses.
// A size nobody knows says so; it is never a zero or a dash.

import type { Footprint, ModelView } from '../api/types';
import { m } from '../messages/messages';
import { SIZE_SOURCE } from './causes';
import { gb, gb_fine } from './time';

export interface Measured { value: string; spread: string | null; more: string | null }

/** A load that takes a tenth and half a GB more than declared is worth a word. */
const kMoreShare = 1.1;
const kMore_mib = 512;

export const size_words = (mib: number | null, unknown: string): string => (mib === null || mib <= 0 ? unknown : m.size_gb({ n: gb_fine(mib) }));
export const declared_words = (model: ModelView): string => size_words(model.declared_mib, m.not_declared());
export const files_words = (model: ModelView): string => size_words(model.files_mib, m.not_known());

/** "(26,9–27,4, 6 Ladevorgänge)": how far the loads lay apart, and how many there were. */
export function spread_words({ count, low_mib, high_mib }: Footprint): string {
  if (count === 1) return m.measured_once();
  const [low, high] = [gb_fine(low_mib), gb_fine(high_mib)];
  return low === high ? m.measured_same({ count }) : m.measured_spread({ low, high, count });
}

export function measured(model: ModelView): Measured {
  const { footprint, declared_mib } = model;
  if (footprint === null) return { value: m.not_measured_yet(), spread: null, more: null };
  const over = footprint.high_mib - declared_mib;
  const more = declared_mib > 0 && footprint.high_mib > declared_mib * kMoreShare && over >= kMore_mib ? m.more_than_declared({ n: gb_fine(over) }) : null;
  return { value: m.size_gb({ n: gb_fine(footprint.last_mib) }), spread: spread_words(footprint), more };
}

/** What planning uses, and where that comes from. What only the configuration calls measured or files says so. */
export function planned(model: ModelView): { value: string; source: string } {
  const { vram_source, footprint, files_mib } = model;
  const configured = (vram_source === 'measured' && footprint === null) || (vram_source === 'files' && files_mib === null);
  return { value: size_words(model.vram_mib, m.not_known()), source: configured ? m.size_configured() : SIZE_SOURCE[model.vram_source]() };
}

/** "26,7 GB" of a lane: what was measured last where it was, else what planning uses. */
export const lane_size = (model: ModelView): string => gb(model.footprint?.last_mib ?? model.vram_mib);
