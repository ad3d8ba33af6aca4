// The catalogues themselves: same keys, same placeholders, nothing unused, short sentences where promised.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { set_lang } from '../shared/lang.svelte';
import * as causes from '../shared/state/causes';
import * as engines from '../shared/state/engines';
import * as words from '../shared/state/words';

const root = join(import.meta.dirname, '..');
const catalogue = (lang: string): Record<string, string> => JSON.parse(readFileSync(join(root, `messages/${lang}.json`), 'utf8'));
const [de, en, simple] = [catalogue('de'), catalogue('en'), catalogue('de-simple')];
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((hit) => hit[1]!).sort();

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return path === join('shared', 'messages') ? [] : sources(path);
    return /\.(ts|svelte)$/.test(entry.name) ? [path] : [];
  });
}

describe('Catalogues', () => {
  it('have the same keys in German and English', () => expect(Object.keys(en)).toEqual(Object.keys(de)));
  it('have only known keys in easy language', () => expect(Object.keys(simple).filter((key) => !(key in de))).toEqual([]));
  it('have the same placeholders in every language', () => {
    expect(Object.keys(de).filter((key) => holes(de[key]!).join() !== holes(en[key]!).join())).toEqual([]);
    // Easy language may leave a number out, but never asks for one that isn't there.
    expect(Object.keys(simple).filter((key) => holes(simple[key]!).some((hole) => !holes(de[key]!).includes(hole)))).toEqual([]);
  });
  it('have no empty text', () => {
    for (const one of [de, en, simple]) expect(Object.entries(one).filter(([, text]) => text.trim() === '')).toEqual([]);
  });
  it('have no key that no page uses', () => {
    const text = ['participant', 'board', 'leader', 'admin', 'shared'].flatMap(sources).map((path) => readFileSync(join(root, path), 'utf8')).join('\n');
    const used = new Set([...text.matchAll(/\bm\.(\w+)/g)].map((hit) => hit[1]!));
    expect(Object.keys(de).filter((key) => !used.has(key))).toEqual([]);
  });
  it('keep easy language to 8 words a sentence', () => {
    const long = Object.entries(simple).flatMap(([key, text]) => text.split(/[.!?\n]/).filter((sentence) => sentence.trim().split(/\s+/).length > 8).map((sentence) => `${key}: ${sentence}`));
    expect(long).toEqual([]);
  });
});

describe('Every value of the API', () => {
  const tables = Object.entries({ ...words, ...causes, ...engines } as Record<string, unknown>).filter((entry): entry is [string, Record<string, (inputs: never) => string>] => typeof entry[1] === 'object');
  it.each(['de', 'en', 'de-simple'] as const)('has words in %s', (lang) => {
    set_lang(lang, false);
    expect(tables.length).toBeGreaterThan(10);
    for (const [name, table] of tables) for (const [value, say] of Object.entries(table)) expect(say?.({} as never), `${name}.${value}`).toMatch(/\S/);
  });

  // The contract itself: a code that the server may send and that has no words here is a failure, and so is a word for nothing.
  const schemas = JSON.parse(readFileSync(join(root, '../docs/reference/openapi.json'), 'utf8')).components.schemas as Record<string, { enum?: string[] }>;
  it.each<[string, object]>([
    ['EngineRemark', engines.REMARK], ['EngineRemark', engines.REMARK_DO], ['LedgerKind', causes.WHAT], ['CauseKind', causes.BECAUSE], ['CauseKind', words.GREW],
    ['By', causes.BY], ['SizeSource', causes.SIZE_SOURCE], ['Granularity', causes.GRANULARITY], ['WorkshopState', causes.WORKSHOP_STATE],
    ['ModelState', words.MODEL_STATE], ['JobState', words.STATE], ['OffReason', words.OFF], ['Medium', words.YOURS],
  ])('%s of the contract has exactly these words', (name, table) => {
    expect(Object.keys(table).sort()).toEqual([...(schemas[name]?.enum ?? [])].sort());
  });
  it('tells what an engine’s settings mean in easy language, too', () => {
    const keys = Object.keys(engines.REMARK).flatMap((code) => [`remark_${code}`, `do_${code}`]);
    expect(keys.filter((key) => !(key in simple))).toEqual([]);
  });
});
