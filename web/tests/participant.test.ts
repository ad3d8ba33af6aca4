// The children's screens, each in its states, found by role and name as a child's helper would.

import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import Choose from '../participant/Choose.svelte';
import Frame from '../participant/Frame.svelte';
import Join from '../participant/Join.svelte';
import Session from '../participant/Session.svelte';
import { ANIMALS } from '../shared/names';
import type { PersonSession } from '../shared/session';
import { load_draft, load_person, save_draft, save_person } from '../shared/session';
import type { Live } from '../shared/live.svelte';
import { ApiError } from '../shared/api/client';
import { createRawSnippet } from 'svelte';
import { fake_live, job, me, model, store, workshop } from './samples';

const session: PersonSession = { token: 't', workshop: 'w1', title: 'Papierwelten', symbol: { animal: 0, colour: 0 } };
const result = { n: 0, medium: 'image' as const, mime: 'image/png', bytes: 1, simulated: true, url: '/api/v1/jobs/j1/results/0' };
const heading = (): string => screen.getByRole('heading', { level: 1 }).textContent ?? '';

function show(of: Parameters<typeof store>[0], fresh = true, answer?: (path: string) => unknown) {
  const live = fake_live(store(of), fresh, answer);
  render(Session, { session, live: live as unknown as Live, onleave: () => undefined });
  return live;
}

describe('Join', () => {
  const answers = (status: number, body: unknown) => vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify(body), { status })));
  async function join(code = 'k7m 4pq') {
    const joined: PersonSession[] = [];
    render(Join, { notice: null, onjoined: (one: PersonSession) => joined.push(one) });
    await fireEvent.input(screen.getByLabelText('Code'), { target: { value: code } });
    await fireEvent.click(screen.getByRole('button', { name: /mitmachen/ }));
    return joined;
  }
  it.each<[string, number, string, string]>([
    ['an unknown code', 403, 'wrong_code', 'Diesen Code kennen wir nicht. Schau noch einmal auf die Tafel.'],
    ['a full workshop', 429, 'limit_reached', 'Gerade sind alle Plätze besetzt. Frag deine Leitung.'],
    ['one not open yet', 409, 'not_started', 'Der Workshop ist noch nicht offen. Versuch es gleich noch einmal.'],
    ['one that is over', 410, 'ended', 'Dieser Workshop ist zu Ende.'],
  ])('has its own text for %s', async (_, status, code, sentence) => {
    answers(status, { error: { code, params: {} } });
    await join();
    await waitFor(() => expect(screen.getByRole('alert').textContent).toBe(sentence));
    vi.unstubAllGlobals();
  });
  it('says what to check without a network', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new TypeError('down'))));
    await join();
    await waitFor(() => expect(screen.getByRole('alert').textContent).toMatch(/^Kein WLAN\?/));
    vi.unstubAllGlobals();
  });
  it('asks for the code before it asks the server', async () => {
    await join(' ');
    expect(screen.getByRole('alert').textContent).toMatch(/^Schreib erst den Code/);
  });
  it('sends the code without spaces and in capitals, with the chosen stone', async () => {
    answers(201, { token: 'new', person: 'p1', symbol: { animal: 2, colour: 3 }, group: null, workshop: { id: 'w1', title: 'Papierwelten', state: 'running' } });
    const joined = await join();
    await waitFor(() => expect(joined).toEqual([{ token: 'new', workshop: 'w1', title: 'Papierwelten', symbol: { animal: 2, colour: 3 } }]));
    const body = JSON.parse(String((fetch as unknown as { mock: { calls: [string, RequestInit][] } }).mock.calls[0]![1].body));
    expect(body.code).toBe('K7M4PQ');
    expect(body.symbol.animal).toBeLessThan(ANIMALS.length);
    vi.unstubAllGlobals();
  });
  it('offers 40 animals, 8 colours and 3 lines about the text', () => {
    render(Join, { notice: null, onjoined: () => undefined });
    expect(screen.getAllByRole('radio')).toHaveLength(48);
    expect(screen.getByText('Nur du und deine Leitung sehen, was du schreibst.')).toBeTruthy();
  });
});

