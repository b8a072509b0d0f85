// What tests and measurements send to a server over OTLP: spans, a trace of very many of them, and conversations that go on arriving.
import assert from 'node:assert/strict';

const BATCH = 5000;
/** Conversations that arrive at a time, and how often. */
const ARRIVING = 5;
const EVERY_MS = 250;

export const text = (key, value) => ({ key, value: { stringValue: value } });

export async function send(server, spans) {
  const response = await fetch(`${server.url}/v1/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Waits until lists and pages of traces show everything that was sent. */
export async function indexed(server) {
  for (;;) {
    const response = await fetch(`${server.url}/api/v1/status`, { headers: { authorization: `Bearer ${server.key}` } });
    const status = await response.json();
    if (status.indexed >= status.recorded) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Sends one trace of that many steps, each with up to ten below it; gives its id. */
export async function sendTrace(server, steps) {
  const traceId = 'cd'.repeat(16);
  const hex = (number) => (number + 1).toString(16).padStart(16, '0');
  const start = BigInt(Date.now() - 600_000) * 1_000_000n;
  for (let from = 0; from < steps; from += BATCH) {
    const spans = Array.from({ length: Math.min(BATCH, steps - from) }, (_, index) => {
      const at = from + index;
      return {
        traceId,
        spanId: hex(at),
        ...(at > 0 ? { parentSpanId: hex(Math.floor((at - 1) / 10)) } : {}),
        name: `step ${at}`,
        kind: 1,
        startTimeUnixNano: String(start + BigInt(at) * 1_000_000n),
        endTimeUnixNano: String(start + BigInt(at + 50) * 1_000_000n),
        attributes: [text('gen_ai.operation.name', at % 2 ? 'execute_tool' : 'invoke_agent')],
      };
    });
    await send(server, spans);
  }
  return traceId;
}

/** Sends conversations again and again until it is told to stop, which gives how many those were. */
export function tail(server) {
  let sent = 0;
  let running = true;
  const say = (content) => JSON.stringify([{ role: 'user', parts: [{ type: 'text', content }] }]);
  const conversation = () => {
    sent += 1;
    const id = (Date.now() * 1000 + (sent % 1000)).toString(16).padStart(16, '0');
    const now = BigInt(Date.now()) * 1_000_000n;
    return {
      traceId: `${id}${sent.toString(16).padStart(16, '0')}`,
      spanId: id,
      name: 'chat',
      kind: 1,
      startTimeUnixNano: String(now - 800_000_000n),
      endTimeUnixNano: String(now),
      attributes: [
        text('gen_ai.operation.name', 'chat'),
        text('gen_ai.request.model', 'gpt-4o'),
        text('gen_ai.conversation.id', `tail-${id}-${sent}`),
        text('gen_ai.input.messages', say(`Question ${sent}: ${'what about this? '.repeat(20)}`)),
      ],
    };
  };
  const sending = (async () => {
    while (running) {
      await send(server, Array.from({ length: ARRIVING }, conversation));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return async () => {
    running = false;
    await sending;
    return sent;
  };
}
