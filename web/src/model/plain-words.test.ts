import { describe, expect, test } from 'vitest';
import { plainWords } from './plain-words';

describe('marks are taken away, and the words stay', () => {
  test.each([
    ['**Refund** policy', 'Refund policy'],
    ['Here: **A**, __two words__ and ~~old~~', 'Here: A, two words and old'],
    ['***both*** and *slanted* or _slanted_.', 'both and slanted or slanted.'],
    ['**Bold with *slanted* in it**', 'Bold with slanted in it'],
    ['**Note:** see `x_y`', 'Note: see x_y'],
    ['**"Quoted"** and (**in**)', '"Quoted" and (in)'],
    ['**50%** of **C#** and **C++**', '50% of C# and C++'],
    ['**✅ Done** 🎉**Now**', '✅ Done 🎉Now'],
    ['价格是**重点**。', '价格是重点。'],
    ['# Heading Some text ## Next ### **Last**', 'Heading Some text Next Last'],
    ['- First - Second', 'First - Second'],
    ['> As you said', 'As you said'],
    ['> ## Deep', 'Deep'],
    ['Run `npm test` or ``a ` b``', 'Run npm test or a ` b'],
    ['**Use `git`**', 'Use git'],
    ['[the docs](https://example.test/a_(b)) now', 'the docs now'],
    ['[**Bold**](/path "Title") link', 'Bold link'],
    ['![chart](data:image/png;base64,AAAA) below', 'chart below'],
    ['[1](#source) and [mail](mailto:a@example.test)', '1 and mail'],
    ['A [link](https://example.test/a/long/addr…', 'A link'],
    ['| Plan | Price | |---|:---:| | **Pro** | $20 |', 'Plan · Price · Pro · $20'],
    ['It is this. | | A | |---|---| | B | 2 |', 'It is this. A · B · 2'],
    ['Plans: | A | B | | --- | --- | | 1 | 2 | Done.', 'Plans: A · B · 1 · 2 · Done.'],
  ])('%s', (preview, words) => expect(plainWords(preview)).toBe(words));
});

describe('code is kept to the letter', () => {
  test.each([
    ['`a**b` and `**`', 'a**b and **'],
    ['`[a](https://b)` | `# c`', '[a](https://b) | # c'],
    ['```python def f(**kw): return {**kw} ``` **Done**', 'python def f(**kw): return {**kw} Done'],
    ['Here: ```js const a = `x`; const b = **c…', 'Here: js const a = `x`; const b = **c…'],
    ['`$&` is `$1`', '$& is $1'],
  ])('%s', (preview, words) => expect(plainWords(preview)).toBe(words));
});

describe('what is no Markdown loses nothing', () => {
  test.each([
    [''],
    ['Hello, how are you?'],
    ['2 * 3 * 4'],
    ['2*3*4'],
    ['2 ** 3 ** 4'],
    ['(a)**2 + (b)**2'],
    ['snake_case_names and a_b'],
    ['__init__ and __name__'],
    ['_private_name_ and _id'],
    ['C# and F# are languages'],
    ['issue #12, #hashtag and #!/bin/sh'],
    ['# of orders last week'],
    ['> 5 items, and < 3'],
    ['- 5 degrees'],
    ['first - second --- third'],
    ['src/**/*.ts and docs/**/*.md'],
    ['*.ts, *.js'],
    ["LIKE '*mini*' OR x = '*'"],
    ['f(*args, **kwargs) and g(**kwargs)'],
    ['SELECT COUNT(*), SUM(*) FROM t'],
    ['int *p = &x; int* q'],
    ['char **argv, **envp'],
    ['/** doc **/ f()'],
    ['.*foo.*'],
    ['5* hotel and 4* hotel'],
    ['ls | grep x || true'],
    ['handlers[name](event) and a[0](1)'],
    ['#define CAT(a, b) a ## b'],
    ['~/one ~/two'],
    ['one ` tick and ``` more'],
    ['\\*not slanted\\*'],
    ['**never closed'],
    ['***'],
    ['{"a":"**b**"}'],
    ['[{"a":"`b`"}]'],
  ])('%s', (preview) => expect(plainWords(preview)).toBe(preview));
});

test.each(['[', '![', '[a](x:', '[a](x: "', '*a ', '_a_ ', '*a=b* ', '` `` ', '|---', ' ## ', '- ', '**a** '])(
  'a long text of %j is read once',
  (piece) => {
    // What looked at the rest again for each piece would take 10,000,000,000 steps.
    const long = piece.repeat(100_000);
    expect(plainWords(long).length).toBeLessThanOrEqual(long.length);
  },
);
