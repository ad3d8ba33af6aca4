// Exact sentences, as tables: state × language → what is read.

import { describe, expect, it } from 'vitest';
import type { Job } from '../shared/api/types';
import { set_lang, type Lang } from '../shared/lang.svelte';
import { ANIMALS, COLOURS, symbolName } from '../shared/names';
import { send_reasons } from '../shared/state/choose';
import { about, band, short_time, takes } from '../shared/state/time';
import { end_view, wait_view } from '../shared/state/wait';
import { DRAWINGS } from '../shared/ui/animals';
import { job, me, model, workshop } from './samples';

type Row = [what: string, job: Partial<Job>, de: string, en: string, simple: string];
const load = { model: 'flux2', title: 'Flux', done_mib: 24576, total_mib: 40960, since_ms: 1, eta: { low_s: 30, high_s: 60 } };
const read = (one: Job): string => {
  const view = wait_view(one, [model()], workshop(), null);
  return [view.headline, view.detail, view.note].filter(Boolean).join(' ');
};

describe('Waiting', () => {
  const rows: Row[] = [
    ['0 ahead', { ahead: 0, eta: { low_s: 1, high_s: 10 } }, 'Du bist als Nächstes dran. Gleich ist es so weit.', 'You’re next. It’s almost there.', 'Du bist gleich dran. Es ist gleich so weit.'],
    ['1 ahead', { ahead: 1, eta: { low_s: 30, high_s: 60 } }, 'Vor dir ist noch 1 Bild. Es dauert etwa 1 Minute.', '1 picture is ahead of you. About 1 minute.', '1 Bild kommt vor dir. Das dauert 1 Minute.'],
    ['3 ahead', {}, 'Vor dir sind noch 3 Bilder. Es dauert etwa 2 Minuten.', '3 pictures are ahead of you. About 2 minutes.', '3 Bilder kommen vor dir. Das dauert 2 Minuten.'],
    ['unknown time', { eta: null }, 'Vor dir sind noch 3 Bilder. Wie lange es dauert, wissen wir noch nicht.', '3 pictures are ahead of you. We can’t say yet how long it will take.', '3 Bilder kommen vor dir. Wir wissen nicht, wie lange.\nDein Platz ist sicher.'],
    ['loading', { state: 'loading', waiting_for: 'model_load', load }, '„Flux“ wird gerade geladen, etwa 1 Minute. Danach geht es für alle schneller.', '“Flux” is being loaded, about 1 minute. After that it’s quicker for everyone.', 'Der Computer holt ein Modell.\nDas dauert 1 Minute. Dann geht es schneller.'],
    ['checked', { state: 'checking' }, 'Wir prüfen kurz, ob dein Text für alle passt.', 'We’re checking that your text is okay for everyone.', 'Wir prüfen deinen Text.'],
    ['steps known', { state: 'running', ahead: null, waiting_for: 'nothing', progress: { step: 8, steps: 20 }, eta: { low_s: 1, high_s: 25 } }, 'Dein Bild entsteht: Schritt 8 von 20. Es dauert weniger als 1 Minute.', 'Your picture is being made: step 8 of 20. Less than 1 minute.', 'Dein Bild entsteht jetzt. Das dauert nicht lange.'],
    ['paused', { waiting_for: 'pause' }, 'Pause für alle. Dein Platz in der Schlange bleibt.', 'Break for everyone. You keep your place in the queue.', 'Jetzt ist Pause. Dein Platz ist sicher.'],
    ['texts collected', { medium: 'text', waiting_for: 'text_batch', texts_begin_s: 28 }, 'Wir sammeln kurz Texte und schreiben sie dann zusammen. Es geht in weniger als 1 Minute los.', 'We’re collecting texts for a moment, then writing them together. It starts in less than 1 minute.', 'Wir sammeln Texte.\nDann schreiben wir alle zusammen. Es geht bald los.'],
    ['texts about to begin', { medium: 'text', waiting_for: 'text_batch', texts_begin_s: 8 }, 'Wir sammeln kurz Texte und schreiben sie dann zusammen. Es geht gleich los.', 'We’re collecting texts for a moment, then writing them together. It starts in a moment.', 'Wir sammeln Texte.\nDann schreiben wir alle zusammen. Es geht gleich los.'],
    ['texts collected, start not known', { medium: 'text', waiting_for: 'text_batch' }, 'Wir sammeln kurz Texte und schreiben sie dann zusammen. Es dauert etwa 2 Minuten.', 'We’re collecting texts for a moment, then writing them together. About 2 minutes.', 'Wir sammeln Texte.\nDann schreiben wir alle zusammen. Das dauert 2 Minuten.'],
    ['second try', { attempt: 2, ahead: 1, eta: { low_s: 1, high_s: 50 } }, 'Vor dir ist noch 1 Bild. Es dauert weniger als 1 Minute. Das hat nicht geklappt, wir versuchen es noch einmal. Dein Platz bleibt.', '1 picture is ahead of you. Less than 1 minute. That didn’t work, we’re trying again. You keep your place.', '1 Bild kommt vor dir. Das dauert nicht lange. Es hat nicht geklappt.\nWir versuchen es neu.'],
  ];
  for (const [what, more, de, en, simple] of rows) {
    it.each<[Lang, string]>([['de', de], ['en', en], ['de-simple', simple]])(`${what}, in %s`, (lang, sentence) => {
      set_lang(lang, false);
      expect(read(job(more))).toBe(sentence);
    });
  }

  it('shows no work at an engine that collects texts', () => {
    const view = wait_view(job({ medium: 'text', waiting_for: 'text_batch', texts_begin_s: 20 }), [model()], workshop(), null);
    expect([view.ahead, view.making, view.stage]).toEqual([3, false, 1]);
  });

  it('says why the time grew, and that the place stays', () => {
    expect(wait_view(job(), [model()], workshop(), { reason: 'make_room', eta: null }).note).toBe('Es dauert länger als gedacht: Ein Modell wird geladen. Dein Platz bleibt.');
    set_lang('en', false);
    expect(wait_view(job(), [model()], workshop(), { reason: 'make_room', eta: null }).note).toBe('It’s taking longer: a model is being loaded. You keep your place.');
  });

  it('does not give a break as the reason for a break', () => {
    expect(wait_view(job({ waiting_for: 'pause' }), [model()], workshop(), { reason: 'paused', eta: null }).note).toBeNull();
  });

  it('does not call a sound a picture when one engine makes both', () => {
    const models = [model(), model({ id: 'audio', medium: 'audio' })];
    expect(wait_view(job(), models, workshop(), null).headline).toBe('Vor dir sind noch 3 Aufträge.');
    expect(wait_view(job(), models, workshop({ focus: ['flux2'] }), null).headline).toBe('Vor dir sind noch 3 Bilder.');
  });

  it('keeps the place in sight while a model loads', () => {
    const view = wait_view(job({ state: 'loading', waiting_for: 'model_load', load }), [model()], workshop(), null);
    expect(view.load).toEqual({ title: 'Flux', sizes: '24 von 40 GB', share: 0.6, place: 'Dein Platz bleibt: Vor dir sind noch 3 Bilder.' });
  });

  it('shows no bar when the bytes are not known', () => {
    const view = wait_view(job({ state: 'loading', load: { ...load, done_mib: null } }), [model()], workshop(), null);
    expect(view.load?.share).toBeNull();
    expect(view.load?.sizes).toBeNull();
  });
});

