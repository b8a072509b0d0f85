// What a content says.
import { expect, test } from 'vitest';
import type { Content } from '../api/types';
import { contentText, isBlank, parseJsonText, spoken } from './content';

const say = (role: string, words: string) => ({ role, parts: [{ type: 'text' as const, text: words }] });

test('a bubble shows the last message that speaks', () => {
  const content: Content = {
    type: 'messages',
    messages: [
      say('system', 'Be brief.'),
      say('user', 'Hello'),
      { role: 'tool', parts: [{ type: 'tool_result', result: 1 }] },
    ],
  };
  expect(spoken(content)).toEqual({ type: 'messages', messages: [say('user', 'Hello')] });
});

test('copying gives all words', () => {
  expect(contentText({ type: 'messages', messages: [say('user', 'a'), say('assistant', 'b')] })).toBe(
    'user: a\n\nassistant: b',
  );
  expect(contentText({ type: 'documents', documents: [{ content: 'x' }, { metadata: { k: 1 } }] })).toBe(
    'x\n\n{\n  "k": 1\n}',
  );
  expect(contentText({ type: 'json', value: [1] })).toBe('[\n  1\n]');
});

test('only objects and lists count as JSON in a text', () => {
  expect(parseJsonText(' {"a": 1} ')).toEqual({ a: 1 });
  expect(parseJsonText('12')).toBeNull();
  expect(parseJsonText('[broken')).toBeNull();
});

test('blank', () => {
  expect(isBlank(null)).toBe(true);
  expect(isBlank({ type: 'text', text: ' ' })).toBe(true);
  expect(isBlank({ type: 'json', value: 0 })).toBe(false);
});
