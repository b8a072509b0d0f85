import { expect, it } from 'vitest';
import { busyTime, placedSteps } from './busy-time';
import { span } from './testing';

const at = (second: number) => new Date(second * 1000).toISOString();

it('leaves out the rests between turns', () => {
  const steps = placedSteps(
    [
      span('late', { start_time: at(1000), end_time: at(1010) }),
      span('first', { start_time: at(0), end_time: at(10) }),
      span('inside', { start_time: at(2), end_time: at(4) }),
      span('never', {}),
    ],
    0,
  );
  expect(steps.map((step) => step.span.span_id)).toEqual(['first', 'inside', 'late']);
  const time = busyTime(steps);
  expect(time.length).toBe(20_000);
  expect(time.rests).toEqual([0.5]);
  expect([0, 5000, 10_000, 500_000, 1_005_000, 1_010_000].map(time.at)).toEqual([0, 0.25, 0.5, 0.5, 0.75, 1]);
});

it('has no length where everything was at one moment or nothing was', () => {
  expect(busyTime([]).at(5)).toBe(0);
  const steps = placedSteps([span('a', { start_time: at(1), end_time: at(0) })], 0);
  expect(busyTime(steps)).toMatchObject({ length: 0, rests: [] });
});

it('lets what runs reach until now', () => {
  expect(placedSteps([span('a', { start_time: at(1), running: true })], 5000)[0]?.end).toBe(5000);
});
