// What a participant is told about one piece of work: the answer first, then how long, then what to do.

import type { Job, ModelView, Progress, WaitingFor, WorkshopView } from '../api/types';
import { m } from '../messages/messages';
import type { Revision } from './store';
import { about, band, gb, takes } from './time';
import { count_of, failure_text, GREW, YOURS, YOURS_INSIDE, type Noun } from './words';

export const FINAL = new Set(['done', 'failed', 'cancelled', 'refused']);
export const is_final = (job: Job): boolean => FINAL.has(job.state);

/** While it waits for these, nobody's work is being made at its engine. */
const STANDS = new Set<WaitingFor>(['pause', 'backend', 'text_batch']);

// Texts are not checked in this version, so no stage says so.
export const STAGES = ['accepted', 'queued', 'making', 'done'] as const;
export type Stage = (typeof STAGES)[number];

export interface WaitView {
  headline: string;
  detail: string | null;
  /** One more sentence: why it takes longer, or that it is tried again. */
  note: string | null;
  stage: number;
  /** The row of stones, when a place in the queue is known. */
  ahead: number | null;
  /** Whether the first place is being worked on right now. */
  making: boolean;
  load: { title: string; sizes: string | null; share: number | null; place: string } | null;
  progress: Progress | null;
  /** Spoken when it changes, and only then. */
  band_key: string;
}

/** The noun for what is ahead: the medium, if this engine makes nothing else today, else a neutral word. */
export function ahead_noun(job: Job, models: ModelView[], workshop: WorkshopView | null): Noun {
  const backend = models.find((model) => model.id === job.model)?.backend;
  if (backend === undefined) return job.medium;
  const focus = new Set([...(workshop?.focus ?? []), ...(workshop?.groups ?? []).flatMap((group) => group.focus)]);
  const others = models.filter((model) => model.backend === backend && model.offered && (focus.size === 0 || focus.has(model.id)));
  return others.every((model) => model.medium === job.medium) ? job.medium : 'mixed';
}

export function place_sentence(ahead: number | null, noun: Noun): string {
  if (ahead === null || ahead === 0) return m.wait_next();
  return ahead === 1 ? m.wait_ahead_1({ things: count_of(1, noun) }) : m.wait_ahead_n({ things: count_of(ahead, noun) });
}

function stage_of(job: Job): number {
  switch (job.state) {
    case 'accepted': return 0;
    case 'checking': return 0;
    case 'running': return 2;
    case 'waiting_for_person': return 2;
    case 'done': return 3;
    default: return 1;
  }
}

interface Sentences { headline: string; detail: string | null; band_key: string }

function loading_sentences(job: Job): Sentences {
  const title = job.load?.title ?? job.model_title;
  const eta = job.load?.eta ?? null;
  const headline = eta === null ? m.load_now_unknown({ title }) : m.load_now({ title, time: about(eta) });
  return { headline, detail: m.load_after(), band_key: headline };
}

/** Several texts are written together; that the engine waits for them on purpose must not look like standing still. */
function batch_sentences(job: Job): Sentences {
  const begins = job.texts_begin_s === null ? null : { low_s: 0, high_s: job.texts_begin_s };
  const when = band(begins);
  const detail = when === 'unknown' ? takes(job.eta) : when === 'soon' ? m.batch_soon() : m.batch_within({ time: about(begins) });
  const headline = m.batch_headline();
  return { headline, detail, band_key: `${headline} ${detail}` };
}

function queued_sentences(job: Job, noun: Noun): Sentences {
  switch (job.waiting_for) {
    case 'model_load': return loading_sentences(job);
    case 'pause': return { headline: m.pause_headline(), detail: m.pause_detail(), band_key: 'pause' };
    case 'backend': return { headline: m.backend_headline(), detail: m.backend_detail(), band_key: 'backend' };
    case 'text_batch': return batch_sentences(job);
    default: {
      const headline = place_sentence(job.ahead, noun);
      const detail = takes(job.eta);
      return { headline, detail, band_key: `${headline} ${detail}` };
    }
  }
}

