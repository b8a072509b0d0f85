// Keys lead from point to point and from line to line, and no further than a chart goes.
import { expect, test } from 'vitest';
import { type ChartRoom, cursorAfter, isIn } from './chart-cursor';

const LINES: ChartRoom = { points: 5, lines: 3, stretches: false };
const BARS: ChartRoom = { points: 5, lines: 1, stretches: true };

/** The place after some keys, from nowhere; `+` before a key is Shift. */
function after(room: ChartRoom, ...keys: string[]) {
  let cursor: ReturnType<typeof cursorAfter> = null;
  for (const key of keys) cursor = cursorAfter(room, cursor, key.replace('+', ''), key.startsWith('+')) ?? cursor;
  return cursor;
}

test('the first key enters at its end, the next ones go on', () => {
  expect(after(LINES, 'ArrowRight')).toEqual({ at: 0, from: 0, line: 0 });
  expect(after(LINES, 'ArrowLeft')).toEqual({ at: 4, from: 4, line: 0 });
  expect(after(LINES, 'ArrowRight', 'ArrowRight')?.at).toBe(1);
  expect(after(LINES, 'End', 'ArrowLeft')?.at).toBe(3);
  expect(after(LINES, 'End', 'Home')?.at).toBe(0);
});

test('the ends are the ends', () => {
  expect(after(LINES, 'Home', 'ArrowLeft')?.at).toBe(0);
  expect(after(LINES, 'End', 'ArrowRight')?.at).toBe(4);
});

test('up and down choose a line at the same point, and above the first one all of them', () => {
  expect(after(LINES, 'End', 'ArrowDown')).toEqual({ at: 4, from: 4, line: 1 });
  expect(after(LINES, 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown')?.line).toBe(3);
  expect(after(LINES, 'ArrowDown', 'ArrowUp', 'ArrowUp')?.line).toBe(0);
  expect(after(LINES, 'ArrowDown', 'ArrowRight')).toEqual({ at: 1, from: 1, line: 1 });
});

test('Shift chooses a stretch where there are stretches, and any other move leaves it', () => {
  expect(after(BARS, 'End', '+ArrowLeft', '+ArrowLeft')).toEqual({ at: 2, from: 4, line: 0 });
  expect(after(BARS, 'End', '+Home')).toEqual({ at: 0, from: 4, line: 0 });
  expect(after(BARS, 'End', '+ArrowLeft', 'ArrowLeft')).toEqual({ at: 2, from: 2, line: 0 });
  expect(after(BARS, '+ArrowLeft')).toEqual({ at: 4, from: 4, line: 0 });
  expect(after(LINES, 'End', '+ArrowLeft')).toEqual({ at: 3, from: 3, line: 0 });
});

test('other keys, lines of a chart of one, and a chart without points are left alone', () => {
  expect(cursorAfter(LINES, null, 'PageDown', false)).toBeNull();
  expect(cursorAfter(BARS, null, 'ArrowDown', false)).toBeNull();
  expect(cursorAfter({ ...LINES, points: 0 }, null, 'ArrowRight', false)).toBeNull();
});

test('a chart that has become smaller has no place for a cursor beyond it', () => {
  const cursor = { at: 4, from: 4, line: 2 };
  expect(isIn(LINES, cursor)).toBe(true);
  expect(isIn({ ...LINES, points: 4 }, cursor)).toBe(false);
  expect(isIn({ ...LINES, lines: 1 }, cursor)).toBe(false);
  expect(isIn(BARS, { at: 1, from: 5, line: 0 })).toBe(false);
});
