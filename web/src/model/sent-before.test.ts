import { expect, it } from 'vitest';
import type { Content, Message } from '../api/types';
import { callBefore, sentBefore } from './sent-before';
import { span } from './testing';

const at = (second: number) => new Date(second * 1000).toISOString();
const say = (role: string, text: string): Message => ({ role, parts: [{ type: 'text', text }] });
const messages = (...all: Message[]): Content => ({ type: 'messages', messages: all });

it('finds the call before', () => {
  const call = (id: string, second: number) => span(id, { kind: 'generation', start_time: at(second) });
  const spans = [call('a', 1), call('b', 3), span('tool', { kind: 'tool', start_time: at(4) }), call('c', 5)];
  expect(callBefore(spans, spans[3]!)?.span_id).toBe('b');
  expect(callBefore(spans, spans[0]!)).toBeNull();
  expect(callBefore(spans, spans[2]!)).toBeNull();
});

it('counts what was sent or answered before, up to the first new message', () => {
  const earlier = { input: messages(say('system', 's'), say('user', 'a')), output: messages(say('assistant', 'b')) };
  const next = messages(say('system', 's'), say('user', 'a'), say('assistant', 'b'), say('user', 'c'));
  expect(sentBefore(next, earlier)).toBe(3);
  expect(sentBefore(messages(say('system', 'other'), say('user', 'a')), earlier)).toBe(0);
  expect(sentBefore(next, undefined)).toBe(0);
  expect(sentBefore({ type: 'text', text: 'a' }, earlier)).toBe(0);
});
