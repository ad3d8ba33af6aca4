// The operator's page: sizes side by side, engines in words, cards with their last minutes.

import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import Card from '../admin/Card.svelte';
import Tables from '../admin/Tables.svelte';
import type { HistoryMark, HistoryPoint, LedgerEntry, ModelView } from '../shared/api/types';
import { set_lang } from '../shared/lang.svelte';
import type { Live } from '../shared/live.svelte';
import { ledger_because, ledger_caption, measured_words, short_caption } from '../shared/state/causes';
import { curve, newest_ms } from '../shared/state/curve';
import { figures, holders, holds_words, is_blind, remarks_of } from '../shared/state/engines';
import { lanes } from '../shared/state/lanes';
import { declared_words, files_words, measured, planned } from '../shared/state/sizes';
import { clock } from '../shared/state/time';
import { backend, device, entities, fake_live, kNow_ms, ledger, model, store } from './samples';

const heading = (): string => screen.getByRole('heading', { level: 1 }).textContent ?? '';
const table_with = (column: string) => within(screen.getByRole('columnheader', { name: column }).closest('table')!);
const point = (ago_s: number, mib: number, mark: HistoryMark = 'regular', foreign_mib = 0): HistoryPoint => ({
  ago_s, mark, used_mib: mib + foreign_mib, foreign_mib, backends: mib > 0 ? [{ backend: 'comfyui', mib }] : [],
});
/** Empty, a load of 40 GB five minutes ago, an unload two minutes ago. */
const kLoaded = [
  ...[599, 500, 400, 302].map((ago) => point(ago, 0)), point(301, 0, 'before_load'), point(300, 40960, 'after_load'),
  ...[299, 200, 122].map((ago) => point(ago, 40960)), point(121, 40960, 'before_unload'), point(120, 0, 'after_unload'), ...[119, 60, 1].map((ago) => point(ago, 0)),
];
const footprint = { count: 6, low_mib: 27546, high_mib: 28058, last_mib: 27750 };

describe('Sizes', () => {
  it.each<[string, Partial<ModelView>, [string, string | null, string | null]]>([
    ['several loads', { footprint, declared_mib: 27000 }, ['27,1 GB', '(26,9–27,4, 6 Ladevorgänge)', null]],
    ['one load', { footprint: { ...footprint, count: 1 }, declared_mib: 27000 }, ['27,1 GB', '(1 Ladevorgang)', null]],
    ['always the same', { footprint: { count: 3, low_mib: 27750, high_mib: 27751, last_mib: 27750 }, declared_mib: 27000 }, ['27,1 GB', '(3 Ladevorgänge, immer gleich)', null]],
    ['more than declared', { footprint, declared_mib: 18432 }, ['27,1 GB', '(26,9–27,4, 6 Ladevorgänge)', '9,4 GB mehr als angegeben']],
    ['nothing declared', { footprint, declared_mib: 0 }, ['27,1 GB', '(26,9–27,4, 6 Ladevorgänge)', null]],
    ['never measured', { footprint: null }, ['noch nicht gemessen', null, null]],
  ])('measured: %s', (_, more, [value, spread, over]) => expect(measured(model(more))).toEqual({ value, spread, more: over }));
  it('speaks English with a point', () => {
    set_lang('en', false);
    const size = measured(model({ footprint, declared_mib: 27000 }));
    expect(`${size.value} ${size.spread}`).toBe('27.1 GB (26.9–27.4, 6 loads)');
  });
  it('says that a size is not known instead of showing a zero', () => {
    expect([declared_words(model({ declared_mib: 0 })), files_words(model({ files_mib: null }))]).toEqual(['nicht angegeben', 'nicht bekannt']);
    expect([declared_words(model({ declared_mib: 18432 })), files_words(model({ files_mib: 27000 }))]).toEqual(['18,0 GB', '26,4 GB']);
  });
  it('does not call measured or counted what only the configuration says', () => {
    expect(planned(model({ vram_source: 'measured', footprint: null })).source).toBe('so eingetragen');
    expect(planned(model({ vram_source: 'measured', footprint })).source).toBe('gemessen');
    expect(planned(model({ vram_source: 'files', files_mib: 27000 })).source).toBe('nach den Dateien');
    expect(planned(model({ vram_source: 'files', files_mib: null })).source).toBe('so eingetragen');
  });
});

