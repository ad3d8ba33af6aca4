// The stand-in's little world: one card, a few models, one queue, one run at a time.

import { points_of } from './memory.mjs';

const kGb = 1024;
export const kModels = {
  flux2: { id: 'flux2', title: 'Flux 2', medium: 'image', backend: 'comfyui', vram_mib: 40960, declared_mib: 18 * kGb, files_mib: 35_430, footprint: { count: 6, low_mib: 40_215, high_mib: 40_960, last_mib: 40_742 }, vram_source: 'measured', run_s: 40, load_s: 60, steps: 20 },
  wan22: { id: 'wan22', title: 'Wan 2.2', medium: 'video', backend: 'comfyui-video', vram_mib: 17 * kGb, declared_mib: 20 * kGb, files_mib: 17 * kGb, footprint: null, vram_source: 'files', run_s: 120, load_s: 60, steps: 30 },
  stableaudio: { id: 'stableaudio', title: 'Stable Audio', medium: 'audio', backend: 'comfyui', vram_mib: 7_802, declared_mib: 8 * kGb, files_mib: 5_020, footprint: { count: 1, low_mib: 7_802, high_mib: 7_802, last_mib: 7_802 }, vram_source: 'measured', run_s: 20, load_s: 20, steps: 0 },
  'gpt-oss': { id: 'gpt-oss', title: 'gpt-oss 120b', medium: 'text', backend: 'ollama', vram_mib: 65 * kGb, declared_mib: 65 * kGb, files_mib: null, footprint: null, vram_source: 'declared', run_s: 20, load_s: 90, steps: 0 },
};
const kFinal = new Set(['done', 'failed', 'cancelled', 'refused']);
const kBackends = {
  comfyui: { kind: 'comfyui', version: '0.3.75', slots: 1, granularity: 'backend', models_max: 0, remarks: ['keeps_by_ram_pressure', 'pages_weights'], process: 'python3' },
  'comfyui-video': { kind: 'comfyui', version: '0.3.75', slots: 1, granularity: 'backend', models_max: 1, remarks: ['keeps_one_workflow'], process: 'python3' },
  ollama: { kind: 'ollama', version: '0.13.0', slots: 4, granularity: 'model', models_max: 3, remarks: ['remote_models'], process: 'ollama' },
};
const kTotal_mib = 97_887;
const kDesktop_mib = 1_180;
const kBlind_ms = 3 * 60_000;
const kTrouble = 'NVML, while reading a card\'s memory: GPU is lost (15). Look into the kernel log; a restart of the machine brings it back';

export function new_state({ speed, scene }) {
  const world = {
    speed, scene, seq: 0, address: '', leader_token: 'leader-token-of-the-mock', admin_token: 'admin-token-of-the-mock', board_token: 'board-token-of-the-mock',
    tokens: new Map(), people: new Map(), jobs: new Map(), order: [], models: new Map(), ledger: [], last_ms: Date.now(), born_ms: Date.now(), jobs_made: 0,
    workshop: {
      id: 'w1', title: 'Papierwelten', state: 'running', join_code: 'K7M4PQ', focus: ['flux2', 'wan22'],
      groups: [], head_count: 15, outstanding_max: 3, intake_open: true, misfit: 'refuse',
      board_message: '', starts_at_ms: Date.now() - 40 * 60_000, ends_at_ms: Date.now() + 50 * 60_000, retention_days: 14,
    },
  };
  world.tokens.set(world.leader_token, { role: 'leader' });
  world.tokens.set(world.admin_token, { role: 'admin' });
  world.tokens.set(world.board_token, { role: 'board' });
  for (const model of Object.values(kModels)) world.models.set(model.id, { ...model, state: 'cold', loaded_s: 0, last_change: null });
  bind(world);
  world.log('external_load', 'gpt-oss', { kind: 'external' }, Date.now() - 70 * 60_000, { predicted_mib: null, measured_mib: 64_870 });
  world.log('external_unload', 'gpt-oss', { kind: 'external' }, Date.now() - 50 * 60_000, { predicted_mib: null });
  warm(world, 'flux2', { kind: 'warm_up', by: 'leader' }, Date.now() - 60 * 60_000);
  past(world, Date.now());
  if (scene === 'busy') busy(world);
  return world;
}

