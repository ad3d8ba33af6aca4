// What the server told this page, as plain immutable data. A snapshot replaces everything at once, so
// nothing flickers on reconnect; the small events replace one entity each. No DOM, no clock.

import type { CauseKind, Entities, Eta, Kind, StreamEvent, WorkshopView } from '../api/types';

export interface Revision { reason: CauseKind; eta: Eta | null }
export interface Store {
  ready: boolean;
  seq: number;
  build: string;
  /** Server clock minus this machine's clock; tablets are often wrong. */
  clock_offset_ms: number;
  /** Server instant of the last thing heard. */
  heard_at_ms: number;
  entities: Entities;
  /** Estimates that grew, by job, until the job changes its state. */
  revised: Record<string, Revision>;
}

const kLedgerMax = 300;

export const no_entities = (): Entities => ({
  workshop: {}, job: {}, model: {}, backend: {}, device: {}, ledger: {}, person: {}, queue: {}, board: {}, me: {},
});

export const empty_store = (): Store => ({
  ready: false, seq: 0, build: '', clock_offset_ms: 0, heard_at_ms: 0, entities: no_entities(), revised: {},
});

function without<T>(record: Record<string, T>, id: string): Record<string, T> {
  if (!(id in record)) return record;
  const { [id]: _, ...rest } = record;
  return rest;
}

function bounded_ledger(ledger: Entities['ledger']): Entities['ledger'] {
  const ids = Object.keys(ledger);
  if (ids.length <= kLedgerMax) return ledger;
  const oldest = ids.reduce((a, b) => (ledger[a]!.at_ms <= ledger[b]!.at_ms ? a : b));
  return without(ledger, oldest);
}

function put(store: Store, kind: Kind, id: string, value: unknown): Store {
  if (!(kind in store.entities)) return store;
  const before = store.entities[kind][id];
  const entities = { ...store.entities, [kind]: { ...store.entities[kind], [id]: value } } as Entities;
  if (kind === 'ledger') entities.ledger = bounded_ledger(entities.ledger);
  const moved_on = kind === 'job' && (before as { state?: string } | undefined)?.state !== (value as { state: string }).state;
  return { ...store, entities, revised: moved_on ? without(store.revised, id) : store.revised };
}

export function apply(store: Store, event: StreamEvent, now_ms: number): Store {
  const heard = (next: Store, seq: number): Store => ({ ...next, seq: Math.max(seq, next.seq), heard_at_ms: now_ms + next.clock_offset_ms });
  switch (event.type) {
    case 'snapshot': {
      const { seq, server_at_ms, build, entities } = event.data;
      const jobs = entities.job ?? {};
      const kept = Object.entries(store.revised).filter(([id]) => jobs[id]?.state === store.entities.job[id]?.state && id in jobs);
      return {
        ready: true, seq, build,
        clock_offset_ms: server_at_ms - now_ms,
        heard_at_ms: server_at_ms,
        entities: { ...no_entities(), ...entities },
        revised: Object.fromEntries(kept),
      };
    }
    case 'upsert':
      return heard(put(store, event.data.kind, event.data.id, event.data.value), event.data.seq);
    case 'remove': {
      const { kind, id, seq } = event.data;
      if (!(kind in store.entities)) return heard(store, seq);
      const entities = { ...store.entities, [kind]: without(store.entities[kind] as Record<string, unknown>, id) } as Entities;
      return heard({ ...store, entities, revised: kind === 'job' ? without(store.revised, id) : store.revised }, seq);
    }
    case 'revised': {
      const { job, reason, eta, seq } = event.data;
      return heard({ ...store, revised: { ...store.revised, [job]: { reason, eta } } }, seq);
    }
    case 'ping':
      return heard({ ...store, clock_offset_ms: event.data.server_at_ms - now_ms }, event.data.seq);
  }
}

export const only = <T>(record: Record<string, T>): T | null => Object.values(record)[0] ?? null;

/** The workshop this page is about: the one of the token, else the first. */
export function workshop_of(store: Store): WorkshopView | null {
  const mine = only(store.entities.me)?.workshop;
  return (mine ? store.entities.workshop[mine] : undefined) ?? only(store.entities.workshop);
}
