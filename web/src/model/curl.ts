// A model call as a command that makes it again. The key is the reader's own, and is read from the environment.
import type { Message, Part, SpanDetail } from '../api/types';

const PARAMETERS = ['temperature', 'top_p', 'max_tokens', 'frequency_penalty', 'presence_penalty', 'seed'];

interface Endpoint {
  url: string;
  headers: string[];
}

/** Addresses of the providers' public APIs; others speak the protocol of the first. */
const OPENAI: Endpoint = {
  url: 'https://api.openai.com/v1/chat/completions',
  headers: ['Authorization: Bearer $OPENAI_API_KEY'],
};
const ANTHROPIC: Endpoint = {
  url: 'https://api.anthropic.com/v1/messages',
  headers: ['x-api-key: $ANTHROPIC_API_KEY', 'anthropic-version: 2023-06-01'],
};

function textOf(parts: readonly Part[]): string {
  return parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value ?? null));

function openAiMessages({ role, parts }: Message): object[] {
  const results = parts.flatMap((part) =>
    part.type === 'tool_result' ? [{ role: 'tool', tool_call_id: part.id, content: asText(part.result) }] : [],
  );
  if (results.length > 0) return results;
  const calls = parts.flatMap((part) =>
    part.type === 'tool_call'
      ? [{ id: part.id, type: 'function', function: { name: part.name, arguments: asText(part.arguments) } }]
      : [],
  );
  return [{ role, content: textOf(parts) || null, ...(calls.length > 0 ? { tool_calls: calls } : {}) }];
}

function anthropicMessage({ role, parts }: Message): object {
  const content = parts.flatMap((part): object[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }];
    if (part.type === 'tool_call') return [{ type: 'tool_use', id: part.id, name: part.name, input: part.arguments }];
    if (part.type === 'tool_result') {
      return [{ type: 'tool_result', tool_use_id: part.id, content: asText(part.result) }];
    }
    return [];
  });
  return { role: role === 'tool' ? 'user' : role, content };
}

/** The parameters as clients name them in attributes. */
function parametersOf(attributes: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    PARAMETERS.flatMap((name) => {
      const value = attributes[`gen_ai.request.${name}`];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Null for a step that is no call with messages to a model. */
export function curlOf(span: SpanDetail): string | null {
  if (span.kind !== 'generation' || !span.model || !span.input) return null;
  const { input, model } = span;
  if (input.type !== 'messages' && input.type !== 'text') return null;
  const messages: Message[] =
    input.type === 'messages' ? input.messages : [{ role: 'user', parts: [{ type: 'text', text: input.text }] }];
  const anthropic = span.provider === 'anthropic' || /^claude/.test(model);
  const parameters = parametersOf(span.attributes);
  const system = messages.filter(({ role }) => role === 'system');
  const body = anthropic
    ? {
        model,
        max_tokens: 1024,
        ...parameters,
        ...(system.length > 0 ? { system: system.map(({ parts }) => textOf(parts)).join('\n\n') } : {}),
        messages: messages.filter(({ role }) => role !== 'system').map(anthropicMessage),
      }
    : { model, ...parameters, messages: messages.flatMap(openAiMessages) };
  const { url, headers } = anthropic ? ANTHROPIC : OPENAI;
  const lines = [
    `curl ${url}`,
    // In double quotes, so that the shell puts the key in.
    ...['Content-Type: application/json', ...headers].map((header) => `  -H "${header}"`),
    `  -d ${quoted(JSON.stringify(body, null, 2))}`,
  ];
  return lines.join(' \\\n');
}
