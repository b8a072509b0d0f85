// Judgements: made, corrected and withdrawn at a step, a conversation and a selection, and taken back.
import assert from 'node:assert/strict';
import { isolated } from './browser.mjs';

export async function judging({ server, page, step, inspect }) {
  const rows = page.locator('[data-conversation]');
  const scores = (name) => page.locator(`[data-score="${name}"]`);
  const undo = () => page.getByRole('button', { name: 'Undo' }).click();

  await step('a step is judged by a number, corrected, and the correction taken back', async () => {
    await page.goto(`${server.url}/?q=VC-48213`);
    await page.getByRole('link', { name: /Where is my order VC-48213/ }).click();
    await page.getByRole('link', { name: 'Tree', exact: true }).click();
    await page
      .getByRole('button', { name: /^answer/ })
      .first()
      .click();
    const panel = page.locator('[data-panel-step]');
    await panel.getByRole('button', { name: 'Judge', exact: true }).click();
    const form = panel.getByRole('form', { name: 'Judgements' });
    await form.getByText('Number', { exact: true }).click();
    await form.getByLabel('What is judged').fill('correctness');
    await form.getByLabel('Verdict', { exact: true }).fill('0.8');
    await form.getByLabel('Why').fill('One date is wrong.');
    await inspect(page, 'judge-step');
    await form.getByRole('button', { name: 'Judge', exact: true }).click();
    await scores('correctness').getByText('0.8').waitFor();
    await scores('correctness').getByText('One date is wrong.').waitFor();
    await page.getByRole('button', { name: `Correct the judgement ${isolated('correctness')}` }).click();
    await scores('correctness').getByLabel('Verdict', { exact: true }).fill('0.4');
    await scores('correctness').getByRole('button', { name: 'Correct', exact: true }).click();
    await scores('correctness').getByText('0.4').waitFor();
    await inspect(page, 'judged-step');
    await undo();
    await scores('correctness').getByText('0.8').waitFor();
  });
  await step('a judgement is withdrawn, and made again as it was', async () => {
    await page.getByRole('button', { name: `Withdraw the judgement ${isolated('correctness')}` }).click();
    await scores('correctness').waitFor({ state: 'detached' });
    await undo();
    await scores('correctness').getByText('One date is wrong.').waitFor();
  });
  await step('a conversation is judged from its head, and shows it in its head and in the list', async () => {
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Judgements' }).click();
    const form = page.getByRole('form', { name: 'Judgements' });
    await form.getByText('Category', { exact: true }).click();
    await form.getByLabel('What is judged').fill('outcome');
    await form.getByLabel('Verdict', { exact: true }).fill('resolved');
    await inspect(page, 'judge-conversation');
    await form.getByRole('button', { name: 'Judge', exact: true }).click();
    await page.locator('[data-score-sum="outcome"]').getByText('resolved').waitFor();
    await page.getByRole('button', { name: 'Judgements' }).click();
    await scores('outcome').getByText('of the conversation').waitFor();
    await page.keyboard.press('Escape');
    await page.goto(`${server.url}/?q=scores.outcome:resolved`);
    await rows.first().waitFor();
    assert.equal(await rows.count(), 1);
  });
  await step('a selection is judged at once, and all of it taken back', async () => {
    await page.goto(`${server.url}/`);
    await rows.first().waitFor();
    for (const _ of ['first', 'second', 'third']) {
      await page.keyboard.press('j');
      await page.keyboard.press('x');
    }
    await page.getByRole('button', { name: 'Judge', exact: true }).click();
    const form = page.getByRole('form', { name: 'Judgements' });
    await form.getByLabel('What is judged').fill('reviewed');
    await form.getByRole('button', { name: 'Good' }).click();
    await inspect(page, 'judge-selection');
    await form.getByRole('button', { name: 'Judge', exact: true }).click();
    await page.getByText(`Judged ${isolated('reviewed')} 3 times.`).waitFor();
    const found = async () => {
      const answer = await page.request.get(`${server.url}/api/v1/conversations?q=scores.reviewed:positive`);
      return (await answer.json()).items.length;
    };
    // Lists follow within a second.
    while ((await found()) !== 3) await page.waitForTimeout(100);
    await undo();
    while ((await found()) !== 0) await page.waitForTimeout(100);
    await page.getByRole('button', { name: 'Select none' }).click();
  });
}
