// Every value of the API's enums has its words here; a missing one is a type error.

import type { FailureCode } from '../api/client';
import type {
  CauseKind, JobState, Medium, ModelState, OffReason, WhyNot,
} from '../api/types';
import { m } from '../messages/messages';

export type Words<K extends string> = Record<K, () => string>;
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
  expected_soon: m.grew_load, overdue: m.grew_turn, visit: m.grew_turn, spilled: m.grew_load,
};
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
