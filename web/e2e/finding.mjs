// Finding things: the query box, the values beside the list, views, columns, keys, search, users, and what is done with a selection.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { isolated, selectTwo } from './browser.mjs';

export async function finding({ server, page, step, inspect, problems }) {
  const rows = page.locator('[data-conversation]');
  const box = page.getByRole('combobox', { name: 'Search in everything that was said' });
  const query = () => new URL(page.url()).searchParams.get('q');
  /** The views that the server keeps, once there are so many: the page shows a change before that. */
  const keptViews = async (count) => {
    for (;;) {
      const { items } = await (await page.request.get(`${server.url}/api/v1/views`)).json();
      if (items.length === count) return items;
      await page.waitForTimeout(50);
    }
  };

  await step('the query box completes fields and values', async () => {
    await page.goto(`${server.url}/`);
    await rows.first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('chan');
    await page.getByRole('option', { name: /channel:/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('option', { name: /whatsapp/ }).waitFor();
    await inspect(page, 'query-completion');
    await page.keyboard.type('what');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('q') === 'channel:whatsapp');
    await page.keyboard.press('Escape');
  });
  await step('a mistake is marked at its place, and mended with a click', async () => {
    await box.fill('modle:gpt-4.1-mini');
    await page.locator('mark').waitFor();
    assert.match(await page.locator('mark').innerText(), /^modle/);
    await inspect(page, 'query-mistake');
    await page.getByRole('button', { name: 'Did you mean model?' }).click();
    await rows.first().waitFor();
    assert.equal(query(), 'model:gpt-4.1-mini');
    const found = problems.takeBut(/^HTTP 400 GET .*q=modle/);
    assert.deepEqual(found, [], found.join('\n'));
  });
  await step('a value beside the list is added, widened, and left out', async () => {
    await page.goto(`${server.url}/`);
    const users = page.getByRole('region', { name: 'User', exact: true });
    await users.getByRole('listitem').nth(7).waitFor();
    await users.getByRole('button', { name: 'More of User' }).click();
    await users.getByRole('listitem').nth(8).waitFor();
    const channels = page.getByRole('region', { name: 'Channel' });
    await channels.getByRole('button', { name: /^web/ }).click();
    await page.waitForURL((url) => url.searchParams.get('q') === 'channel:web');
    await channels.getByRole('button', { name: /^web/, pressed: true }).click();
    await page.waitForURL((url) => !url.searchParams.has('q'));
    await channels.getByRole('button', { name: /^app/ }).click({ modifiers: ['Alt'] });
    await page.waitForURL((url) => url.searchParams.get('q') === '-channel:app');
    await rows.first().waitFor();
    await page.reload();
    await rows.first().waitFor();
    assert.equal(query(), '-channel:app');
  });
  await step('a list is kept as a view of the project, with its columns and a link', async () => {
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByLabel('Session').check();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByText('everybody of the project finds it here').waitFor();
    await page.getByLabel('Name of the view').fill('No app');
    await page.getByRole('button', { name: 'Save this list' }).click();
    await page.locator('[data-view="No app"]').waitFor();
    await inspect(page, 'views');
    await page.getByLabel('Name of the view').fill('No app');
    await page.getByRole('button', { name: 'Replace it' }).waitFor();
    await page.keyboard.press('Escape');
    const [view] = await keptViews(1);
    assert.equal(view.search.q, '-channel:app');
    assert.match(view.search.columns, /session/);

    await page.goto(`${server.url}/`);
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByLabel('Session').uncheck();
    await page.keyboard.press('Escape');
    await page.getByRole('columnheader', { name: 'Session' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Views' }).click();
    await page.locator('[data-view="No app"]').click();
    await page.waitForURL((url) => url.searchParams.get('q') === '-channel:app');
    await page.getByRole('columnheader', { name: 'Session' }).waitFor();
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('button', { name: 'Show the columns I chose myself' }).click();
    await page.getByRole('columnheader', { name: 'Session' }).waitFor({ state: 'detached' });
    await page.goto(`${server.url}/?${new URLSearchParams(view.search)}`);
    await page.getByRole('columnheader', { name: 'Session' }).waitFor();

    await page.goto(`${server.url}/`);
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByLabel('Cost').check();
    await page.keyboard.press('Escape');
    await page.reload();
    await page.getByRole('columnheader', { name: 'Cost' }).waitFor();
  });
  await step('a view is deleted for everybody, and put back', async () => {
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('button', { name: `Delete the view ${isolated('No app')} for everybody` }).click();
    await page.locator('[data-view="No app"]').waitFor({ state: 'detached' });
    await keptViews(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await keptViews(1);
    await page.reload();
    await page.getByRole('button', { name: 'Views' }).click();
    await page.locator('[data-view="No app"]').waitFor();
    await page.keyboard.press('Escape');
  });
  await step('views that only this browser has are beside those of the project, and given to nobody', async () => {
    const old = [
      { name: 'Web only', search: { q: 'channel:web' } },
      { name: 'Elsewhere', search: { q: 'channel:app' }, project: 'another' },
    ];
    await page.evaluate((views) => localStorage.setItem('neuraltrust.views', JSON.stringify(views)), old);
    await page.goto(`${server.url}/`);
    await page.getByRole('button', { name: 'Views' }).click();
    await page.locator('[data-view="No app"]').waitFor();
    assert.equal(await page.locator('[data-view="Elsewhere"]').count(), 0);
    await page.locator('[data-view="Web only"]').click();
    await page.waitForURL((url) => url.searchParams.get('q') === 'channel:web');
    assert.deepEqual(
      (await keptViews(1)).map(({ name }) => name),
      ['No app'],
    );
    await page.evaluate(() => localStorage.removeItem('neuraltrust.views'));
  });
  await step('disapproved conversations are found with a click, and let go with another', async () => {
    await page.goto(`${server.url}/`);
    const disapproved = page.getByRole('region', { name: 'Feedback' }).getByRole('button', { name: /^Disapproved/ });
    await disapproved.click();
    await page.waitForURL((url) => url.searchParams.get('q') === 'feedback.negative:>0');
    await rows.first().waitFor();
    const answer = await page.request.get(`${server.url}/api/v1/conversations?q=feedback.negative:>0`);
    await page.waitForFunction(
      (count) => document.querySelectorAll('[data-conversation]').length === count,
      (await answer.json()).items.length,
    );
    await disapproved.and(page.locator('[aria-pressed="true"]')).click();
    await page.waitForURL((url) => !url.searchParams.has('q'));
  });
  await step('a list in another order, which the address keeps', async () => {
    await page.goto(`${server.url}/`);
    await page.getByRole('button', { name: 'Order' }).click();
    await page.getByRole('option', { name: 'Costliest first' }).click();
    await page.waitForURL((url) => url.searchParams.get('sort') === 'cost');
    await page.reload();
    await rows.first().waitFor();
    const answer = await page.request.get(`${server.url}/api/v1/conversations?sort=cost&limit=1`);
    const [first] = (await answer.json()).items;
    assert.equal(await rows.first().getAttribute('data-conversation'), first.conversation_id);
  });
  await step('the palette goes anywhere', async () => {
    await rows.first().waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: /No app/ }).waitFor();
    await inspect(page, 'palette');
    await page.keyboard.type('anal');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/analytics/);
  });
  await step('g and a key go to a page', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('u');
    await page.waitForURL(/\/users/);
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.waitForURL((url) => url.pathname === '/');
  });
  await step('search: snippets, each message once', async () => {
    await page.goto(`${server.url}/search`);
    await page.getByRole('combobox').fill('"never promise"');
    await page.keyboard.press('Enter');
    await page.locator('mark').first().waitFor();
    const snippets = await page.locator('li p').allInnerTexts();
    assert.equal(new Set(snippets).size, snippets.length, 'a message is shown twice');
    await inspect(page, 'search');
    await page.locator('li a').first().click();
    await page.locator('[data-panel-step]').waitFor();
  });
  await step('users: who costs most, and the page of one', async () => {
    await page.goto(`${server.url}/users`);
    await page.getByRole('button', { name: 'Cost' }).click();
    await page.waitForURL(/by=cost/);
    await page.getByRole('columnheader', { name: /Cost/ }).and(page.locator('[aria-sort="descending"]')).waitFor();
    await page.getByRole('link', { name: 'Chloé Dubois' }).waitFor();
    await page.getByLabel('Find by name or id').fill('chloé');
    await page.waitForURL(/q=chlo/);
    assert.equal(await page.locator('[data-entity]').count(), 1);
    await page.getByLabel('Find by name or id').fill('');
    await page.locator('[data-entity]').nth(5).waitFor();
    await inspect(page, 'users');
    await page.locator('[data-entity]').first().click();
    await page.getByText('Disapproved').waitFor();
    await rows.first().waitFor();
    const models = page.getByRole('region', { name: 'Models' });
    await models.getByRole('button').first().waitFor();
    await page.getByRole('region', { name: 'Steps by their cost' }).getByRole('button', { name: 'answer' }).waitFor();
    await inspect(page, 'user');
    await page.keyboard.press('j');
    await page.waitForFunction(() => document.activeElement?.hasAttribute('data-conversation'));
    await page.getByRole('link', { name: 'In the list of conversations' }).click();
    await page.waitForURL((url) => url.searchParams.get('q')?.startsWith('user:') ?? false);
  });
  await step('sessions and channels have their pages', async () => {
    await page.goto(`${server.url}/users?since=30d`);
    const kinds = page.getByRole('navigation', { name: 'Users, sessions and channels' });
    await kinds.getByRole('link', { name: 'Sessions' }).click();
    await page.waitForURL((url) => url.pathname === '/sessions' && url.searchParams.get('since') === '30d');
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    for (const name of ['sessions', 'channels']) {
      await page.goto(`${server.url}/${name}`);
      await page.locator('[data-entity]').first().click();
      await rows.first().waitFor();
    }
  });
  await step('a conversation as tree, timeline, graph and raw', async () => {
    await page.goto(`${server.url}/`);
    await page.getByRole('link', { name: /Where is my order VC-48213/ }).click();
    const view = (name) => page.getByRole('link', { name, exact: true }).click();
    await view('Tree');
    await page.locator('[data-step]').nth(10).waitFor();
    await inspect(page, 'view-tree');
    await view('Timeline');
    await page.locator('[data-timed]').nth(10).waitFor();
    await inspect(page, 'view-timeline');
    await view('Graph');
    await page.locator('[data-node="order agent"]').waitFor();
    await inspect(page, 'view-graph');
    await page.locator('[data-node="get_order"]').click();
    await page.locator('[data-panel-step]').waitFor();
    await page.reload();
    await page.locator('[data-node="get_order"][data-selected]').waitFor();
    await page.keyboard.press('Escape');
    await view('Raw');
    await page.getByRole('button', { name: 'Copy as JSON' }).waitFor();
    await inspect(page, 'view-raw');
  });
  await step('how the conversations of a list flow: one graph of all of their steps', async () => {
    await page.goto(`${server.url}/?q=channel:web`);
    await rows.first().waitFor();
    await page.getByRole('link', { name: 'How these conversations flow' }).click();
    await page.getByText(/steps of the newest \d+ conversations/).waitFor();
    await page.locator('[data-node="order agent"]').waitFor();
    await inspect(page, 'flow');
    await page.locator('[data-node="order agent"]').click();
    await page.locator('[data-panel-step]').waitFor();
    await page.goto(`${server.url}/`);
    await page.getByRole('link', { name: /Where is my order VC-48213/ }).click();
    await page.getByRole('link', { name: 'Tree', exact: true }).click();
  });
  await step('a step: what is new, documents with scores, and the call as a command', async () => {
    await page
      .getByRole('button', { name: /^answer/ })
      .first()
      .click();
    await page.getByRole('button', { name: /sent already by the call before/ }).click();
    await page.locator('[data-known]').first().waitFor();
    await page.getByRole('button', { name: 'Copy the call as cURL' }).waitFor();
    await page.getByRole('button', { name: 'Where the cost is from' }).click();
    await page.getByText(/^(The application told it|Worked out by)/).waitFor();
    await inspect(page, 'step-new');
    await page
      .getByRole('button', { name: /^intent router/ })
      .first()
      .click();
    await page.locator('[data-decision="order_status"]').waitFor();
    await page.getByRole('button', { name: /^As received/ }).click();
    await page.locator('[data-patch="0"]').waitFor();
    await inspect(page, 'step-router');
    await page.getByRole('button', { name: /^As received/ }).click();
    await page
      .getByRole('button', { name: /^help centre search/ })
      .first()
      .click();
    await page.getByRole('columnheader', { name: 'Score' }).waitFor();
    await inspect(page, 'step-documents');
  });
  await step('selected conversations are exported, and erased with a receipt', async () => {
    await page.goto(`${server.url}/`);
    await rows.first().waitFor();
    const ids = await selectTwo(page);
    await page.getByText('2 conversations selected').waitFor();
    await inspect(page, 'selection');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export as JSON' }).click(),
    ]);
    const saved = JSON.parse(await readFile(await download.path(), 'utf8'));
    assert.deepEqual(
      saved.map(({ conversation }) => conversation.conversation_id),
      ids,
    );
    await page.getByRole('button', { name: 'Erase' }).click();
    await page.getByRole('dialog').getByText('2 conversations with all of their steps').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
    await page.getByText('Erasing 2 conversations.').waitFor();
    for (const id of ids) await page.locator(`[data-conversation="${id}"]`).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Erasure' }).click();
    await page.locator('[data-receipt]').nth(1).getByText('· erased ·').waitFor();
  });
}