function sentences(job: Job, noun: Noun): Sentences {
  switch (job.state) {
    case 'accepted': return { headline: m.accepted_headline(), detail: null, band_key: 'accepted' };
    case 'checking': return { headline: m.checking_headline(), detail: null, band_key: 'checking' };
    case 'loading': return loading_sentences(job);
    case 'waiting_for_person': return { headline: m.person_headline(), detail: m.person_detail(), band_key: 'person' };
    case 'running': {
      const yours = YOURS[job.medium]();
      const steps = job.progress;
      const headline = steps ? m.running_steps({ yours, step: steps.step, steps: steps.steps }) : m.running({ yours });
      return { headline, detail: takes(job.eta), band_key: `running ${takes(job.eta)}` };
    }
    default: return queued_sentences(job, noun);
  }
}

export function wait_view(job: Job, models: ModelView[], workshop: WorkshopView | null, revision: Revision | null): WaitView {
  const noun = ahead_noun(job, models, workshop);
  const said = sentences(job, noun);
  const loading = job.state === 'loading' || (job.state === 'queued' && job.waiting_for === 'model_load');
  const load = loading
    ? {
        title: job.load?.title ?? job.model_title,
        sizes: job.load?.done_mib != null ? m.sizes({ done: gb(job.load.done_mib), total: gb(job.load.total_mib) }) : null,
        share: job.load?.done_mib != null && job.load.total_mib > 0 ? Math.min(1, job.load.done_mib / job.load.total_mib) : null,
        place: m.keep_place({ place: place_sentence(job.ahead, noun) }),
      }
    : null;
  // A break is said in the headline already.
  const told = job.waiting_for === 'pause' || revision?.reason === 'paused';
  const grew = revision && !told && !is_final(job) ? m.grew({ reason: GREW[revision.reason]() }) : null;
  const again = job.attempt > 1 ? m.again() : null;
  const queued = job.state === 'queued' && !loading;
  return {
    ...said,
    note: again ?? grew,
    stage: stage_of(job),
    ahead: queued ? (job.ahead ?? 0) : null,
    making: queued && !STANDS.has(job.waiting_for),
    load,
    progress: job.state === 'running' ? job.progress : null,
  };
}

export interface EndView { headline: string; detail: string | null; kind: 'done' | 'retry' | 'rewrite' }

function refused(job: Job): EndView {
  if (job.error?.code !== 'blocked_text') return { headline: m.refused_headline(), detail: failure_text(job.error?.code ?? 'internal'), kind: 'rewrite' };
  switch (job.error.params['value']) {
    case 'name': return { headline: m.blocked_name(), detail: m.blocked_name_detail(), kind: 'rewrite' };
    case 'frightening': return { headline: m.blocked_frightening(), detail: m.blocked_frightening_detail(), kind: 'rewrite' };
    case 'symbol': return { headline: m.blocked_symbol(), detail: m.blocked_symbol_detail(), kind: 'rewrite' };
    case 'result': return { headline: m.held_back(), detail: m.held_back_detail(), kind: 'rewrite' };
    default: return { headline: m.blocked_other(), detail: m.blocked_other_detail(), kind: 'rewrite' };
  }
}

function cancelled(job: Job): EndView {
  const kept = m.text_kept();
  switch (job.cancelled_by) {
    case 'leader': return { headline: m.cancelled_leader(), detail: kept, kind: 'retry' };
    case 'admin': return { headline: m.cancelled_admin(), detail: kept, kind: 'retry' };
    case 'stoker': return { headline: m.cancelled_stoker(), detail: kept, kind: 'retry' };
    default: return { headline: m.cancelled_person(), detail: kept, kind: 'retry' };
  }
}

export function end_view(job: Job): EndView {
  switch (job.state) {
    case 'done': return { headline: m.done_headline({ yours: YOURS_INSIDE[job.medium]() }), detail: null, kind: 'done' };
    case 'cancelled': return cancelled(job);
    case 'refused': return refused(job);
    default: return { headline: m.failed_headline(), detail: m.failed_detail(), kind: 'retry' };
  }
}
