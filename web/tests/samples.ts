// Entities with sensible values; a test names only what it is about.

import type { Api } from '../shared/api/client';
import type { BackendView, BoardView, DeviceView, Job, LedgerEntry, Me, ModelView, WorkshopView } from '../shared/api/types';
import { empty_store, no_entities, type Store } from '../shared/state/store';
import type { Entities } from '../shared/api/types';

export const kNow_ms = Date.UTC(2026, 0, 29, 9, 42);

export const job = (more: Partial<Job> = {}): Job => ({
  id: 'j1', workshop: 'w1', person: 'p1', symbol: { animal: 0, colour: 0 }, group: null, medium: 'image', model: 'flux2', model_title: 'Flux',
  state: 'queued', ahead: 3, eta: { low_s: 80, high_s: 118 }, eta_load_s: 0, waiting_for: 'queue', texts_begin_s: null, load: null, progress: null, attempt: 1,
  prompt: 'Ein Leuchtturm aus Papier im Sturm.', results: [], error: null, cancelled_by: null, released: false, causes: [],
  created_at_ms: kNow_ms, queued_ms: 0, load_ms: 0, run_ms: 0, simulated: true, edited_from: null, ...more,
});

export const model = (more: Partial<ModelView> = {}): ModelView => ({
  id: 'flux2', title: 'Flux', medium: 'image', backend: 'comfyui', state: 'hot', offered: true, in_focus: true, off_reason: null,
  vram_mib: 40960, vram_source: 'measured', declared_mib: 18432, files_mib: null, footprint: null, pinned: false, waiting: 0, running: 0, run: { low_s: 20, high_s: 40 }, load: null, last_change: null, ...more,
});

export const workshop = (more: Partial<WorkshopView> = {}): WorkshopView => ({
  id: 'w1', title: 'Papierwelten', state: 'running', join_code: 'K7M4PQ', focus: [], groups: [], head_count: 15, outstanding_max: 2, intake_open: true,
  misfit: 'refuse', board_message: '', starts_at_ms: null, ends_at_ms: null, retention_days: 14, people: 14, waiting: 4, running: 1, done: 31, failed: 0,
  longest_wait_s: 290, simulated: true, ...more,
});

export const me = (more: Partial<Me> = {}): Me => ({
  role: 'participant', person: 'p1', symbol: { animal: 0, colour: 0 }, group: null, workshop: 'w1', outstanding: 0, can_send: true, why_not: [], ...more,
});

export const ledger = (more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  id: 'l1', at_ms: kNow_ms, what: 'load_finished', model: 'flux2', title: 'Flux', device: null, cause: { kind: 'warm_up', at_ms: kNow_ms }, predicted_mib: 40960, measured_mib: null, took_s: 41, ...more,
});

export const backend = (more: Partial<BackendView> = {}): BackendView => ({
  id: 'comfyui', kind: 'comfyui', device: 'd1', reachable: true, version: '0.3.75', slots: 1, running: 0, granularity: 'model', models_max: 0, trouble: null, remarks: [],
  simulated: true, loaded: ['flux2'], since_ms: 1, ...more,
});

export const device = (more: Partial<DeviceView> = {}): DeviceView => ({
  id: 'd1', name: 'gpu0', total_mib: 98304, reserve_mib: 8192, used_mib: 45056, reserved_mib: 40960, foreign_mib: 2048, probe_ok: true, trouble: null,
  processes: [{ name: 'python3', backend: 'comfyui', mib: 40960 }, { name: 'blender', backend: null, mib: 2048 }], ...more,
});

export const board = (more: Partial<BoardView> = {}): BoardView => ({
  making: [{ symbol: { animal: 1, colour: 1 }, medium: 'image', model_title: 'Flux', progress: { step: 8, steps: 20 } }],
  next: [{ symbol: { animal: 0, colour: 0 }, medium: 'image' }], picture: null, pictures: [],
  media: [{ medium: 'image', title: 'Flux', state: 'hot', eta: null }, { medium: 'video', title: 'Wan', state: 'loading', eta: { low_s: 60, high_s: 110 } }],
  join_url: 'http://stoker.local/join/K7M4PQ', qr_svg_path: 'M0 0h1v1h-1Z', qr_size: 21, code: 'K7M4PQ', ...more,
});

export const entities = (more: Partial<Entities> = {}): Entities => ({ ...no_entities(), ...more });
export const store = (more: Partial<Entities> = {}): Store => ({
  ...empty_store(), ready: true, build: 'b1', heard_at_ms: kNow_ms,
  entities: entities({ workshop: { w1: workshop() }, me: { me: me() }, model: { flux2: model() }, ...more }),
});

/** What a page needs of a live connection, without one. */
export interface FakeLive { store: Store; link: string; stale: boolean; fresh: boolean; api: Api; token: string; sent: [string, string, unknown][] }
export function fake_live(of: Store, fresh = true, answer: (path: string) => unknown = () => ({})): FakeLive {
  const sent: [string, string, unknown][] = [];
  const api: Api = {
    get: async (path) => answer(path) as never,
    send: async (method, path, body) => {
      sent.push([method, path, body]);
      return answer(path) as never;
    },
    blob: async () => new Blob(['x'], { type: 'image/png' }),
  };
  return { store: of, link: fresh ? 'live' : 'offline', stale: !fresh, fresh, api, token: 't', sent };
}
