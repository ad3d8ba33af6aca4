// What the leader is told: one answer as headline, one reason per line of the queue.

import type { BackendView, Entities, Job, Medium, ModelView, PersonView, QueueView, WorkshopView } from '../api/types';
import { lang } from '../lang.svelte';
import { m } from '../messages/messages';
import { only } from './store';
import { about, clock, day, short_time } from './time';
import { ahead_noun, is_final } from './wait';
import { count_of, MEDIUM } from './words';

export interface Headline { headline: string; sub: string; tone: 'fine' | 'busy' | 'problem' }

const people_sentence = (n: number): string => (n === 0 ? m.people_0() : n === 1 ? m.people_1() : m.people_n({ n }));

function waiting_sentence(workshop: WorkshopView): string {
  if (workshop.waiting === 0) return workshop.running > 0 ? m.waiting_running() : m.waiting_0();
  const longest = workshop.longest_wait_s;
  const who = workshop.waiting === 1 ? m.waiting_1() : m.waiting_n({ n: workshop.waiting });
  return longest === null ? m.waiting_open({ who }) : m.waiting_until({ who, time: about({ low_s: 0, high_s: longest }) });
}

const present = (workshop: WorkshopView, people: PersonView[]): number =>
  people.length > 0 ? people.filter((person) => person.here).length : workshop.people;

function trouble(models: ModelView[], backends: BackendView[]): string | null {
  const down = backends.find((backend) => !backend.reachable);
  if (down) return m.head_backend_down({ backend: down.id });
  const failed = models.find((model) => model.state === 'failed' && model.in_focus);
  return failed ? m.head_model_failed({ title: failed.title }) : null;
}

function slowest_load(models: ModelView[]): { low_s: number; high_s: number } | null {
  const loads = models.map((model) => model.load?.eta ?? null).filter((eta) => eta !== null);
  return loads.length === 0 ? null : loads.reduce((a, b) => (a.high_s >= b.high_s ? a : b));
}

/** With a start that is still to come, nobody needs to warm up by hand. */
function planned(workshop: WorkshopView, now_ms: number): Headline {
  const at = workshop.starts_at_ms;
  if (at === null || at <= now_ms) return { headline: m.head_planned(), sub: m.head_planned_sub(), tone: 'busy' };
  const loads_by_itself = workshop.focus.length > 0 || workshop.groups.some((group) => group.focus.length > 0);
  const sub = loads_by_itself ? m.head_planned_at_sub() : m.head_planned_sub();
  return { headline: m.head_planned_at({ day: day(at), clock: clock(at) }), sub, tone: 'busy' };
}

export function headline(workshop: WorkshopView, entities: Entities, now_ms: number): Headline {
  const models = Object.values(entities.model);
  const people = Object.values(entities.person);
  const here = people_sentence(present(workshop, people));
  const waiting = waiting_sentence(workshop);
  const both = `${here} ${waiting}`;
  switch (workshop.state) {
    case 'ended': return { headline: m.head_ended(), sub: m.head_ended_sub({ days: workshop.retention_days }), tone: 'fine' };
    case 'paused': return { headline: m.pause_headline(), sub: `${here} ${m.head_paused_sub()}`, tone: 'busy' };
    case 'planned': return planned(workshop, now_ms);
    case 'warming': {
      const eta = slowest_load(models);
      return { headline: m.head_warming(), sub: eta ? m.head_warming_sub({ time: about(eta) }) : m.head_warming_unknown(), tone: 'busy' };
    }
    case 'ready': return { headline: m.head_ready(), sub: `${here} ${m.head_ready_sub()}`, tone: 'fine' };
    case 'running': {
      const wrong = trouble(models, Object.values(entities.backend));
      if (wrong) return { headline: wrong, sub: both, tone: 'problem' };
      if (present(workshop, people) === 0) return { headline: m.head_nobody(), sub: m.head_nobody_sub(), tone: 'fine' };
      return { headline: workshop.intake_open ? m.head_fine() : m.head_closed(), sub: both, tone: 'fine' };
    }
  }
}

export interface QueueRow {
  job: Job;
  running: boolean;
  /** 1, 2, 3 … for those that wait. */
  position: number | null;
  why: string;
  loading: boolean;
  time: string;
  group: string;
  may_move: boolean;
}

/** Inside a line; English nouns lose their capital there. */
const medium_inside = (medium: Medium): string => (lang() === 'en' ? MEDIUM[medium]().toLowerCase() : MEDIUM[medium]());

function why(job: Job, models: ModelView[], workshop: WorkshopView): string {
  if (job.state === 'running') return job.progress ? m.row_steps({ step: job.progress.step, steps: job.progress.steps }) : m.row_running();
  if (job.state === 'checking' || job.state === 'accepted') return m.row_checking();
  if (job.state === 'waiting_for_person') return m.row_person();
  if (job.state === 'loading' || job.waiting_for === 'model_load') return m.row_loading({ title: job.load?.title ?? job.model_title });
  if (job.waiting_for === 'pause') return m.row_paused();
  if (job.waiting_for === 'backend') return m.row_backend();
  if (job.waiting_for === 'text_batch') return m.row_batch();
  if (!job.ahead) return m.row_next();
  return m.row_waits({ things: count_of(job.ahead, ahead_noun(job, models, workshop)) });
}

export function queue_rows(workshop: WorkshopView, entities: Entities): QueueRow[] {
  const models = Object.values(entities.model);
  const order = (only(entities.queue) as QueueView | null)?.order ?? [];
  const rank = new Map(order.map((id, i) => [id, i]));
  const live = Object.values(entities.job).filter((job) => job.workshop === workshop.id && !is_final(job));
  const active = (job: Job): boolean => job.state === 'running';
  live.sort(
    (a, b) =>
      Number(active(b)) - Number(active(a)) ||
      (rank.get(a.id) ?? 1e9) - (rank.get(b.id) ?? 1e9) ||
      a.created_at_ms - b.created_at_ms,
  );
  let position = 0;
  return live.map((job) => {
    const running = active(job);
    if (!running) position += 1;
    const group = workshop.groups.find((g) => g.id === job.group)?.title;
    return {
      job,
      running,
      position: running ? null : position,
      why: job.attempt > 1 ? m.row_again({ why: why(job, models, workshop) }) : why(job, models, workshop),
      loading: !running && (job.state === 'loading' || job.waiting_for === 'model_load'),
      time: short_time(job.eta),
      group: group ? m.row_group({ group, medium: medium_inside(job.medium) }) : MEDIUM[job.medium](),
      may_move: job.state === 'queued' && position > 1,
    };
  });
}

export const results_of = (workshop: WorkshopView, entities: Entities): Job[] =>
  Object.values(entities.job)
    .filter((job) => job.workshop === workshop.id && job.state === 'done' && job.results.length > 0)
    .sort((a, b) => b.created_at_ms - a.created_at_ms);

export const failures_of = (workshop: WorkshopView, entities: Entities): Job[] =>
  Object.values(entities.job)
    .filter((job) => job.workshop === workshop.id && (job.state === 'failed' || job.state === 'refused'))
    .sort((a, b) => b.created_at_ms - a.created_at_ms);

export function totals(workshop: WorkshopView): string {
  const done = workshop.done === 1 ? m.total_done_1() : m.total_done_n({ n: workshop.done });
  if (workshop.failed === 0) return done;
  return `${done} ${workshop.failed === 1 ? m.total_failed_1() : m.total_failed_n({ n: workshop.failed })}`;
}