describe('Engines', () => {
  it('say what a setting means and what to do, depending on the engine', () => {
    const [idle] = remarks_of(backend({ kind: 'swarmui', remarks: ['unloads_when_idle'] }));
    expect(idle).toEqual({ code: 'unloads_when_idle', means: 'Es entlädt von selbst, wenn es eine Weile nichts zu tun hat.', todo: 'Setze ClearVRAMAfterMinutes und ClearSystemRAMAfterMinutes auf -1.' });
    expect(remarks_of(backend({ kind: 'openai', remarks: ['unloads_when_idle'] }))[0]?.todo).toBe('Schalte das aus: Stoker entscheidet, was bleibt.');
  });
  it('show a code of a newer server as it is', () => {
    expect(remarks_of(backend({ remarks: ['of_tomorrow' as never] }))).toEqual([{ code: 'of_tomorrow', means: 'of_tomorrow', todo: null }]);
  });
  it.each([[0, 'so viele Modelle, wie passen'], [1, '1 Modell'], [3, '3 Modelle']])('that hold %i say so', (n, words) => expect(holds_words(n)).toBe(words));
});

describe('A card', () => {
  it('names who holds its memory, marks what is not ours and what nobody claims', () => {
    expect(holders(device())).toEqual([
      { name: 'python3', owner: 'comfyui', size: '40,0 GB', foreign: false }, { name: 'blender', owner: null, size: '2,0 GB', foreign: true },
      { name: 'keinem Programm zugeordnet', owner: null, size: '2,0 GB', foreign: false },
    ]);
    expect(holders(device({ used_mib: 43008 }))).toHaveLength(2);
    expect(holders(device({ processes: [] }))).toEqual([]);
  });
  const values = (more: Parameters<typeof device>[0]): string[] => figures(device(more)).map((figure) => figure.value);
  it('shows what was measured', () => expect(values({})).toEqual(['44,0 GB', '40,0 GB', '2,0 GB', '8,0 GB', '96,0 GB']));
  it('names the last known amount as such, and nothing foreign, when the probe is lost', () => {
    expect(values({ probe_ok: false, trouble: 'GPU is lost' }).slice(0, 3)).toEqual(['zuletzt 44,0 GB', '40,0 GB', 'nicht messbar']);
    expect(values({ probe_ok: false, trouble: 'GPU is lost', used_mib: null })[0]).toBe('nicht messbar');
  });
  it('was not measured yet before the first reading', () => {
    expect(values({ probe_ok: false, used_mib: null }).slice(0, 3)).toEqual(['noch nicht gemessen', '40,0 GB', 'nicht messbar']);
    expect([is_blind(device({ probe_ok: false })), is_blind(device({ probe_ok: false, trouble: 'x' })), is_blind(device())]).toEqual([false, true, false]);
  });
});

