// Size check: JS and CSS each page needs before it works, gzip-9, against the budget of that page.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const kBudget_kb = { 'index.html': 60, 'board.html': 60, 'leader.html': 120, 'admin.html': 160 };
const dist = join(import.meta.dirname, '../dist');
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));

function files_of(key, seen = new Set()) {
  const entry = manifest[key];
  if (seen.has(entry.file)) return seen;
  seen.add(entry.file);
  for (const css of entry.css ?? []) seen.add(css);
  for (const next of entry.imports ?? []) files_of(next, seen);
  return seen;
}

let over = 0;
for (const [page, budget] of Object.entries(kBudget_kb)) {
  const files = [...files_of(page)];
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file)), { level: 9 }).length, 0);
  const ok = bytes <= budget * 1000;
  if (!ok) over += 1;
  console.log(`${ok ? 'ok  ' : 'OVER'} ${page.padEnd(12)} ${(bytes / 1000).toFixed(1).padStart(6)} kB of ${budget} kB in ${files.length} files`);
}
process.exit(over === 0 ? 0 : 1);
