// Two things beside each other: from the selection in the list, from a step, and by a link.
import assert from 'node:assert/strict';
import { assertFits, selectTwo } from './browser.mjs';

export async function comparing({ server, page, step, inspect }) {
  const rows = page.locator('[data-conversation]');
  await step('two selected conversations are compared, and the sides swapped', async () => {
    await page.goto(`${server.url}/`);
    await rows.first().waitFor();
    const ids = await selectTwo(page);
    await page.getByRole('link', { name: 'Compare', exact: true }).click();
    await page.locator('[data-compared="turns"]').waitFor();
    const shown = () => page.locator('[data-thing]').evaluateAll((cards) => cards.map((card) => card.dataset.thing));
    assert.deepEqual(await shown(), ids);
    await page.locator('[data-number="duration_ms"]').waitFor();
    await inspect(page, 'compare-conversations');
    await page.getByRole('button', { name: 'Swap the sides' }).click();
    await page.waitForURL((url) => url.searchParams.get('left_conversation_id') === ids[1]);
    await page
      .locator('[data-thing]')
      .first()
      .and(page.locator(`[data-thing="${ids[1]}"]`))
      .waitFor();
    assert.deepEqual(await shown(), ids.toReversed());
    await page.reload();
    await page.locator('[data-compared="turns"]').waitFor();
  });
  await step('two turns are compared by their traces, two of their steps by what they said', async () => {
    await page.getByRole('link', { name: 'Compare these two' }).first().click();
    await page.locator('[data-compared="steps"]').waitFor();
    await inspect(page, 'compare-traces');
    await page.getByRole('link', { name: 'Compare these two' }).first().click();
    await page.locator('[data-compared="input"]').waitFor();
    assert.ok(new URL(page.url()).searchParams.get('left_span_id'));
  });
  await step(
    'a step is held and compared with another: what both were sent is folded, and where they part is marked',
    async () => {
      await page.goto(`${server.url}/?q=VC-48213`);
      await page.getByRole('link', { name: /Where is my order VC-48213/ }).click();
      await page.getByRole('link', { name: 'Tree', exact: true }).click();
      const answers = page.getByRole('button', { name: /^answer/ });
      await answers.first().click();
      await page.getByRole('button', { name: 'Compare this step with another' }).click();
      await page.getByText(/To be compared: the step .?answer/).waitFor();
      await answers.nth(1).click();
      await page.getByRole('link', { name: 'Compare', exact: true }).waitFor();
      await inspect(page, 'compare-held');
      await page.getByRole('link', { name: 'Compare', exact: true }).click();
      const input = page.locator('[data-compared="input"]');
      await input.locator('[data-fork]').waitFor();
      await input.getByRole('button', { name: /the same on both sides/ }).click();
      await input.getByText('system', { exact: true }).first().waitFor();
      await page.locator('[data-number="usage.input"]').waitFor();
      await inspect(page, 'compare-steps');
      assert.equal(await page.getByText('To be compared').count(), 0);
    },
  );
  await step('on a phone the sides are below each other, and a link to nothing says what to do', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.reload();
    await page.locator('[data-compared="input"]').waitFor();
    await assertFits(page);
    await inspect(page, 'phone-compare');
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(`${server.url}/compare`);
    await page.getByText('Nothing to compare yet').waitFor();
  });
}
