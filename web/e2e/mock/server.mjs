// A small stand-in for the server: speaks the API contract from memory, so that the pages can be
// developed and tested without the binary. Everything is simulated and marked as a rehearsal.
// It reads the built pages from dist/ and sends the same security headers as the product.
//
//   node e2e/mock/server.mjs [--listen 127.0.0.1:0] [--speed 20] [--ready-file FILE] [--scene fresh|busy|blind]

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { picture, silence } from './results.mjs';
import { history, kModels, new_state, snapshot_for, tick } from './world.mjs';

const args = process.argv.slice(2).filter((a) => a !== 'serve');
const option = (name, fallback) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? fallback : args[at + 1];
};
const [host, port] = option('listen', '127.0.0.1:8420').split(':');
const speed = Number(option('speed', '1'));
const kRoot = join(import.meta.dirname, '../../dist');
const world = new_state({ speed, scene: option('scene', 'fresh') });
const tickets = new Map();
const streams = new Set();

const kTypes = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };
const kStatus = {
  bad_request: 400, too_large: 413, unauthorised: 401, forbidden: 403, wrong_code: 403, not_found: 404, conflict: 409, out_of_focus: 409,
  paused: 409, not_started: 409, ended: 410, limit_reached: 429, queue_full: 429, unknown_model: 404,
};

class Failure extends Error {
  constructor(code, params = {}) {
    super(code);
    this.code = code;
    this.params = params;
  }
}

const headers = {
  'Content-Security-Policy': "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
};
function send(response, status, body, extra = {}) {
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, { ...headers, 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...extra });
  response.end(text);
}

async function body_of(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw new Failure('bad_request');
  }
}

function viewer_of(request, url) {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const token = bearer ?? tickets.get(url.searchParams.get('ticket') ?? '');
  const viewer = token === undefined ? undefined : world.tokens.get(token);
  if (!viewer) throw new Failure('unauthorised');
  return { ...viewer, token };
}

function need(viewer, ...roles) {
  if (!roles.includes(viewer.role)) throw new Failure('forbidden');
}

const own_job = (viewer, id) => {
  const job = world.jobs.get(id);
  if (!job || (viewer.role === 'participant' && job.person !== viewer.person)) throw new Failure('not_found');
  return job;
};

// ---- events: each stream gets what changed since it last looked, by comparing snapshots.

function events(request, response, url) {
  const ticket = url.searchParams.get('ticket') ?? '';
  const token = tickets.get(ticket);
  tickets.delete(ticket);
  const viewer = token === undefined ? undefined : world.tokens.get(token);
  if (!viewer) throw new Failure('unauthorised');
  const topic = url.searchParams.get('topic');
  response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
  const stream = { response, topic, viewer, last: new Map() };
  const snapshot = snapshot_for(world, topic, viewer);
  remember(stream, snapshot.entities);
  write(stream, 'snapshot', snapshot);
  streams.add(stream);
  request.on('close', () => streams.delete(stream));
}

function remember(stream, entities) {
  stream.last.clear();
  for (const [kind, values] of Object.entries(entities)) {
    for (const [id, value] of Object.entries(values)) stream.last.set(`${kind} ${id}`, JSON.stringify(value));
  }
}