function warm(world, id, cause, at_ms) {
  const model = world.models.get(id);
  world.log('load_started', id, cause, at_ms);
  world.log('load_finished', id, cause, at_ms + model.load_s * 1000, { took_s: model.load_s, measured_mib: held_mib(model) });
  model.state = 'hot';
}

/** What an afternoon with real engines leaves in the ledger. */
function past(world, now) {
  const minutes = (n) => now - n * 60_000;
  world.log('foreign_memory', null, { kind: 'foreign_memory' }, minutes(69), { device: 'gpu0', predicted_mib: null, measured_mib: kDesktop_mib });
  world.log('load_started', 'gpt-oss', { kind: 'request', by: 'person' }, minutes(34));
  world.log('load_spilled', 'gpt-oss', { kind: 'spilled' }, minutes(33));
  world.log('refused', 'gpt-oss', { kind: 'request', by: 'person' }, minutes(20), { predicted_mib: null });
  warm(world, 'stableaudio', { kind: 'request', by: 'person' }, minutes(9));
  world.log('foreign_memory', null, { kind: 'foreign_memory' }, minutes(6.5), { device: 'gpu0', predicted_mib: null, measured_mib: 9_320 });
  unload(world, 'stableaudio', { kind: 'make_room', for_model: 'wan22' }, minutes(5));
  world.log('foreign_memory', null, { kind: 'foreign_memory' }, minutes(2.5), { device: 'gpu0', predicted_mib: null, measured_mib: kDesktop_mib });
}

function unload(world, id, cause, at_ms) {
  const model = world.models.get(id);
  world.log('unload_started', id, cause, at_ms - 1500, { predicted_mib: null });
  world.log('unload_finished', id, cause, at_ms, { predicted_mib: null, measured_mib: held_mib(model) - 60, took_s: 1.5 });
  model.state = 'cold';
}

const held_mib = (model) => model.footprint?.last_mib ?? model.vram_mib;

function busy(world) {
  world.workshop.groups = [{ id: 'g1', title: 'A', focus: ['wan22'] }, { id: 'g2', title: 'B', focus: ['flux2'] }];
  const symbols = [[1, 1], [24, 2], [3, 6], [0, 0], [2, 3], [4, 5], [6, 4], [8, 7], [12, 2], [13, 0], [29, 1], [36, 5], [20, 6], [15, 3]];
  symbols.forEach(([animal, colour], i) => world.people.set(`p${i + 1}`, { id: `p${i + 1}`, symbol: { animal, colour }, group: i === 4 || i > 9 ? 'g1' : 'g2' }));
  const prompts = ['Ein Wald von oben mit einem Fluss.', 'Ein Leuchtturm aus Papier im Sturm. Ein kleines rotes Boot hält durch.', 'Bunte Pilze bei Mond.'];
  for (let i = 0; i < 6; i += 1) {
    const job = world.add_job(`p${6 + i}`, 'flux2', prompts[i % 3]);
    Object.assign(job, { state: 'done', final: true, created_at_ms: Date.now() - (30 - i) * 60_000, released: i === 2 });
    world.order = world.order.filter((id) => id !== job.id);
  }
  for (const person of ['p1', 'p2', 'p3', 'p4']) world.add_job(person, 'flux2', prompts[1]);
  world.add_job('p5', 'wan22', 'Papierboote fahren durch einen Regenbogen.');
  const broken = world.add_job('p9', 'flux2', prompts[0]);
  Object.assign(broken, { state: 'failed', final: true, error: { code: 'run_timeout', params: {} } });
  world.order = world.order.filter((id) => id !== broken.id);
}

