// The screens over many conversations: charts, settings, connecting, and a large and hostile trace.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { assertFits, isolated } from './browser.mjs';
import { observeShifts, shiftsOf } from './timing.mjs';

const LARGE = 3000;
const HOSTILE = '<script>window.broken = true</script><img src=x onerror="window.broken = true"> \u202Egnihtemos\u202C';

/** Sends the conversations of `neuraltrust demo`. */
export async function fill(binary, server) {
  await promisify(execFile)(binary, ['demo', '--url', server.url, '--key', server.key]);
}

/** A trace over OTLP with more steps than a page of it, one of them failed and hostile. */
async function sendLarge(server) {
  const traceId = 'ab'.repeat(16);
  const hex = (number) => (number + 1).toString(16).padStart(16, '0');
  const start = BigInt(Date.now() - 60_000) * 1_000_000n;
  const text = (key, value) => ({ key, value: { stringValue: value } });
  const spans = Array.from({ length: LARGE }, (_, at) => ({
    traceId,
    spanId: hex(at),
    ...(at > 0 ? { parentSpanId: hex(at < 50 ? 0 : 1 + (at % 49)) } : {}),
    name: at === LARGE - 1 ? `failed ${HOSTILE}` : `step ${at}`,
    kind: 1,
    startTimeUnixNano: String(start + BigInt(at) * 1_000_000n),
    endTimeUnixNano: String(start + BigInt(at === 0 ? 2 * LARGE : at + 40) * 1_000_000n),
    attributes: [
      text('gen_ai.operation.name', at % 3 === 0 ? 'execute_tool' : 'invoke_agent'),
      text('gen_ai.conversation.id', 'large'),
      text('gen_ai.tool.call.result', HOSTILE),
      text('link', 'javascript:alert(1)'),
    ],
    status: at === LARGE - 1 ? { code: 2, message: HOSTILE } : {},
  }));
  const response = await fetch(`${server.url}/v1/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
  });
  assert.equal(response.status, 200, await response.text());
  return traceId;
}

export async function screens({ server, page, step, inspect }) {
  await step('demo: the list', async () => {
    await page.goto(`${server.url}/`);
    await page.locator('[data-conversation]').first().waitFor();
    await inspect(page, 'demo-list');
  });
  await step('demo: a drag over the histogram narrows the list, and the address keeps it', async () => {
    const bars = page.getByRole('application', { name: /conversations over time/ });
    await bars.waitFor();
    const box = await bars.boundingBox();
    await page.mouse.move(box.x + box.width - 120, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + 20);
    await page.mouse.up();
    await page.waitForURL(/after=.*before=/);
    await page.reload();
    await page.getByRole('button', { name: 'Remove the filter Time' }).click();
    await page.waitForURL((url) => !url.searchParams.has('after'));
    await page.locator('[data-conversation]').first().waitFor();
  });
  await step('demo: a conversation with its steps', async () => {
    await page.getByRole('link', { name: /Where is my order VC-48213/ }).click();
    await page.locator('[data-bubble="user"]').first().waitFor();
    // A conversation of one turn shows its steps at once.
    if ((await page.locator('[data-step]').count()) === 0) await page.keyboard.press('e');
    await page.locator('[data-step]').first().waitFor();
    await page
      .getByRole('button', { name: /Generation/ })
      .first()
      .click();
    await page.locator('[data-panel-step]').waitFor();
    await inspect(page, 'demo-conversation');
  });
  await step('connect: a key is made, and what comes is heard', async () => {
    await page.getByRole('link', { name: 'Connect' }).click();
    await page.getByRole('button', { name: 'Langfuse' }).click();
    await page.getByRole('button', { name: 'Make a key and fill it in' }).click();
    await page.getByText(/LANGFUSE_SECRET_KEY=nt_[0-9a-f]{20}/).waitFor();
    assert.equal(new URL(page.url()).searchParams.get('client'), 'Langfuse');
    await page.getByText('Listening for what').waitFor();
    await inspect(page, 'connect');
  });
  let traceId = '';
  await step('connect: we heard from it', async () => {
    traceId = await sendLarge(server);
    await page.getByText('We heard from it.').waitFor();
  });
  await step('a trace of many pages: all steps, found by kind, words and failure', async () => {
    await page.goto(`${server.url}/traces/${traceId}`);
    await page.locator('[data-step]').first().waitFor();
    await page.getByRole('button', { name: /Tool 1,000/ }).waitFor();
    await page.getByText('steps are here').waitFor({ state: 'detached' });
    await inspect(page, 'trace-large');
    await page.getByRole('button', { name: 'Next failed step' }).click();
    await page.locator(`[data-panel-step="${LARGE.toString(16).padStart(16, '0')}"]`).waitFor();
    assert.equal(await page.evaluate(() => window.broken), undefined, 'hostile content ran');
    assert.equal(await page.locator('a[href^="javascript:"], main script, main img').count(), 0);
    await inspect(page, 'trace-failed');
    await page.getByLabel('Search in these steps').fill('step 1234');
    await page.getByText(`1 of ${LARGE.toLocaleString('en-US')} steps match`).waitFor();
    await page.waitForURL(/q=step/);
    await page.reload();
    await page.getByText(`1 of ${LARGE.toLocaleString('en-US')} steps match`).waitFor();
  });
  await step('a trace: zooming is in the address and survives a reload', async () => {
    await page.goto(`${server.url}/traces/${traceId}?from=0.25&to=0.5`);
    await page.getByRole('button', { name: 'Whole time' }).click();
    await page.waitForURL((url) => !url.searchParams.has('from'));
  });
  await step('analytics: charts, and the way to what is behind them', async () => {
    await page.goto(`${server.url}/analytics`);
    await page.locator('canvas').nth(7).waitFor();
    await page.getByRole('heading', { name: 'Cost and tokens' }).waitFor();
    const users = page.getByRole('region', { name: 'Users by their cost' });
    await users.getByRole('button', { name: 'Chloé Dubois' }).waitFor();
    await inspect(page, 'analytics');
    await page.getByRole('button', { name: 'Time before' }).click();
    await page.waitForURL(/earlier=off/);
    await page.getByRole('button', { name: 'Time before', pressed: false }).waitFor();
    await users.getByRole('button').first().click();
    await page.waitForURL(/user=u_/);
    await page.locator('[data-conversation]').first().waitFor();
    await page.goto(`${server.url}/analytics?channel=web&board=gone`);
    await page.getByRole('button', { name: `Channel: ${isolated('web')}` }).waitFor();
    await page.getByText('This dashboard is not here').waitFor();
  });
  await step('analytics: from a step that takes long to the slowest of its kind', async () => {
    await page.goto(`${server.url}/analytics`);
    const table = page.getByRole('region', { name: 'Steps by the time they took' });
    await table.getByRole('button', { name: 'answer' }).click();
    await page.waitForURL((url) => url.pathname === '/search' && url.searchParams.get('sort') === 'duration');
    await page.locator('li').getByRole('link', { name: 'answer' }).first().waitFor();
    await inspect(page, 'search-slowest');
  });
  await step('dashboards: one is made of charts, renamed, and there for the next one who looks', async () => {
    await page.goto(`${server.url}/analytics`);
    await page.getByRole('button', { name: 'New dashboard' }).click();
    await page.getByText('There is nothing here yet.').waitFor();
    await page.getByLabel('Name of the dashboard').fill('Money');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.locator('[data-board="Money"]').waitFor();
    for (const [title, of, shown] of [
      ['Cost by model', 'spans', 'line'],
      ['Cost of users', 'conversations', 'table'],
      ['All of it', 'conversations', 'number'],
    ]) {
      await page.getByRole('button', { name: 'Add a chart' }).click();
      await page.getByLabel('Title').fill(title);
      await page.getByLabel('Of', { exact: true }).selectOption(of);
      await page.getByLabel('Measure').selectOption('sum');
      await page.getByLabel('Field').fill('cost');
      if (shown !== 'number') await page.getByLabel('Parted by').fill(shown === 'line' ? 'model' : 'user_id');
      await page.getByLabel('Shown as').selectOption(shown);
      if (shown === 'line') {
        await page.locator('[data-chart="Cost by model"] canvas').waitFor();
        await inspect(page, 'dashboard-chart');
      }
      await page.getByRole('button', { name: 'Save the chart' }).click();
      await page.getByRole('button', { name: `Change the chart ${isolated(title)}` }).waitFor();
    }
    await page.locator('[data-chart="All of it"]').getByText(/^\$/).waitFor();
    await page.locator('[data-chart="Cost by model"] .u-legend').getByText('claude-sonnet-4-5').waitFor();
    await inspect(page, 'dashboard');
    await page.getByRole('button', { name: `Move the chart ${isolated('All of it')} to the front` }).click();
    await page.getByRole('button', { name: `Delete the chart ${isolated('Cost by model')}` }).click();
    await page.locator('[data-chart="Cost by model"]').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.locator('[data-chart="Cost by model"]').waitFor();
    await page.getByRole('button', { name: `Delete the chart ${isolated('Cost by model')}` }).click();
    await page.locator('[data-chart="Cost by model"]').waitFor({ state: 'detached' });
    await page.reload();
    await page.locator('[data-chart="All of it"]').waitFor();
    const titles = await page
      .locator('[data-chart]')
      .evaluateAll((charts) => charts.map((chart) => chart.dataset.chart));
    assert.deepEqual(titles, ['All of it', 'Cost of users']);
    // A user has a name here, and an id in the query behind it.
    await page.locator('[data-chart="Cost of users"]').getByRole('button', { name: 'Chloé Dubois' }).click();
    await page.waitForURL((url) => url.pathname === '/' && url.searchParams.get('q')?.startsWith('user_id:u_'));
    await page.locator('[data-conversation]').first().waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Delete the dashboard' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the dashboard' }).click();
    await page.locator('[data-board="Money"]').waitFor({ state: 'detached' });
  });
  await step('settings: a key is shown once', async () => {
    await page.goto(`${server.url}/settings`);
    await page.getByRole('button', { name: 'Make a key' }).click();
    assert.match(await page.locator('[data-new-key]').innerText(), /^nt_/);
    await inspect(page, 'settings-access');
    await page.reload();
    await page.getByRole('button', { name: 'Make a key' }).waitFor();
    assert.equal(await page.locator('[data-new-key]').count(), 0);
  });
  await step('settings: keys by how they begin, and an end to one', async () => {
    const keys = page.locator('[data-key]');
    await keys.first().waitFor();
    const before = await keys.count();
    await page.getByRole('button', { name: 'Make a key' }).click();
    const made = (await page.locator('[data-new-key]').innerText()).trim();
    const row = page.locator(`[data-key="${made.slice(0, 11)}"]`);
    await row.getByText('never').waitFor();
    assert.equal(await keys.count(), before + 1);
    await inspect(page, 'settings-keys');
    await row.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByText('stops at once').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.waitFor({ state: 'detached' });
    const answer = await fetch(`${server.url}/v1/trace`, { method: 'POST', headers: { token: made }, body: '{}' });
    assert.equal(answer.status, 401);
  });
  await step('settings: a price of its own is set, changed and deleted', async () => {
    await page.getByRole('link', { name: 'Prices' }).click();
    await page.getByText(/prices of .*, version/).waitFor();
    await page.getByRole('combobox', { name: 'Model' }).fill('gpt-4.1-mini');
    await page.getByLabel('Input', { exact: true }).fill('4');
    await page.getByLabel('Output', { exact: true }).fill('16');
    await page.getByRole('button', { name: 'Set the price' }).click();
    const price = page.locator('[data-price="gpt-4.1-mini"]');
    await price.getByText('$16').waitFor();
    await inspect(page, 'settings-prices');
    await price.getByRole('button', { name: 'Change' }).click();
    await page.getByLabel('Output', { exact: true }).fill('18.5');
    await page.getByRole('button', { name: 'Set the price' }).click();
    await price.getByText('$18.5').waitFor();
    assert.equal(await page.getByRole('columnheader', { name: 'Audio in' }).count(), 0);
    await price.getByRole('button', { name: 'Change' }).click();
    await page.getByText('Audio, images, and a cache for an hour').click();
    await page.getByLabel('Audio in', { exact: true }).fill('much');
    await page.getByText('Give dollars').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Set the price' }).isDisabled(), true);
    await page.getByLabel('Audio in', { exact: true }).fill('40.5');
    await inspect(page, 'settings-prices-rare');
    await page.getByRole('button', { name: 'Set the price' }).click();
    await price.getByText('$40.5').waitFor();
    await page.getByRole('columnheader', { name: 'Audio in' }).waitFor();
    await page.reload();
    await price.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await price.waitFor({ state: 'detached' });
  });
  await step('settings: a model has another price from a day on and for long inputs, and none is lost', async () => {
    const own = async () => (await (await page.request.get(`${server.url}/api/v1/prices`)).json()).own;
    const rows = page.locator('[data-price="gpt-4.1-mini"]');
    const since = page.getByLabel('Holds from (UTC)', { exact: true });
    const above = page.getByLabel('Above tokens in', { exact: true });
    const submit = page.getByRole('button', { name: 'Set the price' });
    const setPrice = async (input, output) => {
      await page.getByRole('combobox', { name: 'Model' }).fill('gpt-4.1-mini');
      await page.getByLabel('Input', { exact: true }).fill(input);
      await page.getByLabel('Output', { exact: true }).fill(output);
      await submit.click();
    };
    await setPrice('4', '16');
    await rows.first().waitFor();
    await page.getByText('Only from a day on').click();
    await since.fill('2026-02-30');
    await page.getByText('Give a day').waitFor();
    await above.fill('many');
    await page.getByText('Give a whole number of tokens').waitFor();
    await inspect(page, 'settings-prices-mistakes');
    await since.fill('2026-01-31');
    await above.fill('200k');
    await setPrice('8', '32');
    await rows.nth(1).getByText('for calls with more than 200,000 tokens in').waitFor();
    await rows
      .nth(1)
      .getByText(/^from .*2026.* on$/)
      .waitFor();
    await rows.first().getByRole('button', { name: 'Change' }).click();
    await page.getByLabel('Output', { exact: true }).fill('17');
    await submit.click();
    await rows.first().getByText('$17').waitFor();
    await inspect(page, 'settings-prices-bounds');
    assert.deepEqual(
      (await own()).map((price) => [price.output, price.above, price.since && Date.parse(price.since)]),
      [
        [17, 0, undefined],
        [32, 200_000, Date.UTC(2026, 0, 31)],
      ],
    );
    await rows.nth(1).getByRole('button', { name: 'Change' }).click();
    assert.equal(await since.inputValue(), '2026-01-31');
    await since.fill('');
    await above.fill('');
    await page.getByText('There is another price for the same calls').waitFor();
    assert.equal(await submit.isDisabled(), true);
    await page.getByRole('button', { name: 'Cancel' }).click();
    for (const left of [1, 0]) {
      await rows.first().getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await rows.nth(left).waitFor({ state: 'detached' });
    }
    assert.deepEqual(await own(), []);
  });
  await step('settings: sources and what of theirs never came', async () => {
    const body = JSON.stringify({ resourceSpans: [] });
    const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' };
    for (const first of [1, 12]) {
      const sequence = { 'neuraltrust-sequence': `source="shop1", first=${first}, spans=2, lost=0` };
      await fetch(`${server.url}/v1/traces`, { method: 'POST', headers: { ...headers, ...sequence }, body });
    }
    await page.getByRole('link', { name: 'Sources' }).click();
    await page.getByRole('heading', { name: 'Sources' }).waitFor();
    await page.locator('[data-source="shop1"]').getByText('3–11').waitFor();
    await inspect(page, 'settings-sources');
  });
  await step('settings: disk and retention', async () => {
    await page.getByRole('link', { name: 'Disk and retention' }).click();
    await page.getByText('Contents kept apart').waitFor();
    await page.getByLabel('Keep for days').fill('400');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await inspect(page, 'settings-storage');
    await page.reload();
    await page.waitForFunction(() => [...document.querySelectorAll('input')].some((input) => input.value === '400'));
  });
  await step('settings: what could not be read is downloaded as it came, and all of it discarded', async () => {
    const bodies = [1, 2].map((body) => JSON.stringify({ batch: [{ id: `bad${body}`, type: 'span-create', body }] }));
    for (const body of bodies) {
      const headers = { 'x-api-key': server.key, 'content-type': 'application/json' };
      const answer = await fetch(`${server.url}/api/public/ingestion`, { method: 'POST', headers, body });
      assert.equal(answer.status, 207, await answer.text());
    }
    const { total } = await (await page.request.get(`${server.url}/api/v1/quarantine`)).json();
    await page.getByRole('link', { name: 'Quarantine' }).click();
    await page.getByText(`There are ${total} requests`).waitFor();
    await inspect(page, 'settings-quarantine');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).first().click(),
    ]);
    assert.match(download.suggestedFilename(), /^quarantine-\d+\.body$/);
    assert.equal(await readFile(await download.path(), 'utf8'), bodies[1]);
    await page.getByRole('button', { name: 'Discard all' }).click();
    await page.getByRole('dialog').getByText(`${total} requests:`).waitFor();
    await inspect(page, 'settings-quarantine-discard');
    await page.getByRole('dialog').getByRole('button', { name: 'Discard all' }).click();
    await page.getByText('There are none.').waitFor();
    await page.getByText('All of them are discarded.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Download' }).count(), 0);
  });
  await step('settings: erasing asks once more and leaves a receipt', async () => {
    await page.getByRole('link', { name: 'Erasure' }).click();
    await page.getByLabel('What').selectOption('conversation_id');
    await page.getByLabel('Id', { exact: true }).fill('large');
    await page.getByRole('button', { name: 'Erase' }).click();
    await page
      .getByRole('dialog')
      .getByText(`Conversation ${isolated('large')}`)
      .waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
    // The newest is the first; the two before it are of the selection in the list.
    await page.locator('[data-receipt]').nth(2).waitFor();
    await page.locator('[data-receipt]').first().getByText('· erased ·').waitFor();
    await page.locator('[data-receipt] summary').first().click();
    await page.getByRole('button', { name: 'Copy the receipt as JSON' }).waitFor();
    await inspect(page, 'settings-erasure');
  });
  await step('nothing moves by itself while the pages load', async () => {
    await observeShifts(page);
    const moved = [];
    for (const path of [
      '/',
      '/search?q=bike',
      '/users',
      '/users/u_1006',
      '/analytics',
      '/flow',
      '/settings',
      '/connect',
    ]) {
      await page.goto(`${server.url}${path}`);
      await page.locator('main h1').first().waitFor({ state: 'attached' });
      await page.waitForTimeout(1200);
      const { sum, what } = await shiftsOf(page);
      // What is called good by those who defined it.
      if (sum > 0.1) moved.push(`${path}: ${sum.toFixed(2)}\n  ${what.join('\n  ')}`);
    }
    assert.deepEqual(moved, [], moved.join('\n'));
  });
  await step('a phone: every screen fits', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    const fits = async (name) => {
      await assertFits(page, name);
      await inspect(page, `phone-${name}`);
    };
    for (const [name, path] of [
      ['list', '/'],
      ['search', '/search?q=bike'],
      ['users', '/users'],
      ['analytics', '/analytics'],
      ['flow', '/flow'],
      ['connect', '/connect'],
      ['settings', '/settings'],
    ]) {
      await page.goto(`${server.url}${path}`);
      await page.locator('main h1').first().waitFor({ state: 'attached' });
      await fits(name);
    }
    await page.goto(`${server.url}/`);
    await page.getByRole('button', { name: 'Show the values beside the list' }).click();
    await page.getByRole('region', { name: 'Channel' }).waitFor();
    await inspect(page, 'phone-facets');
    await page.getByRole('region', { name: 'Channel' }).getByRole('button', { name: /^web/ }).click();
    await page.waitForURL((url) => url.searchParams.get('q') === 'channel:web');
    await page.keyboard.press('Escape');
    await page.getByRole('region', { name: 'Channel' }).waitFor({ state: 'detached' });
    await page.goto(`${server.url}/`);
    await page.locator('[data-conversation]').first().click();
    await page.locator('[data-bubble]').first().waitFor();
    const details = page.getByRole('region', { name: 'Details' });
    assert.equal(await details.count(), 0);
    await page.getByRole('button', { name: 'Show the details' }).click();
    await details.waitFor();
    await fits('details');
    await page.keyboard.press('Escape');
    await details.waitFor({ state: 'detached' });
    await fits('conversation');
    await page.getByRole('link', { name: 'Trace', exact: true }).first().click();
    await page.locator('[data-step]').first().waitFor();
    await page.getByRole('link', { name: 'Open the conversation' }).waitFor();
    await fits('trace');
    await page.setViewportSize({ width: 1440, height: 900 });
  });
  await step('a phone: the way to anywhere is a button', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${server.url}/`);
    const button = page.getByRole('button', { name: 'Go anywhere' });
    const dialog = page.getByRole('dialog', { name: 'Go anywhere' });
    await button.waitFor();
    const { width, height } = await button.boundingBox();
    assert.ok(width >= 44 && height >= 44, `it is ${width} by ${height} px`);
    await button.click();
    await dialog.getByRole('option', { name: /^Analytics/ }).waitFor();
    await assertFits(page, 'the palette');
    await inspect(page, 'phone-palette');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await dialog.waitFor({ state: 'detached' });
    await button.click();
    await dialog.getByRole('option', { name: /^Analytics/ }).click();
    await page.waitForURL(/\/analytics/);
    await page.setViewportSize({ width: 1440, height: 900 });
  });
}
