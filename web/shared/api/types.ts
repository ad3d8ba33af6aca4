// The native API, /api/v1. Codes and numbers only; the words are in messages/.
// Times are durations in seconds or server instants in milliseconds since the epoch (fields *_at_ms).

export type Medium = 'text' | 'image' | 'video' | 'audio' | 'music';
export type Role = 'participant' | 'leader' | 'admin' | 'application' | 'board';
export type JobState =
  | 'accepted' | 'checking' | 'queued' | 'loading' | 'running' | 'waiting_for_person'
  | 'done' | 'failed' | 'cancelled' | 'refused';
export type WaitingFor = 'nothing' | 'queue' | 'model_load' | 'pause' | 'backend' | 'person' | 'text_batch';
export type WorkshopState = 'planned' | 'warming' | 'ready' | 'running' | 'paused' | 'ended';
export type ModelState = 'cold' | 'loading' | 'hot' | 'draining' | 'failed';
export type CauseKind =
  | 'request' | 'warm_up' | 'preload' | 'focus_change' | 'make_room' | 'idle_rule' | 'operator_action'
  | 'external' | 'recovery' | 'retry' | 'fair_order' | 'run_failed' | 'load_failed' | 'run_timeout'
  | 'backend_down' | 'foreign_memory' | 'longer_than_usual' | 'cancelled_by_person'
  | 'cancelled_by_leader' | 'workshop_ended' | 'paused' | 'expected_soon' | 'overdue' | 'visit' | 'spilled';
export type By = 'person' | 'leader' | 'admin' | 'stoker';
export type ErrorCode =
  | 'bad_request' | 'too_large' | 'unauthorised' | 'forbidden' | 'wrong_code' | 'not_found' | 'conflict'
  | 'out_of_focus' | 'paused' | 'not_started' | 'ended' | 'limit_reached' | 'queue_full' | 'misfit'
  | 'unknown_model' | 'backend_down' | 'load_failed' | 'run_timeout' | 'provider_blocked' | 'provider_down'
  | 'budget_reached' | 'blocked_text' | 'checker_down' | 'disk_full' | 'internal';
export type OffReason = 'out_of_focus' | 'misfit' | 'backend_down';
export type WhyNot =
  | 'paused' | 'not_started' | 'ended' | 'limit_reached' | 'queue_full' | 'intake_closed' | 'disk_full';
export type LedgerWhat =
  | 'load_started' | 'load_finished' | 'load_failed' | 'unload_started' | 'unload_finished' | 'unload_failed'
  | 'external_load' | 'external_unload' | 'foreign_memory' | 'load_spilled' | 'refused';
export type SizeSource = 'declared' | 'files' | 'measured';
export type Granularity = 'model' | 'backend' | 'self';
export type EngineRemark =
  | 'keeps_one_workflow' | 'keeps_by_ram_pressure' | 'keeps_n_results' | 'keeps_nothing' | 'pages_weights' | 'unloads_after_run'
  | 'unloads_when_idle' | 'queues_ahead' | 'cannot_unload' | 'interrupts_globally' | 'remote_models';
export type Footprint = { count: number; low_mib: number; high_mib: number; last_mib: number };
export type Verdict = 'fits' | 'tight' | 'misfit';
export type Topic = 'me' | 'workshop' | 'board' | 'admin';

export interface ApiErrorBody { error: { code: string; params?: Record<string, string>; retry_after_s?: number } }
export interface Cause { kind: CauseKind; at_ms: number; model?: string; for_model?: string; job?: string; by?: By }
export interface Symbol { animal: number; colour: number }
export interface Eta { low_s: number; high_s: number }
export interface Progress { step: number; steps: number }
export interface JobResult { n: number; medium: Medium; mime: string; bytes: number; simulated: boolean; url: string }
export interface JobLoad {
  model: string; title: string; done_mib: number | null; total_mib: number; since_ms: number; eta: Eta | null;
}

export interface Job {
  id: string;
  workshop: string;
  person: string;
  symbol: Symbol;
  group: string | null;
  medium: Medium;
  model: string;
  model_title: string;
  state: JobState;
  /** Jobs that come before this one on the same engine; null when running or final. */
  ahead: number | null;
  /** Until the result is there; null when not known. */
  eta: Eta | null;
  /** Share of eta.high_s that is loading. */
  eta_load_s: number | null;
  waiting_for: WaitingFor;
  /** With text_batch: the collected texts begin in so many seconds at the latest. */
  texts_begin_s: number | null;
  load: JobLoad | null;
  progress: Progress | null;
  attempt: number;
  prompt: string | null;
  results: JobResult[];
  error: { code: string; params: Record<string, string> } | null;
  cancelled_by: By | null;
  released: boolean;
  causes: Cause[];
  created_at_ms: number;
  queued_ms: number;
  load_ms: number;
  run_ms: number;
  simulated: boolean;
  edited_from: string | null;
}

