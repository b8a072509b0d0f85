// Errors of the server, of proxies and of the network become one type.
import { afterEach, expect, test, vi } from 'vitest';
import { ApiError, api } from './client';

afterEach(() => vi.unstubAllGlobals());

function answer(response: Response | Error) {
  const fetch = vi.fn(() => (response instanceof Error ? Promise.reject(response) : Promise.resolve(response)));
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

test('problem+json is read', async () => {
  answer(new Response('{"title":"Unauthorized","detail":"no such key","status":401}', { status: 401 }));
  await expect(api.signIn('x')).rejects.toMatchObject({ status: 401, title: 'Unauthorized', detail: 'no such key' });
});

test('an error page of a proxy keeps its status', async () => {
  answer(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
  await expect(api.session()).rejects.toEqual(new ApiError(502, 'Bad Gateway'));
});

test('a server that is not there has status 0', async () => {
  answer(new TypeError('Failed to fetch'));
  await expect(api.session()).rejects.toMatchObject({ status: 0 });
});

test('a request in quarantine is given as it came, and where it is gone, that is told', async () => {
  answer(new Response('{"batch":'));
  expect(await (await api.quarantined(7)).text()).toBe('{"batch":');
  expect(globalThis.fetch).toHaveBeenLastCalledWith('/api/v1/quarantine/7', expect.anything());
  answer(new Response('{"title":"Not Found","detail":"it made room"}', { status: 404 }));
  await expect(api.quarantined(7)).rejects.toMatchObject({ status: 404, detail: 'it made room' });
});

test('ids and filters are encoded, empty ones left out', async () => {
  const fetch = answer(new Response('{"items":[]}'));
  await api.conversations({ q: 'a&b', model: undefined }, 50, null);
  expect(fetch).toHaveBeenLastCalledWith('/api/v1/conversations?q=a%26b&limit=50', expect.anything());
  answer(new Response('{}'));
  await api.span('a/b', '?#');
  expect(globalThis.fetch).toHaveBeenLastCalledWith('/api/v1/traces/a%2Fb/spans/%3F%23', expect.anything());
});
