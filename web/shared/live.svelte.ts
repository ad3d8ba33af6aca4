// Joins the feed to reactive state: one Live per page.

import { api_for, type Api } from './api/client';
import { Feed, type Link, type Source } from './api/feed';
import type { Topic } from './api/types';
import { apply, empty_store, type Store } from './state/store';

const kHiddenClose_ms = 60_000;

export class Live {
  store = $state.raw<Store>(empty_store());
  link = $state<Link>('connecting');
  stale = $state(false);
  readonly api: Api;
  private feed_: Feed | null = null;
  private hidden_: ReturnType<typeof setTimeout> | null = null;
  private readonly leave_ = new AbortController();

  constructor(
    private readonly topic_: Topic,
    readonly token: string,
  ) {
    this.api = api_for(token);
  }

  /** False while nothing was heard for 20 s or the connection is known to be gone. */
  get fresh(): boolean {
    return !this.stale && this.link !== 'offline';
  }

  start(): void {
    this.open();
    const { signal } = this.leave_;
    addEventListener('online', () => this.hurry(), { signal });
    addEventListener('pagehide', () => this.pause(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.hurry(), { signal });
    document.addEventListener('visibilitychange', () => this.visibility(), { signal });
  }

  stop(): void {
    this.leave_.abort();
    this.pause();
    if (this.hidden_ !== null) clearTimeout(this.hidden_);
  }

  private visibility(): void {
    if (this.hidden_ !== null) clearTimeout(this.hidden_);
    this.hidden_ = null;
    // A board may sit behind another window all day; only tablets and laptops give their stream back.
    if (document.hidden && this.topic_ !== 'board') this.hidden_ = setTimeout(() => this.pause(), kHiddenClose_ms);
    if (!document.hidden) this.hurry();
  }

  private hurry(): void {
    if (this.feed_ === null) this.open();
    else this.feed_.hurry();
  }

  private pause(): void {
    this.feed_?.close();
    this.feed_ = null;
  }

  private open(): void {
    this.feed_ = new Feed({
      topic: this.topic_,
      api: this.api,
      on_event: (event) => (this.store = apply(this.store, event, Date.now())),
      on_link: (link, stale) => {
        this.link = link;
        this.stale = stale;
      },
      open_source: (address) => new EventSource(address) as unknown as Source,
      random: Math.random,
    });
    this.feed_.open();
  }
}