describe('The curve', () => {
  const world = (entries: LedgerEntry[] = []) => entities({ backend: { comfyui: backend() }, model: { flux2: model() }, ledger: Object.fromEntries(entries.map((entry) => [entry.id, entry])) });
  const show = (points: HistoryPoint[], entries: LedgerEntry[] = [], width_px = 900) => curve(points, kNow_ms, device(), world(entries), width_px)!;

  it('draws each holder in shares of time and card, and words where they fit', () => {
    const view = show(Array.from({ length: 600 }, (_, i) => point(599 - i, i < 300 ? 0 : 49152, 'regular', 9830)));
    expect(view.layers.map((layer) => [layer.key, layer.kind])).toEqual([['foreign', 'foreign'], ['comfyui', 'tone-2']]);
    const [foreign, own] = view.layers;
    expect(foreign!.blocks).toHaveLength(1);
    expect(own!.blocks.map(({ from, to, low, high }) => [from, to, low, high].map((share) => Math.round(share * 100) / 100))).toEqual([[0.5, 1, 0.1, 0.6]]);
    expect(own!.label?.text).toBe('comfyui 48 GB');
  });
  it('leaves words out where they do not fit', () => {
    const view = show([...Array.from({ length: 50 }, (_, i) => point(50 - i, 49152))], [], 300);
    expect(view.layers[0]?.label).toBeNull();
  });
  it('draws nothing where nothing was measured, and says so', () => {
    const view = show([...Array.from({ length: 100 }, (_, i) => point(599 - i, 40960)), ...Array.from({ length: 100 }, (_, i) => point(99 - i, 40960))]);
    expect(view.layers[0]!.blocks).toHaveLength(2);
    expect(view.gaps.map(({ from, to }) => [from, to].map((share) => Math.round(share * 100)))).toEqual([[17, 84]]);
  });
  it('marks loads and unloads with what the ledger measured', () => {
    const entries = [
      ledger({ id: 'a', at_ms: kNow_ms - 299_000, measured_mib: 40742 }),
      ledger({ id: 'b', at_ms: kNow_ms - 119_500, what: 'unload_finished', predicted_mib: null, measured_mib: 40700 }),
    ];
    const view = show(kLoaded, entries);
    expect(view.marks.map((mark) => [mark.up, Math.round(mark.at * 100), mark.text])).toEqual([
      [true, 50, `${clock(kNow_ms - 300_000)} Flux geladen: 39,8 GB`], [false, 80, `${clock(kNow_ms - 120_000)} Flux entladen: 39,7 GB frei geworden`],
    ]);
  });
  it('tells the change at the card where the ledger has no line', () => {
    expect(show(kLoaded).marks.map((mark) => mark.text.replace(/^\S+ /, ''))).toEqual(['Ladevorgang: 40,0 GB mehr', 'Entladen: 40,0 GB frei geworden']);
  });
  it('calls a load that was taken back by its name', () => {
    const view = show(kLoaded, [ledger({ at_ms: kNow_ms - 299_000, what: 'load_spilled', measured_mib: null })]);
    expect(view.marks[0]?.text).toMatch(/Flux wieder entladen/);
  });
  it('says the same as sentence and as rows', () => {
    const view = show(kLoaded);
    expect(view.told).toMatch(/^Speicher der letzten 10 Minuten: zuletzt 0,0 von 96 GB, am wenigsten 0,0 GB, am meisten 40,0 GB\. .*Ladevorgang: 40,0 GB mehr\. .*Entladen: 40,0 GB frei geworden\.$/);
    expect(view.backends).toEqual(['comfyui']);
    expect(view.rows[0]).toMatchObject({ used: '0,0 GB', foreign: '0,0 GB', backends: ['0,0 GB'], what: '' });
    expect(view.rows.filter((row) => row.what !== '')).toHaveLength(2);
    expect(view.rows.length).toBeLessThanOrEqual(13);
  });
  it('keeps a distance between its times', () => {
    expect(show(kLoaded, [], 900).ticks.length).toBeGreaterThan(show(kLoaded, [], 280).ticks.length);
    for (const width of [280, 900]) for (const tick of show(kLoaded, [], width).ticks) expect(tick.at * width).toBeLessThan(width - 64);
  });
  it('is nothing without a measurement, and knows the newest one', () => {
    expect(curve([], kNow_ms, device(), world(), 900)).toBeNull();
    expect(curve([point(700, 1)], kNow_ms, device(), world(), 900)).toBeNull();
    expect([newest_ms([], kNow_ms), newest_ms([point(700, 1), point(200, 1)], kNow_ms)]).toEqual([null, kNow_ms - 200_000]);
  });
});