function bind(world) {
  world.log = (what, model, cause, at_ms = Date.now(), more = {}) => {
    const full = { at_ms, ...cause };
    const found = world.models.get(model);
    world.ledger.push({ id: `l${world.ledger.length + 1}`, at_ms, what, model, title: found?.title ?? null, device: null, cause: full, predicted_mib: found?.vram_mib ?? null, measured_mib: null, took_s: null, ...more });
    if (found && what !== 'refused') found.last_change = full;
  };
  world.add_job = (person, model, prompt, edited_from = null) => {
    const job = { id: `j${(world.jobs_made += 1)}`, person, model, prompt, state: 'queued', final: false, step: 0, done_s: 0, created_at_ms: Date.now(), released: false, error: null, cancelled_by: null, attempt: 1, edited_from, causes: [] };
    world.jobs.set(job.id, job);
    world.order.push(job.id);
    return job;
  };
  world.cancel = (id, by) => {
    const job = world.jobs.get(id);
    if (job.final) return;
    Object.assign(job, { state: 'cancelled', final: true, cancelled_by: by });
    world.order = world.order.filter((other) => other !== id);
  };
  world.to_front = (id) => {
    const [first] = world.order;
    const running = first && world.jobs.get(first).state === 'running' ? [first] : [];
    world.order = [...running, id, ...world.order.filter((other) => other !== id && !running.includes(other))];
  };
  world.act = (what) => {
    const w = world.workshop;
    w.state = { warm: 'warming', start: 'running', pause: 'paused', resume: 'running', end: 'ended' }[what];
    if (what === 'warm') w.state = 'ready';
    if (what === 'end') for (const id of [...world.order]) world.cancel(id, 'stoker');
  };
  world.focus = (focus, preview) => {
    const gone = [...world.models.values()].filter((m) => m.state === 'hot' && !focus.includes(m.id)).map((m) => m.id);
    const load = focus.filter((id) => world.models.get(id)?.state === 'cold').map((model) => ({ model, load: { low_s: 30, high_s: world.models.get(model).load_s } }));
    const waits = world.order.filter((id) => !focus.includes(world.jobs.get(id).model));
    const sum = focus.reduce((total, id) => total + (world.models.get(id)?.vram_mib ?? 0), 0);
    const verdict = sum > 88 * kGb ? 'misfit' : sum > 80 * kGb ? 'tight' : 'fits';
    if (preview) return { unload: gone, load, waits, takes: { low_s: 30, high_s: load.reduce((t, l) => t + l.load.high_s, 0) }, verdict };
    world.workshop.focus = focus;
    for (const id of gone) unload(world, id, { kind: 'focus_change', by: 'leader' }, Date.now());
    return world.workshop_view('leader');
  };
  world.job_view = (id) => job_view(world, world.jobs.get(id), true);
  world.workshop_view = (role) => workshop_view(world, role);
}

// ---- the clockwork

export function tick(world) {
  const now = Date.now();
  const passed_s = ((now - world.last_ms) / 1000) * world.speed;
  world.last_ms = now;
  for (const model of world.models.values()) load_on(world, model, passed_s);
  if (world.workshop.state === 'paused') return;
  for (const backend of Object.keys(kBackends)) run_on(world, backend, passed_s);
}

function load_on(world, model, passed_s) {
  if (model.state !== 'loading') return;
  model.loaded_s += passed_s;
  if (model.loaded_s < model.load_s) return;
  model.state = 'hot';
  world.log('load_finished', model.id, { kind: 'request' }, Date.now(), { took_s: Math.round(model.load_s), measured_mib: held_mib(model) });
}

