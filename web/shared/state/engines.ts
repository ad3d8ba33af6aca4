// The words about engines and cards for the operator: what an engine's settings mean, what it can hold,
// and who holds the memory of a card.

import type { BackendView, DeviceView, EngineRemark } from '../api/types';
import { m } from '../messages/messages';
import { gb_fine } from './time';
import type { Words } from './words';

/** What a setting of an engine means for its models. */
export const REMARK: Words<EngineRemark> = {
  keeps_one_workflow: m.remark_keeps_one_workflow, keeps_by_ram_pressure: m.remark_keeps_by_ram_pressure, keeps_n_results: m.remark_keeps_n_results,
  keeps_nothing: m.remark_keeps_nothing, pages_weights: m.remark_pages_weights, unloads_after_run: m.remark_unloads_after_run,
  unloads_when_idle: m.remark_unloads_when_idle, queues_ahead: m.remark_queues_ahead, cannot_unload: m.remark_cannot_unload,
  interrupts_globally: m.remark_interrupts_globally, remote_models: m.remark_remote_models,
};
/** What to do about it. */
export const REMARK_DO: Words<EngineRemark> = {
  keeps_one_workflow: m.do_keeps_one_workflow, keeps_by_ram_pressure: m.do_keeps_by_ram_pressure, keeps_n_results: m.do_keeps_n_results,
  keeps_nothing: m.do_keeps_nothing, pages_weights: m.do_pages_weights, unloads_after_run: m.do_unloads_after_run,
  unloads_when_idle: m.do_unloads_when_idle, queues_ahead: m.do_queues_ahead, cannot_unload: m.do_cannot_unload,
  interrupts_globally: m.do_interrupts_globally, remote_models: m.do_remote_models,
};

export interface RemarkWords { code: EngineRemark; means: string; todo: string | null }

/** A code that this page does not know yet is shown as it came: better than nothing. */
export function remarks_of(backend: Pick<BackendView, 'kind' | 'remarks'>): RemarkWords[] {
  return backend.remarks.map((code) => {
    const swarm = code === 'unloads_when_idle' && backend.kind === 'swarmui';
    return { code, means: REMARK[code]?.() ?? code, todo: swarm ? m.do_unloads_when_idle_swarmui() : (REMARK_DO[code]?.() ?? null) };
  });
}

export function holds_words(models_max: number): string {
  if (models_max === 0) return m.holds_any();
  return models_max === 1 ? m.holds_1() : m.holds_n({ n: models_max });
}

export interface Holder { name: string; owner: string | null; size: string; foreign: boolean }

/** Less is the context of a driver and rounding, nothing to look for. */
const kRest_mib = 256;

/** Who holds the memory, most first; what belongs to no program of the list closes it. */
export function holders(device: DeviceView): Holder[] {
  const rows = device.processes.map(({ name, backend, mib }): Holder => ({ name, owner: backend, size: m.size_gb({ n: gb_fine(mib) }), foreign: backend === null }));
  const rest = (device.used_mib ?? 0) - device.processes.reduce((sum, { mib }) => sum + mib, 0);
  if (device.processes.length > 0 && rest >= kRest_mib) rows.push({ name: m.holders_rest(), owner: null, size: m.size_gb({ n: gb_fine(rest) }), foreign: false });
  return rows;
}

export interface Figure { label: string; value: string }

/** The numbers of a card. What the probe cannot see now is either the last known, named so, or nothing. */
export function figures(device: DeviceView): Figure[] {
  const size = (mib: number): string => m.size_gb({ n: gb_fine(mib) });
  const used = device.used_mib === null ? (device.trouble === null ? m.not_measured_yet() : m.admin_not_measured())
    : device.probe_ok ? size(device.used_mib) : m.last_known({ n: gb_fine(device.used_mib) });
  return [
    { label: m.admin_used(), value: used },
    { label: m.admin_planned(), value: size(device.reserved_mib) },
    { label: m.admin_foreign(), value: device.probe_ok ? size(device.foreign_mib) : m.admin_not_measured() },
    { label: m.admin_reserve(), value: size(device.reserve_mib) },
    { label: m.admin_total(), value: size(device.total_mib) },
  ];
}

/** True when a card should be measured and is not. */
export const is_blind = (device: DeviceView): boolean => !device.probe_ok && device.trouble !== null;
