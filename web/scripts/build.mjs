// Each page is built on its own: a tablet then loads two files and nothing that another page needs.
// The manifests are merged into one, dist/.vite/manifest.json.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { compile_messages } from './messages.mjs';

const root = join(import.meta.dirname, '..');
const out = join(root, 'dist');
const kPages = ['index.html', 'board.html', 'leader.html', 'admin.html'];

compile_messages();
rmSync(out, { recursive: true, force: true });
const merged = {};
for (const page of kPages) {
  const manifest = `.vite/${page}.json`;
  await build({
    root,
    logLevel: 'warn',
    build: { outDir: out, emptyOutDir: false, manifest, rollupOptions: { input: join(root, page) } },
  });
  Object.assign(merged, JSON.parse(readFileSync(join(out, manifest), 'utf8')));
  rmSync(join(out, manifest));
}
mkdirSync(join(out, '.vite'), { recursive: true });
writeFileSync(join(out, '.vite/manifest.json'), `${JSON.stringify(merged, null, 2)}\n`);