function run_on(world, backend, passed_s) {
  const queue = world.order.filter((id) => kModels[world.jobs.get(id).model].backend === backend);
  const job = world.jobs.get(queue[0]);
  if (!job) return;
  const model = world.models.get(job.model);
  if (model.state === 'cold') {
    Object.assign(model, { state: 'loading', loaded_s: 0 });
    world.log('load_started', model.id, { kind: 'request', job: job.id });
  }
  if (model.state !== 'hot') return;
  job.state = 'running';
  job.done_s += passed_s;
  if (model.steps > 0) job.step = Math.min(model.steps, Math.floor((job.done_s / model.run_s) * model.steps));
  if (job.done_s < model.run_s) return;
  const fails = job.prompt.includes('kaputt');
  Object.assign(job, fails ? { state: 'failed', final: true, error: { code: 'run_timeout', params: {} } } : { state: 'done', final: true });
  world.order = world.order.filter((id) => id !== job.id);
}

// ---- what each viewer sees

function waiting_for(world, job, model) {
  if (job.final || job.state === 'running') return 'nothing';
  if (world.workshop.state === 'paused') return 'pause';
  return model.state === 'loading' ? 'model_load' : 'queue';
}

function job_view(world, job, with_prompt) {
  const model = world.models.get(job.model);
  const person = world.people.get(job.person);
  const same = world.order.filter((id) => kModels[world.jobs.get(id).model].backend === model.backend);
  const at = same.indexOf(job.id);
  const load_left = model.state === 'loading' ? model.load_s - model.loaded_s : model.state === 'cold' ? model.load_s : 0;
  const high_s = job.final ? 0 : Math.round(load_left + same.slice(0, at + 1).reduce((t, id) => t + kModels[world.jobs.get(id).model].run_s - world.jobs.get(id).done_s, 0));
  const waits = waiting_for(world, job, model);
  return {
    id: job.id, workshop: 'w1', person: job.person, symbol: person.symbol, group: person.group, medium: model.medium, model: job.model, model_title: model.title,
    state: waits === 'model_load' ? 'loading' : job.state, ahead: job.final || job.state === 'running' ? null : Math.max(0, at),
    eta: job.final ? null : { low_s: Math.round(high_s * 0.7), high_s }, eta_load_s: Math.round(load_left), waiting_for: waits, texts_begin_s: null,
    load: waits === 'model_load' ? load_view(model, true) : null,
    progress: job.state === 'running' && model.steps > 0 ? { step: job.step, steps: model.steps } : null,
    attempt: job.attempt, prompt: with_prompt ? job.prompt : null,
    results: job.state === 'done' ? [{ n: 0, medium: model.medium, mime: model.medium === 'audio' ? 'audio/wav' : model.medium === 'text' ? 'text/plain' : 'image/svg+xml', bytes: 20000, simulated: true, url: `/api/v1/jobs/${job.id}/results/0` }] : [],
    error: job.error, cancelled_by: job.cancelled_by, released: job.released, causes: job.causes, created_at_ms: job.created_at_ms, queued_ms: 0, load_ms: 0, run_ms: 0, simulated: true, edited_from: job.edited_from,
  };
}

function load_view(model, with_title) {
  const done_mib = Math.round((model.loaded_s / model.load_s) * model.vram_mib);
  const eta = { low_s: 1, high_s: Math.round(model.load_s - model.loaded_s) };
  const view = { done_mib, total_mib: model.vram_mib, since_ms: Math.round(model.loaded_s * 1000), eta };
  return with_title ? { model: model.id, title: model.title, ...view } : { ...view, cause: model.last_change };
}

function model_view(world, model) {
  const focus = world.workshop.focus;
  const in_focus = focus.length === 0 || focus.includes(model.id);
  const mine = [...world.jobs.values()].filter((job) => job.model === model.id && !job.final);
  const running = mine.filter((job) => job.state === 'running').length;
  return {
    id: model.id, title: model.title, medium: model.medium, backend: model.backend, state: model.state, offered: true, in_focus, off_reason: in_focus ? null : 'out_of_focus',
    vram_mib: model.vram_mib, vram_source: model.vram_source, declared_mib: model.declared_mib, files_mib: model.files_mib, footprint: model.footprint, pinned: false, waiting: mine.length - running, running,
    run: { low_s: model.run_s * 0.8, high_s: model.run_s }, load: model.state === 'loading' ? load_view(model, false) : null, last_change: model.last_change,
  };
}

