// @langfuse/tracing + @langfuse/otel (LangfuseSpanProcessor -> OTLP/HTTP JSON or protobuf to {base}/api/public/otel/v1/traces), with the AI SDK in the same process.
import { NodeSDK } from '@opentelemetry/sdk-node';
import { LangfuseSpanProcessor } from '@langfuse/otel';
import * as lf from '@langfuse/tracing';
import { generateText } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import OpenAI from 'openai';
import * as c from './common.mjs';
import * as f from './openai_flow.mjs';
const proc = new LangfuseSpanProcessor({ publicKey: 'pk-lf-test-key', secretKey: c.KEY, baseUrl: c.SINK, environment: 'staging', release: 'r1' });
const sdk = new NodeSDK({ spanProcessors: [proc] });
sdk.start();
const { startActiveObservation, startObservation, observe, propagateAttributes, updateActiveObservation } = lf;
const client = new OpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key', maxRetries: 0 });
const getWeather = observe(async (args) => c.getWeather(args.city, args.unit), { name: 'get_weather', asType: 'tool' });
const cancel = observe(async (id) => { throw new Error(`order service unavailable for ${id} 💥`); }, { name: 'cancel_order', asType: 'tool' });
const msgs = [{ role: 'system', content: c.SYSTEM }];
async function ask(messages, extra) {
  return startActiveObservation('llm', async (g) => {
    g.update({ model: c.MODEL, modelParameters: { temperature: 0.2 }, input: messages });
    const r = await f.ask(client, messages, extra);
    g.update({ output: r.choices[0].message, usageDetails: { input: r.usage.prompt_tokens, output: r.usage.completion_tokens, total: r.usage.total_tokens } });
    return r.choices[0].message;
  }, { asType: 'generation' });
}
const run = async () => {
  for (const [i, q] of c.TURNS.entries()) {
    await startActiveObservation('shop-turn 🛍', async (span) => {
      span.update({ input: { question: q }, metadata: c.METADATA });
      const retrieve = (input) => startActiveObservation('retrieve', async (s) => s.update({ input, output: c.DOCS }), { asType: 'retriever' });
      span.update({ output: await f.turn(msgs, i, q, { ask, retrieve, getWeather }) });
    }, { asType: 'agent' });
  }
  await startActiveObservation('errors', async (s) => {
    await cancel('A-1042').catch((e) => s.update({ level: 'ERROR', statusMessage: e.message }));
    startObservation('user-clicked', { input: { button: '👍' } }, { asType: 'event' });
  });
  const openai = createOpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key' });
  await generateText({ model: openai.chat(c.MODEL), prompt: c.TURNS[1], experimental_telemetry: { isEnabled: true, functionId: 'ai-sdk-inside-langfuse', metadata: { userId: c.USER_ID } } });
  await startActiveObservation('big', async (s) => s.update({ input: c.bigText(), output: 'ok' }));
};
if (propagateAttributes) await propagateAttributes({ userId: c.USER_ID, sessionId: c.SESSION_ID, tags: c.TAGS, metadata: { conversation_id: c.CONVERSATION_ID, tenant: 'acme-eu' }, traceName: 'shop conversation', version: '1.2.3' }, run);
else await run();
await sdk.shutdown();
