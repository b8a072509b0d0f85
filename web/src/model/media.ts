// Images, sounds and files within messages: which of them a browser may show, and where they are in values of any shape.

/** A medium as a message names it. */
export interface Medium {
  uri?: string | null;
  mimeType?: string | null;
  name?: string | null;
  bytes?: number | null;
}

export type MediumView = 'image' | 'audio' | 'video' | 'link' | 'label';

/** Where the server keeps bytes of media; nothing else of the page's own origin is ever loaded because a message says so. */
const KEPT = /^\/api\/v1\/traces\/[^/?#]+\/media\/[0-9a-f]{32}$/;
const DRAWN = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/;
const INLINE = /^data:image\/(png|jpeg|gif|webp)[;,]/;
const TYPE_FIELDS = ['mime_type', 'mimeType', 'media_type', 'mediaType'];
/** Formats of OpenAI's `input_audio`. */
const AUDIO_FORMATS = ['wav', 'mp3', 'flac', 'aac', 'opus', 'ogg'];
/** A value is not looked through any deeper. */
const MAX_DEPTH = 16;

/** How a medium is shown. What is elsewhere is never loaded, since that would tell a stranger who reads. */
export function viewOf({ uri, mimeType }: Medium): MediumView {
  if (!uri) return 'label';
  if (INLINE.test(uri)) return 'image';
  if (KEPT.test(uri)) {
    if (mimeType && DRAWN.test(mimeType)) return 'image';
    if (mimeType?.startsWith('audio/')) return 'audio';
    if (mimeType?.startsWith('video/')) return 'video';
    return 'link';
  }
  // Only addresses that open a page; a recorded `javascript:` must never become a link.
  return /^https?:\/\//.test(uri) ? 'link' : 'label';
}

/** The media that the server keeps of a value which is no part of a known kind. */
export function keptIn(value: unknown): Medium[] {
  const found: Medium[] = [];
  const look = (value: unknown, mimeType: string | null, depth: number) => {
    if (typeof value === 'string') {
      if (KEPT.test(value)) found.push({ uri: value, mimeType });
    } else if (Array.isArray(value)) {
      if (depth < MAX_DEPTH) for (const item of value) look(item, null, depth + 1);
    } else if (value && typeof value === 'object' && depth < MAX_DEPTH) {
      const type = typeOf(value as Record<string, unknown>);
      for (const field of Object.values(value)) look(field, type, depth + 1);
    }
  };
  look(value, null, 0);
  return found;
}

function typeOf(fields: Record<string, unknown>): string | null {
  const told = TYPE_FIELDS.map((name) => fields[name]).find((type) => typeof type === 'string');
  if (typeof told === 'string') return told.toLowerCase();
  const format = fields.format;
  return typeof format === 'string' && AUDIO_FORMATS.includes(format) ? `audio/${format}` : null;
}
