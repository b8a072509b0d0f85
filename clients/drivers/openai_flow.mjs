// Calls of OpenAI's client that the drivers in JavaScript share: what the assistant does in its turns.
import * as c from './common.mjs';

/** An answer, and all that the API says with it. */
export const ask = (client, messages, extra = {}) => client.chat.completions.create({ model: c.MODEL, messages, temperature: 0.2, ...extra });

/** The words of a stream. */
export async function stream(client, messages) {
  let words = '';
  const chunks = await client.chat.completions.create({ model: c.MODEL, messages, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of chunks) words += chunk.choices[0]?.delta?.content ?? '';
  return words;
}

/** A turn: something is looked up, a tool is called for, or there is an answer at once. `ask` gives a message, `stream` its words. */
export async function turn(messages, i, question, { ask, stream, retrieve, getWeather }) {
  messages.push({ role: 'user', content: question });
  if (i === 1) await retrieve(question);
  if (i === 1 && stream) {
    messages.push({ role: 'assistant', content: await stream(messages) });
    return messages.at(-1).content;
  }
  messages.push(await ask(messages, i === 2 ? { tools: [c.WEATHER_TOOL] } : {}));
  for (const call of messages.at(-1).tool_calls ?? []) {
    const result = await getWeather(JSON.parse(call.function.arguments));
    messages.push({ role: 'tool', tool_call_id: call.id, content: JSON.stringify(result) });
    messages.push(await ask(messages));
  }
  return messages.at(-1).content;
}

/** Calls that a model refuses. */
export const fail = (client) =>
  client.chat.completions.create({ model: c.MODEL, messages: [{ role: 'user', content: 'TRIGGER_BAD_REQUEST' }] }).catch((error) => console.log('expected', error.constructor.name));
