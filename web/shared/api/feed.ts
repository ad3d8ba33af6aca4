// One event stream per page. The browser ends an EventSource for good on an HTTP error, so this feed
// re-opens it itself: 1, 2, 4, 8, 15 s (± 20 %), at once when the page is online or visible again,
// with a new ticket each time. After three failures it also polls the same snapshot every 5 s.
// Everything the outside gives (network, timers, chance) comes in as an argument.

import { ApiError, type Api } from './client';
import type { Snapshot, StreamEvent, Topic } from './types';

export type Link = 'connecting' | 'live' | 'polling' | 'offline' | 'refused';

export interface Source {
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void;
  close(): void;
}

export interface FeedOptions {
  topic: Topic;
  api: Api;
  on_event: (event: StreamEvent) => void;
  on_link: (link: Link, stale: boolean) => void;
  open_source: (address: string) => Source;
  random: () => number;
}

const kWaits_s = [1, 2, 4, 8, 15];
const kPoll_s = 5;
const kStale_s = 20;
const kFailuresBeforePolling = 3;
const kTypes = ['snapshot', 'upsert', 'remove', 'revised', 'ping'] as const;

export class Feed {
  private source_: Source | null = null;
  private failures_ = 0;
  private retry_: ReturnType<typeof setTimeout> | null = null;
  private poll_: ReturnType<typeof setInterval> | null = null;
  private stale_: ReturnType<typeof setTimeout> | null = null;
  private link_: Link = 'connecting';
  private is_stale_ = false;
  /** Counts connection attempts, so that a late answer of an older attempt is dropped. */
  private attempt_ = 0;

  constructor(private readonly options_: FeedOptions) {}

  open(): void {
    this.arm_stale();
    void this.connect();
  }

  close(): void {
    this.attempt_ += 1;
    this.source_?.close();
    this.source_ = null;
    for (const timer of [this.retry_, this.stale_]) if (timer !== null) clearTimeout(timer);
    if (this.poll_ !== null) clearInterval(this.poll_);
    this.retry_ = this.stale_ = this.poll_ = null;
  }

  /** Online again, or visible again: don't wait for the timer. */
  hurry(): void {
    if (this.source_ !== null && this.link_ === 'live' && !this.is_stale_) return;
    if (this.link_ === 'refused') return;
    void this.connect();
  }

  private async connect(): Promise<void> {
    const attempt = ++this.attempt_;
    if (this.retry_ !== null) clearTimeout(this.retry_);
    this.retry_ = null;
    this.source_?.close();
    this.source_ = null;
    let ticket: string;
    try {
      ticket = (await this.options_.api.send<{ ticket: string }>('POST', '/tickets')).ticket;
    } catch (error) {
      if (attempt === this.attempt_) this.failed(error);
      return;
    }
    if (attempt !== this.attempt_) return;
    const source = this.options_.open_source(
      `/api/v1/events?topic=${this.options_.topic}&ticket=${encodeURIComponent(ticket)}`,
    );
    this.source_ = source;
    for (const type of kTypes) {
      source.addEventListener(type, (event) => {
        if (this.source_ === source) this.receive(type, event.data);
      });
    }
    source.addEventListener('error', () => {
      if (this.source_ === source) this.failed(null);
    });
  }

  private receive(type: StreamEvent['type'], text: unknown): void {
    let data: unknown;
    try {
      data = JSON.parse(String(text));
    } catch {
      return;
    }
    if (type === 'snapshot') {
      this.failures_ = 0;
      this.stop_polling();
    }
    this.options_.on_event({ type, data } as StreamEvent);
    this.arm_stale();
    this.report(type === 'snapshot' || this.link_ === 'live' ? 'live' : this.link_);
  }

  private failed(error: unknown): void {
    this.source_?.close();
    this.source_ = null;
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      this.close();
      this.report('refused');
      return;
    }
    const wait_s = kWaits_s[Math.min(this.failures_, kWaits_s.length - 1)] ?? 15;
    this.failures_ += 1;
    if (this.failures_ >= kFailuresBeforePolling) this.start_polling();
    this.report(this.link_ === 'polling' ? 'polling' : 'offline');
    const jitter = 0.8 + 0.4 * this.options_.random();
    this.retry_ = setTimeout(() => void this.connect(), wait_s * 1000 * jitter);
  }

  private start_polling(): void {
    this.poll_ ??= setInterval(() => void this.poll(), kPoll_s * 1000);
  }

  private stop_polling(): void {
    if (this.poll_ !== null) clearInterval(this.poll_);
    this.poll_ = null;
  }

  private async poll(): Promise<void> {
    try {
      const data = await this.options_.api.get<Snapshot>(`/state?topic=${this.options_.topic}`);
      if (this.poll_ === null) return;
      this.options_.on_event({ type: 'snapshot', data });
      this.arm_stale();
      this.report('polling');
    } catch {
      if (this.poll_ !== null) this.report('offline');
    }
  }

  private arm_stale(): void {
    if (this.stale_ !== null) clearTimeout(this.stale_);
    this.is_stale_ = false;
    this.stale_ = setTimeout(() => {
      this.is_stale_ = true;
      this.options_.on_link(this.link_, true);
      this.hurry();
    }, kStale_s * 1000);
  }

  private report(link: Link): void {
    this.link_ = link;
    this.options_.on_link(link, this.is_stale_);
  }
}