describe('Choose', () => {
  const show_choice = (of: { models?: ReturnType<typeof model>[]; state?: 'running' | 'warming' | 'paused' }) =>
    render(Choose, { models: of.models ?? [model()], workshop: workshop({ state: of.state ?? 'running' }), me: me(), onpick: () => undefined });
  it('makes the ready one the main thing', () => {
    show_choice({});
    expect(heading()).toBe('Was möchtest du machen?');
    expect(screen.getByRole('button', { name: 'Bild machen' })).toBeTruthy();
  });
  it('gives the reason of what is off today', () => {
    show_choice({ models: [model(), model({ id: 'a', medium: 'audio', in_focus: false, off_reason: 'out_of_focus' })] });
    expect(screen.getByText(/dafür kein Platz/)).toBeTruthy();
    expect(screen.getAllByText('heute nicht dabei').length).toBeGreaterThan(0);
  });
  it('waits with the leader', () => {
    show_choice({ state: 'warming' });
    expect(heading()).toBe('Gleich geht’s los.');
  });
  it('says that it is break time', () => {
    show_choice({ state: 'paused' });
    expect(heading()).toBe('Pause für alle.');
  });
  it('says so when nothing is chosen', () => {
    show_choice({ models: [] });
    expect(screen.getByText('Gerade ist nichts ausgewählt. Frag deine Leitung.')).toBeTruthy();
  });
});

describe('Writing', () => {
  it('sends once, forgets the draft and shows the place', async () => {
    const live = show({}, true, () => job());
    await fireEvent.click(screen.getByRole('button', { name: 'Bild machen' }));
    await fireEvent.input(screen.getByRole('textbox'), { target: { value: 'Ein Boot im Sturm' } });
    expect(load_draft('w1')).toBe('Ein Boot im Sturm');
    await fireEvent.click(screen.getByRole('button', { name: 'Abschicken' }));
    await waitFor(() => expect(live.sent).toEqual([['POST', '/jobs', { model: 'flux2', prompt: 'Ein Boot im Sturm' }]]));
    expect(load_draft('w1')).toBe('');
  });
  it('keeps the text after a failure and says why', async () => {
    show({}, true, () => { throw new ApiError('queue_full', 429); });
    await fireEvent.click(screen.getByRole('button', { name: 'Bild machen' }));
    await fireEvent.input(screen.getByRole('textbox'), { target: { value: 'Ein Boot im Sturm' } });
    await fireEvent.click(screen.getByRole('button', { name: 'Abschicken' }));
    await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('Die Schlange ist gerade voll. Dein Text ist noch da.'));
    expect((screen.getByRole('textbox') as HTMLTextAreaElement).value).toBe('Ein Boot im Sturm');
  });
  it('promises to send later only after a tap', async () => {
    show({}, false, () => { throw new ApiError('offline', 0); });
    save_draft('w1', 'Ein Boot');
    await fireEvent.click(screen.getByRole('button', { name: 'Bild machen' }));
    expect(screen.queryByText(/sobald die Verbindung/)).toBeNull();
    await fireEvent.click(screen.getByRole('button', { name: 'Abschicken' }));
    await waitFor(() => expect(screen.getByText(/sobald die Verbindung wieder da ist/)).toBeTruthy());
  });
  it('stays reachable but does not send while there are reasons', async () => {
    const live = show({ me: { me: me({ can_send: false, why_not: ['paused'] }) } });
    await fireEvent.click(screen.getByRole('button', { name: 'Bild machen' }));
    const button = screen.getByRole('button', { name: 'Abschicken' });
    expect(button.getAttribute('aria-disabled')).toBe('true');
    await fireEvent.click(button);
    expect(live.sent).toEqual([]);
    expect(screen.getByRole('status', { name: 'Warum du gerade nicht schicken kannst' }).textContent).toMatch(/Pause für alle/);
  });
});

