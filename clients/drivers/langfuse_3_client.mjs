// langfuse (npm) 3.x: batch ingestion POST /api/public/ingestion; observeOpenAI wrapper + low-level trace/span/generation/event/score.
import { Langfuse, observeOpenAI } from 'langfuse';
import OpenAI from 'openai';
import * as c from './common.mjs';
import * as f from './openai_flow.mjs';
const lf = new Langfuse({ publicKey: 'pk-lf-test-key', secretKey: c.KEY, baseUrl: c.SINK, release: 'r1', environment: 'staging' });
const raw = new OpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key', maxRetries: 0 });
const msgs = [{ role: 'system', content: c.SYSTEM }];
for (const [i, q] of c.TURNS.entries()) {
  const t = lf.trace({ name: 'shop-turn 🛍', userId: c.USER_ID, sessionId: c.SESSION_ID, tags: c.TAGS, metadata: { ...c.METADATA, conversation_id: c.CONVERSATION_ID, turn: i }, input: q, version: '1.2.3' });
  const client = observeOpenAI(raw, { parent: t, generationName: 'answer', metadata: { turn: i } });
  const ask = async (messages, extra) => (await f.ask(client, messages, extra)).choices[0].message;
  const stream = (messages) => f.stream(client, messages);
  const retrieve = (query) => { const s = t.span({ name: 'retrieve', input: { query } }); s.event({ name: 'cache-miss', level: 'WARNING' }); s.end({ output: c.DOCS }); };
  const getWeather = (args) => { const s = t.span({ name: 'get_weather', input: args }); const w = c.getWeather(args.city); s.end({ output: w }); return w; };
  t.update({ output: await f.turn(msgs, i, q, { ask, stream, retrieve, getWeather }) });
  t.score({ name: 'quality', value: 0.87, comment: 'clear 💚' });
  if (i === 3) {
    const s = t.span({ name: 'cancel_order', input: 'A-1042' }); s.end({ level: 'ERROR', statusMessage: 'order service unavailable 💥' });
    await f.fail(client);
    t.generation({ name: 'big', model: c.MODEL, input: c.bigText(), usage: { input: 50000, output: 3, unit: 'TOKENS' } }).end({ output: 'ok' });
  }
}
await lf.shutdownAsync();
