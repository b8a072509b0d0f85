// langfuse (npm) 3.x: batch ingestion POST /api/public/ingestion; observeOpenAI wrapper + low-level trace/span/generation/event/score.
import { Langfuse, observeOpenAI } from 'langfuse';
import OpenAI from 'openai';
import * as c from './common.mjs';
const lf = new Langfuse({ publicKey: 'pk-lf-test-key', secretKey: c.KEY, baseUrl: c.SINK, release: 'r1', environment: 'staging' });
const raw = new OpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key', maxRetries: 0 });
const msgs = [{ role: 'system', content: c.SYSTEM }];
for (const [i, q] of c.TURNS.entries()) {
  const t = lf.trace({ name: 'shop-turn 🛍', userId: c.USER_ID, sessionId: c.SESSION_ID, tags: c.TAGS, metadata: { ...c.METADATA, conversation_id: c.CONVERSATION_ID, turn: i }, input: q, version: '1.2.3' });
  const client = observeOpenAI(raw, { parent: t, generationName: 'answer', metadata: { turn: i } });
  msgs.push({ role: 'user', content: q });
  if (i === 1) {
    const s = t.span({ name: 'retrieve', input: { query: q } }); s.event({ name: 'cache-miss', level: 'WARNING' }); s.end({ output: c.DOCS });
    let out = ''; for await (const ch of await client.chat.completions.create({ model: c.MODEL, messages: msgs, stream: true, stream_options: { include_usage: true } })) out += ch.choices[0]?.delta?.content ?? '';
    msgs.push({ role: 'assistant', content: out });
  } else {
    const r = await client.chat.completions.create({ model: c.MODEL, messages: msgs, temperature: 0.2, ...(i === 2 ? { tools: [c.WEATHER_TOOL] } : {}) });
    msgs.push(r.choices[0].message);
    for (const tc of r.choices[0].message.tool_calls ?? []) {
      const s = t.span({ name: 'get_weather', input: JSON.parse(tc.function.arguments) }); const w = c.getWeather('Zürich'); s.end({ output: w });
      msgs.push({ role: 'tool', tool_call_id: tc.id, content: JSON.stringify(w) }); msgs.push((await client.chat.completions.create({ model: c.MODEL, messages: msgs })).choices[0].message);
    }
  }
  t.update({ output: msgs.at(-1).content });
  t.score({ name: 'quality', value: 0.87, comment: 'clear 💚' });
  if (i === 3) {
    const s = t.span({ name: 'cancel_order', input: 'A-1042' }); s.end({ level: 'ERROR', statusMessage: 'order service unavailable 💥' });
    await client.chat.completions.create({ model: c.MODEL, messages: [{ role: 'user', content: 'TRIGGER_BAD_REQUEST' }] }).catch((e) => console.log('expected', e.constructor.name));
    t.generation({ name: 'big', model: c.MODEL, input: c.bigText(), usage: { input: 50000, output: 3, unit: 'TOKENS' } }).end({ output: 'ok' });
  }
}
await lf.shutdownAsync();
