// Vercel AI SDK with experimental_telemetry + @opentelemetry/sdk-node. EXPORTER=json|proto
import { NodeSDK } from '@opentelemetry/sdk-node';
import { OTLPTraceExporter as JsonExp } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExp } from '@opentelemetry/exporter-trace-otlp-proto';
import { trace, SpanStatusCode } from '@opentelemetry/api';
import * as ai from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { z } from 'zod';
import * as c from './common.mjs';

const { generateText, streamText, generateObject, embed } = ai;
// Since 5 a tool has another name for what it takes, and a call another way to say how far it goes.
const tool = ({ inputSchema, ...rest }) => ai.tool(ai.stepCountIs ? { inputSchema, ...rest } : { parameters: inputSchema, ...rest });
const steps = (n) => (ai.stepCountIs ? { stopWhen: ai.stepCountIs(n) } : { maxSteps: n });
const Exp = process.env.EXPORTER === 'proto' ? ProtoExp : JsonExp;
const sdk = new NodeSDK({ serviceName: 'shop-assistant-node', traceExporter: new Exp({ url: c.SINK + '/v1/traces', headers: { authorization: 'Bearer ' + c.KEY }, compression: process.env.EXPORTER === 'proto' ? 'gzip' : 'none' }) });
sdk.start();
const openai = createOpenAI({ baseURL: c.OPENAI_BASE, apiKey: 'test-key' });
const tel = (functionId, extra = {}) => ({ isEnabled: true, functionId, recordInputs: true, recordOutputs: true,
  metadata: { userId: c.USER_ID, sessionId: c.SESSION_ID, conversationId: c.CONVERSATION_ID, tags: c.TAGS, cartValue: 129.9, beta: true, ...extra } });
const tools = {
  get_weather: tool({ description: 'Current weather', inputSchema: z.object({ city: z.string(), unit: z.enum(['celsius', 'fahrenheit']).optional() }), execute: async ({ city, unit }) => c.getWeather(city, unit) }),
  cancel_order: tool({ description: 'Cancel an order', inputSchema: z.object({ order_id: z.string() }), execute: async ({ order_id }) => { throw new Error(`order service unavailable for ${order_id} 💥`); } }),
};
const tracer = trace.getTracer('shop.app', '0.1.0');
const messages = [];
for (const [i, q] of c.TURNS.entries()) {
  await tracer.startActiveSpan(`chat turn ${i}`, { attributes: { 'session.id': c.SESSION_ID, 'user.id': c.USER_ID, turn: i } }, async (span) => {
    messages.push({ role: 'user', content: q });
    const model = i === 3 ? openai.responses(c.MODEL) : openai.chat(c.MODEL);
    if (i === 1) {
      await tracer.startActiveSpan('retrieve', async (s) => {
        await embed({ model: openai.embedding('text-embedding-3-small'), value: q, experimental_telemetry: tel('kb-embed') });
        s.setAttribute('documents', JSON.stringify(c.DOCS)); s.end();
      });
      const r = streamText({ model, system: c.SYSTEM, messages, experimental_telemetry: tel('shop-stream', { turn: i }) });
      let out = ''; for await (const t of r.textStream) out += t;
      messages.push({ role: 'assistant', content: out });
    } else {
      const r = await generateText({ model, system: c.SYSTEM, messages, tools: i === 2 ? tools : undefined, ...steps(4), temperature: 0.2, experimental_telemetry: tel('shop-agent', { turn: i }) });
      messages.push(...r.response.messages);
    }
    span.end();
  });
}
await generateText({ model: openai.chat(c.MODEL), prompt: 'please cancel A-1042', tools, ...steps(3), experimental_telemetry: tel('failing-tool') }).catch((e) => console.log('tool err', e.name));
await generateText({ model: openai.chat(c.MODEL), prompt: 'TRIGGER_BAD_REQUEST', maxRetries: 0, experimental_telemetry: tel('failing-llm') }).catch((e) => console.log('expected', e.name));
await generateObject({ model: openai.chat(c.MODEL), schema: z.object({ city: z.string(), ok: z.boolean() }), prompt: 'Where is Zürich? 🏔', experimental_telemetry: tel('structured') }).catch((e) => console.log('object', e.name, e.message));
await generateText({ model: openai.chat(c.MODEL), prompt: c.bigText(), experimental_telemetry: tel('big') });
tracer.startActiveSpan('failing span', (s) => { s.recordException(new Error('naïve ✗')); s.setStatus({ code: SpanStatusCode.ERROR, message: 'naïve ✗' }); s.end(); });
await sdk.shutdown();
