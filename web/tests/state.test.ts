// The pure parts: store, offers, queue, lanes, board, and the feed that reconnects.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Blobs } from '../shared/api/blobs';
import { ApiError, type Api } from '../shared/api/client';
import { Feed, type Link, type Source } from '../shared/api/feed';
import type { Snapshot, StreamEvent } from '../shared/api/types';
import { address_words, media_lines, screen_of, spaced_code } from '../shared/state/board';
import { offers } from '../shared/state/choose';
import { lanes, memory_sentence } from '../shared/state/lanes';
import { clock } from '../shared/state/time';
import { failures_of, headline, queue_rows, results_of, totals } from '../shared/state/leader';
import { apply, empty_store } from '../shared/state/store';
import { board, device, entities, job, kNow_ms, ledger, model, workshop } from './samples';

const snapshot = (more: Partial<Snapshot> = {}): StreamEvent => ({
  type: 'snapshot', data: { seq: 1, server_at_ms: kNow_ms, build: 'b1', topic: 'me', entities: { job: { j1: job() } }, ...more },
});

describe('Store', () => {
  it('swaps everything at a snapshot and knows the clock of the server', () => {
    const store = apply(apply(empty_store(), snapshot(), kNow_ms - 5000), snapshot({ seq: 9, entities: {} }), kNow_ms - 5000);
    expect(store.entities.job).toEqual({});
    expect([store.seq, store.clock_offset_ms, store.ready]).toEqual([9, 5000, true]);
  });
  it('replaces and removes one entity, leaving the others identical', () => {
    const first = apply(empty_store(), snapshot({ entities: { job: { j1: job(), j2: job({ id: 'j2' }) } } }), kNow_ms);
    const second = apply(first, { type: 'upsert', data: { seq: 2, kind: 'job', id: 'j1', value: job({ ahead: 1 }) } }, kNow_ms);
    expect(second.entities.job['j1']?.ahead).toBe(1);
    expect(second.entities.job['j2']).toBe(first.entities.job['j2']);
    expect(Object.keys(apply(second, { type: 'remove', data: { seq: 3, kind: 'job', id: 'j1' } }, kNow_ms).entities.job)).toEqual(['j2']);
  });
  it('keeps the reason of a grown estimate until the job moves on', () => {
    const grown = apply(apply(empty_store(), snapshot(), kNow_ms), { type: 'revised', data: { seq: 2, job: 'j1', reason: 'make_room', eta: null } }, kNow_ms);
    const same = apply(grown, { type: 'upsert', data: { seq: 3, kind: 'job', id: 'j1', value: job({ ahead: 2 }) } }, kNow_ms);
    expect(same.revised['j1']?.reason).toBe('make_room');
    const moved = apply(same, { type: 'upsert', data: { seq: 4, kind: 'job', id: 'j1', value: job({ state: 'running' }) } }, kNow_ms);
    expect(moved.revised).toEqual({});
  });
  it('ignores kinds it does not know and bounds the ledger', () => {
    let store = apply(empty_store(), snapshot(), kNow_ms);
    expect(apply(store, { type: 'upsert', data: { seq: 2, kind: 'later' as never, id: 'x', value: {} } }, kNow_ms).entities).toBe(store.entities);
    for (let i = 0; i < 320; i += 1) store = apply(store, { type: 'upsert', data: { seq: i, kind: 'ledger', id: `l${i}`, value: ledger({ id: `l${i}`, at_ms: i }) } }, kNow_ms);
    expect(Object.keys(store.entities.ledger)).toHaveLength(300);
    expect(store.entities.ledger['l0']).toBeUndefined();
  });
});

describe('Offers', () => {
  const models = [
    model({ id: 'text', medium: 'text', state: 'cold' }), model(), model({ id: 'wan', medium: 'video', state: 'loading', load: { done_mib: 1, total_mib: 2, since_ms: 1, eta: { low_s: 1, high_s: 110 }, cause: { kind: 'request', at_ms: 1 } } }),
    model({ id: 'sound', medium: 'audio', in_focus: false, off_reason: 'out_of_focus' }), model({ id: 'big', title: 'Big', medium: 'image', offered: false, off_reason: 'misfit' }),
  ];
  it('shows what can be made first, and the rest with its reason', () => {
    const { today, not_today } = offers(models);
    expect(today.map((o) => [o.model.id, o.flame, o.state])).toEqual([['flux2', 'hot', 'bereit'], ['wan', 'warming', 'wird geladen'], ['text', 'cold', 'nicht geladen']]);
    expect(today[0]?.text).toBe('Du schreibst, was man sehen soll. Das dauert weniger als 1 Minute.');
    expect(today[1]?.text).toBe('Noch etwa 2 Minuten, dann ist es bereit. Schreiben kannst du jetzt schon.');
    expect(not_today.map((o) => [o.model.id, o.title, o.reason])).toEqual([['big', 'Big', 'Dafür ist der Computer zu klein.'], ['sound', null, 'Zusammen mit den anderen Modellen ist dafür kein Platz.']]);
  });
  it('names the model only where the medium is not enough', () => {
    expect(offers([model(), model({ id: 'sd', title: 'SD' })]).today.map((o) => o.title)).toEqual(['Flux', 'SD']);
  });
});

