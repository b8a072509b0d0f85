import { expect, test } from 'vitest';
import type { Scored } from '../api/types';
import { bodyAgain, bodyOf, draftOf, EMPTY, verdictOf, verdictValue } from './judging';

const scored = (part: Partial<Scored>): Scored => ({
  id: 'one',
  name: 'quality',
  value: 0.5,
  source: 'api',
  trace_id: 't',
  span_id: 's',
  conversation_id: 'c',
  ...part,
});

test('a draft is sent as what it is, and not before it is complete', () => {
  const target = { trace: 't', span: 's' };
  expect(bodyOf(target, EMPTY)).toBeNull();
  expect(bodyOf(target, { ...EMPTY, value: 'positive', name: ' ' })).toBeNull();
  expect(bodyOf(target, { ...EMPTY, verdict: 'number', value: '0,8', name: 'quality', comment: ' why ' })).toEqual({
    trace_id: 't',
    span_id: 's',
    name: 'quality',
    value: 0.8,
    comment: 'why',
    source: 'evaluator',
  });
  expect(bodyOf({ conversation: 'c' }, { ...EMPTY, value: 'negative' })).toMatchObject({ conversation_id: 'c' });
  expect(verdictValue({ ...EMPTY, verdict: 'number', value: 'much' })).toBeNull();
});

test('a judgement that is there is changed as the kind that it is', () => {
  expect([0.5, true, 'negative', 'resolved', 'x'.repeat(50), 'two\nlines'].map(verdictOf)).toEqual([
    'number',
    'thumbs',
    'thumbs',
    'category',
    'text',
    'text',
  ]);
  expect(verdictValue(draftOf(scored({ value: true })))).toBe(true);
  expect(verdictValue(draftOf(scored({ value: 0.25 })))).toBe(0.25);
});

test('what is taken back is made again at its place, under its id', () => {
  expect(bodyAgain(scored({ target: 'conversation' }))).toMatchObject({
    id: 'one',
    conversation_id: 'c',
    source: 'api',
  });
  expect(bodyAgain(scored({ target: 'trace' }))).toMatchObject({ trace_id: 't' });
  expect(bodyAgain(scored({}))).toMatchObject({ trace_id: 't', span_id: 's' });
});
