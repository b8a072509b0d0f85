// The words of a preview, a text in one line, without the marks of Markdown: bold, headings, code, links, tables.
// Pure, and linear in the length of the text. In doubt a sign stays: what is no Markdown loses none.

/** Data is not looked into. */
const JSON_BEGIN = /^\s*(?:\{|\[\s*["{[])/;
/** A heading, an item of a list or a quotation at the begin. `# of` is a number of things; `- 5` and `> 5` are numbers. */
const BEGIN = /^\s*(?:(?:#(?! of\b)#{0,5}|[-*>](?!\s+\d))\s+)+/;
/** A heading within the line: two signs or more, before what can begin one; in `a ## b` they join names. */
const HEADING = / #{2,6} +(?=[^\s\p{Ll}])/gu;
/** Stands for a piece of code while everything else is looked at. */
const CODE = '\uE000';
const IN_ADDRESS = String.raw`[^\s()[\]\uE000]*`;
/** A link or picture; `list[at](item)` is none, as that is no address. A preview may end within the address. */
const LINK = new RegExp(
  String.raw`!?\[([^[\]]*)\]\((?:[a-z][a-z\d+.-]*:|[/#.]|www\.)${IN_ADDRESS}(?:\(${IN_ADDRESS}\)${IN_ADDRESS})*` +
    String.raw`(?:(?: +"[^"]*")?\)|…$)`,
  'gi',
);
/** What parts the head of a table from its rows; without it bars are no table. */
const TABLE = /\|\s?:?-{3,}:?\s?\|/;
/** What stands between two cells, that line included. */
const BETWEEN_CELLS = /\s?\|(?:[\s|]|:?-{3,}:?(?=\s?\|))*/g;

/** What marks bold, slanted and struck words. */
const MARKS: readonly string[] = ['*', '**', '***', '_', '__', '___', '~~'];
/** What may stand before and behind an opening mark, before and behind a closing one. Half of an emoji is a `Cs`. */
const BEFORE_OPENING = /[\s\p{Ps}\p{Pi}\p{Pd}\p{Lo}\p{M}\p{So}\p{Cs}:;,!>|*_~：，。！？；、]/u;
const BEHIND_OPENING = /[\p{L}\p{N}\p{Sc}\p{So}\p{Cs}\p{Co}\p{Ps}\p{Pi}"'#@&+\-*_~¿¡]/u;
const BEFORE_CLOSING = /[\p{L}\p{N}\p{M}\p{Sc}\p{Sk}\p{So}\p{Cs}\p{Co}\p{Pe}\p{Pf}"'.:;,!?…%#+*_~：，。！？；、]/u;
const BEHIND_CLOSING = /[\s\p{Pe}\p{Pf}\p{Pd}\p{Lo}\p{So}\p{Cs}"':;.,!?…[|*_~：，。！？；、]/u;

/** The words of a preview as people would say them. What is nothing but marks stays as it is. */
export function plainWords(preview: string): string {
  if (JSON_BEGIN.test(preview)) return preview;
  const { rest, codes } = codeApart(preview.replaceAll(CODE, '').replace(BEGIN, ''));
  const words = withoutMarks(withoutBars(rest.replace(LINK, '$1').replace(HEADING, ' ')));
  let next = 0;
  return words.replaceAll(CODE, () => codes[next++] ?? '').trim() || preview;
}

/** The text with a sign in place of each piece of code, and the code to the letter. */
function codeApart(text: string): { rest: string; codes: string[] } {
  const ends = endsOfCode(text);
  const codes: string[] = [];
  let rest = '';
  let at = 0;
  for (const { 0: ticks, index } of text.matchAll(/`+/g)) {
    // A preview may end within a block.
    const end = ends.get(index) ?? (ticks.length >= 3 && text.endsWith('…') ? text.length : null);
    if (index < at || end === null) continue;
    rest += text.slice(at, index) + CODE;
    codes.push(text.slice(index + ticks.length, end).trim());
    at = end + ticks.length;
  }
  return { rest: rest + text.slice(at), codes };
}

/** For each row of backticks the next one of as many, which ends the code that it begins. */
function endsOfCode(text: string): Map<number, number> {
  const ends = new Map<number, number>();
  const next = new Map<number, number>();
  for (const { 0: ticks, index } of [...text.matchAll(/`+/g)].reverse()) {
    const end = next.get(ticks.length);
    if (end !== undefined) ends.set(index, end);
    next.set(ticks.length, index);
  }
  return ends;
}

/** The cells of a table, one behind the other. What ends a sentence parts them as well. */
function withoutBars(text: string): string {
  if (!TABLE.test(text)) return text;
  return text
    .replace(BETWEEN_CELLS, ' · ')
    .replace(/^ · | · $/g, '')
    .replace(/([.:!?。：！？]) · /g, '$1 ');
}

/** A mark that has not been closed yet: its place among the pieces, and where what it marks begins. */
interface Opened {
  mark: string;
  piece: number;
  from: number;
}

function withoutMarks(text: string): string {
  const pieces: string[] = [];
  let opened: Opened[] = [];
  let at = 0;
  for (const { 0: mark, index } of text.matchAll(/\*+|_+|~+/g)) {
    pieces.push(text.slice(at, index), mark);
    at = index + mark.length;
    if (!MARKS.includes(mark)) continue;
    const piece = pieces.length - 1;
    const [before, behind] = [text[index - 1] ?? '', text[at] ?? ''];
    const last = opened.findIndex((each) => each.mark === mark);
    const opening = opened[last];
    if (opening && closes(before, behind)) {
      if (isMarked(mark, text.slice(opening.from, index))) {
        pieces[opening.piece] = '';
        pieces[piece] = '';
      }
      // What was opened in between closes no more.
      opened = opened.slice(0, last);
    } else if (opens(before, behind)) {
      // At most one of each mark is open, so that there are few.
      opened = [...opened.filter((each) => each.mark !== mark), { mark, piece, from: at }];
    }
  }
  return pieces.join('') + text.slice(at);
}

/** Whether a mark can open there: in `2*3`, `f(*)`, `src/**`, `*.ts` and `'*a*'` none does. */
function opens(before: string, behind: string): boolean {
  return (before === '' || BEFORE_OPENING.test(before)) && BEHIND_OPENING.test(behind);
}

function closes(before: string, behind: string): boolean {
  return BEFORE_CLOSING.test(before) && (behind === '' || BEHIND_CLOSING.test(behind));
}

/** Whether what stands between two marks may be what they mark: names such as `__init__` and pointers of C are not. */
function isMarked(mark: string, inside: string): boolean {
  if (mark.startsWith('_')) return !inside.includes('_') && (mark === '_' || /[^\p{L}\p{N}]/u.test(inside));
  return mark !== '*' || !/[=;{}]/.test(inside);
}
