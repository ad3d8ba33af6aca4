// Every value of the API's enums has its words here; a missing one is a type error.

import type { FailureCode } from '../api/client';
import type {
  By, Cause, CauseKind, JobState, LedgerEntry, LedgerWhat, Medium, ModelState, OffReason, SizeSource, WhyNot, WorkshopState,
} from '../api/types';
import { m } from '../messages/messages.js';
import { clock } from './time';

type Words<K extends string> = Record<K, () => string>;
export type Noun = Medium | 'mixed';

export const MEDIUM: Words<Noun> = {
  text: m.medium_text, image: m.medium_image, video: m.medium_video, audio: m.medium_audio, music: m.medium_music, mixed: m.medium_mixed,
};
const MANY: Words<Noun> = {
  text: m.media_text, image: m.media_image, video: m.media_video, audio: m.media_audio, music: m.media_music, mixed: m.media_mixed,
};
const ONE: Words<Noun> = {
  text: m.one_text, image: m.one_image, video: m.one_video, audio: m.one_audio, music: m.one_music, mixed: m.one_mixed,
};
/** "Dein Bild" at the start of a sentence. */
export const YOURS: Words<Medium> = {
  text: m.yours_text, image: m.yours_image, video: m.yours_video, audio: m.yours_audio, music: m.yours_music,
};
/** "dein Bild" inside a sentence. */
export const YOURS_INSIDE: Words<Medium> = {
  text: m.yours_inside_text, image: m.yours_inside_image, video: m.yours_inside_video, audio: m.yours_inside_audio, music: m.yours_inside_music,
};
/** "Dieses Bild zurückziehen", "Bild machen", what to describe, how long it takes: one each per medium. */
export const WITHDRAW: Words<Medium> = {
  text: m.withdraw_text, image: m.withdraw_image, video: m.withdraw_video, audio: m.withdraw_audio, music: m.withdraw_music,
};
export const MAKE: Words<Medium> = {
  text: m.make_text, image: m.make_image, video: m.make_video, audio: m.make_audio, music: m.make_music,
};
export const WRITE: Words<Medium> = {
  text: m.write_text, image: m.write_image, video: m.write_video, audio: m.write_audio, music: m.write_music,
};
export const OFFER: Words<Medium> = {
  text: m.offer_text, image: m.offer_image, video: m.offer_video, audio: m.offer_audio, music: m.offer_music,
};
/** "Deine Bilder" over the gallery. */
export const GALLERY: Words<Noun> = {
  text: m.gallery_text, image: m.gallery_image, video: m.gallery_video, audio: m.gallery_audio, music: m.gallery_music, mixed: m.gallery_mixed,
};

/** "3 Bilder", "1 Bild". */
export const count_of = (n: number, noun: Noun): string => (n === 1 ? ONE[noun]() : `${n} ${MANY[noun]()}`);

