// The words of the ledger and of the operator's tables: what happened, why, and who did it.

import type { By, Cause, CauseKind, Granularity, LedgerEntry, LedgerWhat, SizeSource, WorkshopState } from '../api/types';
import { m } from '../messages/messages';
import { clock, gb_fine } from './time';
import type { Words } from './words';

/** Why something happened, as the half sentence after a colon. */
export const BECAUSE: Words<CauseKind> = {
  request: m.because_request, warm_up: m.because_warm_up, preload: m.because_preload, focus_change: m.because_focus_change, make_room: m.because_make_room,
  idle_rule: m.because_idle_rule, operator_action: m.because_operator_action, external: m.because_external, recovery: m.because_recovery, retry: m.because_retry,
  fair_order: m.because_fair_order, run_failed: m.because_run_failed, load_failed: m.because_load_failed, run_timeout: m.because_run_timeout,
  backend_down: m.because_backend_down, foreign_memory: m.because_foreign_memory, longer_than_usual: m.because_longer_than_usual,
  cancelled_by_person: m.because_cancelled_by_person, cancelled_by_leader: m.because_cancelled_by_leader, workshop_ended: m.because_workshop_ended, paused: m.because_paused,
  expected_soon: m.because_expected_soon, overdue: m.because_overdue, visit: m.because_visit, spilled: m.because_spilled,
};
export const WHAT: Words<LedgerWhat> = {
  load_started: m.what_load_started, load_finished: m.what_load_finished, load_failed: m.what_load_failed, unload_started: m.what_unload_started,
  unload_finished: m.what_unload_finished, unload_failed: m.what_unload_failed, external_load: m.what_external_load, external_unload: m.what_external_unload,
  foreign_memory: m.what_foreign_memory, load_spilled: m.what_load_spilled, refused: m.what_refused,
};
export const BY: Words<By> = { person: m.by_person, leader: m.by_leader, admin: m.by_admin, stoker: m.by_stoker };
export const SIZE_SOURCE: Words<SizeSource> = { declared: m.size_declared, files: m.size_files, measured: m.size_measured };

export const WORKSHOP_STATE: Words<WorkshopState> = {
  planned: m.workshop_planned, warming: m.workshop_warming, ready: m.workshop_ready, running: m.workshop_running, paused: m.workshop_paused, ended: m.workshop_ended,
};
export const GRANULARITY: Words<Granularity> = { model: m.granularity_model, backend: m.granularity_backend, self: m.granularity_self };

/** "„Wan“ brauchte Platz (durch die Leitung)". Titles come from the page's own model list. */
export function because(cause: Cause, title_of: (model: string) => string): string {
  const reason =
    cause.kind === 'make_room' && cause.for_model ? m.because_make_room_for({ title: title_of(cause.for_model) }) : BECAUSE[cause.kind]();
  return cause.by && cause.by !== 'stoker' ? `${reason} (${BY[cause.by]()})` : reason;
}

/** Why a line of the ledger is there. What the engine did by itself, and what can never fit, say it themselves. */
export function ledger_because(entry: LedgerEntry, title_of: (model: string) => string): string {
  if (entry.what === 'refused') return m.because_refused();
  return because(entry.cause, title_of);
}

const kUnloads: readonly LedgerWhat[] = ['unload_finished', 'unload_failed', 'external_unload'];

/** What was measured, in the words of what happened; null where nothing was. */
export function measured_words(entry: LedgerEntry): string | null {
  if (entry.measured_mib === null) return null;
  const n = gb_fine(entry.measured_mib);
  if (kUnloads.includes(entry.what)) return m.size_freed({ n });
  return entry.what === 'foreign_memory' ? m.size_foreign({ n }) : m.size_gb({ n });
}

/** A load that comes so close to what was expected needs only one number. */
const kAsExpected = 0.02;

function caption_size(entry: LedgerEntry): string | null {
  const { measured_mib, predicted_mib } = entry;
  if (measured_mib === null || predicted_mib === null) return measured_words(entry);
  if (Math.abs(measured_mib - predicted_mib) <= predicted_mib * kAsExpected) return measured_words(entry);
  return m.size_instead({ n: gb_fine(measured_mib), expected: gb_fine(predicted_mib) });
}

/** "9:41 geladen, 40,3 statt 18,0 GB": what is left where there is no room for the cause. */
export function short_caption(entry: LedgerEntry): string {
  const at = clock(entry.at_ms);
  if (entry.what === 'load_spilled') return m.caption_short_spilled({ clock: at });
  const what = WHAT[entry.what]();
  const size = caption_size(entry);
  return size === null ? m.mark({ clock: at, what }) : m.caption_short_sized({ clock: at, what, size });
}

/** "9:41 geladen, 40,3 statt 18,0 GB: Aufwärmen nach Plan". */
export function ledger_caption(entry: LedgerEntry, title_of: (model: string) => string): string {
  const at = clock(entry.at_ms);
  const what = WHAT[entry.what]();
  if (entry.what === 'external_load' || entry.what === 'external_unload') return m.caption_external({ clock: at, what });
  const size = caption_size(entry);
  const why = ledger_because(entry, title_of);
  return size === null ? m.caption({ clock: at, what, because: why }) : m.caption_sized({ clock: at, what, size, because: why });
}
