// What the projector shows.

import type { BoardView, WorkshopView } from '../api/types';
import { m } from '../messages/messages';
import type { Flame } from './choose';
import { short_time } from './time';
import { MEDIUM, MODEL_STATE } from './words';

export type Screen = 'soon' | 'live' | 'paused' | 'ended';

export function screen_of(workshop: WorkshopView | null, board: BoardView | null): Screen {
  if (!workshop || !board) return 'soon';
  if (workshop.state === 'paused' || workshop.state === 'ended') return workshop.state;
  return workshop.state === 'planned' || workshop.state === 'warming' ? 'soon' : 'live';
}

/** "K7M4PQ" is read out as "K7M 4PQ". */
export const spaced_code = (code: string): string => (code.length === 6 ? `${code.slice(0, 3)} ${code.slice(3)}` : code);

/** What a child types: the host, without scheme and path. */
export function address_words(join_url: string): string {
  try {
    return new URL(join_url).host;
  } catch {
    return join_url;
  }
}

const kLinesMax = 4;

export function media_lines(board: BoardView): { name: string; flame: Flame; word: string }[] {
  const several = new Set(board.media.map((a) => a.medium).filter((medium, i, all) => all.indexOf(medium) !== i));
  return board.media.slice(0, kLinesMax).map((line) => ({
    name: several.has(line.medium) ? line.title : MEDIUM[line.medium](),
    flame: line.state === 'hot' ? 'hot' : line.state === 'loading' ? 'warming' : 'cold',
    word: line.state === 'loading' && line.eta ? m.board_model_loading({ time: short_time(line.eta) }) : MODEL_STATE[line.state](),
  }));
}
