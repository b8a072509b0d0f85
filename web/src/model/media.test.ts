// Only what is known to be harmless is shown, and only from this server.
import { expect, test } from 'vitest';
import { keptIn, viewOf } from './media';

const KEPT = '/api/v1/traces/t%2F1/media/000102030405060708090a0b0c0d0e0f';

test('what is kept is shown as what it is', () => {
  const view = (mimeType: string | null) => viewOf({ uri: KEPT, mimeType });
  expect(view('image/png')).toBe('image');
  expect(view('image/svg+xml')).toBe('image');
  expect(view('audio/wav')).toBe('audio');
  expect(view('video/mp4')).toBe('video');
  expect(view('text/html')).toBe('link');
  expect(view(null)).toBe('link');
});

test('nothing is loaded from elsewhere', () => {
  const view = (uri: string | null) => viewOf({ uri, mimeType: 'image/png' });
  expect(view('https://example.com/a.png')).toBe('link');
  expect(view('javascript:alert(1)')).toBe('label');
  expect(view('data:text/html,<script>')).toBe('label');
  expect(view('//example.com/a.png')).toBe('label');
  expect(view(`${KEPT}?x`)).toBe('label');
  expect(view('/api/v1/session')).toBe('label');
  expect(view('data:image/png;base64,AAAA')).toBe('image');
  expect(view(null)).toBe('label');
});

test('media are found in values of any shape', () => {
  expect(keptIn({ type: 'input_audio', input_audio: { data: KEPT, format: 'wav' } })).toEqual([
    { uri: KEPT, mimeType: 'audio/wav' },
  ]);
  expect(keptIn([{ source: { media_type: 'image/PNG', data: KEPT } }, { file_data: KEPT }])).toEqual([
    { uri: KEPT, mimeType: 'image/png' },
    { uri: KEPT, mimeType: null },
  ]);
  expect(keptIn({ note: `see ${KEPT}`, none: null })).toEqual([]);
});