describe('The end of a job', () => {
  it.each<[string, Partial<Job>, string]>([
    ['picture', { state: 'done' }, 'Fertig! Hier ist dein Bild.'],
    ['music', { state: 'done', medium: 'music' }, 'Fertig! Hier ist deine Musik.'],
    ['failed', { state: 'failed' }, 'Das hat leider nicht geklappt. Es lag an der Technik. Dein Text ist noch da.'],
    ['stopped', { state: 'cancelled', cancelled_by: 'leader' }, 'Deine Leitung hat das gestoppt. Dein Text ist noch da.'],
    ['taken back', { state: 'cancelled', cancelled_by: 'person' }, 'Du hast das zurückgezogen. Dein Text ist noch da.'],
    ['a name', { state: 'refused', error: { code: 'blocked_text', params: { value: 'name' } } }, 'Da steht vielleicht ein Name. Beschreib die Person lieber: Wie sieht sie aus? Was tut sie?'],
    ['held back', { state: 'refused', error: { code: 'blocked_text', params: { value: 'result' } } }, 'Das Ergebnis zeigen wir nicht. Es ist anders geworden als gedacht. Das lag nicht an dir.'],
  ])('%s', (_, more, sentence) => {
    const view = end_view(job(more));
    expect([view.headline, view.detail].filter(Boolean).join(' ')).toBe(sentence);
  });
});