describe('Leader', () => {
  const person = (id: string, here = true) => ({ id, symbol: { animal: 0, colour: 0 }, group: null, waiting: 0, running: 0, done: 0, here });
  const people = { person: { p1: person('p1'), p2: person('p2', false) } };
  it.each<[string, Parameters<typeof workshop>[0], Parameters<typeof entities>[0], string, string]>([
    ['all well', { waiting: 4 }, people, 'Alles läuft.', '1 Kind ist da. 4 warten, am längsten noch etwa 5 Minuten.'],
    ['nobody', { people: 0 }, {}, 'Noch niemand da.', 'Zeig den Code oder öffne die Tafel am Beamer.'],
    ['paused', { state: 'paused' }, people, 'Pause für alle.', '1 Kind ist da. Alle Plätze in der Schlange bleiben.'],
    ['planned', { state: 'planned' }, {}, 'Noch nicht vorbereitet.', 'Wärme die Modelle auf, dann warten die Kinder nicht darauf.'],
    ['planned for a time', { state: 'planned', focus: ['flux2'], starts_at_ms: Date.UTC(2026, 0, 30, 9, 0) }, {}, `Geplant für Freitag, 30. Januar, ${clock(Date.UTC(2026, 0, 30, 9, 0))} Uhr.`, 'Die Modelle werden rechtzeitig von selbst geladen.'],
    ['planned without a choice', { state: 'planned', starts_at_ms: Date.UTC(2026, 0, 30, 9, 0) }, {}, `Geplant für Freitag, 30. Januar, ${clock(Date.UTC(2026, 0, 30, 9, 0))} Uhr.`, 'Wärme die Modelle auf, dann warten die Kinder nicht darauf.'],
    ['planned for a time that is over', { state: 'planned', focus: ['flux2'], starts_at_ms: kNow_ms - 1 }, {}, 'Noch nicht vorbereitet.', 'Wärme die Modelle auf, dann warten die Kinder nicht darauf.'],
    ['ready', { state: 'ready' }, people, 'Bereit.', '1 Kind ist da. Starte, wenn du so weit bist.'],
    ['model fails', { waiting: 0, running: 0 }, { ...people, model: { wan: model({ id: 'wan', title: 'Wan', state: 'failed' }) } }, '„Wan“ lädt nicht.', '1 Kind ist da. Niemand wartet.'],
    ['closed', { intake_open: false, waiting: 1, longest_wait_s: null }, people, 'Nichts Neues wird angenommen.', '1 Kind ist da. 1 wartet.'],
  ])('%s', (_, more, of, head, sub) => {
    const answer = headline(workshop(more), entities(of), kNow_ms);
    expect([answer.headline, answer.sub]).toEqual([head, sub]);
  });
  it('puts running work first, then the expected order, each with its reason', () => {
    const jobs = {
      j1: job({ id: 'j1', ahead: 2 }), j2: job({ id: 'j2', state: 'running', ahead: null, waiting_for: 'nothing', progress: { step: 8, steps: 20 } }),
      j3: job({ id: 'j3', ahead: 1, eta: { low_s: 1, high_s: 60 } }), j4: job({ id: 'j4', state: 'done' }),
      j6: job({ id: 'j6', model: 'gpt', medium: 'text', waiting_for: 'text_batch', texts_begin_s: 20, eta: { low_s: 1, high_s: 300 } }),
      j5: job({ id: 'j5', model: 'wan', model_title: 'Wan', medium: 'video', waiting_for: 'model_load', eta: { low_s: 1, high_s: 290 } }),
    };
    const rows = queue_rows(workshop(), entities({ job: jobs, queue: { w1: { order: ['j2', 'j3', 'j1', 'j5', 'j6'] } }, model: { flux2: model() } }));
    expect(rows.map((row) => [row.job.id, row.position, row.why, row.time])).toEqual([
      ['j2', null, 'Schritt 8 von 20', '2 Min.'], ['j3', 1, 'wartet auf 1 Bild davor', '1 Min.'], ['j1', 2, 'wartet auf 2 Bilder davor', '2 Min.'], ['j5', 3, '„Wan“ wird noch geladen', '5 Min.'],
      ['j6', 4, 'wird mit anderen Texten zusammen geschrieben', '5 Min.'],
    ]);
    expect(rows.map((row) => row.may_move)).toEqual([false, false, true, true, true]);
  });
  it('lists results newest first and failures apart', () => {
    const result = [{ n: 0, medium: 'image' as const, mime: 'image/png', bytes: 1, simulated: true, url: '/x' }];
    const of = entities({ job: { a: job({ id: 'a', state: 'done', results: result, created_at_ms: 1 }), b: job({ id: 'b', state: 'done', results: result, created_at_ms: 2 }), c: job({ id: 'c', state: 'failed' }) } });
    expect(results_of(workshop(), of).map((one) => one.id)).toEqual(['b', 'a']);
    expect(failures_of(workshop(), of).map((one) => one.id)).toEqual(['c']);
    expect(totals(workshop({ done: 31, failed: 1 }))).toBe('Heute 31 Ergebnisse. 1 Auftrag hat nicht geklappt.');
  });
});

