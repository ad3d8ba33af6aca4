// What may be made today, and why sending is off.

import type { Job, Me, Medium, ModelView, WorkshopView } from '../api/types';
import { m } from '../messages/messages';
import { is_final } from './wait';
import { about } from './time';
import { count_of, MEDIUM, OFF, OFFER, WHY_NOT, type Noun } from './words';

export type Flame = 'hot' | 'warming' | 'cold';

export interface Offer {
  model: ModelView;
  flame: Flame;
  state: string;
  text: string;
  ready: boolean;
  /** Shown beside the medium when the medium alone does not say which one. */
  title: string | null;
}
export interface NotToday { model: ModelView; reason: string; title: string | null }

/** The server's limit. */
export const kPromptMax = 4000;
const kPromptMin = 3;
const kCountFrom = 3800;

export const flame_of = (model: ModelView): Flame =>
  model.state === 'hot' ? 'hot' : model.state === 'loading' ? 'warming' : 'cold';

const ORDER: Medium[] = ['image', 'video', 'audio', 'music', 'text'];
const by_medium = (a: ModelView, b: ModelView): number =>
  ORDER.indexOf(a.medium) - ORDER.indexOf(b.medium) || a.title.localeCompare(b.title);

function offer_text(model: ModelView): string {
  switch (model.state) {
    case 'hot': return model.run ? m.offer_run({ offer: OFFER[model.medium](), time: about(model.run) }) : OFFER[model.medium]();
    case 'loading': return model.load?.eta ? m.offer_loading({ time: about(model.load.eta) }) : m.offer_loading_unknown();
    case 'failed': return m.offer_failed();
    default: return m.offer_cold();
  }
}

function state_word(model: ModelView): string {
  if (model.state === 'hot') return m.model_hot();
  if (model.state === 'loading') return m.model_loading();
  return model.state === 'failed' ? m.model_resting() : m.model_cold();
}

export function offers(models: ModelView[]): { today: Offer[]; not_today: NotToday[] } {
  const sorted = [...models].sort(by_medium);
  const open = sorted.filter((model) => model.offered && model.in_focus && model.off_reason === null);
  const several = new Set(open.map((a) => a.medium).filter((medium, i, all) => all.indexOf(medium) !== i));
  const today = open.map((model) => ({
    model,
    flame: flame_of(model),
    state: state_word(model),
    text: offer_text(model),
    ready: model.state === 'hot',
    title: several.has(model.medium) ? model.title : null,
  }));
  const media_open = new Set(open.map((model) => model.medium));
  const not_today = sorted
    .filter((model) => !open.includes(model))
    .map((model) => ({
      model,
      reason: OFF[model.off_reason ?? 'out_of_focus'](),
      title: media_open.has(model.medium) || sorted.filter((x) => x.medium === model.medium && !open.includes(x)).length > 1 ? model.title : null,
    }));
  return { today, not_today };
}

export const noun_of = (jobs: Job[]): Noun => {
  const media = new Set(jobs.map((job) => job.medium));
  return media.size === 1 ? [...media][0]! : 'mixed';
};

/** Neuter nouns say "eins, das nächste", the others "einer, der nächste". */
const NEUTER: Noun[] = ['image', 'video', 'music'];

function limit_sentence(jobs: Job[], me: Me): string {
  const open = jobs.filter((job) => !is_final(job));
  const noun = noun_of(open);
  const things = count_of(Math.max(me.outstanding, open.length), noun);
  return NEUTER.includes(noun) ? m.limit_neuter({ things }) : m.limit_masculine({ things });
}

export interface SendInput {
  text: string;
  model: ModelView | null;
  me: Me | null;
  jobs: Job[];
  workshop: WorkshopView | null;
  online: boolean;
}

/** Why sending is off, the most important first; empty when it may be sent. */
export function send_reasons(input: SendInput): string[] {
  const { me, model } = input;
  const reasons: string[] = [];
  for (const why of me?.why_not ?? []) reasons.push(why === 'limit_reached' ? limit_sentence(input.jobs, me!) : WHY_NOT[why]());
  if (model !== null && (!model.offered || !model.in_focus || model.off_reason !== null)) {
    reasons.push(m.why_model_off({ medium: MEDIUM[model.medium](), reason: OFF[model.off_reason ?? 'out_of_focus']() }));
  }
  const length = input.text.trim().length;
  if (length < kPromptMin) reasons.push(m.why_short());
  if (length > kPromptMax) reasons.push(m.why_long({ n: length - kPromptMax }));
  if (!input.online) reasons.push(m.why_offline());
  return reasons;
}

export function count_sentence(text: string): string | null {
  const left = kPromptMax - text.trim().length;
  if (text.trim().length < kCountFrom || left < 0) return null;
  return left === 1 ? m.count_left_1() : m.count_left({ n: left });
}
