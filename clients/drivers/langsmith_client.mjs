// langsmith (npm): traceable of every run type and wrapOpenAI, with threads, users, a stream, tools, and errors.
import { Client } from 'langsmith';
import { traceable } from 'langsmith/traceable';
import { wrapOpenAI } from 'langsmith/wrappers';
import OpenAI from 'openai';
import * as c from './common.mjs';
import * as f from './openai_flow.mjs';
const client = new Client();
const openai = wrapOpenAI(new OpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key', maxRetries: 0 }), { client });
const metadata = { ...c.METADATA, thread_id: c.CONVERSATION_ID, session_id: c.SESSION_ID, user_id: c.USER_ID };
const step = (run, name, run_type) => traceable(run, { name, run_type, client, metadata, tags: c.TAGS });
const retrieve = step(async (query) => c.DOCS.map((d) => ({ page_content: d.text, type: 'Document', metadata: { id: d.id, score: d.score } })), 'retrieve', 'retriever');
const getWeather = step(async ({ city, unit }) => c.getWeather(city, unit), 'get_weather', 'tool');
const cancelOrder = step(async ({ order_id }) => { throw new Error(`order service unavailable for ${order_id} 💥`); }, 'cancel_order', 'tool');
const msgs = [{ role: 'system', content: c.SYSTEM }];
const ask = async (messages, extra) => (await f.ask(openai, messages, extra)).choices[0].message;
const stream = (messages) => f.stream(openai, messages);
const turn = step(({ question, i }) => f.turn(msgs, i, question, { ask, stream, retrieve, getWeather }), 'shop-turn 🛍', 'chain');
for (const [i, question] of c.TURNS.entries()) await turn({ question, i });
await cancelOrder({ order_id: 'A-1042' }).catch((e) => console.log('expected', e.message));
await f.fail(openai);
await f.ask(openai, [{ role: 'user', content: c.bigText() }]);
// The client's own timer keeps no program alive, and what waits for it would never be sent.
const alive = setInterval(() => {}, 100);
await client.awaitPendingTraceBatches();
clearInterval(alive);