describe('Waiting and results', () => {
  it('shows the place and can be taken back', async () => {
    const live = show({ job: { j1: job() } });
    expect(heading()).toBe('Vor dir sind noch 3 Bilder.');
    expect(screen.getByRole('list', { name: 'Die Schlange: 3 vor dir, du bist auf Platz 4.' })).toBeTruthy();
    expect(screen.getByRole('listitem', { current: 'step' }).textContent).toBe('in der Schlange');
    await fireEvent.click(screen.getByRole('button', { name: 'Dieses Bild zurückziehen' }));
    await waitFor(() => expect(live.sent).toEqual([['DELETE', '/jobs/j1', undefined]]));
  });
  it('counts real steps', () => {
    show({ job: { j1: job({ state: 'running', ahead: null, progress: { step: 8, steps: 20 } }) } });
    expect(screen.getByRole('progressbar', { name: 'Schritt 8 von 20' }).getAttribute('aria-valuenow')).toBe('8');
  });
  it('shows how much of a model is loaded', () => {
    show({ job: { j1: job({ state: 'loading', waiting_for: 'model_load', load: { model: 'flux2', title: 'Flux', done_mib: 24576, total_mib: 40960, since_ms: 1, eta: null } }) } });
    expect(screen.getByText('24 von 40 GB')).toBeTruthy();
    expect(screen.getByText('Dein Platz bleibt: Vor dir sind noch 3 Bilder.')).toBeTruthy();
  });
  it('shows the picture, marked as a rehearsal, with what can be done next', async () => {
    show({ job: { j1: job({ state: 'done', ahead: null, results: [result] }) } });
    await fireEvent.click(screen.getByRole('button', { name: /Probelauf|Leuchtturm/ }));
    expect(heading()).toBe('Fertig! Hier ist dein Bild.');
    await waitFor(() => expect(screen.getByRole('img', { name: 'Ein Leuchtturm aus Papier im Sturm.' }).getAttribute('src')).toMatch(/^blob:/));
    expect(screen.getAllByText('Probelauf').length).toBeGreaterThan(0);
    for (const name of ['Ändern und noch einmal', 'Mitnehmen', 'Etwas Neues']) expect(screen.getByRole('button', { name })).toBeTruthy();
  });
  it('keeps the text when it failed, and tries again', async () => {
    const live = show({ job: { j1: job({ state: 'failed', error: { code: 'run_timeout', params: {} } }) } }, true, () => job({ id: 'j2' }));
    await fireEvent.click(screen.getByRole('button', { name: /nicht geklappt/ }));
    expect(heading()).toBe('Das hat leider nicht geklappt.');
    expect(screen.getByText('Ein Leuchtturm aus Papier im Sturm.')).toBeTruthy();
    await fireEvent.click(screen.getByRole('button', { name: 'Noch einmal' }));
    await waitFor(() => expect(live.sent).toEqual([['POST', '/jobs/j1/retry', {}]]));
  });
  it('says since when it knows nothing new, and blocks nothing', () => {
    show({ job: { j1: job() } }, false);
    expect(screen.getByText(/^Keine Verbindung\. Dein Text bleibt hier/)).toBeTruthy();
    expect(screen.getByText(/^Stand von \d+:42$/)).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Schon das Nächste schreiben' })).toBeTruthy();
  });
  it('lets pictures be taken along after the end', () => {
    show({ workshop: { w1: workshop({ state: 'ended' }) }, job: { j1: job({ state: 'done', results: [result] }) } });
    expect(heading()).toBe('Der Workshop ist zu Ende.');
    expect(screen.getByText('Du kannst deine Ergebnisse jetzt noch mitnehmen.')).toBeTruthy();
  });
});

describe('Passing the tablet on', () => {
  it('asks first, then forgets token and draft', async () => {
    save_person(session);
    save_draft('w1', 'geheim');
    let left = 0;
    render(Frame, { session, fresh: true, heard_at_ms: 0, simulated: false, onleave: () => (left += 1), children: createRawSnippet(() => ({ render: () => '<p>x</p>' })) });
    await fireEvent.click(screen.getByRole('button', { name: 'Tablet weitergeben' }));
    expect(left).toBe(0);
    await fireEvent.click(screen.getByRole('button', { name: 'Ja, weitergeben' }));
    expect(left).toBe(1);
    const { forget_person } = await import('../shared/session');
    forget_person(session);
    expect([load_person(), load_draft('w1')]).toEqual([null, '']);
  });
});

describe('A sending whose answer comes before its event', () => {
  it('is shown at once and is not mistaken for older work', async () => {
    show({ job: { j1: job({ ahead: 0, prompt: 'Das ältere' }) } }, true, () => job({ id: 'j2', ahead: 5, prompt: 'Das neue' }));
    await fireEvent.click(screen.getByRole('button', { name: 'Schon das Nächste schreiben' }));
    await fireEvent.input(screen.getByRole('textbox'), { target: { value: 'Das neue' } });
    await fireEvent.click(screen.getByRole('button', { name: 'Abschicken' }));
    await waitFor(() => expect(heading()).toBe('Vor dir sind noch 5 Bilder.'));
    expect(screen.getByText('Das neue')).toBeTruthy();
  });
});
