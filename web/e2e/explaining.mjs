// Why the totals of a conversation and of a trace are what they are: what was counted, what was not, and what has no price.
import assert from 'node:assert/strict';
import { assertFits } from './browser.mjs';
import { indexed, send, text } from './loads.mjs';

/** More calls of one trace than are shown. */
const CALLS = 250;
const TRACES = { told: 'f1'.repeat(16), own: 'f2'.repeat(16), many: 'f3'.repeat(16) };

const number = (key, value) => ({ key, value: { intValue: String(value) } });

/** A step of the conversation with 1,000 tokens in, 400 of them cached, and 100 out. */
function call(trace, at, name, more = {}) {
  const { parent, operation = 'chat', model = 'gpt-4o', conversation = 'figures', output = 100 } = more;
  const id = (each) => each.toString(16).padStart(16, '0');
  const start = BigInt(Date.now() - 60_000 + at) * 1_000_000n;
  return {
    traceId: TRACES[trace],
    spanId: id(at),
    ...(parent ? { parentSpanId: id(parent) } : {}),
    name,
    kind: 1,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 1_000_000n),
    attributes: [
      text('gen_ai.operation.name', operation),
      text('gen_ai.provider.name', 'openai'),
      text('gen_ai.response.model', model),
      text('gen_ai.conversation.id', conversation),
      number('gen_ai.usage.input_tokens', 1000),
      number('gen_ai.usage.cache_read.input_tokens', 400),
      number('gen_ai.usage.output_tokens', output),
    ],
  };
}

export async function explaining({ server, page, step, inspect }) {
  const panel = page.getByRole('region', { name: 'Why these figures' });
  const why = page.getByRole('button', { name: 'Why these figures' }).first();
  const sum = panel.locator('[data-sum]');

  await step('the totals of a conversation are the sum of the calls that are counted', async () => {
    await send(server, [
      // The agent repeats what its calls tell, and one call is told of by what is around it too.
      call('told', 1, 'figuring agent', { operation: 'invoke_agent', output: 200 }),
      call('told', 2, 'first answer', { parent: 1 }),
      call('told', 3, 'instrumented answer', { parent: 1 }),
      call('told', 4, 'second answer', { parent: 3 }),
      call('own', 5, 'own answer', { model: 'a-model-of-our-own' }),
      ...Array.from({ length: CALLS }, (_, at) =>
        call('many', 10 + at, `call ${at}`, { conversation: 'many figures' }),
      ),
    ]);
    await indexed(server);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(`${server.url}/conversations/figures`);
    await page.getByText('3.3k tokens').waitFor();
    await why.click();
    await page.waitForURL((url) => url.searchParams.get('why') === '1');
    await sum.getByText('3,300 tokens').waitFor();
    assert.equal(await panel.locator('[data-figure]').count(), 3);
    const cost = await sum.locator('td').last().innerText();
    assert.match(cost, /^\$0\.\d+$/);
    await page.locator('main header').getByText(cost, { exact: true }).waitFor();
    await panel
      .getByText(/Worked out by the price table\. .*A million tokens: Input \$/)
      .first()
      .waitFor();
    await panel.getByText(/prices of .*, version .* of \d{4}-/).waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === 'Why these figures');
  });
  await step('what is not counted and what has no price is said with the reason', async () => {
    await panel.getByText(/too low by what 1 step without a price/).waitFor();
    await panel.getByRole('link', { name: 'Set a price' }).waitFor();
    await panel.getByRole('button', { name: /^Not counted/ }).click();
    await panel.getByText('repeats the steps below').waitFor();
    await panel.getByText('another step reports the same call').waitFor();
    await panel.getByRole('button', { name: /^Without a price/ }).click();
    await panel.locator('[data-section="unpriced"]').getByText('No price is known of its model.').waitFor();
    await inspect(page, 'figures');
  });
  await step('a link to the figures opens them, a step of them opens over them, and Esc leads back', async () => {
    await page.reload();
    await sum.waitFor();
    await panel.getByRole('button', { name: 'second answer' }).click();
    await page.locator('[data-panel-step="0000000000000004"]').waitFor();
    await page.locator('[data-step="0000000000000004"]').waitFor();
    await page.keyboard.press('Escape');
    await sum.waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    assert.equal(new URL(page.url()).pathname, '/conversations/figures');
    assert.equal(new URL(page.url()).searchParams.has('why'), false);
    await page.waitForFunction(() => document.activeElement?.textContent === 'why');
    await page.keyboard.press('Enter');
    await sum.waitFor();
    await panel.getByRole('button', { name: 'Close the figures' }).click();
    await page.getByRole('region', { name: 'Details' }).waitFor();
  });
  await step('of the calls of a trace the dearest are shown, and what the others come to', async () => {
    await page.goto(`${server.url}/traces/${TRACES.many}`);
    await why.click();
    await panel.getByText('50 more').waitFor();
    await sum.getByText('275,000 tokens').waitFor();
    assert.equal(await panel.locator('[data-figure]').count(), 200);
    await inspect(page, 'figures-trace');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    assert.equal(new URL(page.url()).pathname, `/traces/${TRACES.many}`);
  });
  await step('the figures on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${server.url}/conversations/figures?why=1`);
    await sum.waitFor();
    await assertFits(page, 'the panel of figures');
    await inspect(page, 'phone-figures');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    await why.waitFor();
    await page.setViewportSize({ width: 1440, height: 900 });
  });
}