export const STATE: Words<JobState> = {
  accepted: m.state_accepted, checking: m.state_checking, queued: m.state_queued, loading: m.state_loading, running: m.state_running,
  waiting_for_person: m.state_waiting_for_person, done: m.state_done, failed: m.state_failed, cancelled: m.state_cancelled, refused: m.state_refused,
};
export const MODEL_STATE: Words<ModelState> = {
  cold: m.model_cold, loading: m.model_loading, hot: m.model_hot, draining: m.model_draining, failed: m.model_failed,
};
export const WORKSHOP_STATE: Words<WorkshopState> = {
  planned: m.workshop_planned, warming: m.workshop_warming, ready: m.workshop_ready, running: m.workshop_running, paused: m.workshop_paused, ended: m.workshop_ended,
};
export const OFF: Words<OffReason> = {
  out_of_focus: m.off_out_of_focus, misfit: m.off_misfit, backend_down: m.off_backend_down,
};
export const WHY_NOT: Words<Exclude<WhyNot, 'limit_reached'>> = {
  paused: m.why_paused, not_started: m.why_not_started, ended: m.why_ended, queue_full: m.why_queue_full, intake_closed: m.why_intake_closed, disk_full: m.why_disk_full,
};
/** Why an estimate grew, as half a sentence. */
export const GREW: Words<CauseKind> = {
  request: m.grew_request, warm_up: m.grew_load, preload: m.grew_load, focus_change: m.grew_focus_change, make_room: m.grew_load,
  idle_rule: m.grew_load, operator_action: m.grew_operator_action, external: m.grew_external, recovery: m.grew_recovery, retry: m.grew_retry,
  fair_order: m.grew_fair_order, run_failed: m.grew_retry, load_failed: m.grew_load_failed, run_timeout: m.grew_retry, backend_down: m.grew_backend_down,
  foreign_memory: m.grew_foreign_memory, longer_than_usual: m.grew_longer_than_usual, cancelled_by_person: m.grew_fair_order,
  cancelled_by_leader: m.grew_fair_order, workshop_ended: m.grew_focus_change, paused: m.grew_paused,
};
/** Why something happened, as the half sentence after a colon. */
const BECAUSE: Words<CauseKind> = {
  request: m.because_request, warm_up: m.because_warm_up, preload: m.because_preload, focus_change: m.because_focus_change, make_room: m.because_make_room,
  idle_rule: m.because_idle_rule, operator_action: m.because_operator_action, external: m.because_external, recovery: m.because_recovery, retry: m.because_retry,
  fair_order: m.because_fair_order, run_failed: m.because_run_failed, load_failed: m.because_load_failed, run_timeout: m.because_run_timeout,
  backend_down: m.because_backend_down, foreign_memory: m.because_foreign_memory, longer_than_usual: m.because_longer_than_usual,
  cancelled_by_person: m.because_cancelled_by_person, cancelled_by_leader: m.because_cancelled_by_leader, workshop_ended: m.because_workshop_ended, paused: m.because_paused,
};
export const WHAT: Words<LedgerWhat> = {
  load_started: m.what_load_started, load_finished: m.what_load_finished, load_failed: m.what_load_failed, unload_started: m.what_unload_started,
  unload_finished: m.what_unload_finished, unload_failed: m.what_unload_failed, external_load: m.what_external_load, external_unload: m.what_external_unload,
  foreign_memory: m.what_foreign_memory,
};
const BY: Words<By> = { person: m.by_person, leader: m.by_leader, admin: m.by_admin, stoker: m.by_stoker };
export const SIZE_SOURCE: Words<SizeSource> = { declared: m.size_declared, files: m.size_files, measured: m.size_measured };

/** Whole sentences for every failure a page can meet. */
export const FAILURE: Words<FailureCode> = {
  bad_request: m.error_bad_request, too_large: m.error_too_large, unauthorised: m.error_unauthorised, forbidden: m.error_forbidden,
  wrong_code: m.error_wrong_code, not_found: m.error_not_found, conflict: m.error_conflict, out_of_focus: m.error_out_of_focus,
  paused: m.error_paused, not_started: m.error_not_started, ended: m.error_ended, limit_reached: m.error_limit_reached,
  queue_full: m.error_queue_full, misfit: m.error_misfit, unknown_model: m.error_unknown_model, backend_down: m.error_backend_down,
  load_failed: m.error_load_failed, run_timeout: m.error_run_timeout, provider_blocked: m.error_provider_blocked,
  provider_down: m.error_provider_down, budget_reached: m.error_budget_reached, blocked_text: m.error_blocked_text,
  checker_down: m.error_checker_down, disk_full: m.error_disk_full, internal: m.error_internal, offline: m.error_offline,
};
export const failure_text = (code: string): string => (FAILURE[code as FailureCode] ?? FAILURE.internal)();

/** "„Wan“ brauchte Platz (durch die Leitung)". Titles come from the page's own model list. */
export function because(cause: Cause, title_of: (model: string) => string): string {
  const reason =
    cause.kind === 'make_room' && cause.for_model ? m.because_make_room_for({ title: title_of(cause.for_model) }) : BECAUSE[cause.kind]();
  return cause.by && cause.by !== 'stoker' ? `${reason} (${BY[cause.by]()})` : reason;
}

/** "9:41 geladen: Aufwärmen nach Plan". */
export const ledger_caption = (entry: LedgerEntry, title_of: (model: string) => string): string =>
  m.caption({ clock: clock(entry.at_ms), what: WHAT[entry.what](), because: because(entry.cause, title_of) });