describe('The ledger in words', () => {
  const title = (): string => 'Flux';
  const rows: [string, Partial<LedgerEntry>, string][] = [
    ['as expected', { measured_mib: 40742 }, 'geladen, 39,8 GB: Aufwärmen nach Plan'],
    ['more than expected', { predicted_mib: 18432, measured_mib: 40742 }, 'geladen, 39,8 statt 18,0 GB: Aufwärmen nach Plan'],
    ['not measured', {}, 'geladen: Aufwärmen nach Plan'],
    ['freed', { what: 'unload_finished', predicted_mib: null, measured_mib: 40700, cause: { kind: 'make_room', at_ms: 0, for_model: 'wan' } }, 'entladen, 39,7 GB frei geworden: „Flux“ brauchte Platz'],
    ['spilled', { what: 'load_spilled', cause: { kind: 'spilled', at_ms: 0 } }, 'wieder entladen: es passt nicht ganz auf die Karte und wäre sehr langsam'],
    ['refused', { what: 'refused', predicted_mib: null, cause: { kind: 'request', at_ms: 0 } }, 'Auftrag abgewiesen: dafür ist neben dem, was bleibt, kein Platz'],
  ];
  it.each(rows)('%s', (_, more, words) => expect(ledger_caption(ledger(more), title).replace(/^\S+ /, '')).toBe(words));
  it('speaks English', () => {
    set_lang('en', false);
    expect(ledger_caption(ledger({ what: 'load_spilled', cause: { kind: 'spilled', at_ms: 0 } }), title)).toMatch(/unloaded again: only part of it fits on the card, and it would be very slow$/);
    expect(ledger_because(ledger({ what: 'refused' }), title)).toBe('there is no room for it beside what stays');
    expect(measured_words(ledger({ what: 'unload_finished', measured_mib: 40700 }))).toBe('39.7 GB became free');
  });
  it('keeps what matters where there is little room', () => {
    expect(short_caption(ledger({ what: 'load_spilled' })).replace(/^\S+ /, '')).toBe('passt nicht ganz auf die Karte');
    expect(short_caption(ledger({ predicted_mib: 18432, measured_mib: 40742 })).replace(/^\S+ /, '')).toBe('geladen, 39,8 statt 18,0 GB');
    expect(short_caption(ledger()).replace(/^\S+ /, '')).toBe('geladen');
  });
  it('draws a refused request as no change, and what is foreign as its own lane', () => {
    const minute = 60_000;
    const entries = [
      ledger({ id: 'a', at_ms: kNow_ms - 60 * minute, measured_mib: 40742 }), ledger({ id: 'b', at_ms: kNow_ms - 30 * minute, what: 'refused' }),
      ledger({ id: 'c', at_ms: kNow_ms - 20 * minute, what: 'foreign_memory', model: null, title: null, device: 'd1', measured_mib: 9216, cause: { kind: 'foreign_memory', at_ms: 0 } }),
      ledger({ id: 'd', at_ms: kNow_ms - 10 * minute, what: 'foreign_memory', model: null, title: null, device: 'd1', measured_mib: 1024, cause: { kind: 'foreign_memory', at_ms: 0 } }),
    ];
    const of = entities({ model: { flux2: model({ footprint }) }, device: { d1: device({ foreign_mib: 1024 }) }, ledger: Object.fromEntries(entries.map((entry) => [entry.id, entry])) });
    const view = lanes(of, kNow_ms);
    expect(view.lanes[0]!.pieces.map((piece) => piece.kind)).toEqual(['warm', 'hot']);
    expect(view.lanes[0]!.fact).toBe('bereit, 27 GB');
    expect(view.foreign?.pieces.map((piece) => piece.kind)).toEqual(['foreign', 'cold']);
    expect(view.foreign?.captions[0]?.text).toMatch(/fremd nur noch 1,0 GB$/);
    expect(lanes(entities({ model: { flux2: model() }, device: { d1: device({ foreign_mib: 1024 }) } }), kNow_ms).foreign).toBeNull();
  });
  it('never lets two captions of a lane overlap', () => {
    const entries = Array.from({ length: 20 }, (_, i) => ledger({ id: `l${i}`, at_ms: kNow_ms - i * 120_000, what: i % 2 ? 'load_finished' : 'unload_finished', measured_mib: 40000 }));
    const { captions } = lanes(entities({ model: { flux2: model() }, ledger: Object.fromEntries(entries.map((entry) => [entry.id, entry])) }), kNow_ms).lanes[0]!;
    const ends = captions.map(({ at, text, end }) => (end ? [at - text.length * 0.0085, at] : [at, at + text.length * 0.0085])).sort((a, b) => a[0]! - b[0]!);
    expect(captions.length).toBeGreaterThan(1);
    expect(ends[0]![0]).toBeGreaterThanOrEqual(0);
    ends.slice(1).forEach(([from], i) => expect(from!).toBeGreaterThan(ends[i]![1]!));
  });
});

