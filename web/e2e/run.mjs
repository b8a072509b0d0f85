// The page against the real server: from the sign-in link to signing out, the way a new user goes.
// Run with NT_BIN=../target/debug/neuraltrust npm run e2e
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findings, launch, watch } from './browser.mjs';
import { charts } from './charts.mjs';
import { comparing } from './comparing.mjs';
import { explaining } from './explaining.mjs';
import { finding } from './finding.mjs';
import { judging } from './judging.mjs';
import { indexed } from './loads.mjs';
import { members } from './members.mjs';
import { robust } from './robust.mjs';
import { fill, screens } from './screens.mjs';
import { startServer } from './server.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const FIXTURES = resolve(HERE, '../../fixtures/neuraltrust/1.4.0-exact');
const SCREENSHOTS = resolve(HERE, '../../target/screenshots');
const CONVERSATION = 'conversation_12345678';
const TIMEOUT_MS = 10_000;

const binary = process.env.NT_BIN;
if (!binary) {
  console.error('Set NT_BIN to the server binary, e.g. NT_BIN=../target/debug/neuraltrust npm run e2e');
  process.exit(2);
}

const failures = [];
let passed = 0;

async function step(name, run) {
  const started = Date.now();
  try {
    await run();
    passed += 1;
    console.log(`ok    ${name} (${Date.now() - started} ms)`);
  } catch (error) {
    failures.push(name);
    console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll('\n', '\n      ')}`);
  }
}

/** The bodies that client 1.4.0 sent, in the order in which it sent them. */
async function recorded() {
  const names = (await readdir(FIXTURES)).filter((name) => name.endsWith('.body')).sort();
  return Promise.all(names.map((name) => readFile(join(FIXTURES, name), 'utf8')));
}

async function send(server, body) {
  const response = await fetch(`${server.url}/v1/trace`, {
    method: 'POST',
    headers: { token: server.key, 'content-type': 'application/json' },
    body,
  });
  assert.equal(response.status, 200, await response.text());
}

/** Checks and pictures of a page, in both colour schemes. */
async function inspect(page, name) {
  const found = [];
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.waitForFunction((wanted) => document.documentElement.dataset.mantineColorScheme === wanted, scheme);
    // Colours change over transitions, which begin with the next frame; axe would measure in the midst of them.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.waitForFunction(() =>
      document.getAnimations().every((each) => each.playState !== 'running' || each.effect.getTiming().iterations > 1),
    );
    await page.screenshot({ path: join(SCREENSHOTS, `${name}-${scheme}.png`) });
    found.push(...(await findings(page)).map((finding) => `${name}, ${scheme}: ${finding}`));
  }
  assert.deepEqual(found, [], found.join('\n'));
}

async function main() {
  await mkdir(SCREENSHOTS, { recursive: true });
  const only = process.env.NT_E2E;
  if (!only || only === 'journey') await run(journey);
  if (!only || only === 'robust') {
    await run((server, page, problems) => robust({ server, page, step, inspect, problems }));
  }
  // The parts over the conversations of the demo, in this order: screens count on what finding has erased, and what explaining
  // sends comes after all that counts what is there.
  const parts = { comparing, judging, charts, finding, screens, members, explaining };
  const wanted = only === 'screens' ? ['finding', 'screens'] : only ? [only] : Object.keys(parts);
  if (wanted.some((name) => name in parts)) {
    await run(async (server, page, problems) => {
      await fill(binary, server);
      // Values are completed once, and not again when more of them have come.
      await indexed(server);
      await step('signed in', async () => {
        await page.goto(server.link);
        await page.locator('[data-conversation]').first().waitFor();
      });
      for (const name of wanted) await parts[name]?.({ server, page, step, inspect, problems });
    });
  }
}

/** Runs steps against a server of their own. */
async function run(steps) {
  const server = await startServer(binary);
  let browser;
  try {
    browser = await launch();
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    const problems = watch(page);
    await steps(server, page, problems);
    await step('no console error, CSP violation or failed request', () => {
      const found = problems.take();
      assert.deepEqual(found, [], found.join('\n'));
    });
  } finally {
    await browser?.close();
    await server.stop();
  }
}

async function journey(server, page) {
  const bodies = await recorded();
  const row = page.locator(`[data-conversation="${CONVERSATION}"]`);

  await step('without a session, the sign-in page', async () => {
    await page.goto(`${server.url}/?signin=expired`);
    await page.getByRole('alert').getByText('This link has been used or has expired').waitFor();
    await inspect(page, 'sign-in');
  });
  await step('the sign-in link leads to the empty list', async () => {
    await page.goto(server.link);
    await page.getByText('Waiting for the first conversation').waitFor();
    await page.getByText(`base_url="${server.url}"`).waitFor();
    assert.equal(new URL(page.url()).pathname, '/');
    await inspect(page, 'empty');
  });
  await step('a conversation appears by itself', async () => {
    await page.evaluate(() => {
      window.stayed = true;
    });
    for (const body of bodies) await send(server, body);
    await row.waitFor();
    await page.getByRole('row').filter({ hasText: 'John Doe' }).getByText('5 steps').waitFor();
    assert.equal(await page.evaluate(() => window.stayed), true, 'the page was loaded again');
    await inspect(page, 'list');
  });
  await step('keys choose and open it', async () => {
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.locator('[data-bubble="user"]').waitFor();
    assert.equal(new URL(page.url()).pathname, `/conversations/${CONVERSATION}`);
  });
  await step('what was said is shown', async () => {
    assert.match(await page.locator('[data-bubble="user"]').first().innerText(), /Hello, how are you\?/);
    assert.match(await page.locator('[data-bubble="assistant"]').first().innerText(), /I am fine, thank you!/);
    await inspect(page, 'conversation');
  });
  for (const body of bodies) {
    const sent = JSON.parse(body);
    await step(`the step ${sent.task} shows its input and output`, () => openStep(page, sent));
  }
  await step('the open step is accessible', () => inspect(page, 'step'));
  await step('Esc closes the step, keys walk through all of them', async () => {
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !new URL(window.location.href).searchParams.has('step'));
    const seen = new Set();
    for (let index = 0; index < bodies.length; index += 1) {
      await page.keyboard.press('j');
      await page.waitForFunction(
        (before) => !before.includes(new URL(window.location.href).searchParams.get('step')),
        [null, ...seen],
      );
      seen.add(new URL(page.url()).searchParams.get('step'));
    }
    assert.equal(seen.size, bodies.length);
  });
  await step('a link to a step opens it', async () => {
    const { trace_id: stepId } = JSON.parse(bodies[4]);
    await page.reload();
    await page.locator('[data-panel-step]').waitFor();
    await page.locator(`[data-step="${stepId}"]`).waitFor();
  });
  await step('a new turn appears in the open conversation', async () => {
    const turn = {
      ...JSON.parse(bodies[1]),
      trace_id: 'e2e-step',
      interaction_id: 'e2e-trace',
      input: 'And **now**?',
      output: 'Still fine.',
    };
    await send(
      server,
      JSON.stringify({
        ...turn,
        start_timestamp: turn.start_timestamp + 5000,
        end_timestamp: turn.end_timestamp + 6000,
      }),
    );
    await page.getByText('Still fine.').first().waitFor();
    assert.equal(await page.locator('[data-bubble="user"] strong').last().innerText(), 'now');
  });
  await step('the trace page', async () => {
    await page.goto(`${server.url}/traces/${JSON.parse(bodies[0]).interaction_id}`);
    await page.locator('[data-step]').nth(4).waitFor();
    assert.equal(await page.locator('[data-step]').count(), bodies.length);
    await inspect(page, 'trace');
    await page.getByRole('link', { name: 'Open the conversation' }).click();
    await page.locator('[data-bubble="user"]').first().waitFor();
  });
  await step('search finds it, and says when nothing is found', async () => {
    await page.keyboard.press('Escape');
    await row.waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('fine');
    await page.waitForURL(/q=fine/);
    await row.waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('xyzzy');
    await page.getByText('No conversation matches').waitFor();
    await inspect(page, 'no-match');
    await page.getByRole('button', { name: 'Clear search and filters' }).click();
    await row.waitFor();
  });
  await step('filters', async () => {
    await page.getByRole('button', { name: 'Channel', exact: true }).click();
    await page.getByRole('option', { name: /channel_12345678/ }).click();
    await page.waitForURL(/channel=channel_12345678/);
    await row.waitFor();
    await inspect(page, 'filtered');
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.waitForURL((url) => url.search === '');
  });
  await step('the list of shortcuts', async () => {
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await inspect(page, 'shortcuts');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });
  await step('signing out, and in again with the key', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Key', { exact: true }).fill('nt_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This key is not known here').waitFor();
    await page.getByLabel('Key', { exact: true }).fill(server.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await row.waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Key', { exact: true }).waitFor();
    await page.reload();
    await page.getByLabel('Key', { exact: true }).waitFor();
  });
}

/** Opens the step that was sent and looks for what was sent with it. */
async function openStep(page, sent) {
  await page.locator(`[data-step="${sent.trace_id}"]`).click();
  const panel = page.locator(`[data-panel-step="${sent.trace_id}"]`);
  await panel.waitFor();
  assert.equal(new URL(page.url()).searchParams.get('step'), sent.trace_id);
  const section = (name) => panel.locator(`[data-section="${name}"]`);
  assert.ok((await section('input').innerText()).includes(sent.input), 'the input is not shown');
  // Retrievals send a Python list, which is shown as a document with its text.
  const expected = sent.task === 'retrieval' ? 'Hello, how are you?' : (sent.output ?? 'Nothing was recorded');
  assert.ok(
    (await section('output').innerText()).includes(expected),
    `the output is not shown: ${await section('output').innerText()}`,
  );
  assert.ok((await section('ids').innerText()).includes(sent.session_id), 'the session is not shown');
  assert.ok((await section('metadata').innerText()).includes(sent.metadata.id), 'the metadata is not shown');
}

await main().catch((error) => {
  failures.push('run');
  console.error(`FAIL  ${error.stack ?? error}`);
});
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
