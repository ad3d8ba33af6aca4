// Which sign a tile carries while there is no result to show.

import type { Job } from '../api/types';
import type { Flame } from './choose';

export function flame_word(job: Job): Flame | null {
  if (job.state === 'running') return 'hot';
  if (job.state === 'loading' || job.waiting_for === 'model_load') return 'warming';
  return null;
}
