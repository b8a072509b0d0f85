// The kinds of tokens that are counted and priced, by the names of the API. Pure.
import type { Usage } from '../api/types';

/** What nearly every model has, in the order of the page. */
export const USUAL_TOKENS = ['input', 'output', 'cache_read', 'cache_write', 'reasoning'] as const;
/** What few have: sound, pictures, and a cache that keeps for an hour. */
export const RARE_TOKENS = [
  'cache_write_1h',
  'input_audio',
  'output_audio',
  'cache_read_audio',
  'input_image',
  'output_image',
  'cache_read_image',
] as const;
export const TOKEN_KINDS = [...USUAL_TOKENS, ...RARE_TOKENS] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** The kinds that somebody counted, each with its count. */
export function countedTokens(usage: Usage | null | undefined): { kind: TokenKind; count: number }[] {
  return TOKEN_KINDS.flatMap((kind) => {
    const count = usage?.[kind];
    return count == null ? [] : [{ kind, count }];
  });
}

/** What of the tokens in is told apart, and of those out. */
export const PARTS: Record<'input' | 'output', readonly TokenKind[]> = {
  input: [
    'cache_read',
    'cache_write',
    'cache_write_1h',
    'input_audio',
    'cache_read_audio',
    'input_image',
    'cache_read_image',
  ],
  output: ['reasoning', 'output_audio', 'output_image'],
};
