// A workshop in real browsers: one leader, three children on tablets, the board.
//
// Which server, in this order:
//   STOKER_READY_FILE  a server that already runs; the file holds its address and tokens
//   STOKER_BINARY      a binary that is started with fresh data and a fast rehearsal
//   neither            the stand-in of e2e/mock
// STOKER_ARTEFACTS     folder for the screenshots (default ../build/screenshots)
//
// Waits for states, never for a time. Ends with one line of totals; any failure is a non-zero exit.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const kAxe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const kTags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'];
const kArtefacts = resolve(process.env.STOKER_ARTEFACTS ?? join(import.meta.dirname, '../../build/screenshots'));
const kBrowser = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const kTablet = { width: 820, height: 1180 };
const kPatience_ms = 60_000;

let passed = 0;
let failed = 0;
const foreign = [];
const page_errors = [];

async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${String(error?.message ?? error).split('\n').slice(0, 12).join('\n      ')}`);
  }
}
function expect(condition, message) {
  if (!condition) throw new Error(message);
}

// ---- the server

async function ready_of(file, child) {
  for (;;) {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      if (child && child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode} before it was ready`);
      await new Promise((next) => setTimeout(next, 50));
    }
  }
}

async function start_server() {
  if (process.env.STOKER_READY_FILE) return { ready: await ready_of(process.env.STOKER_READY_FILE, null), stop: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), 'stoker-e2e-'));
  const file = join(folder, 'ready.json');
  const binary = process.env.STOKER_BINARY;
  const [command, first] = binary ? [binary, []] : [process.execPath, [join(import.meta.dirname, 'mock/server.mjs')]];
  const child = spawn(command, [...first, 'serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--speed', '20', '--ready-file', file], { stdio: ['ignore', 'ignore', openSync(join(kArtefacts, 'server.log'), 'w')] });
  const stop = () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ready: await ready_of(file, child), stop };
}

// ---- looking

