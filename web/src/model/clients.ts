// What a user of each client writes to send to this server. The texts of docs/clients say what is carried over.

export interface Client {
  name: string;
  language: string;
  /** The lines, for the address of the server and a key. */
  lines: (origin: string, key: string) => string;
}

export const CLIENTS: Client[] = [
  {
    name: 'neuraltrust',
    language: 'Python',
    lines: (origin, key) =>
      [
        'from neuraltrust import NeuralTrust',
        `client = NeuralTrust(api_key="${key}", base_url="${origin}")`,
        'client.trace(conversation_id="hello").message(input="Hello, how are you?").end("I am fine, thank you!")',
      ].join('\n'),
  },
  {
    name: 'OpenTelemetry',
    language: 'sh',
    lines: (origin, key) =>
      [
        `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`,
        'export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
        `export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20${key}"`,
      ].join('\n'),
  },
  {
    name: 'Langfuse',
    language: 'sh',
    lines: (origin, key) =>
      [
        `export LANGFUSE_HOST=${origin} LANGFUSE_BASE_URL=${origin}`,
        `export LANGFUSE_SECRET_KEY=${key}`,
        'export LANGFUSE_PUBLIC_KEY=any',
      ].join('\n'),
  },
  {
    name: 'OpenInference, Phoenix',
    language: 'Python',
    lines: (origin, key) =>
      [
        'from phoenix.otel import register',
        `register(endpoint="${origin}/v1/traces", api_key="${key}", project_name="my-app")`,
      ].join('\n'),
  },
  {
    name: 'Traceloop',
    language: 'Python',
    lines: (origin, key) =>
      [
        'from traceloop.sdk import Traceloop',
        `Traceloop.init(app_name="my-app", api_endpoint="${origin}", api_key="${key}")`,
      ].join('\n'),
  },
  {
    name: 'Pydantic AI, Logfire',
    language: 'sh',
    lines: (origin, key) =>
      [
        `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`,
        `export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20${key}"`,
      ].join('\n'),
  },
  {
    name: 'Vercel AI SDK',
    language: 'JavaScript',
    lines: (origin, key) =>
      [
        `const exporter = new OTLPTraceExporter({ url: "${origin}/v1/traces", headers: { authorization: "Bearer ${key}" } });`,
        'new NodeSDK({ traceExporter: exporter }).start();',
      ].join('\n'),
  },
  {
    name: 'Opik',
    language: 'sh',
    lines: (origin, key) =>
      [`export OPIK_URL_OVERRIDE=${origin}/api`, `export OPIK_API_KEY=${key} OPIK_WORKSPACE=default`].join('\n'),
  },
  {
    name: 'Helicone',
    language: 'Python',
    lines: (origin, key) => `logger = HeliconeManualLogger(api_key="${key}", logging_endpoint="${origin}")`,
  },
];
