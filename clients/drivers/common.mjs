// What every driver in JavaScript says, as common.py does.
export const SINK = process.env.SERVER, LLM = process.env.MODEL_SERVER, KEY = process.env.KEY, OPENAI_BASE = LLM + '/v1', MODEL = 'gpt-4o-mini';
export const CONVERSATION_ID = 'conv-2f6c1d88-orders', SESSION_ID = 'sess-9b1e07aa', USER_ID = 'user-4711', USER_NAME = 'Zoë Müller 🦊';
export const TAGS = ['capture', 'beta', 'größe-L'];
export const METADATA = { tenant: 'acme-eu', plan: 'pro', cart_value: 129.9, retry: 0 };
export const SYSTEM = 'You are a helpful shop assistant for ACME. Answer briefly.';
export const TURNS = [
  'Hello, how are you? My name is Zoë 👋🏽 and I placed an order last week.',
  '¿Cuál es la política de reembolso para artículos abiertos? (refund policy, please)',
  'Danke! Und wie wird das Wetter morgen? Please call get_weather for Zürich ☀️🌧️ — "quoted" \\ back\\slash \t tab 日本語 العربية',
  'Thanks, that is all. \u200d🧑\u200d🚀 Bye!',
];
export const DOCS = [
  { id: 'doc-17', score: 0.91, text: 'Refunds: opened items may be returned within 14 days. 💶', source: 'kb://policies/refunds#opened' },
  { id: 'doc-03', score: 0.77, text: "Gift cards are not refundable. Les frais d'expédition ne sont pas remboursés.", source: 'kb://policies/gift-cards' },
];
export const getWeather = (city, unit = 'celsius') => ({ city, temp: 22.5, unit, sky: 'sunny ☀️' });
export const WEATHER_TOOL = { type: 'function', function: { name: 'get_weather', description: 'Current weather for a city',
  parameters: { type: 'object', properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } }, required: ['city'] } } };
export function bigText(n = 200 * 1024) {
  let s = '', i = 0;
  while (Buffer.byteLength(s) < n) { s += `${String(i).padStart(6, '0')} 2026-05-14T10:${String(i % 60).padStart(2, '0')}:00Z WARN order=A-${1000 + (i * 7) % 9000} latency_ms=${(i * 7919) % 1500} msg="naïve retry №${i} ✅"\n`; i++; }
  return Buffer.from(s).subarray(0, n).toString().replace(/\uFFFD+$/, '');
}
/** Bytes that begin like a picture, do not repeat, and are too many to be kept with the words. */
export const picture = () => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(Array.from({ length: 300_000 }, (_, i) => ((i * i) % 65_521 * 7919 >> 3) & 255))]);