describe('The page', () => {
  afterEach(() => void vi.useRealTimers());
  const operate = (of: Parameters<typeof store>[0] = {}, fresh = true, points: HistoryPoint[] = kLoaded) => {
    const asked: string[] = [];
    const answer = (path: string): unknown => {
      asked.push(path);
      return { device: 'd1', points };
    };
    const live = fake_live(store({ backend: { comfyui: backend() }, device: { d1: device() }, ...of }), fresh, answer);
    render(Tables, { live: live as unknown as Live });
    return { live, asked };
  };
  it('shows declared, files and measured side by side, and what the plan uses', () => {
    operate({ model: { flux2: model({ files_mib: 34816, footprint }) } });
    expect(heading()).toBe('Alles antwortet.');
    const table = table_with('Dateien');
    expect(table.getAllByRole('columnheader').map((cell) => cell.textContent)).toEqual(['Modell', 'Zustand', 'angegeben', 'Dateien', 'gemessen', 'plant mit', 'ein Lauf', 'Schlange', 'zuletzt']);
    const cells = table.getAllByRole('cell').map((cell) => cell.textContent?.replace(/\s+/g, ' ').trim());
    expect(cells.slice(2, 6)).toEqual(['18,0 GB', '34,0 GB', '27,1 GB (26,9–27,4, 6 Ladevorgänge)9,4 GB mehr als angegeben', '40,0 GB gemessen']);
  });
  it('shows what is not known as not known', () => {
    operate({ model: { flux2: model({ declared_mib: 0 }) }, backend: { comfyui: backend({ version: null, reachable: false, trouble: 'connection refused' }) } });
    for (const words of ['nicht angegeben', 'noch nicht gemessen', 'connection refused']) expect(screen.getByText(words)).toBeTruthy();
    // Files, version, and what a silent engine has loaded.
    expect(screen.getAllByText('nicht bekannt')).toHaveLength(3);
    expect(screen.queryByText('weicht ab')).toBeNull();
    expect(heading()).toBe('„comfyui“ antwortet nicht.');
  });
  it('compares plan with report and tells what the engine’s settings mean', () => {
    operate({ backend: { comfyui: backend({ loaded: [], models_max: 1, remarks: ['keeps_one_workflow'] }) } });
    expect(screen.getByText('weicht ab')).toBeTruthy();
    expect(screen.getByText('Ein neuer Workflow verdrängt die Modelle des vorigen.')).toBeTruthy();
    expect(screen.getByText('1 Modell')).toBeTruthy();
  });
  it('says since when a card cannot be measured, and why', async () => {
    operate({ device: { d1: device({ probe_ok: false, trouble: 'GPU is lost (15)' }) } }, true, [point(200, 40960)]);
    expect(heading()).toBe('„gpu0“ lässt sich nicht messen.');
    const since = clock(Date.now() - 200_000);
    await waitFor(() => expect(screen.getByText(new RegExp(`^Seit ${since}|^Seit ${clock(Date.now() - 200_000)}`))).toBeTruthy());
    const reason = screen.getByText('GPU is lost (15)');
    expect(reason.getAttribute('lang')).toBe('en');
    expect(screen.getByText('Wer den Speicher zuletzt hielt')).toBeTruthy();
  });
  it('asks further back only while the last measurement is not known', async () => {
    const { asked } = operate({ device: { d1: device({ probe_ok: false, trouble: 'x' }) } }, true, []);
    await waitFor(() => expect(screen.getByText('In den letzten 10 Minuten wurde nichts gemessen.')).toBeTruthy());
    expect(asked).toEqual(['/residency/history?device=d1&minutes=10', '/residency/history?device=d1&minutes=60']);
    expect(screen.getByText('Keine Messung.')).toBeTruthy();
  });
  it('marks foreign programs with sign and word', () => {
    operate();
    const row = within(screen.getByText('blender').closest('tr')!);
    expect(row.getByText('nicht von uns')).toBeTruthy();
  });
  it('shows the curve as picture with words and as table', async () => {
    operate();
    await waitFor(() => expect(screen.getByRole('img', { name: /^Speicher der letzten 10 Minuten: zuletzt 0,0 von 96 GB/ })).toBeTruthy());
    expect(screen.getByText(/Ladevorgang: 40,0 GB mehr$/, { selector: 'li' })).toBeTruthy();
    await fireEvent.click(screen.getByText('Dieselben Daten als Tabelle'));
    expect(within(screen.getByRole('region', { name: 'Die letzten 10 Minuten' })).getAllByRole('row').length).toBeGreaterThan(3);
  });
  it('asks for the curve every 10 seconds, not with every change, and not while offline', async () => {
    vi.useFakeTimers();
    const asked: string[] = [];
    const live = fake_live(store({ device: { d1: device() } }), true, (path) => ({ device: 'd1', points: asked.push(path) > 0 ? kLoaded : [] }));
    const { rerender } = render(Card, { live: live as unknown as Live, device: device() });
    await vi.advanceTimersByTimeAsync(0);
    for (let i = 0; i < 5; i += 1) await rerender({ device: device({ used_mib: 45056 + i }) });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(2);
    live.fresh = false;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked).toHaveLength(2);
  });
  it('keeps the last curve and says so when it cannot be fetched', async () => {
    const live = fake_live(store({ device: { d1: device() } }), true, () => { throw new Error('gone'); });
    render(Card, { live: live as unknown as Live, device: device() });
    await waitFor(() => expect(screen.getByText('Der Verlauf lässt sich gerade nicht holen.')).toBeTruthy());
  });
  it('shows the newest of a long ledger first, and more on demand', async () => {
    operate({ ledger: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`l${i}`, ledger({ id: `l${i}`, at_ms: kNow_ms - i })])) });
    const rows = (): number => table_with('dauerte').getAllByRole('row').length - 1;
    expect(rows()).toBe(20);
    await fireEvent.click(screen.getByRole('button', { name: 'Mehr zeigen' }));
    expect(rows()).toBe(50);
    expect(screen.queryByRole('button', { name: 'Mehr zeigen' })).toBeNull();
  });
  it('shows what was expected beside what was measured, and what became free', () => {
    operate({ ledger: {
      a: ledger({ id: 'a', measured_mib: 40742 }), b: ledger({ id: 'b', at_ms: kNow_ms + 1, what: 'unload_finished', predicted_mib: null, measured_mib: 40700 }),
      c: ledger({ id: 'c', at_ms: kNow_ms + 2, measured_mib: null }),
    } });
    const table = table_with('dauerte');
    const rows = table.getAllByRole('row').slice(1).map((row) => within(row).getAllByRole('cell').slice(4, 6).map((cell) => cell.textContent));
    expect(rows).toEqual([['40,0 GB', 'nicht gemessen'], ['', '39,7 GB frei geworden'], ['40,0 GB', '39,8 GB']]);
  });
});
