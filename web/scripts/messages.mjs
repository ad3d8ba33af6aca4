// Compiles messages/*.json to typed functions in shared/messages.

import { compile } from '@inlang/paraglide-js';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export async function compile_messages() {
  await compile({
    project: join(root, 'project.inlang'),
    outdir: join(root, 'shared/messages'),
    strategy: ['globalVariable', 'baseLocale'],
    outputStructure: 'message-modules',
    emitTsDeclarations: false,
    emitReadme: false,
  });
}

if (process.argv[1] === import.meta.filename) await compile_messages();