const write = (stream, type, data) => stream.response.write(`id: ${data.seq}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);

function publish() {
  for (const stream of streams) {
    const { entities } = snapshot_for(world, stream.topic, stream.viewer);
    const seen = new Set();
    for (const [kind, values] of Object.entries(entities)) {
      for (const [id, value] of Object.entries(values)) {
        const key = `${kind} ${id}`;
        seen.add(key);
        const text = JSON.stringify(value);
        if (stream.last.get(key) === text) continue;
        stream.last.set(key, text);
        write(stream, 'upsert', { seq: ++world.seq, kind, id, value });
      }
    }
    for (const key of [...stream.last.keys()].filter((k) => !seen.has(k))) {
      stream.last.delete(key);
      const [kind, id] = key.split(' ');
      write(stream, 'remove', { seq: ++world.seq, kind, id });
    }
  }
}

// ---- REST

const random_token = () => randomBytes(16).toString('base64url');

function join_workshop({ code, symbol, group }) {
  const w = world.workshop;
  if (typeof code !== 'string' || code.replace(/\s/g, '').toUpperCase() !== w.join_code) throw new Failure('wrong_code');
  if (w.state === 'ended') throw new Failure('ended');
  const id = `p${world.people.size + 1}`;
  const person = { id, symbol: symbol ?? { animal: world.people.size % 40, colour: world.people.size % 8 }, group: group ?? null };
  world.people.set(id, person);
  const token = random_token();
  world.tokens.set(token, { role: 'participant', person: id });
  return { token, person: id, symbol: person.symbol, group: person.group, workshop: { id: w.id, title: w.title, state: w.state } };
}

const kKeys = new Map();

function new_job(viewer, { model, prompt }, key, edited_from = null) {
  const w = world.workshop;
  const known = key ? kKeys.get(`${viewer.token} ${key}`) : undefined;
  if (known) return [200, known];
  if (w.state === 'paused') throw new Failure('paused');
  if (w.state === 'ended') throw new Failure('ended');
  if (w.state !== 'running' && w.state !== 'ready') throw new Failure('not_started');
  const found = world.models.get(model);
  if (!found) throw new Failure('unknown_model');
  if (!w.focus.includes(model) && w.focus.length > 0) throw new Failure('out_of_focus');
  if (typeof prompt !== 'string' || prompt.trim() === '') throw new Failure('bad_request', { field: 'prompt' });
  const open = [...world.jobs.values()].filter((j) => j.person === viewer.person && !j.final);
  if (open.length >= w.outstanding_max) throw new Failure('limit_reached');
  const job = world.add_job(viewer.person, model, prompt, edited_from);
  if (key) kKeys.set(`${viewer.token} ${key}`, job.id);
  return [201, job.id];
}

async function result_of(viewer, id, response) {
  const job = world.jobs.get(id);
  if (!job || job.state !== 'done') throw new Failure('not_found');
  const allowed = viewer.role === 'leader' || job.person === viewer.person || (viewer.role === 'board' && job.released);
  if (!allowed) throw new Failure('not_found');
  const [mime, bytes] = kModels[job.model].medium === 'audio' ? silence() : kModels[job.model].medium === 'text' ? ['text/plain; charset=utf-8', Buffer.from(`Probelauf.\n\n${job.prompt}`)] : picture(job);
  response.writeHead(200, { ...headers, 'Content-Type': mime, 'Content-Length': bytes.length, ETag: `"${createHash('sha1').update(bytes).digest('hex')}"` });
  response.end(bytes);
}

const kRoutes = [
  ['GET', /^\/meta$/, () => [200, { name: 'stoker', version: '0.1.0', build: 'mock', simulated: true, uptime_s: 1, speed, languages: ['de', 'en'], workshop: { id: 'w1', title: world.workshop.title, state: world.workshop.state } }]],
  ['POST', /^\/join$/, async ({ body }) => [201, join_workshop(body)]],
  ['POST', /^\/tickets$/, ({ viewer }) => { const ticket = random_token(); tickets.set(ticket, viewer().token); return [201, { ticket, expires_s: 60 }]; }],
  ['GET', /^\/state$/, ({ viewer, url }) => [200, snapshot_for(world, url.searchParams.get('topic'), viewer())]],
  ['GET', /^\/residency\/history$/, ({ viewer, url }) => {
    need(viewer(), 'leader', 'admin');
    if (url.searchParams.get('device') !== 'gpu0') throw new Failure('not_found');
    return [200, history(world, 'gpu0', Number(url.searchParams.get('minutes') ?? 10))];
  }],
  ['POST', /^\/leave$/, ({ viewer }) => { world.tokens.delete(viewer().token); return [204]; }],
  ['POST', /^\/jobs$/, ({ viewer, body, key }) => { const [status, id] = new_job(viewer(), body, key); return [status, world.job_view(id)]; }],
  ['DELETE', /^\/jobs\/(\w+)$/, ({ viewer, id }) => { const v = viewer(); own_job(v, id); world.cancel(id, v.role === 'leader' ? 'leader' : 'person'); return [200, world.job_view(id)]; }],
  ['POST', /^\/jobs\/(\w+)\/edit$/, ({ viewer, id, body }) => { const job = own_job(viewer(), id); if (job.state !== 'queued') throw new Failure('conflict'); job.prompt = body.prompt; return [200, world.job_view(id)]; }],
  ['POST', /^\/jobs\/(\w+)\/retry$/, ({ viewer, id, body, key }) => { const v = viewer(); const job = own_job(v, id); const [status, made] = new_job({ ...v, person: job.person }, { model: job.model, prompt: body.prompt ?? job.prompt }, key, id); return [status, world.job_view(made)]; }],
  ['POST', /^\/jobs\/(\w+)\/move$/, ({ viewer, id }) => { need(viewer(), 'leader'); world.to_front(id); return [200, world.job_view(id)]; }],
  ['POST', /^\/jobs\/(\w+)\/release$/, ({ viewer, id, body }) => { need(viewer(), 'leader'); world.jobs.get(id).released = body.released === true; return [200, world.job_view(id)]; }],
  ['POST', /^\/workshops\/w1\/board$/, ({ viewer }) => { need(viewer(), 'leader'); const board_token = random_token(); world.tokens.set(board_token, { role: 'board' }); return [201, { board_token }]; }],
  ['PATCH', /^\/workshops\/w1$/, ({ viewer, body }) => { need(viewer(), 'leader'); Object.assign(world.workshop, body); return [200, world.workshop_view('leader')]; }],
  ['POST', /^\/workshops\/w1\/(warm|start|pause|resume|end)$/, ({ viewer, id }) => { need(viewer(), 'leader'); world.act(id); return [id === 'warm' ? 202 : 200, world.workshop_view('leader')]; }],
  ['POST', /^\/workshops\/w1\/focus$/, ({ viewer, url, body }) => { need(viewer(), 'leader'); return [200, world.focus(body.focus, url.searchParams.get('preview') === '1')]; }],
  ['DELETE', /^\/workshops\/w1$/, ({ viewer, body }) => { need(viewer(), 'leader'); if (body.confirm !== world.workshop.title) throw new Failure('conflict'); return [200, { jobs: world.jobs.size, files: 3, bytes: 4_000_000, texts: world.jobs.size }]; }],
];

async function api(request, response, url) {
  const path = url.pathname.slice('/api/v1'.length);
  if (path === '/events') return events(request, response, url);
  const result = /^\/jobs\/(\w+)\/results\/0$/.exec(path);
  if (result) return result_of(viewer_of(request, url), result[1], response);
  for (const [method, pattern, handle] of kRoutes) {
    const match = request.method === method ? pattern.exec(path) : null;
    if (!match) continue;
    const body = await body_of(request);
    const [status, answer] = await handle({ viewer: () => viewer_of(request, url), url, body, id: match[1], key: request.headers['idempotency-key'] });
    publish();
    return send(response, status, answer);
  }
  throw new Failure('not_found');
}

function page(response, path) {
  const page_of = { '/': 'index.html', '/board': 'board.html', '/leader': 'leader.html', '/admin': 'admin.html' };
  const file = page_of[path] ?? (path.startsWith('/join/') ? 'index.html' : normalize(path).replace(/^(\.\.[/\\])+/, ''));
  const full = join(kRoot, file);
  if (!full.startsWith(kRoot) || !existsSync(full)) return send(response, 404, { error: { code: 'not_found', params: {} } });
  const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  response.writeHead(200, { ...headers, 'Content-Type': kTypes[extname(full)] ?? 'application/octet-stream', 'Cache-Control': cache });
  response.end(readFileSync(full));
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://local');
  try {
    if (url.pathname.startsWith('/api/v1/')) await api(request, response, url);
    else page(response, url.pathname);
  } catch (error) {
    if (error instanceof Failure) send(response, kStatus[error.code] ?? 500, { error: { code: error.code, params: error.params } });
    else {
      console.error(error);
      if (!response.headersSent) send(response, 500, { error: { code: 'internal', params: {} } });
    }
  }
});

setInterval(() => { tick(world); publish(); }, 100).unref();
setInterval(() => { for (const stream of streams) write(stream, 'ping', { seq: world.seq, server_at_ms: Date.now() }); }, 5000).unref();

server.listen(Number(port), host, () => {
  const http = `http://${host}:${server.address().port}`;
  world.address = http;
  const ready = { http, leader_token: world.leader_token, admin_token: world.admin_token, board_token: world.board_token, join_code: world.workshop.join_code };
  const file = option('ready-file', null);
  if (file) {
    writeFileSync(`${file}.part`, JSON.stringify(ready));
    renameSync(`${file}.part`, file);
  }
  console.log(`${http}/join/${ready.join_code}\n${http}/leader#t=${ready.leader_token}\n${http}/board#t=${ready.board_token}\n${http}/admin#t=${ready.admin_token}`);
});