describe('Time', () => {
  it.each<[number, string, string, string]>([
    [0, 'Gleich ist es so weit.', 'weniger als 1 Minute', 'gleich'], [19, 'Gleich ist es so weit.', 'weniger als 1 Minute', 'gleich'],
    [20, 'Es dauert weniger als 1 Minute.', 'weniger als 1 Minute', '1 Min.'], [59, 'Es dauert weniger als 1 Minute.', 'weniger als 1 Minute', '1 Min.'],
    [60, 'Es dauert etwa 1 Minute.', 'etwa 1 Minute', '1 Min.'], [61, 'Es dauert etwa 2 Minuten.', 'etwa 2 Minuten', '2 Min.'],
    [600, 'Es dauert etwa 10 Minuten.', 'etwa 10 Minuten', '10 Min.'], [601, 'Es dauert mehr als 10 Minuten.', 'mehr als 10 Minuten', 'über 10 Min.'],
  ])('%i s is rounded up to a band', (high_s, sentence, phrase, short) => {
    const eta = { low_s: 0, high_s };
    expect([takes(eta), about(eta), short_time(eta)]).toEqual([sentence, phrase, short]);
  });
  it('never invents a time', () => expect(band(null)).toBe('unknown'));
});

describe('Reasons why sending is off', () => {
  const base = { text: 'Ein Boot im Sturm', model: model(), me: me(), jobs: [], workshop: workshop(), online: true };
  it('is empty when it may be sent', () => expect(send_reasons(base)).toEqual([]));
  it('counts what already waits, with the right article', () => {
    const limit = me({ outstanding: 2, can_send: false, why_not: ['limit_reached'] });
    expect(send_reasons({ ...base, me: limit, jobs: [job(), job({ id: 'j2' })] })).toEqual(['Du hast schon 2 Bilder in der Schlange. Wenn eins fertig ist, geht das nächste.']);
    expect(send_reasons({ ...base, me: limit, jobs: [job({ medium: 'audio' }), job({ id: 'j2', medium: 'audio' })] })).toEqual(['Du hast schon 2 Klänge in der Schlange. Wenn einer fertig ist, geht der nächste.']);
  });
  it('lists every reason', () => {
    expect(send_reasons({ ...base, text: '', me: me({ why_not: ['paused'] }), model: model({ in_focus: false, off_reason: 'out_of_focus' }) })).toEqual([
      'Gerade ist Pause für alle. Danach kannst du schicken.',
      'Bild geht gerade nicht: Zusammen mit den anderen Modellen ist dafür kein Platz.',
      'Schreib erst ein paar Wörter.',
    ]);
  });
  it('tells by how much a text is too long', () => expect(send_reasons({ ...base, text: 'x'.repeat(4007) })).toEqual(['Der Text ist um 7 Zeichen zu lang.']));
});

describe('Names', () => {
  it.each<[number, number, string, string]>([
    [0, 0, 'Blauer Otter', 'Blue otter'], [1, 1, 'Rote Eule', 'Red owl'], [21, 3, 'Gelbes Eichhörnchen', 'Yellow squirrel'], [3, 6, 'Rosa Bär', 'Pink bear'],
    [4, 5, 'Türkiser Fuchs', 'Turquoise fox'], [15, 4, 'Lila Zebra', 'Purple zebra'], [25, 2, 'Grüne Schildkröte', 'Green turtle'], [14, 7, 'Graues Pferd', 'Grey horse'],
  ])('%i, %i', (animal, colour, de, en) => {
    expect(symbolName({ animal, colour }, 'de')).toBe(de);
    expect(symbolName({ animal, colour }, 'de-simple')).toBe(de);
    expect(symbolName({ animal, colour }, 'en')).toBe(en);
  });
  it('gives 320 different names in each language and a drawing for every animal', () => {
    for (const lang of ['de', 'en'] as const) {
      const names = ANIMALS.flatMap((_, animal) => COLOURS.map((_, colour) => symbolName({ animal, colour }, lang)));
      expect(new Set(names).size).toBe(320);
    }
    expect(ANIMALS.map((a) => a.id).sort()).toEqual(Object.keys(DRAWINGS).sort());
    expect(new Set(Object.values(DRAWINGS).map((d) => JSON.stringify(d))).size).toBe(40);
  });
});
