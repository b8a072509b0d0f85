import { expect, test } from 'vitest';
import { columnsIn, type OwnView, ownLeft, viewLink, viewName, viewSearch, withView, withViewAgain } from './views';

const view = (id: string, name: string, q: string) => ({ id, name, search: { q } });
const failed = view('a', 'Failed', 'has_error:true');
const dear = view('b', 'Dear', 'cost:>1');

test('a view is what the address of the list says, with the columns that it shows', () => {
  const search = viewSearch({ q: 'refund', since: '7d', user: undefined, model: '' }, 'user,words');
  expect(search).toEqual({ q: 'refund', since: '7d', columns: 'user,words' });
  expect(viewLink('https://nt.example', search)).toBe('https://nt.example/?q=refund&since=7d&columns=user%2Cwords');
  expect(viewLink('https://nt.example', {})).toBe('https://nt.example/');
});

test('an address names columns, or leaves them to the reader', () => {
  expect(columnsIn('user,words')).toEqual(['user', 'words']);
  expect(columnsIn(',')).toBeUndefined();
  expect(columnsIn(undefined)).toBeUndefined();
});

test('a name is one that the server takes', () => {
  expect(viewName('  Failed \n today ')).toBe('Failed   today');
  expect(viewName(' \t ')).toBe('');
  const long = viewName('🦊'.repeat(90));
  expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(200);
});

test('a view takes the place of the one of its name, and keeps its id', () => {
  expect(withView([failed, dear], view('c', 'Failed', 'status:error'))).toEqual([
    view('a', 'Failed', 'status:error'),
    dear,
  ]);
  expect(withView([failed], dear)).toEqual([failed, dear]);
});

test('a view that was deleted comes back where it stood, once', () => {
  expect(withViewAgain([dear], failed, 0)).toEqual([failed, dear]);
  expect(withViewAgain([], failed, 3)).toEqual([failed]);
  expect(withViewAgain([failed, dear], failed, 0)).toEqual([failed, dear]);
});

test('what only this browser has is beside what the project has, and nothing twice', () => {
  const own: OwnView[] = [
    { name: 'Failed', search: { q: 'has_error:true' }, project: 'default' },
    { name: 'Dear', search: { q: 'cost:>9' } },
    { name: 'Slow', search: {} },
  ];
  expect(ownLeft([failed, dear], own).map(({ name }) => name)).toEqual(['Dear', 'Slow']);
});
