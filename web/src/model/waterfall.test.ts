// Bars lie within their track, whatever the clocks of the clients say.
import { expect, test } from 'vitest';
import { span } from './testing';
import { barOf, extentOf, zoomed } from './waterfall';

const at = (seconds: string) => `2026-01-01T00:00:${seconds}Z`;
const now = Date.parse(at('08'));

test('bars are shares of the extent', () => {
  const root = span('a', { start_time: at('00'), end_time: at('04') });
  const child = span('b', { start_time: at('01'), end_time: at('02.000') });
  const extent = extentOf([root, child], now);
  expect(barOf(root, extent, now)).toEqual({ left: 0, width: 100 });
  expect(barOf(child, extent, now)).toEqual({ left: 25, width: 25 });
});

test('a running step reaches until now', () => {
  const running = span('a', { start_time: at('00'), running: true });
  const done = span('b', { start_time: at('04'), end_time: at('06') });
  const extent = extentOf([running, done], now);
  expect(barOf(running, extent, now)?.width).toBe(100);
  expect(barOf(done, extent, now)).toEqual({ left: 50, width: 25 });
});

test('an end before the start has no length', () => {
  const odd = span('a', { start_time: at('02'), end_time: at('01') });
  const root = span('b', { start_time: at('00'), end_time: at('04') });
  expect(barOf(odd, extentOf([odd, root], now), now)).toEqual({ left: 50, width: 0 });
});

test('steps at one moment have a mark; steps without a start have no bar', () => {
  const moment = span('a', { start_time: at('00'), end_time: at('00') });
  expect(barOf(moment, extentOf([moment], now), now)).toEqual({ left: 0, width: 0 });
  expect(barOf(span('b'), extentOf([moment], now), now)).toBeNull();
  expect(extentOf([span('b')], now)).toBeNull();
});

test('late feedback does not stretch the track', () => {
  const root = span('a', { start_time: at('00'), end_time: at('02') });
  const feedback = span('f', { kind: 'feedback', start_time: at('30'), end_time: at('30') });
  const extent = extentOf([root, feedback], now);
  expect(barOf(root, extent, now)).toEqual({ left: 0, width: 100 });
  expect(barOf(feedback, extent, now)).toBeNull();
});

test('zoomed in, bars are cut at both ends of the track', () => {
  const root = span('a', { start_time: at('00'), end_time: at('04') });
  const early = span('b', { start_time: at('00'), end_time: at('00.500') });
  const extent = zoomed(extentOf([root, early], now)!, 0.25, 0.75);
  expect(barOf(root, extent, now)).toEqual({ left: 0, width: 100 });
  expect(barOf(early, extent, now)).toBeNull();
});
