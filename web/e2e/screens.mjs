// The screens over many conversations: charts, settings, connecting, and a large and hostile trace.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

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
  await step('demo: signed in, the list', async () => {
    await page.goto(server.link);
    await page.locator('[data-conversation]').first().waitFor();
    await inspect(page, 'demo-list');
  });
  await step('demo: a drag over the histogram narrows the list, and the address keeps it', async () => {
    const bars = page.getByRole('img', { name: /conversations over time/ });
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
    await page.getByRole('button', { name: /^u_/ }).first().waitFor();
    await inspect(page, 'analytics');
    await page.getByRole('button', { name: /^u_/ }).first().click();
    await page.waitForURL(/user=u_/);
    await page.locator('[data-conversation]').first().waitFor();
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
  await step('settings: quarantine', async () => {
    await page.getByRole('link', { name: 'Quarantine' }).click();
    await page.getByRole('heading', { name: 'Quarantine' }).waitFor();
    await inspect(page, 'settings-quarantine');
  });
  await step('settings: erasing asks once more and leaves a receipt', async () => {
    await page.getByRole('link', { name: 'Erasure' }).click();
    await page.getByLabel('What').selectOption('conversation_id');
    await page.getByLabel('Id', { exact: true }).fill('large');
    await page.getByRole('button', { name: 'Erase' }).click();
    await page.getByRole('dialog').getByText('Conversation large').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
    // The newest is the first; the two before it are of the selection in the list.
    await page.locator('[data-receipt]').nth(2).waitFor();
    await page.locator('[data-receipt]').first().getByText('· erased ·').waitFor();
    await page.locator('[data-receipt] summary').first().click();
    await page.getByRole('button', { name: 'Copy the receipt as JSON' }).waitFor();
    await inspect(page, 'settings-erasure');
  });
  await step('a phone: every screen fits', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const [name, path] of [
      ['list', '/'],
      ['search', '/search?q=bike'],
      ['users', '/users'],
      ['analytics', '/analytics'],
      ['connect', '/connect'],
      ['settings', '/settings'],
    ]) {
      await page.goto(`${server.url}${path}`);
      await page.locator('main h1').first().waitFor({ state: 'attached' });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `${path} is ${over} px too wide`);
      await inspect(page, `phone-${name}`);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });
}
