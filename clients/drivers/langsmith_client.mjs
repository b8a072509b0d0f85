// langsmith (npm): traceable of every run type and wrapOpenAI, with threads, users, a stream, tools, and errors.
import { Client } from 'langsmith';
import { traceable } from 'langsmith/traceable';
import { wrapOpenAI } from 'langsmith/wrappers';
import OpenAI from 'openai';
import * as c from './common.mjs';
const client = new Client();
const openai = wrapOpenAI(new OpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key', maxRetries: 0 }), { client });
const metadata = { ...c.METADATA, thread_id: c.CONVERSATION_ID, session_id: c.SESSION_ID, user_id: c.USER_ID };
const step = (run, name, run_type) => traceable(run, { name, run_type, client, metadata, tags: c.TAGS });
const retrieve = step(async (query) => c.DOCS.map((d) => ({ page_content: d.text, type: 'Document', metadata: { id: d.id, score: d.score } })), 'retrieve', 'retriever');
const getWeather = step(async ({ city, unit }) => c.getWeather(city, unit), 'get_weather', 'tool');
const cancelOrder = step(async ({ order_id }) => { throw new Error(`order service unavailable for ${order_id} 💥`); }, 'cancel_order', 'tool');
const msgs = [{ role: 'system', content: c.SYSTEM }];
const ask = async (extra = {}) => (await openai.chat.completions.create({ model: c.MODEL, messages: msgs, temperature: 0.2, ...extra })).choices[0].message;
const turn = step(async ({ question, i }) => {
  msgs.push({ role: 'user', content: question });
  if (i === 1) {
    await retrieve(question);
    let answer = '';
    for await (const chunk of await openai.chat.completions.create({ model: c.MODEL, messages: msgs, stream: true, stream_options: { include_usage: true } })) answer += chunk.choices[0]?.delta?.content ?? '';
    msgs.push({ role: 'assistant', content: answer });
  } else {
    msgs.push(await ask(i === 2 ? { tools: [c.WEATHER_TOOL] } : {}));
    for (const call of msgs.at(-1).tool_calls ?? []) {
      msgs.push({ role: 'tool', tool_call_id: call.id, content: JSON.stringify(await getWeather(JSON.parse(call.function.arguments))) });
      msgs.push(await ask());
    }
  }
  return msgs.at(-1).content;
}, 'shop-turn 🛍', 'chain');
for (const [i, question] of c.TURNS.entries()) await turn({ question, i });
await cancelOrder({ order_id: 'A-1042' }).catch((e) => console.log('expected', e.message));
await openai.chat.completions.create({ model: c.MODEL, messages: [{ role: 'user', content: 'TRIGGER_BAD_REQUEST' }] }).catch((e) => console.log('expected', e.constructor.name));
await openai.chat.completions.create({ model: c.MODEL, messages: [{ role: 'user', content: c.bigText() }] });
await client.awaitPendingTraceBatches();
