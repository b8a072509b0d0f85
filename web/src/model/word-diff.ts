// Two texts word by word: which words of each are not in the other at that place. Pure.

export interface Piece {
  text: string;
  changed: boolean;
}

/** Most pairs of words that are looked at; beyond that all between a shared begin and a shared end counts as changed. */
const MAX_CELLS = 1 << 20;

/** Words, white space and signs, which together are the text. */
function wordsOf(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

/** Neighbours of one kind are one piece. */
function piecesOf(words: readonly string[], changed: (at: number) => boolean): Piece[] {
  const pieces: Piece[] = [];
  words.forEach((text, at) => {
    const last = pieces[pieces.length - 1];
    if (last && last.changed === changed(at)) last.text += text;
    else pieces.push({ text, changed: changed(at) });
  });
  return pieces;
}

/** Texts that share less than this part of their letters are two texts; marking their words would tell nothing. */
const ALIKE = 0.3;

/** Both texts in pieces; without the changed ones they are the same. Nothing is marked of texts that have little in common. */
export function diffWords(left: string, right: string): { left: Piece[]; right: Piece[] } {
  const found = changesOf(left, right);
  const lettersOf = (pieces: Piece[]) => pieces.map(({ text }) => text.replace(/\s/g, '').length);
  const all = lettersOf([...found.left, ...found.right]).reduce((sum, length) => sum + length, 0);
  const kept = lettersOf([...found.left, ...found.right].filter(({ changed }) => !changed));
  if (kept.reduce((sum, length) => sum + length, 0) >= all * ALIKE) return found;
  const whole = (text: string) => (text === '' ? [] : [{ text, changed: false }]);
  return { left: whole(left), right: whole(right) };
}

function changesOf(left: string, right: string): { left: Piece[]; right: Piece[] } {
  const [a, b] = [wordsOf(left), wordsOf(right)];
  const most = Math.min(a.length, b.length);
  let begin = 0;
  while (begin < most && a[begin] === b[begin]) begin += 1;
  let end = 0;
  while (end < most - begin && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const kept = keptBetween(a.slice(begin, a.length - end), b.slice(begin, b.length - end));
  const changedIn = (words: string[], inside: ReadonlySet<number>) => (at: number) =>
    at >= begin && at < words.length - end && !inside.has(at - begin);
  return { left: piecesOf(a, changedIn(a, kept.left)), right: piecesOf(b, changedIn(b, kept.right)) };
}

/** The places of the longest common subsequence in both. */
function keptBetween(a: readonly string[], b: readonly string[]): { left: Set<number>; right: Set<number> } {
  const kept = { left: new Set<number>(), right: new Set<number>() };
  if (a.length * b.length > MAX_CELLS) return kept;
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      kept.left.add(i);
      kept.right.add(j);
      i += 1;
      j += 1;
    } else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i += 1;
    else j += 1;
  }
  return kept;
}