async function open(browser, origin, path, options) {
  const context = await browser.newContext({ locale: 'de-DE', ...options });
  context.setDefaultTimeout(kPatience_ms);
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith('blob:') && !url.startsWith('data:')) foreign.push(url);
  });
  await context.addInitScript(() => {
    // Every headline that was shown, so that short states can be asked for afterwards.
    window.headlines = [];
    new MutationObserver(() => {
      const text = document.querySelector('h1')?.textContent?.trim() ?? '';
      if (text !== '' && window.headlines.at(-1) !== text) window.headlines.push(text);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => page_errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && !/status of 4\d\d|ERR_FAILED/.test(message.text()) && page_errors.push(message.text()));
  await page.goto(origin + path);
  return page;
}

async function violations(page) {
  await page.evaluate(`${kAxe}; undefined`);
  return page.evaluate(async (tags) => {
    const result = await window.axe.run(document, { runOnly: { type: 'tag', values: tags } });
    return result.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
  }, kTags);
}

async function accessible(page, name, schemes = ['light', 'dark']) {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
    await check(`${name}, ${colorScheme}: no accessibility violations`, async () => {
      const found = await violations(page);
      expect(found.length === 0, found.join('\n'));
    });
    await page.screenshot({ path: join(kArtefacts, `${name}${colorScheme === 'dark' ? '-dark' : ''}.png`) });
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

async function narrow(page, name) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  await check(`${name}: no sideways scrolling at 320 px`, async () => {
    const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
    expect(width <= 320, `the page is ${width} px wide`);
  });
  await page.screenshot({ path: join(kArtefacts, `${name}-320.png`) });
  await page.setViewportSize(before);
}

async function survey(page, name) {
  await accessible(page, name);
  await narrow(page, name);
}

/** Presses Tab until the element with that name has the focus, then tells whether its outline shows. */
async function reachable(page, name, selector) {
  await check(`${name} is reached by keyboard, with a visible focus`, async () => {
    await page.evaluate(() => document.activeElement?.blur());
    for (let i = 0; i < 120; i += 1) {
      await page.keyboard.press('Tab');
      const state = await page.evaluate((css) => {
        const now = document.activeElement;
        return { there: now?.matches(css) ?? false, outline: now ? parseFloat(getComputedStyle(now).outlineWidth) : 0 };
      }, selector);
      if (state.there) return expect(state.outline >= 3, `outline is ${state.outline} px`);
    }
    throw new Error(`not reached within 120 steps: ${selector}`);
  });
}

const headline = (page) => page.locator('h1').first();
const seen = (page) => page.evaluate(() => window.headlines);

// ---- acting

async function send(page, text) {
  await page.locator('#prompt').fill(text);
  await page.getByRole('button', { name: 'Abschicken' }).click();
  await page.locator('#prompt').waitFor({ state: 'detached' });
}

async function choose_first(page) {
  await page.locator('.offer .btn').first().click();
  await page.locator('#prompt').waitFor();
}

/** A film takes longest, so the queue is still there when the leader pauses. */
async function choose_slowest(page) {
  const film = page.locator('.offer').filter({ hasText: 'Video' }).locator('.btn');
  await page.locator('.offer .btn').first().waitFor();
  await ((await film.count()) ? film : page.locator('.offer .btn')).first().click();
  await page.locator('#prompt').waitFor();
}

/** Brings the workshop to "running", whatever the server began with. */
async function start_workshop(leader) {
  const pause = leader.getByRole('button', { name: 'Pause für alle' });
  const start = leader.getByRole('button', { name: 'Jetzt starten' });
  const resume = leader.getByRole('button', { name: 'Weiter für alle' });
  await pause.or(start).or(resume).first().waitFor();
  if (await start.count()) await start.click();
  else if (await resume.count()) await resume.click();
  await pause.waitFor();
}

async function main() {
  mkdirSync(kArtefacts, { recursive: true });
  const { ready, stop } = await start_server();
  const origin = ready.http.replace(/\/$/, '');
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: kBrowser });
  try {
    await afternoon(browser, origin, ready);
  } finally {
    await browser.close();
    stop();
  }
}