function workshop_view(world, role) {
  const all = [...world.jobs.values()];
  const open = all.filter((job) => !job.final);
  const running = open.filter((job) => job.state === 'running').length;
  const waits = open.filter((job) => job.state !== 'running').map((job) => job_view(world, job, false).eta.high_s);
  const per_group = (id) => [...world.people.values()].filter((p) => p.group === id);
  return {
    ...world.workshop, join_code: role === 'participant' ? null : world.workshop.join_code,
    groups: world.workshop.groups.map((g) => ({ ...g, people: per_group(g.id).length, waiting: open.filter((j) => world.people.get(j.person).group === g.id).length })),
    people: world.people.size, waiting: open.length - running, running, done: all.filter((j) => j.state === 'done').length, failed: all.filter((j) => j.state === 'failed').length,
    longest_wait_s: waits.length > 0 ? Math.max(...waits) : null, simulated: true,
  };
}

function me_view(world, viewer) {
  const person = world.people.get(viewer.person);
  const open = [...world.jobs.values()].filter((job) => job.person === viewer.person && !job.final).length;
  const w = world.workshop;
  const why_not = [];
  if (w.state === 'paused') why_not.push('paused');
  if (w.state === 'ended') why_not.push('ended');
  if (w.state === 'planned' || w.state === 'warming') why_not.push('not_started');
  if (!w.intake_open) why_not.push('intake_closed');
  if (open >= w.outstanding_max) why_not.push('limit_reached');
  return { role: viewer.role, person: viewer.person ?? null, symbol: person?.symbol ?? null, group: person?.group ?? null, workshop: 'w1', outstanding: open, can_send: why_not.length === 0, why_not };
}

function board_view(world) {
  const all = [...world.jobs.values()];
  const shown = (job) => ({ url: `/api/v1/jobs/${job.id}/results/0`, mime: 'image/svg+xml', medium: kModels[job.model].medium, symbol: world.people.get(job.person).symbol, simulated: true });
  const released = all.filter((job) => job.released && job.state === 'done').reverse().map(shown);
  const running = all.filter((job) => job.state === 'running').map((job) => job_view(world, job, false));
  return {
    making: running.map(({ symbol, medium, model_title, progress }) => ({ symbol, medium, model_title, progress })),
    next: world.order.filter((id) => world.jobs.get(id).state !== 'running').slice(0, 3).map((id) => { const { symbol, medium } = job_view(world, world.jobs.get(id), false); return { symbol, medium }; }),
    picture: released[0] ?? null, pictures: released.slice(0, 12),
    media: [...world.models.values()].filter((m) => world.workshop.focus.includes(m.id)).map((m) => ({ medium: m.medium, title: m.title, state: m.state, eta: m.state === 'loading' ? load_view(m, false).eta : null })),
    join_url: `${world.address}/join/${world.workshop.join_code}`, qr_svg_path: kQr, qr_size: 21, code: world.workshop.join_code,
  };
}

// A square pattern that looks like a QR code; the real one is made by the server.
const kQr = (() => {
  let path = '';
  const finder = (x, y) => `M${x} ${y}h7v7h-7ZM${x + 1} ${y + 1}v5h5v-5ZM${x + 2} ${y + 2}h3v3h-3Z`;
  for (let y = 0; y < 21; y += 1) for (let x = 0; x < 21; x += 1) {
    const in_finder = (x < 8 && y < 8) || (x > 12 && y < 8) || (x < 8 && y > 12);
    if (!in_finder && (x * 7 + y * 13 + ((x * y) % 5)) % 3 === 0) path += `M${x} ${y}h1v1h-1Z`;
  }
  return path + finder(0, 0) + finder(14, 0) + finder(0, 14);
})();

