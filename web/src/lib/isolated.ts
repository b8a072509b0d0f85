// Names that came from outside, within the sentences of the page.

/** Marks of isolation within a name: one that is left open, or closes another, would reach beyond it. */
const MARKS = /[\u2066-\u2069]/g;

/** A name within a sentence: the direction in which it is written ends with it. In JSX, a `<bdi>` does the same. */
export function isolated(name: string): string {
  return `\u2068${name.replace(MARKS, '')}\u2069`;
}
