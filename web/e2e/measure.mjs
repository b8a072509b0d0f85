// How fast the page is over a large project, and what it costs to leave it open: measured in headless Chromium against the real
// server, which `bench send` has filled, or a server that runs already (--url, --key). Prints a table; ends with 1 where a target is
// missed. README.md says how to run it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { launch } from './browser.mjs';
import { indexed, sendTrace, tail } from './loads.mjs';
import { startServer } from './server.mjs';
import { interactionsOf, memoryOf, observe, percentile, transferred } from './timing.mjs';

const { values: options } = parseArgs({
  options: {
    spans: { type: 'string', default: '1000000' },
    steps: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '30' },
    only: { type: 'string', default: 'loads,read,trace,tail' },
    url: { type: 'string' },
    key: { type: 'string' },
  },
});
const [SPANS, STEPS, MINUTES] = [options.spans, options.steps, options.minutes].map(Number);
const { NT_BIN: binary, NT_BENCH: bench } = process.env;
const given = options.url && options.key ? { url: options.url, key: options.key, stop: async () => {} } : null;
const PARTS = options.only.split(',');
if ((!given && (!binary || !bench)) || ![SPANS, STEPS, MINUTES].every((number) => number > 0)) {
  console.error(
    'usage: NT_BIN=…/neuraltrust NT_BENCH=…/bench npm run measure -- [--spans N] [--steps N] [--minutes N]\n' +
      '       npm run measure -- --url URL --key KEY [--only loads,read,trace,tail]',
  );
  process.exit(2);
}

const TIMES = 7;
const MIB = 1024 * 1024;
const rows = [];

/** One line of the table. What has a limit is met when it is not above it. */
function row(what, figure, unit, limit = null) {
  const met = limit === null ? '' : figure <= limit ? 'yes' : 'NO';
  rows.push({ what, figure: `${Math.round(figure).toLocaleString('en-US')} ${unit}`, limit, unit, met });
  console.error(`${what}: ${Math.round(figure)} ${unit}`);
}

/** The median and the greatest of several times, as two lines; the greatest is held against the limit. */
function timesRow(what, times, limit) {
  row(`${what}, median of ${times.length}`, percentile(times, 0.5), 'ms');
  row(`${what}, slowest`, Math.max(...times), 'ms', limit);
}

async function timed(act) {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

async function repeat(act) {
  const times = [];
  for (let turn = 0; turn < TIMES; turn += 1) times.push(await timed(() => act(turn)));
  return times;
}

/** Has `bench send` send until there are enough spans and the lists show them. */
async function fill(server) {
  const headers = { authorization: `Bearer ${server.key}` };
  const recorded = async () => (await (await fetch(`${server.url}/api/v1/status`, { headers })).json()).recorded;
  while ((await recorded()) < SPANS) {
    const sending = ['send', '--url', server.url, '--workload', 'chat', '--connections', '2', '--seconds', '5'];
    await promisify(execFile)(bench, sending, { env: { ...process.env, NEURALTRUST_API_KEY: server.key } });
  }
  await indexed(server);
  row('spans in the project', await recorded(), '');
}

async function loads(page, server) {
  const list = () => page.locator('[data-conversation]').first().waitFor();
  const bytes = await transferred(page, async () => {
    await page.goto(`${server.url}/`);
    await list();
    // The live stream never ends, so that the network is never idle.
    await page.waitForTimeout(2000);
  });
  row('first load, gzipped, without answers of the API', bytes / 1024, 'KiB', 350);
  timesRow(
    'list visible',
    await repeat(async () => {
      await page.goto(`${server.url}/`);
      await list();
    }),
    1000,
  );
  const opened = [];
  for (let turn = 0; turn < TIMES; turn += 1) {
    // Where sending ended within a trace there may be no words yet.
    await page.goto(`${server.url}/?q=${encodeURIComponent('turns:>1')}`);
    await list();
    const link = page.locator('[data-conversation]').nth(turn);
    opened.push(
      await timed(async () => {
        await link.click();
        await page.locator('[data-bubble]').first().waitFor();
      }),
    );
  }
  timesRow('conversation open', opened, 1000);
}

/** Presses keys and clicks as a reader does, on the list and in a conversation. */
async function read(page, server) {
  await page.goto(`${server.url}/`);
  await page.locator('[data-conversation]').first().waitFor();
  for (const key of 'jjjjjkkjj') await page.keyboard.press(key, { delay: 20 });
  await page.keyboard.press('/');
  await page.keyboard.type('kind:generation latency:>1s', { delay: 40 });
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=kind/);
  await page.locator('[data-conversation]').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.locator('[data-bubble]').first().waitFor();
  await page.keyboard.press('e');
  for (const key of 'jjjjkj') await page.keyboard.press(key, { delay: 60 });
  for (const view of ['Tree', 'Timeline', 'Graph', 'Transcript']) {
    await page.getByRole('link', { name: view, exact: true }).click();
    await page.waitForTimeout(250);
  }
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByRole('combobox').waitFor();
  await page.keyboard.type('analyt', { delay: 40 });
  await page.keyboard.press('Enter');
  await page.waitForURL(/analytics/);
  // What `bench` sends is of one month, which may be over for some time.
  await page.getByRole('button', { name: 'Last 7 days' }).click();
  await page.getByRole('option', { name: 'Last 90 days' }).click();
  await page.locator('canvas').first().waitFor();
}