export interface ModelLoad { done_mib: number | null; total_mib: number; since_ms: number; eta: Eta | null; cause: Cause }
export interface ModelView {
  id: string; title: string; medium: Medium; backend: string;
  state: ModelState;
  offered: boolean;
  in_focus: boolean;
  off_reason: OffReason | null;
  vram_mib: number; vram_source: SizeSource; declared_mib: number; files_mib: number | null; footprint: Footprint | null;
  pinned: boolean;
  waiting: number; running: number;
  run: Eta | null;
  load: ModelLoad | null;
  last_change: Cause | null;
}

export interface GroupView { id: string; title: string; focus: string[]; people: number; waiting: number }
export interface WorkshopView {
  id: string; title: string; state: WorkshopState; join_code: string | null;
  focus: string[];
  groups: GroupView[];
  head_count: number; outstanding_max: number; intake_open: boolean; misfit: 'refuse' | 'turns';
  board_message: string; starts_at_ms: number | null; ends_at_ms: number | null; retention_days: number;
  people: number; waiting: number; running: number; done: number; failed: number;
  longest_wait_s: number | null;
  simulated: boolean;
}

export interface BackendView {
  id: string; kind: string; device: string; reachable: boolean; version: string | null; slots: number;
  running: number; granularity: Granularity; models_max: number; trouble: string | null; remarks: EngineRemark[]; simulated: boolean; loaded: string[]; since_ms: number;
}
export interface DeviceView {
  id: string; name: string; total_mib: number; reserve_mib: number; used_mib: number | null;
  reserved_mib: number; foreign_mib: number; probe_ok: boolean; trouble: string | null; processes: { name: string; backend: string | null; mib: number }[];
}
export interface LedgerEntry {
  id: string; at_ms: number; what: LedgerWhat; model: string | null; title: string | null; device: string | null; cause: Cause;
  predicted_mib: number | null; measured_mib: number | null; took_s: number | null;
}
/** GET /residency/history?device=ID&minutes=N: oldest first; a device that could not be read leaves a gap. */
export type HistoryMark = 'regular' | 'before_load' | 'after_load' | 'before_unload' | 'after_unload';
export interface HistoryPoint {
  ago_s: number; mark: HistoryMark; used_mib: number; foreign_mib: number; backends: { backend: string; mib: number }[];
}
export interface MemoryHistory { device: string; points: HistoryPoint[] }
export interface PersonView {
  id: string; symbol: Symbol; group: string | null; waiting: number; running: number; done: number; here: boolean;
}
export interface QueueView { order: string[] }
export interface BoardPicture { url: string; mime: string; medium: Medium; symbol: Symbol; simulated: boolean }
export interface BoardView {
  making: { symbol: Symbol; medium: Medium; model_title: string; progress: Progress | null }[];
  next: { symbol: Symbol; medium: Medium }[];
  picture: BoardPicture | null;
  pictures: BoardPicture[];
  media: { medium: Medium; title: string; state: ModelState; eta: Eta | null }[];
  join_url: string;
  qr_svg_path: string;
  qr_size: number;
  code: string;
}
export interface Me {
  role: Role; person: string | null; symbol: Symbol | null; group: string | null; workshop: string | null;
  outstanding: number; can_send: boolean; why_not: WhyNot[];
}

export interface Entities {
  workshop: Record<string, WorkshopView>;
  job: Record<string, Job>;
  model: Record<string, ModelView>;
  backend: Record<string, BackendView>;
  device: Record<string, DeviceView>;
  ledger: Record<string, LedgerEntry>;
  person: Record<string, PersonView>;
  queue: Record<string, QueueView>;
  board: Record<string, BoardView>;
  me: Record<string, Me>;
}
export type Kind = keyof Entities;

export interface Snapshot { seq: number; server_at_ms: number; build: string; topic: Topic; entities: Partial<Entities> }
export interface Upsert { seq: number; kind: Kind; id: string; value: unknown }
export interface Remove { seq: number; kind: Kind; id: string }
export interface Revised { seq: number; job: string; reason: CauseKind; eta: Eta | null }
export interface Ping { seq: number; server_at_ms: number }
export type StreamEvent =
  | { type: 'snapshot'; data: Snapshot }
  | { type: 'upsert'; data: Upsert }
  | { type: 'remove'; data: Remove }
  | { type: 'revised'; data: Revised }
  | { type: 'ping'; data: Ping };

export interface JoinAnswer {
  token: string; person: string; symbol: Symbol; group: string | null;
  workshop: { id: string; title: string; state: WorkshopState };
}
export interface FocusPreview {
  unload: string[]; load: { model: string; load: Eta }[]; waits: string[]; takes: Eta; verdict: Verdict;
}
export interface BoardLink { board_token: string }
export interface DeletionReceipt { jobs: number; files: number; bytes: number; texts: number }
