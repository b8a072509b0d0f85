import { expect, it } from 'vitest';
import type { Content, SpanDetail } from '../api/types';
import { curlOf } from './curl';
import { span } from './testing';

function detail(fields: Partial<SpanDetail>): SpanDetail {
  return {
    ...span('g', { kind: 'generation' }),
    attributes: {},
    metadata: {},
    events: [],
    links: [],
    scores: [],
    warnings: [],
    received_at: '2026-01-01T00:00:00Z',
    ...fields,
  };
}

/** The body that the command sends, as a shell reads it. */
function bodyOf(command: string | null): unknown {
  const text = /-d '([\s\S]*)'$/.exec(command ?? '')?.[1] ?? '';
  return JSON.parse(text.replaceAll(`'\\''`, "'"));
}

const input: Content = {
  type: 'messages',
  messages: [
    { role: 'system', parts: [{ type: 'text', text: "Don't guess." }] },
    { role: 'assistant', parts: [{ type: 'tool_call', id: 'c1', name: 'find', arguments: { q: 1 } }] },
    { role: 'tool', parts: [{ type: 'tool_result', id: 'c1', result: 'found' }] },
  ],
};

it('speaks as the model is spoken to', () => {
  const command = curlOf(detail({ model: 'gpt-4o', input, attributes: { 'gen_ai.request.temperature': 0 } }));
  expect(command).toContain('"Authorization: Bearer $OPENAI_API_KEY"');
  expect(bodyOf(command)).toEqual({
    model: 'gpt-4o',
    temperature: 0,
    messages: [
      { role: 'system', content: "Don't guess." },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"q":1}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'found' },
    ],
  });
});

it('gives the system prompt of its own to the one that wants it so', () => {
  const body = bodyOf(curlOf(detail({ model: 'claude-sonnet-4-5', input })));
  expect(body).toMatchObject({
    system: "Don't guess.",
    messages: [
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'find', input: { q: 1 } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: 'found' }] },
    ],
  });
});

it('is for model calls only', () => {
  expect(curlOf(detail({ kind: 'tool', model: 'gpt-4o', input }))).toBeNull();
  expect(curlOf(detail({ input }))).toBeNull();
  expect(curlOf(detail({ model: 'gpt-4o', input: { type: 'json', value: 1 } }))).toBeNull();
});
