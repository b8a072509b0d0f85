import { expect, test } from 'vitest';
import { countedTokens } from './tokens';

test('what was counted is told, the usual kinds before the rare ones, and nothing of what was not', () => {
  const usage = { output_audio: 7, input: 120, output: 0, cache_read: null, cache_write_1h: 3 };
  expect(countedTokens(usage)).toEqual([
    { kind: 'input', count: 120 },
    { kind: 'output', count: 0 },
    { kind: 'cache_write_1h', count: 3 },
    { kind: 'output_audio', count: 7 },
  ]);
  expect(countedTokens(null)).toEqual([]);
});
