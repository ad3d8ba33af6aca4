// Results of the stand-in: one of three drawn pictures, or a second of silence.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const kArt = ['lighthouse', 'mushrooms', 'forest'].map((name) => readFileSync(join(import.meta.dirname, 'art', `${name}.svg`)));

export function picture(job) {
  return ['image/svg+xml', kArt[Number(job.id.slice(1)) % kArt.length]];
}

export function silence() {
  const samples = 8000;
  const bytes = Buffer.alloc(44 + samples, 128);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + samples, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(8000, 24);
  bytes.writeUInt32LE(8000, 28);
  bytes.writeUInt16LE(1, 32);
  bytes.writeUInt16LE(8, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(samples, 40);
  return ['audio/wav', bytes];
}
