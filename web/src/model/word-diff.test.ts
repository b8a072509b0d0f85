import { expect, test } from 'vitest';
import { diffWords, type Piece } from './word-diff';

const shown = (pieces: Piece[]) => pieces.map(({ text, changed }) => (changed ? `[${text}]` : text)).join('');

function check(left: string, right: string, expected: [string, string]) {
  const found = diffWords(left, right);
  expect([shown(found.left), shown(found.right)]).toEqual(expected);
  const whole = (pieces: Piece[]) => pieces.map(({ text }) => text).join('');
  expect([whole(found.left), whole(found.right)]).toEqual([left, right]);
}

test('words that differ are told apart', () => {
  check('', '', ['', '']);
  check('same', 'same', ['same', 'same']);
  check('It ships today.', 'It ships on Monday.', ['It ships [today].', 'It ships [on Monday].']);
  check('a b c d', 'a c e d', ['a [b ]c d', 'a c[ e] d']);
});

test('nothing is marked of texts that have little in common', () => {
  check('', 'new', ['', 'new']);
  check('Where is the order?', 'It is a gravel bike', ['Where is the order?', 'It is a gravel bike']);
});

test('texts too long for a table differ as a whole between what they share', () => {
  const words = (from: number) => Array.from({ length: 2000 }, (_, at) => `w${from + at}`).join(' ');
  const shared = 'shared '.repeat(3000);
  const { left } = diffWords(`${shared}${words(0)} end`, `${shared}${words(5000)} end`);
  expect(left.map(({ changed }) => changed)).toEqual([false, true, false]);
});
