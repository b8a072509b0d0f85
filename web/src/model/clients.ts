// The pages of docs/clients, as the connect page shows them: the lines to change for this server and a key, and what is carried
// over. Nothing of them is written a second time here.

export interface Client {
  name: string;
  language: string;
  /** What may send with these lines. */
  intro: string;
  /** The lines to change, for the address of the server and a key. */
  lines: (origin: string, key: string) => string;
  /** The rest of the page, in Markdown. */
  rest: (origin: string, key: string) => string;
}

// What every page of docs/clients says in their place.
const ORIGIN = 'http://127.0.0.1:6180';
const HOST = '127.0.0.1';
const KEY = 'nt_...';
const FIRST = ['neuraltrust', 'opentelemetry'];
const LANGUAGES: Record<string, string> = { sh: 'sh', python: 'Python', js: 'JavaScript' };

/** A page as a client: `# Name`, what it is about, a block of lines, and the rest. */
export function readPage(page: string): Client {
  const parts = /^# (.+)\n\n([\s\S]*?)\n*```(\w+)\n([\s\S]*?)\n```\n([\s\S]*)$/.exec(page);
  if (parts === null) throw new Error(`a page of docs/clients has no lines to change: ${page.slice(0, 80)}`);
  const [, name = '', intro = '', language = '', lines = '', rest = ''] = parts;
  const filled = (text: string) => (origin: string, key: string) =>
    text.replaceAll(ORIGIN, origin).replaceAll(HOST, new URL(origin).hostname).replaceAll(KEY, key);
  return {
    name,
    language: LANGUAGES[language] ?? language,
    intro: withoutLinks(intro),
    lines: filled(lines),
    rest: filled(withoutLinks(rest).trim()),
  };
}

/** Other pages of the repository are not at this server. */
function withoutLinks(text: string): string {
  return text.replace(/\[([^\]]+)\]\([^)\s]+\.md\)/g, '$1');
}

const pages = import.meta.glob<string>('../../../docs/clients/*.md', { query: '?raw', import: 'default', eager: true });
const place = (path: string) => {
  const at = FIRST.findIndex((name) => path.endsWith(`/${name}.md`));
  return at === -1 ? FIRST.length : at;
};

export const CLIENTS: Client[] = Object.entries(pages)
  .sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b))
  .map(([, page]) => readPage(page));
