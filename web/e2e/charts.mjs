// Charts without a pointer: by keys, as a screen reader is told of them, and as tables.
import assert from 'node:assert/strict';
import { isolated } from './browser.mjs';

const HOUR_MS = 3_600_000;
/** How a chart is called once it has its figures. */
const USERS = /^\u2068Active users\u2069, max\. \u2068Active users\u2069: [1-9]/;
const AS_TABLE = `${isolated('Active users')} as a table`;

export async function charts({ server, page, step, inspect }) {
  const rows = page.locator('[data-conversation]');
  /** How long the stretch of time is that the list is narrowed to, in hours. */
  const hours = () => {
    const { searchParams } = new URL(page.url());
    return (Date.parse(searchParams.get('before')) - Date.parse(searchParams.get('after'))) / HOUR_MS;
  };
  /** Presses a key and gives what is told then. */
  const press = async (key, told) => {
    const before = await told.textContent();
    await page.keyboard.press(key);
    await page.waitForFunction(
      ([element, words]) => element.textContent !== words,
      [await told.elementHandle(), before],
    );
    return told.textContent();
  };

  await step('the bars above the list: keys choose a time, tell of it, and narrow the list to it', async () => {
    await page.goto(`${server.url}/`);
    await rows.first().waitFor();
    const bars = page.getByRole('application', { name: /^[1-9].* over time/ });
    const told = page.locator('[aria-live]');
    await bars.focus();
    assert.match(await press('End', told), /: \d+ conversations?/);
    await press('Shift+ArrowLeft', told);
    await press('Shift+ArrowLeft', told);
    assert.equal(await bars.locator('[data-in]').count(), 3);
    await inspect(page, 'histogram-keys');
    assert.equal(await press('Escape', told), '');
    assert.equal(await bars.locator('[data-in], [data-cursor]').count(), 0);
    assert.equal(new URL(page.url()).search, '');
    await press('End', told);
    await press('Shift+ArrowLeft', told);
    await page.keyboard.press('Enter');
    await page.waitForURL(/after=.*before=/);
    assert.equal(hours(), 48);
    await rows.first().waitFor();
    await page.getByRole('button', { name: 'Remove the filter Time' }).click();
    await page.waitForURL((url) => !url.searchParams.has('after'));
  });
  await step('analytics: a chart by keys, one stop of Tab, told point by point, and the list behind one', async () => {
    await page.goto(`${server.url}/analytics?earlier=off`);
    const chart = page.getByRole('application', { name: USERS });
    await chart.waitFor();
    await page.getByRole('button', { name: AS_TABLE }).focus();
    await page.keyboard.press('Tab');
    const outline = (element) => element === document.activeElement && getComputedStyle(element).outlineStyle;
    assert.equal(await chart.evaluate(outline), 'solid');
    await page.keyboard.press('Tab');
    assert.equal(
      await page.evaluate(() => document.activeElement.getAttribute('aria-label')),
      `${isolated('Sessions')} as a table`,
    );
    await page.keyboard.press('Shift+Tab');
    const figure = page.locator('figure').filter({ has: chart });
    const told = figure.locator('[aria-live]');
    const legend = figure.locator('.u-legend .u-series');
    const atSomething = async () => {
      let words = await press('End', told);
      while (!/: Active users [1-9]/.test(words)) words = await press('ArrowLeft', told);
      return words;
    };
    const users = /: Active users ([^,]+), New users/.exec(await atSomething())?.[1];
    assert.equal(await legend.nth(1).textContent(), `Active users${users}`);
    assert.match(await press('ArrowDown', told), new RegExp(`: Active users ${users}$`));
    assert.match(await press('ArrowDown', told), /: New users [^,]+$/);
    // The chart is drawn anew in the other colours, and the cursor stays.
    await inspect(page, 'chart-keys');
    assert.match(await figure.locator('[data-on]').textContent(), /^New users/);
    assert.equal(await legend.nth(1).textContent(), `Active users${users}`);
    assert.equal(await press('Escape', told), '');
    assert.equal(await legend.nth(1).textContent(), 'Active users–');
    assert.equal(await figure.locator('[data-on]').count(), 0);
    await atSomething();
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.pathname === '/' && url.searchParams.has('after'));
    assert.equal(hours(), 6);
    await rows.first().waitFor();
  });
  await step('analytics: the numbers of a chart as a table in its place, and the list behind a row', async () => {
    await page.goto(`${server.url}/analytics?earlier=off`);
    const button = page.getByRole('button', { name: AS_TABLE });
    const figure = page.locator('figure').filter({ has: button });
    const chart = figure.getByRole('application', { name: USERS });
    await chart.waitFor();
    const size = () => figure.evaluate(({ offsetWidth, offsetHeight }) => [offsetWidth, offsetHeight]);
    const before = await size();
    await button.click();
    const table = figure.getByRole('group', { name: AS_TABLE });
    await table.getByRole('columnheader', { name: 'New users' }).waitFor();
    assert.deepEqual(await size(), before);
    await chart.waitFor({ state: 'hidden' });
    await inspect(page, 'chart-table');
    await button.click();
    await table.waitFor({ state: 'detached' });
    await chart.waitFor();
    await button.click();
    const found = table.getByRole('row').filter({ has: page.getByRole('cell', { name: /^[1-9]/ }) });
    await found.first().getByRole('button').click();
    await page.waitForURL((url) => url.pathname === '/' && url.searchParams.has('after'));
    assert.equal(hours(), 6);
    await rows.first().waitFor();
  });
}
