// Leader, board and operator: screens in their states.

import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import Board from '../board/Board.svelte';
import LivePage from '../leader/LivePage.svelte';
import type { Live } from '../shared/live.svelte';
import { set_lang } from '../shared/lang.svelte';
import { board, fake_live, job, ledger, me, model, store, workshop } from './samples';

const result = { n: 0, medium: 'image' as const, mime: 'image/png', bytes: 1, simulated: true, url: '/api/v1/jobs/j9/results/0' };
const heading = (): string => screen.getByRole('heading', { level: 1 }).textContent ?? '';

function lead(of: Parameters<typeof store>[0], fresh = true, answer?: (path: string) => unknown) {
  const live = fake_live(store({ me: { me: me({ role: 'leader' }) }, person: { p1: { id: 'p1', symbol: { animal: 0, colour: 0 }, group: null, waiting: 1, running: 0, done: 0, here: true } }, ...of }), fresh, answer);
  render(LivePage, { live: live as unknown as Live });
  return live;
}

describe('Leader', () => {
  it('answers first and shows the code', () => {
    lead({ job: { j1: job() } });
    expect(heading()).toBe('Alles läuft.');
    expect(screen.getByText('K7M 4PQ')).toBeTruthy();
    expect(screen.getByText('Blauer Otter')).toBeTruthy();
  });
  it('moves to the front, stops and shows the text from the menu', async () => {
    const live = lead({ job: { j1: job({ id: 'j1', ahead: 0 }), j2: job({ id: 'j2', ahead: 1, symbol: { animal: 1, colour: 1 } }) }, queue: { w1: { order: ['j1', 'j2'] } } });
    await fireEvent.click(screen.getByRole('button', { name: 'Aktionen für Rote Eule' }));
    expect(screen.queryByText('Ein Leuchtturm aus Papier im Sturm.')).toBeNull();
    await fireEvent.click(screen.getByRole('button', { name: 'Text ansehen' }));
    expect(screen.getByText('Ein Leuchtturm aus Papier im Sturm.')).toBeTruthy();
    await fireEvent.click(screen.getByRole('button', { name: 'Nach vorn' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Stoppen' }));
    expect(live.sent).toEqual([['POST', '/jobs/j2/move', { to: 'front' }], ['DELETE', '/jobs/j2', undefined]]);
  });
  it.each<[string, string, string]>([
    ['running', 'Pause für alle', '/workshops/w1/pause'], ['paused', 'Weiter für alle', '/workshops/w1/resume'],
    ['planned', 'Aufwärmen', '/workshops/w1/warm'], ['ready', 'Jetzt starten', '/workshops/w1/start'],
  ])('has the one fitting main action while %s', async (state, name, path) => {
    const live = lead({ workshop: { w1: workshop({ state: state as 'running' }) } });
    const button = screen.getByRole('button', { name });
    expect(button.className).toContain('main');
    await fireEvent.click(button);
    expect(live.sent).toEqual([['POST', path, {}]]);
  });
  it('queues nothing while offline', async () => {
    const live = lead({ job: { j1: job() } }, false);
    await fireEvent.click(screen.getByRole('button', { name: 'Pause für alle' }));
    expect(live.sent).toEqual([]);
    expect(screen.getByText(/Aktionen gehen wieder/)).toBeTruthy();
  });
  it('previews a focus switch before it happens', async () => {
    const preview = { unload: ['flux2'], load: [{ model: 'wan', load: { low_s: 30, high_s: 60 } }], waits: ['j1', 'j2'], takes: { low_s: 30, high_s: 60 }, verdict: 'fits' };
    const live = lead({ model: { flux2: model(), wan: model({ id: 'wan', title: 'Wan', medium: 'video', state: 'cold' }) }, workshop: { w1: workshop({ focus: ['flux2'] }) } }, true, () => preview);
    await fireEvent.click(screen.getByRole('button', { name: 'Fokus wechseln' }));
    const dialog = within(screen.getByRole('dialog', { name: 'Fokus wechseln' }));
    await waitFor(() => expect(dialog.getByText('Entladen: Flux.')).toBeTruthy());
    expect(dialog.getByText('Geladen: Wan.')).toBeTruthy();
    expect(dialog.getByText(/etwa 1 Minute\.\s+2 Aufträge warten so lange\./)).toBeTruthy();
    await fireEvent.click(dialog.getByRole('button', { name: 'Jetzt wechseln' }));
    expect(live.sent.map(([, path]) => path)).toEqual(['/workshops/w1/focus?preview=1', '/workshops/w1/focus']);
  });
  it('refuses a switch that does not fit, and says so', async () => {
    const live = lead({}, true, () => ({ unload: [], load: [], waits: [], takes: { low_s: 0, high_s: 0 }, verdict: 'misfit' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Fokus wechseln' }));
    await waitFor(() => expect(screen.getByText(/Passt nicht zusammen/)).toBeTruthy());
    await fireEvent.click(screen.getByRole('button', { name: 'Jetzt wechseln' }));
    expect(live.sent).toHaveLength(1);
  });
  it('names the consequences before it ends the workshop', async () => {
    const live = lead({});
    await fireEvent.click(screen.getByRole('button', { name: 'Workshop beenden' }));
    expect(screen.getByText('4 wartende Aufträge werden nicht mehr gemacht.')).toBeTruthy();
    expect(live.sent).toEqual([]);
    await fireEvent.click(screen.getByRole('button', { name: 'Ja, beenden' }));
    expect(live.sent).toEqual([['POST', '/workshops/w1/end', {}]]);
  });
  it('deletes only after the name was typed', async () => {
    const live = lead({ workshop: { w1: workshop({ state: 'ended' }) } }, true, () => ({ jobs: 3, files: 2, bytes: 4_200_000, texts: 3 }));
    await fireEvent.click(screen.getByRole('button', { name: 'Jetzt löschen' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Endgültig löschen' }));
    expect(live.sent).toEqual([]);
    await fireEvent.input(screen.getByLabelText('Schreib zur Sicherheit den Namen: Papierwelten'), { target: { value: 'Papierwelten' } });
    await fireEvent.click(screen.getByRole('button', { name: 'Endgültig löschen' }));
    await waitFor(() => expect(screen.getByText('Gelöscht: 3 Aufträge, 3 Texte, 2 Dateien, 4,2 MB.')).toBeTruthy());
  });
  it('releases a result to the board', async () => {
    const live = lead({ job: { j9: job({ id: 'j9', state: 'done', ahead: null, results: [result] }) } });
    await fireEvent.click(screen.getByRole('button', { name: 'Auf die Tafel: Blauer Otter' }));
    expect(live.sent).toEqual([['POST', '/jobs/j9/release', { released: true }]]);
  });
  it('shows the ledger as lanes and as a table, with the cause', () => {
    lead({ ledger: { l1: ledger() } });
    expect(screen.getByRole('img', { name: /Flux: bereit, 40 GB\. \d+:42 geladen: Aufwärmen nach Plan/ })).toBeTruthy();
    expect(screen.getByRole('cell', { name: 'Aufwärmen nach Plan', hidden: true })).toBeTruthy();
  });
  it('speaks English', () => {
    set_lang('en', false);
    lead({ job: { j1: job() } });
    expect(heading()).toBe('All is well.');
    expect(screen.getByText('Blue otter')).toBeTruthy();
    expect(screen.getByText('waits for 3 pictures ahead')).toBeTruthy();
  });
});

describe('Board', () => {
  const show = (of: Parameters<typeof board>[0] = {}, state: 'running' | 'paused' | 'ended' | 'warming' = 'running', fresh = true, message = '') =>
    render(Board, { live: fake_live(store({ workshop: { w1: workshop({ state, board_message: message }) }, board: { w1: board(of) } }), fresh) as unknown as Live });
  it('welcomes while nothing is released, and always shows how to join', () => {
    show();
    expect(heading()).toBe('Willkommen');
    expect(screen.getByText('K7M 4PQ')).toBeTruthy();
    expect(screen.getByText('stoker.local')).toBeTruthy();
    expect(screen.getByRole('img', { name: 'QR-Code zum Mitmachen' })).toBeTruthy();
    expect(screen.getByText('Rote Eule')).toBeTruthy();
  });
  it('shows a released picture with its name', async () => {
    const picture = { url: '/x', mime: 'image/png', medium: 'image' as const, symbol: { animal: 4, colour: 5 }, simulated: true };
    show({ picture, pictures: [picture] });
    await waitFor(() => expect(screen.getByRole('img', { name: 'Bild von Türkiser Fuchs' })).toBeTruthy());
  });
  it.each([['paused', 'Pause'], ['ended', 'Danke, dass ihr da wart!'], ['warming', 'Gleich geht’s los']] as const)('has a screen for %s', (state, words) => {
    show({}, state);
    expect(heading()).toBe(words);
  });
  it('shows the leader’s message', () => {
    show({}, 'running', true, 'In 5 Minuten räumen wir auf.');
    expect(screen.getByText('In 5 Minuten räumen wir auf.')).toBeTruthy();
  });
  it('keeps everything and says that it looks for the connection', () => {
    show({}, 'running', false);
    expect(screen.getByText('Verbindung wird gesucht')).toBeTruthy();
    expect(screen.getByText('K7M 4PQ')).toBeTruthy();
  });
});

describe('The link for the projector', () => {
  it('is made on demand and carries its token in the fragment', async () => {
    const live = lead({}, true, () => ({ board_token: 'only once' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Link für den Beamer erstellen' }));
    await waitFor(() => expect(screen.getByRole('link', { name: 'Tafel öffnen' }).getAttribute('href')).toMatch(/\/board#t=only%20once$/));
    expect(live.sent).toEqual([['POST', '/workshops/w1/board', {}]]);
  });
});
