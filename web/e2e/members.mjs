// Members of a project: invited, signed in by the link in a browser of their own, bounded by their role, and removed.
import assert from 'node:assert/strict';
import { assertFits, isolated } from './browser.mjs';

export async function members({ server, page, step, inspect, problems }) {
  const browser = page.context().browser();
  const row = (name) => page.locator(`[data-member="${name}"]`);
  let link = '';
  let other = null;

  await step('settings: somebody is invited, and what signs them in is shown once', async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(`${server.url}/settings?tab=members`);
    await page.getByText('Nobody has been invited yet').waitFor();
    await page.getByLabel('Name').fill('Ada');
    await page.getByLabel('E-mail (optional)').fill('ada@example.com');
    await page.getByLabel('Role', { exact: true }).selectOption('viewer');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    link = (await page.locator('[data-invitation]').innerText()).trim();
    assert.match(link, /\/#key=nt_[0-9a-f]{64}$/);
    await row('Ada').getByText('never').waitFor();
    await inspect(page, 'settings-members');
    await page.reload();
    await row('Ada').waitFor();
    assert.equal(await page.locator('[data-invitation]').count(), 0);
  });
  await step('the link signs them in, and leaves no key in the address', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    other = await context.newPage();
    await other.goto(link);
    await other.getByText('You are invited.').waitFor();
    assert.equal(new URL(other.url()).hash, '');
    await inspect(other, 'invited');
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.locator('[data-conversation]').first().waitFor();
    await other.getByText('Ada', { exact: true }).waitFor();
  });
  await step('a viewer reads, and is not offered what they may not do', async () => {
    await other.goto(`${server.url}/settings`);
    await other.getByText('Settings are for admins').waitFor();
    await inspect(other, 'settings-viewer');
    await other.goto(`${server.url}/analytics`);
    await other.locator('canvas').first().waitFor();
    assert.equal(await other.getByRole('button', { name: 'New dashboard' }).count(), 0);
  });
  await step('a viewer has the views of the project, and keeps those of their own in the browser', async () => {
    const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' };
    const views = `${server.url}/api/v1/views`;
    const { revision, items } = await (await fetch(views, { headers })).json();
    const shared = { id: 'failed', name: 'Failed', search: { status: 'error', columns: 'user,words,cost' } };
    const body = JSON.stringify({ revision, items: [...items, shared] });
    assert.equal((await fetch(views, { method: 'PUT', headers, body })).status, 200);
    await other.goto(`${server.url}/?q=channel:web`);
    await other.getByRole('button', { name: 'Views' }).click();
    await other.locator('[data-view="Failed"]').waitFor();
    await other.getByLabel('Name of the view').fill('Mine');
    await other.getByRole('button', { name: 'Save this list' }).click();
    await other.locator('[data-view="Mine"]').waitFor();
    await other.getByText('this browser only').waitFor();
    const remove = other.getByRole('button', { name: `Delete the view ${isolated('Failed')} for everybody` });
    assert.equal(await remove.count(), 0);
    await inspect(other, 'views-viewer');
    await other.locator('[data-view="Failed"]').click();
    await other.waitForURL((url) => url.searchParams.get('status') === 'error');
    await other.getByRole('columnheader', { name: 'Cost' }).waitFor();
  });
  await step('an editor judges, and the judgement names them', async () => {
    const role = row('Ada').getByLabel(`Role of ${isolated('Ada')}`);
    await role.selectOption('editor');
    await page.getByText(`The role of ${isolated('Ada')} is editor now.`).waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.waitForFunction(() => document.querySelector('[data-member="Ada"] select')?.value === 'viewer');
    await role.selectOption('editor');
    await page.waitForFunction(() => document.querySelector('[data-member="Ada"] select')?.value === 'editor');
    await other.goto(`${server.url}/`);
    // Who may change what all see can give the project what was only this browser's.
    await other.getByRole('button', { name: 'Views' }).click();
    await other.locator('[data-view="Mine"]').click();
    await other.waitForURL((url) => url.searchParams.get('q') === 'channel:web');
    await other.getByRole('button', { name: 'Views' }).click();
    await other.getByLabel('Name of the view').fill('Mine');
    await other.getByRole('button', { name: 'Save this list' }).click();
    await other.getByText(`by ${isolated('Ada')}`).waitFor();
    await other.getByText('this browser only').waitFor({ state: 'detached' });
    await other.locator('[data-view="Mine"]').waitFor();
    await other.goto(`${server.url}/`);
    await other.getByRole('button', { name: 'Views' }).click();
    await other.keyboard.press('Escape');
    await other.locator('[data-conversation]').first().click();
    await other.getByRole('button', { name: 'Judgements' }).click();
    const form = other.getByRole('form', { name: 'Judgements' });
    await form.getByLabel('What is judged').fill('tone');
    await form.getByRole('button', { name: 'Good' }).click();
    await form.getByRole('button', { name: 'Judge', exact: true }).click();
    await other.locator('[data-score-sum="tone"]').waitFor();
    await other.getByRole('button', { name: 'Judgements' }).click();
    await other.getByRole('dialog', { name: 'Judgements' }).getByText('Ada').waitFor();
    await inspect(other, 'judged-by-member');
  });
  await step('the last admin stays one', async () => {
    await row('Ada')
      .getByLabel(`Role of ${isolated('Ada')}`)
      .selectOption('admin');
    await page.waitForFunction(() => document.querySelector('[data-member="Ada"] select')?.value === 'admin');
    await row('Ada').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alert').getByText('is the last admin').waitFor();
    const found = problems.takeBut(/^HTTP 409/);
    assert.deepEqual(found, [], found.join('\n'));
    await page.getByLabel('Name').fill('Grace');
    await page.getByLabel('Role', { exact: true }).selectOption('admin');
    await page.getByRole('button', { name: 'Invite', exact: true }).click();
    await row('Grace').waitFor();
  });
  await step('who is removed is signed out', async () => {
    await row('Ada').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByText('Their key stops at once').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await row('Ada').waitFor({ state: 'detached' });
    await other.goto(`${server.url}/`);
    await other.getByLabel('Key', { exact: true }).waitFor();
    await other.context().close();
  });
  await step('members on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${server.url}/settings?tab=members`);
    await row('Grace').waitFor();
    await assertFits(page);
    await inspect(page, 'phone-members');
  });
}