const record = (values) => Object.fromEntries(values.map((value) => [value.id, value]));

function people_view(world) {
  return record([...world.people.values()].map((p) => {
    const own = [...world.jobs.values()].filter((job) => job.person === p.id);
    return { ...p, waiting: own.filter((j) => !j.final && j.state !== 'running').length, running: own.filter((j) => j.state === 'running').length, done: own.filter((j) => j.state === 'done').length, here: true };
  }));
}

const measured_until = (world, now) => (world.scene === 'blind' ? Math.floor((now - kBlind_ms) / 60_000) * 60_000 : now);

function newest_point(world) {
  const now = Date.now();
  const until = measured_until(world, now);
  return points_of(world, held_mib, until - 2000, until, now).at(-1);
}

function device_view(world, models) {
  const blind = world.scene === 'blind';
  const { used_mib, foreign_mib, backends } = newest_point(world);
  const reserved_mib = models.filter((m) => m.state === 'hot' || m.state === 'loading').reduce((t, m) => t + m.vram_mib, 0);
  const ours = backends.map(({ backend, mib }) => ({ name: kBackends[backend].process, backend, mib }));
  const others = foreign_mib > kDesktop_mib ? [{ name: 'blender', backend: null, mib: foreign_mib - kDesktop_mib }] : [];
  const processes = [...ours, ...others, { name: 'gnome-shell', backend: null, mib: Math.min(foreign_mib, kDesktop_mib) }].sort((a, b) => b.mib - a.mib);
  return {
    id: 'gpu0', name: 'NVIDIA RTX PRO 6000', total_mib: kTotal_mib, reserve_mib: 8 * kGb, used_mib, reserved_mib, foreign_mib,
    probe_ok: !blind, trouble: blind ? kTrouble : null, processes,
  };
}

/** One point a second, and one before and after each load and unload; a lost card leaves a gap. */
export function history(world, device, minutes) {
  const now = Date.now();
  return { device, points: points_of(world, held_mib, now - minutes * 60_000, measured_until(world, now), now) };
}

function machine_view(world) {
  const models = [...world.models.values()];
  return {
    backend: record(Object.entries(kBackends).map(([id, { process: _, ...told }]) => ({
      id, device: 'gpu0', reachable: true, trouble: null, running: [...world.jobs.values()].filter((job) => job.state === 'running' && kModels[job.model].backend === id).length, ...told, simulated: true,
      loaded: models.filter((m) => m.backend === id && m.state === 'hot').map((m) => m.id), since_ms: 3_600_000,
    }))),
    device: { gpu0: device_view(world, models) },
    ledger: record(world.ledger.slice(-200)),
  };
}

export function snapshot_for(world, topic, viewer) {
  const jobs = [...world.jobs.values()];
  const models = record([...world.models.values()].map((m) => model_view(world, m)));
  const entities = { workshop: { w1: workshop_view(world, viewer.role) } };
  if (topic === 'me') Object.assign(entities, { me: { me: me_view(world, viewer) }, model: models, job: record(jobs.filter((j) => j.person === viewer.person).map((j) => job_view(world, j, true))) });
  if (topic === 'workshop') Object.assign(entities, { model: models, job: record(jobs.map((j) => job_view(world, j, true))), person: people_view(world), queue: { w1: { order: world.order } }, ...machine_view(world) });
  if (topic === 'admin') Object.assign(entities, { model: models, job: record(jobs.filter((j) => !j.final).map((j) => job_view(world, j, false))), ...machine_view(world) });
  if (topic === 'board') entities.board = { w1: board_view(world) };
  return { seq: world.seq, server_at_ms: Date.now(), build: 'mock', topic, entities };
}
