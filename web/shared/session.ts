// What a page keeps on this device: a token per role and workshop, and the unsent draft.
// Storage may be refused (private windows); the page then works until it is closed.

import type { Symbol } from './api/types';

const memory = new Map<string, string>();

export function read(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

export function write(key: string, value: string): void {
  memory.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // Kept in memory only.
  }
}

export function erase(key: string): void {
  memory.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // Nothing was stored.
  }
}

export interface PersonSession { token: string; workshop: string; title: string; symbol: Symbol }

const kPerson = 'stoker.person';
const draft_key = (workshop: string): string => `stoker.draft.${workshop}`;

export function load_person(): PersonSession | null {
  const workshop = read(kPerson);
  const text = workshop === null ? null : read(`${kPerson}.${workshop}`);
  try {
    return text === null ? null : (JSON.parse(text) as PersonSession);
  } catch {
    return null;
  }
}

export function save_person(session: PersonSession): void {
  write(kPerson, session.workshop);
  write(`${kPerson}.${session.workshop}`, JSON.stringify(session));
}

/** Forgets the token and the draft: the next child must find an empty tablet. */
export function forget_person(session: PersonSession): void {
  erase(`${kPerson}.${session.workshop}`);
  erase(kPerson);
  erase(draft_key(session.workshop));
}

export const load_draft = (workshop: string): string => read(draft_key(workshop)) ?? '';
export const save_draft = (workshop: string, text: string): void => (text === '' ? erase(draft_key(workshop)) : write(draft_key(workshop), text));

/** Leader, admin and board tokens come in the fragment (#t=…), which never reaches the server. */
export function role_token(role: 'leader' | 'admin' | 'board'): string | null {
  const found = /^#t=([^&]+)/.exec(location.hash);
  if (found?.[1]) {
    const token = decodeURIComponent(found[1]);
    write(`stoker.${role}`, token);
    history.replaceState(null, '', location.pathname + location.search);
    return token;
  }
  return read(`stoker.${role}`);
}