describe('Lanes', () => {
  const minute = 60_000;
  it('draw loading, memory and cold, with the cause under the newest change', () => {
    const entries = [
      ledger({ id: 'a', what: 'load_started', at_ms: kNow_ms - 60 * minute, cause: { kind: 'warm_up', at_ms: 0 } }), ledger({ id: 'b', what: 'load_finished', at_ms: kNow_ms - 54 * minute, cause: { kind: 'warm_up', at_ms: 0 } }),
      ledger({ id: 'c', what: 'unload_finished', at_ms: kNow_ms - 6 * minute, cause: { kind: 'make_room', at_ms: 0, for_model: 'wan', by: 'leader' } }),
    ];
    const view = lanes(entities({ model: { flux2: model({ state: 'cold' }), wan: model({ id: 'wan', title: 'Wan' }) }, ledger: Object.fromEntries(entries.map((e) => [e.id, e])) }), kNow_ms);
    const flux = view.lanes.find((lane) => lane.model.id === 'flux2')!;
    expect(flux.pieces.map((piece) => piece.kind)).toEqual(['cold', 'warm', 'hot', 'cold']);
    expect(flux.pieces.every((piece, i, all) => piece.to > piece.from && (i === 0 || all[i - 1]!.to === piece.from))).toBe(true);
    expect(flux.captions.map((caption) => caption.text.replace(/^\S+ /, ''))).toEqual(['entladen: „Wan“ brauchte Platz (durch die Leitung)', 'geladen']);
    expect(view.lanes.find((lane) => lane.model.id === 'wan')!.pieces).toEqual([{ kind: 'hot', from: 0, to: 0.9 }]);
  });
  it('say what is taken and what of it is still loading', () => {
    const card = device({ reserved_mib: 61440 });
    expect(memory_sentence(entities({ device: { d1: card }, model: { wan: model({ state: 'loading', vram_mib: 17408 }) } }))).toBe('62 von 96 GB belegt, 17 GB davon noch im Laden');
    expect(memory_sentence(entities({ device: { d1: { ...card, probe_ok: false } } }))).toBe('60 von 96 GB verplant, nicht gemessen');
    expect(memory_sentence(entities())).toBeNull();
  });
});

describe('Board', () => {
  it('spells code and address so that they can be typed', () => {
    expect(spaced_code('K7M4PQ')).toBe('K7M 4PQ');
    expect(address_words('http://stoker.local/join/K7M4PQ')).toBe('stoker.local');
  });
  it('has a screen of its own for every state', () => {
    expect((['planned', 'warming', 'ready', 'running', 'paused', 'ended'] as const).map((state) => screen_of(workshop({ state }), board()))).toEqual(['soon', 'soon', 'live', 'live', 'paused', 'ended']);
  });
  it('says what is ready', () => expect(media_lines(board()).map((line) => `${line.name} ${line.word}`)).toEqual(['Bild bereit', 'Video wird geladen, 2 Min.']));
});

class FakeSource implements Source {
  static all: FakeSource[] = [];
  closed = false;
  private readonly listeners = new Map<string, (event: { data?: unknown }) => void>();
  constructor(readonly address: string) { FakeSource.all.push(this); }
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void { this.listeners.set(type, listener); }
  close(): void { this.closed = true; }
  emit(type: string, data?: unknown): void { this.listeners.get(type)?.({ data: JSON.stringify(data) }); }
}