/** Opens the large trace, works in it while it comes, and when all of it is there. */
async function largeTrace(page, server, traceId) {
  const all = STEPS.toLocaleString('en-US');
  const step = page.locator('[data-step]');
  const began = performance.now();
  const since = () => performance.now() - began;
  await page.goto(`${server.url}/traces/${traceId}`);
  await step.first().waitFor();
  row(`trace of ${all} steps: first steps`, since(), 'ms', 1000);
  await page.keyboard.press('j');
  await page.locator('[data-panel-step]').waitFor();
  row(`trace of ${all} steps: a step opened by a key`, since(), 'ms', 1000);
  for (const key of 'jjjkjj') await page.keyboard.press(key, { delay: 150 });
  await page.getByText('steps are here').waitFor({ state: 'detached', timeout: 600_000 });
  row(`trace of ${all} steps: all of them`, since(), 'ms');
  for (const key of 'jjjkjj') await page.keyboard.press(key, { delay: 60 });
  const typed = performance.now();
  await page.getByLabel('Search in these steps').pressSequentially(`step ${STEPS - 1}`, { delay: 40 });
  await page.getByText(`1 of ${all} steps match`).waitFor();
  row(`trace of ${all} steps: found by words, with typing`, performance.now() - typed, 'ms');
  await page.getByLabel('Search in these steps').fill('');
  await step.nth(5).waitFor();
  await step.nth(3).click();
  await page.getByRole('button', { name: /Tool \d/ }).click();
  await page.getByText(/of .* steps match/).waitFor();
  assert.ok((await step.count()) < 200, 'the tree is not virtual');
}

/** Leaves the list open while conversations arrive. */
async function leaveOpen(page, server) {
  await page.goto(`${server.url}/`);
  await page.locator('[data-conversation]').first().waitFor();
  const stop = tail(server);
  await page.waitForTimeout(10_000);
  const before = await memoryOf(page);
  await page.waitForTimeout(MINUTES * 60_000);
  const sent = await stop();
  const after = await memoryOf(page);
  row(`live tail: conversations that arrived in ${MINUTES} minutes`, sent, '');
  row('live tail: heap at its begin', before.heap / MIB, 'MiB');
  row('live tail: heap at its end', after.heap / MIB, 'MiB', (before.heap / MIB) * 1.5 + 5);
  row('live tail: elements at its end', after.nodes, '', before.nodes * 1.5);
}

function interactionRows(name, found) {
  row(`interactions ${name}`, found.count, '');
  row(`interactions ${name}: p95`, percentile(found.durations, 0.95), 'ms', 100);
  row(`interactions ${name}: slowest (${found.slowest})`, Math.max(...found.durations), 'ms');
}

async function main() {
  const server = given ?? (await startServer(binary));
  let browser;
  try {
    if (!given) await fill(server);
    const traceId = PARTS.includes('trace') ? await sendTrace(server, STEPS) : '';
    await indexed(server);
    browser = await launch();
    const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    page.setDefaultTimeout(30_000);
    await page.request.post(`${server.url}/api/v1/session`, { data: { key: server.key } });
    await observe(page);
    if (PARTS.includes('loads')) await loads(page, server);
    if (PARTS.includes('read')) {
      await read(page, server);
      interactionRows('over lists and conversations', await interactionsOf(page));
    }
    if (PARTS.includes('trace')) {
      await largeTrace(page, server, traceId);
      interactionRows('in the large trace', await interactionsOf(page));
    }
    if (PARTS.includes('tail')) await leaveOpen(page, server);
  } finally {
    await browser?.close();
    await server.stop();
  }
}

try {
  await main();
} finally {
  console.log('| what | figure | target | met |\n|---|---:|---:|---|');
  for (const { what, figure, limit, unit, met } of rows) {
    console.log(`| ${what} | ${figure} | ${limit === null ? '' : `≤ ${Math.round(limit)} ${unit}`} | ${met} |`);
  }
}
process.exitCode = rows.some(({ met }) => met === 'NO') ? 1 : 0;
