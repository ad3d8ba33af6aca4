// Results need the Authorization header, so pictures are fetched and shown as blob addresses.
// Addresses in use are never revoked; of the others the newest few are kept.

import type { Api } from './client';

/** The text is read from the blob itself: the security policy forbids fetching a blob address. */
export interface Loaded { address: string; text: () => Promise<string> }
interface Entry { uses: number; loaded: Promise<Loaded>; address: string | null }

export class Blobs {
  private readonly entries_ = new Map<string, Entry>();

  constructor(
    private readonly api_: Api,
    private readonly idle_max_ = 24,
  ) {}

  acquire(url: string): Promise<Loaded> {
    const known = this.entries_.get(url);
    if (known) {
      known.uses += 1;
      return known.loaded;
    }
    const loaded = this.api_.blob(url).then((blob): Loaded => {
      const address = URL.createObjectURL(blob);
      if (this.entries_.get(url) === entry) entry.address = address;
      else URL.revokeObjectURL(address);
      return { address, text: () => blob.text() };
    });
    const entry: Entry = { uses: 1, address: null, loaded };
    loaded.catch(() => this.entries_.get(url) === entry && this.entries_.delete(url));
    this.entries_.set(url, entry);
    return loaded;
  }

  release(url: string): void {
    const entry = this.entries_.get(url);
    if (!entry) return;
    entry.uses = Math.max(0, entry.uses - 1);
    // Most recently used last.
    this.entries_.delete(url);
    this.entries_.set(url, entry);
    const idle = [...this.entries_].filter(([, e]) => e.uses === 0);
    for (const [old] of idle.slice(0, Math.max(0, idle.length - this.idle_max_))) this.drop(old);
  }

  clear(): void {
    for (const url of [...this.entries_.keys()]) this.drop(url);
  }

  get size(): number {
    return this.entries_.size;
  }

  private drop(url: string): void {
    const entry = this.entries_.get(url);
    this.entries_.delete(url);
    if (entry?.address) URL.revokeObjectURL(entry.address);
  }
}
