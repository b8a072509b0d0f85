import { expect, test } from 'vitest';
import { CLIENTS, readPage } from './clients';

test('a page of the documentation is what the connect page shows', () => {
  const page = [
    '# Shop',
    '',
    'Every `shop`, as in [its guide](guide.md):',
    '',
    '```sh',
    'export SHOP=http://127.0.0.1:6180',
    'export KEY=nt_...      # a key',
    '```',
    '',
    'Or `http://127.0.0.1:6180/v1` with `nt_...`.',
    '',
    '## Known limits',
    '',
    '- None, see [OpenTelemetry](opentelemetry.md) and [the standard](https://example.org/a).',
    '',
  ].join('\n');
  const client = readPage(page);
  expect([client.name, client.language]).toEqual(['Shop', 'sh']);
  expect(client.intro).toBe('Every `shop`, as in its guide:');
  expect(client.lines('https://here', 'nt_1')).toBe('export SHOP=https://here\nexport KEY=nt_1      # a key');
  expect(client.rest('https://here', 'nt_1')).toBe(
    [
      'Or `https://here/v1` with `nt_1`.',
      '',
      '## Known limits',
      '',
      '- None, see OpenTelemetry and [the standard](https://example.org/a).',
    ].join('\n'),
  );
  expect(() => readPage('# Nothing')).toThrow('no lines to change');
});

test('every client has lines with the address and a key, what is carried over, and its limits', () => {
  expect(CLIENTS.length).toBeGreaterThanOrEqual(11);
  expect(CLIENTS.slice(0, 2).map(({ name }) => name)).toEqual(['neuraltrust', 'OpenTelemetry']);
  for (const { name, intro, lines, rest } of CLIENTS) {
    const filled = lines('https://here', 'nt_1');
    expect(filled, name).toContain('https://here');
    expect(filled, name).toContain('nt_1');
    expect(intro, name).not.toBe('');
    const said = rest('https://here', 'nt_1');
    expect(said, name).toContain('## What is carried over');
    expect(said, name).toContain('## Known limits');
    expect(said, name).not.toMatch(/127\.0\.0\.1:6180|nt_\.\.\.|\.md\)/);
  }
});