describe('Feed', () => {
  let links: [Link, boolean][] = [];
  let seen: string[] = [];
  let tickets = 0;
  let fail: ApiError | null = null;
  const api: Api = {
    get: async () => ({ seq: 5, server_at_ms: 1, build: 'b', topic: 'me', entities: {} }) as never,
    send: async () => {
      if (fail) throw fail;
      return { ticket: `t${(tickets += 1)}` } as never;
    },
    blob: async () => new Blob([]),
  };
  const feed = () => new Feed({ topic: 'me', api, on_event: (event) => seen.push(event.type), on_link: (link, stale) => links.push([link, stale]), open_source: (address) => new FakeSource(address), random: () => 0.5 });
  const last = () => FakeSource.all.at(-1)!;

  beforeEach(() => {
    vi.useFakeTimers();
    [links, seen, tickets, fail, FakeSource.all] = [[], [], 0, null, []];
  });
  afterEach(() => vi.useRealTimers());

  it('opens one stream with a fresh ticket and is live after the snapshot', async () => {
    const one = feed();
    one.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(last().address).toBe('/api/v1/events?topic=me&ticket=t1');
    last().emit('snapshot', { seq: 1 });
    expect([links.at(-1), seen]).toEqual([['live', false], ['snapshot']]);
    one.close();
    expect(last().closed).toBe(true);
  });
  it('waits 1, 2, 4, 8, then 15 s, each time with a new ticket', async () => {
    const one = feed();
    one.open();
    await vi.advanceTimersByTimeAsync(0);
    for (const [i, wait_s] of [1, 2, 4, 8, 15, 15].entries()) {
      last().emit('error');
      await vi.advanceTimersByTimeAsync(wait_s * 1000 - 1);
      expect(FakeSource.all).toHaveLength(i + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(last().address).toContain(`ticket=t${i + 2}`);
    }
    one.close();
  });
  it('polls the same snapshot after three failures, and stops when the stream is back', async () => {
    const one = feed();
    fail = new ApiError('offline', 503);
    one.open();
    await vi.advanceTimersByTimeAsync(3000);
    expect(seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(5000);
    expect([seen.at(-1), links.at(-1)]).toEqual(['snapshot', ['polling', false]]);
    fail = null;
    one.hurry();
    await vi.advanceTimersByTimeAsync(0);
    last().emit('snapshot', { seq: 9 });
    const before = seen.length;
    await vi.advanceTimersByTimeAsync(15_000);
    expect([seen.length, links.at(-1)]).toEqual([before, ['live', false]]);
    one.close();
  });
  it('is stale after 20 silent seconds and opens a new stream by itself', async () => {
    const one = feed();
    one.open();
    await vi.advanceTimersByTimeAsync(0);
    last().emit('snapshot', { seq: 1 });
    await vi.advanceTimersByTimeAsync(19_999);
    expect(links.at(-1)).toEqual(['live', false]);
    await vi.advanceTimersByTimeAsync(1);
    expect(links.at(-1)).toEqual(['live', true]);
    expect(FakeSource.all).toHaveLength(2);
    one.close();
  });
  it('gives up when the token is refused', async () => {
    const one = feed();
    fail = new ApiError('unauthorised', 401);
    one.open();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(links).toEqual([['refused', false]]);
  });
  it('drops what an older stream still says', async () => {
    const one = feed();
    one.open();
    await vi.advanceTimersByTimeAsync(0);
    const old = last();
    old.emit('error');
    await vi.advanceTimersByTimeAsync(1000);
    old.emit('snapshot', { seq: 1 });
    expect(seen).toEqual([]);
    one.close();
  });
});

describe('Blob addresses', () => {
  it('are kept while in use, and of the others only the newest', async () => {
    const revoked: string[] = [];
    let made = 0;
    vi.spyOn(URL, 'createObjectURL').mockImplementation(() => `blob:${(made += 1)}`);
    vi.spyOn(URL, 'revokeObjectURL').mockImplementation((address) => void revoked.push(address));
    const blobs = new Blobs({ get: async () => ({}) as never, send: async () => ({}) as never, blob: async () => new Blob(['x']) }, 1);
    for (const url of ['/a', '/b', '/c']) await blobs.acquire(url);
    blobs.release('/a');
    blobs.release('/b');
    expect([blobs.size, revoked]).toEqual([2, ['blob:1']]);
    expect((await blobs.acquire('/c')).address).toBe('blob:3');
    blobs.clear();
    expect([...revoked].sort()).toEqual(['blob:1', 'blob:2', 'blob:3']);
    vi.restoreAllMocks();
  });
});