async function afternoon(browser, origin, ready) {
  const tablet = { viewport: kTablet, hasTouch: true, isMobile: false };
  const leader = await open(browser, origin, `/leader#t=${encodeURIComponent(ready.leader_token)}`, { viewport: { width: 1280, height: 900 } });
  const board = await open(browser, origin, `/board#t=${encodeURIComponent(ready.board_token)}`, { viewport: { width: 1920, height: 1080 } });

  await check('the leader’s key leaves the address bar', async () => {
    await leader.locator('.joincode b').waitFor();
    expect(new URL(leader.url()).hash === '', leader.url());
  });
  await start_workshop(leader);
  const code = ready.join_code ?? (await leader.locator('.joincode b').innerText()).replace(/\s/g, '');
  await check('leader and board show the code', async () => {
    for (const page of [leader.locator('.joincode b'), board.locator('.code b')]) {
      await page.waitFor();
      expect((await page.innerText()).replace(/\s/g, '') === code, await page.innerText());
    }
  });
  await survey(leader, 'leader-empty');
  await accessible(board, 'board-empty', ['light']);
  await check('all text on the board is at least 32 px high at 1080p', async () => {
    const small = await board.evaluate(() => [...document.querySelectorAll('.b *')]
      .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim() !== '') && !node.closest('.vh'))
      .filter((node) => parseFloat(getComputedStyle(node).fontSize) < 31.9)
      .map((node) => `${node.textContent.trim()} ${getComputedStyle(node).fontSize}`));
    expect(small.length === 0, small.join(', '));
  });

  // Joining: by hand, by the link, by the query.
  const children = [
    await open(browser, origin, '/', tablet),
    await open(browser, origin, `/join/${code}`, tablet),
    await open(browser, origin, `/?code=${code.toLowerCase()}`, tablet),
  ];
  const [first, second, third] = children;
  // The longest name there is, for the narrowest page.
  await first.locator('.colours .pickbox').nth(5).click();
  await first.locator('.stones .pickbox').nth(21).click();
  await survey(first, 'join');
  await check('a wrong code has its own sentence', async () => {
    await first.locator('#code').fill('222222');
    await first.getByRole('button', { name: /mitmachen/ }).click();
    await first.getByText('Diesen Code kennen wir nicht').waitFor();
  });
  await accessible(first, 'join-wrong');
  await first.locator('#code').fill(code);
  for (const [i, page] of children.entries()) {
    await check(`child ${i + 1} joins`, async () => {
      await page.locator('.colours .pickbox').nth([5, 0, 3][i]).click();
      await page.locator('.stones .pickbox').nth([27, 0, 2][i]).click();
      await page.getByRole('button', { name: /mitmachen/ }).click();
      await page.locator('.offer').first().waitFor();
    });
  }
  await survey(first, 'choose');
  await reachable(first, 'the first offer', '.offer .btn');
  await check('English is one tap away, and back', async () => {
    await first.getByRole('button', { name: 'English' }).click();
    await first.getByRole('heading', { name: 'What would you like to make?' }).waitFor();
    expect((await first.evaluate(() => document.documentElement.lang)) === 'en', 'lang attribute');
    await first.screenshot({ path: join(kArtefacts, 'choose-en.png') });
    await first.getByRole('button', { name: 'Deutsch', exact: true }).click();
    await first.getByRole('heading', { name: 'Was möchtest du machen?' }).waitFor();
  });
  await first.getByRole('button', { name: 'Hilfe' }).click();
  await survey(first, 'help');
  await first.keyboard.press('Escape');
  await first.getByRole('button', { name: 'Tablet weitergeben' }).click();
  await accessible(first, 'leave');
  await first.getByRole('button', { name: 'Nein, hier bleiben' }).click();

  // Writing.
  for (const page of children) await choose_first(page);
  await check('an empty text is not sent, and the reason is said', async () => {
    // The button stays focusable while there are reasons; Playwright's click would wait for it.
    await first.getByRole('button', { name: 'Abschicken' }).press('Enter');
    await first.getByText('Schreib erst ein paar Wörter.').waitFor();
  });
  await survey(first, 'write');
  await reachable(first, 'sending', 'button[type=submit]');
  await check('the draft survives a reload', async () => {
    await second.locator('#prompt').fill('Ein Leuchtturm aus Papier im Sturm.');
    await second.reload();
    await choose_first(second);
    expect((await second.locator('#prompt').inputValue()) === 'Ein Leuchtturm aus Papier im Sturm.', 'draft is gone');
  });

  // Sending: two each, so that there is a queue; then everything holds still.
  await check('three children send two texts each', async () => {
    await Promise.all(children.map((page, i) => send(page, `Ein Leuchtturm aus Papier im Sturm, Bild ${i + 1}.`)));
    await Promise.all(children.map(async (page, i) => {
      await page.getByRole('button', { name: /Schon das Nächste schreiben|Etwas Neues/ }).first().click();
      await page.locator('#prompt').or(page.locator('.offer')).first().waitFor();
      if (await page.locator('#prompt').count()) await page.getByRole('button', { name: 'Zurück' }).click();
      await choose_slowest(page);
      await send(page, `Ein Boot aus Papier auf dem Fluss, Bild ${i + 4}.`);
    }));
  });
  await check('the leader pauses for everyone', async () => {
    await leader.getByRole('button', { name: 'Pause für alle' }).click();
    await leader.getByRole('heading', { name: 'Pause für alle.' }).waitFor();
    await board.getByRole('heading', { name: 'Pause', exact: true }).waitFor();
  });
  await check('every child saw its place in the queue, or its turn', async () => {
    const lists = await Promise.all(children.map(seen));
    expect(lists.every((list) => list.some((text) => /Vor dir|als Nächstes|entsteht|geladen|angekommen|Pause/.test(text))), JSON.stringify(lists));
    expect(lists.some((list) => list.some((text) => /^Vor dir (ist|sind) noch \d+ /.test(text))), JSON.stringify(lists));
  });
  await check('a waiting child reads that it is break time and keeps its place', async () => {
    await third.getByRole('heading', { name: 'Pause für alle.' }).waitFor();
    await third.locator('.place .me').waitFor();
  });
  await survey(third, 'wait-paused');
  await accessible(board, 'board-paused', ['light']);
  await leader.locator('.q > li').first().waitFor();
  await leader.locator('.dots').last().click();
  await survey(leader, 'leader-queue');
  await reachable(leader, 'pausing and resuming', '.acts .btn.main');
  await reachable(leader, 'the menu of a row', '.dots');
  await check('the leader reads the text of an item', async () => {
    await leader.getByRole('button', { name: 'Text ansehen' }).first().click();
    await leader.locator('.said').getByText('Papier').waitFor();
  });
  await check('the leader stops one, and the child is told without blame', async () => {
    await leader.getByRole('button', { name: 'Stoppen' }).click();
    await Promise.race(children.map((page) => page.getByRole('heading', { name: 'Deine Leitung hat das gestoppt.' }).waitFor()));
  });
  const stopped = (await Promise.all(children.map((page) => headline(page).innerText()))).findIndex((text) => text.startsWith('Deine Leitung'));
  if (stopped >= 0) await survey(children[stopped], 'stopped');

  await leader.getByRole('button', { name: 'Fokus wechseln' }).click();
  await leader.locator('.preview .verdict').waitFor();
  await survey(leader, 'leader-focus');
  await leader.keyboard.press('Escape');
  await check('a message reaches the board', async () => {
    await leader.getByRole('button', { name: 'Nachricht an die Tafel' }).click();
    await leader.locator('#message').fill('Gleich geht es weiter.');
    await accessible(leader, 'leader-message', ['light']);
    await leader.getByRole('button', { name: 'Auf die Tafel schreiben' }).click();
    await board.getByText('Gleich geht es weiter.', { exact: true }).waitFor();
  });

  await check('the leader resumes', async () => {
    await leader.getByRole('button', { name: 'Weiter für alle' }).click();
    await leader.getByRole('button', { name: 'Pause für alle' }).waitFor();
  });
  for (const [i, page] of children.entries()) {
    await check(`child ${i + 1} gets a result`, async () => {
      const tile = page.locator('.thumb:has(img, video, .badge)').first();
      const done = page.getByRole('heading', { name: /^Fertig!/ });
      await tile.or(done).first().waitFor();
      if (!(await done.count())) await tile.click();
      await done.waitFor();
      await page.locator('.hero img[src^="blob:"], .hero video, .hero audio, .hero .readout').first().waitFor();
    });
  }
  await check('results are marked as a rehearsal', async () => expect((await first.locator('.hero .badge').count()) > 0, 'no mark on the result'));
  await survey(first, 'result');
  await check('a result can be taken along', async () => {
    const [download] = await Promise.all([first.waitForEvent('download'), first.getByRole('button', { name: 'Mitnehmen' }).click()]);
    expect(/^stoker-/.test(download.suggestedFilename()), download.suggestedFilename());
  });
  await check('everything that was sent comes to an end', async () => {
    await leader.getByText('Gerade wartet niemand.').waitFor();
  });
  await survey(leader, 'leader-results');
  await check('the leader releases a picture and the board shows it', async () => {
    await leader.getByRole('button', { name: /^Auf die Tafel: / }).first().click();
    await leader.getByText('auf der Tafel', { exact: true }).waitFor();
    await board.locator('figure img[src^="blob:"], figure video, figure audio, figure .readout').first().waitFor();
  });
  await accessible(board, 'board-picture', ['light']);
  await check('the leader’s page speaks English', async () => {
    await leader.getByRole('button', { name: 'English' }).click();
    await leader.getByRole('button', { name: 'Break for everyone' }).waitFor();
    await leader.screenshot({ path: join(kArtefacts, 'leader-en.png'), fullPage: true });
    await leader.getByRole('button', { name: 'Deutsch', exact: true }).click();
  });
  await check('the leader makes a link for the projector, and it works', async () => {
    await leader.getByRole('button', { name: 'Link für den Beamer erstellen' }).click();
    const link = await leader.locator('.boardlink .address').innerText();
    const second_board = await open(browser, origin, link.slice(origin.length), { viewport: { width: 1280, height: 720 } });
    await second_board.locator('.code b').waitFor();
    await second_board.context().close();
  });
  await leader.getByText('Dieselben Daten als Tabelle').click();
  await accessible(leader, 'leader-table');

  if (ready.admin_token) {
    const admin = await open(browser, origin, `/admin#t=${encodeURIComponent(ready.admin_token)}`, { viewport: { width: 1280, height: 900 } });
    await check('the operator sees models with declared and measured size', async () => admin.getByRole('columnheader', { name: 'angegeben' }).waitFor());
    await check('the operator sees the last minutes of the card, as a picture with words and as a table', async () => {
      await admin.getByRole('img', { name: /^Speicher der letzten 10 Minuten: zuletzt / }).first().waitFor();
      await admin.getByText('Dieselben Daten als Tabelle').first().click();
      await admin.getByRole('region', { name: 'Die letzten 10 Minuten' }).getByRole('cell').first().waitFor();
    });
    await survey(admin, 'admin');
    await admin.setViewportSize({ width: 390, height: 844 });
    await accessible(admin, 'admin-phone');
    await check('the operator’s page speaks English', async () => {
      await admin.getByRole('button', { name: 'English' }).click();
      await admin.getByRole('heading', { name: 'Graphics cards' }).waitFor();
    });
    await admin.context().close();
  }

  // Losing the connection and finding it again.
  await check('without a connection the child keeps everything and is told', async () => {
    await second.route('**/api/v1/**', (route) => route.abort());
    // The tablet goes to sleep and wakes up where there is no network.
    await second.evaluate(() => {
      dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
      dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    });
    await second.getByText('Keine Verbindung. Dein Text bleibt hier.').waitFor();
    await accessible(second, 'offline');
    await second.unroute('**/api/v1/**');
    await second.evaluate(() => dispatchEvent(new Event('online')));
    await second.getByText('Keine Verbindung. Dein Text bleibt hier.').waitFor({ state: 'detached' });
  });

  await leader.getByRole('button', { name: 'Workshop beenden' }).click();
  await survey(leader, 'leader-end');
  await check('the end is announced everywhere', async () => {
    await leader.getByRole('button', { name: 'Ja, beenden' }).click();
    await leader.getByRole('heading', { name: 'Der Workshop ist zu Ende.' }).waitFor();
    await board.getByRole('heading', { name: 'Danke, dass ihr da wart!' }).waitFor();
    await third.getByRole('button', { name: /Etwas Neues|Noch einmal/ }).or(third.getByRole('heading', { name: 'Der Workshop ist zu Ende.' })).first().waitFor();
    await third.reload();
    await third.getByRole('heading', { name: 'Der Workshop ist zu Ende.' }).waitFor();
  });
  await survey(third, 'ended');
  await accessible(board, 'board-ended', ['light']);
  await check('passing the tablet on forgets the child', async () => {
    await third.getByRole('button', { name: 'Tablet weitergeben' }).click();
    await third.getByRole('button', { name: 'Ja, weitergeben' }).click();
    await third.locator('#code').waitFor();
    const left = await third.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('stoker.') && key !== 'stoker.lang'));
    expect(left.length === 0, left.join(', '));
  });

  await check('no request left the origin', async () => expect(foreign.length === 0, [...new Set(foreign)].join('\n')));
  await check('no page reported an error', async () => expect(page_errors.length === 0, [...new Set(page_errors)].join('\n')));
}

try {
  await main();
} catch (error) {
  failed += 1;
  console.log(`FAIL  the run itself\n      ${error?.stack ?? error}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
