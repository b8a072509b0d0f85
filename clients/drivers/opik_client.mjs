// opik (npm): traces and spans of every type, with threads, users, scores, tokens and errors, and a picture within an input.
import { Opik } from 'opik';
import OpenAI from 'openai';
import * as c from './common.mjs';
import * as f from './openai_flow.mjs';
const opik = new Opik({ projectName: 'shop-assistant' });
const openai = new OpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key', maxRetries: 0 });
const metadata = { ...c.METADATA, user_id: c.USER_ID, session_id: c.SESSION_ID };
const begin = (name, input) => opik.trace({ name, input, metadata, tags: c.TAGS, threadId: c.CONVERSATION_ID });
const finish = (step, output, more = {}) => { step.update({ output, endTime: new Date(), ...more }); return output; };
const asking = (trace) => async (messages, extra) => {
  const span = trace.span({ name: 'chat', type: 'llm', provider: 'openai', model: c.MODEL, input: { messages: structuredClone(messages) } });
  const { choices, model, usage } = await f.ask(openai, messages, extra);
  const { prompt_tokens, completion_tokens, total_tokens } = usage;
  finish(span, { choices }, { model, usage: { prompt_tokens, completion_tokens, total_tokens } });
  return choices[0].message;
};
const msgs = [{ role: 'system', content: c.SYSTEM }];
for (const [i, question] of c.TURNS.entries()) {
  const trace = begin('shop-turn 🛍', { question });
  const retrieve = (query) => finish(trace.span({ name: 'retrieve', type: 'general', input: { query } }), { output: c.DOCS });
  const getWeather = (args) => finish(trace.span({ name: 'get_weather', type: 'tool', input: args }), c.getWeather(args.city, args.unit));
  finish(trace, { answer: await f.turn(msgs, i, question, { ask: asking(trace), retrieve, getWeather }) });
  trace.score({ name: 'quality', value: 0.87, reason: 'clear 💚' });
}
const failing = begin('failing', { order_id: 'A-1042' });
const errorInfo = { exceptionType: 'Error', message: 'order service unavailable 💥', traceback: 'Error: order service unavailable 💥' };
const cancel = failing.span({ name: 'cancel_order', type: 'tool', input: { order_id: 'A-1042' } });
cancel.update({ endTime: new Date(), errorInfo });
cancel.score({ name: 'tone', value: 0 });
failing.end();
await f.fail(openai);
const big = begin('big', { text: c.bigText() });
finish(big, { answer: (await asking(big)([{ role: 'user', content: c.bigText() }])).content });
const image = 'data:image/png;base64,' + c.picture().toString('base64');
finish(begin('picture', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] }] }), { answer: 'A parcel.' });
await opik.flush();
