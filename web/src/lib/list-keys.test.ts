import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { listKeys } from './list-keys';

// Nothing is drawn that could take the focus.
beforeEach(() => vi.stubGlobal('requestAnimationFrame', vi.fn()));
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

function press(key: 'j' | 'k' | 'Enter', selected: string | null, target: EventTarget = document.body) {
  const onSelect = vi.fn();
  const onOpen = vi.fn();
  const keys = listKeys({ ids: ['a', 'b', 'c'], selected, onSelect, onOpen });
  const event = new KeyboardEvent('keydown', { key, cancelable: true });
  Object.defineProperty(event, 'target', { value: target });
  keys[key](event);
  return { selects: onSelect.mock.calls.flat(), opens: onOpen.mock.calls.flat(), taken: event.defaultPrevented };
}

test('j and k go to the first one, to the next and the one before, and no further than the ends', () => {
  expect(press('j', null).selects).toEqual(['a']);
  expect(press('j', 'a').selects).toEqual(['b']);
  expect(press('j', 'c').selects).toEqual(['c']);
  expect(press('k', 'b')).toEqual({ selects: ['a'], opens: [], taken: true });
  expect(press('k', 'gone').selects).toEqual(['a']);
});

test('Enter opens what is selected, unless what has the focus opens by itself', () => {
  expect(press('Enter', 'b').opens).toEqual(['b']);
  expect(press('Enter', null).opens).toEqual([]);
  const link = document.body.appendChild(document.createElement('a'));
  expect(press('Enter', 'b', link).opens).toEqual([]);
});
