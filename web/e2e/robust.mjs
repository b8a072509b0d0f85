// What must not break the page: hostile content, a session that ends, a server that goes away, and large things.
import assert from 'node:assert/strict';
import { assertFits } from './browser.mjs';
import { indexed, send, text } from './loads.mjs';

const HOSTILE = [
  '<script>window.broken = true</script><img src=x onerror="window.broken = true"><iframe src="javascript:parent.broken=true">',
  '[run](javascript:window.broken=true) [page](data:text/html,<script>alert(1)</script>) ![far](https://example.invalid/x.png)',
  '\u202Egnihtemos\u202C \u2066\u2067 mixed العربية and עברית',
  '```js\nunclosed **bold _and | a | table\n|---\n> > > [',
  'x'.repeat(20_000),
].join('\n\n');
const LINES = 10_000;
const BIG_MESSAGE = 5 * 1024 * 1024;
const TURNS = 1500;
/** A PNG of 1 by 1 pixel that says it is huge would be refused; a drawing can be of any size. */
const HUGE_IMAGE =
  'data:image/svg+xml;base64,' +
  Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="60000" height="60000"><script>parent.broken=true</script></svg>',
  ).toString('base64');

/** A model call of a conversation of its own. */
function call(number, conversation, input, output) {
  const id = number.toString(16).padStart(2, '0');
  const start = BigInt(Date.now() - 60_000) * 1_000_000n;
  return {
    traceId: id.repeat(16),
    spanId: id.repeat(8),
    name: conversation,
    kind: 1,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 1_000_000n),
    attributes: [
      text('gen_ai.operation.name', 'chat'),
      text('gen_ai.request.model', 'gpt-4o'),
      text('gen_ai.conversation.id', conversation),
      text('gen_ai.input.messages', JSON.stringify([{ role: 'user', parts: input }])),
      text('gen_ai.output.messages', JSON.stringify([{ role: 'assistant', parts: output }])),
    ],
  };
}

const say = (content) => [{ type: 'text', content }];

async function openStep(page, server, conversation) {
  await page.goto(`${server.url}/conversations/${conversation}?view=tree`);
  await page.locator('[data-step]').first().click();
  await page.locator('[data-panel-step]').waitFor();
}

async function unbroken(page) {
  assert.equal(await page.evaluate(() => window.broken), undefined, 'hostile content ran');
  const bad = 'a[href^="javascript:"], a[href^="data:"], main script, main iframe, main img[src^="https:"]';
  assert.equal(await page.locator(bad).count(), 0, 'hostile content became a part of the page');
  await assertFits(page);
}

export async function robust({ server, page, step, inspect, problems }) {
  await step('hostile words run nowhere and break no layout', async () => {
    await send(server, [
      call(1, 'hostile', say(HOSTILE), say(HOSTILE)),
      call(
        2,
        'json',
        say('JSON, please'),
        say(JSON.stringify(Array.from({ length: LINES }, (_, at) => ({ line: at })))),
      ),
      call(3, 'big', say('All of it, please'), say('word '.repeat(BIG_MESSAGE / 5))),
      call(
        4,
        'image',
        [{ type: 'blob', mime_type: 'image/svg+xml', data: HUGE_IMAGE.split(',')[1] }],
        say(`![drawn](${HUGE_IMAGE})`),
      ),
    ]);
    await page.goto(server.link);
    await page.locator('[data-conversation="hostile"]').waitFor();
    await unbroken(page);
    await page.goto(`${server.url}/conversations/hostile`);
    await page.locator('[data-bubble="assistant"]').waitFor();
    await unbroken(page);
    await inspect(page, 'hostile-conversation');
    await openStep(page, server, 'hostile');
    await unbroken(page);
    await page.goto(`${server.url}/conversations/hostile?view=graph`);
    await page.locator('[data-node]').first().waitFor();
    await unbroken(page);
    await page.goto(`${server.url}/search?q=somethingthatisnothere`);
    await page.goto(`${server.url}/search?q=unclosed`);
    await page.locator('mark').first().waitFor();
    await unbroken(page);
  });
  await step('names of 200 signs without a space stay in their place, on a phone too', async () => {
    const long = 'unbroken'.repeat(25);
    // The longest id that the server takes.
    const id = 'unbroken'.repeat(16);
    const { attributes, ...made } = call(6, id, say(long), say(long));
    const named = attributes.map((each) => (each.key === 'gen_ai.request.model' ? text(each.key, long) : each));
    await send(server, [{ ...made, name: long, attributes: named }]);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      await page.goto(`${server.url}/`);
      await page.locator(`[data-conversation="${id}"]`).waitFor();
      await unbroken(page);
      await openStep(page, server, id);
      await unbroken(page);
      const trace = `/traces/${made.traceId}`;
      for (const path of [`/conversations/${id}`, trace, `/search?q=model:${long}`, '/analytics']) {
        await page.goto(`${server.url}${path}`);
        await page.locator('main h1').first().waitFor({ state: 'attached' });
        await unbroken(page);
      }
      await page.getByRole('region', { name: 'Models' }).getByText(long).first().waitFor();
      await unbroken(page);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });
  await step('10,000 lines of JSON come in portions', async () => {
    await openStep(page, server, 'json');
    await page.getByText('10,000 items').or(page.getByText('10000 items')).first().waitFor();
    const elements = await page.evaluate(() => document.querySelectorAll('*').length);
    assert.ok(elements < 5000, `${elements} elements are on the page`);
  });
  await step('a message of 5 MB and a huge image open', async () => {
    await openStep(page, server, 'big');
    await page
      .getByRole('button', { name: /Show all 5,242,8\d\d characters/ })
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Close the step' }).click();
    await openStep(page, server, 'image');
    await unbroken(page);
  });
  await longConversation({ server, page, step, inspect });
  await step('a server that goes away comes back into the open page', async () => {
    await page.goto(`${server.url}/`);
    await page.locator('[data-conversation="json"]').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await server.restart(() => page.getByText('Reconnecting…').waitFor());
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });
    await send(server, [call(5, 'after', say('Are you back?'), say('I am.'))]);
    await page.locator('[data-conversation="after"]').waitFor();
    const found = problems.takeBut(/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_NETWORK|request failed/);
    assert.deepEqual(found, [], found.join('\n'));
  });
  await step('when the session ends, the sign-in page follows, and the same address after it', async () => {
    await page.context().clearCookies();
    await page.locator('[data-conversation="after"]').click();
    await page.getByLabel('Key', { exact: true }).fill(server.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('[data-bubble="assistant"]').getByText('I am.').waitFor();
    assert.equal(new URL(page.url()).pathname, '/conversations/after');
    const found = problems.takeBut(/^HTTP 401/);
    assert.deepEqual(found, [], found.join('\n'));
  });
}

/** A conversation of very many turns, each a trace of its own. */
async function longConversation({ server, page, step, inspect }) {
  await step(
    `a conversation of ${TURNS.toLocaleString('en-US')} turns opens with its first ones, and goes on with the reader`,
    async () => {
      const start = BigInt(Date.now() - 4 * TURNS * 1000) * 1_000_000n;
      for (let from = 0; from < TURNS; from += 500) {
        const spans = Array.from({ length: 500 }, (_, index) => {
          const at = from + index;
          const time = start + BigInt(at) * 4_000_000_000n;
          return {
            ...call(1, 'endless', say(`Question ${at}`), say(`Answer ${at}`)),
            traceId: `ee${at.toString(16).padStart(30, '0')}`,
            spanId: (at + 1).toString(16).padStart(16, '0'),
            startTimeUnixNano: String(time),
            endTimeUnixNano: String(time + 900_000_000n),
          };
        });
        await send(server, spans);
      }
      await indexed(server);
      const asked = [];
      page.on('request', (request) => request.url().includes('/conversations/endless') && asked.push(request.url()));
      await page.goto(`${server.url}/conversations/endless`);
      await page.getByText('Answer 0', { exact: true }).waitFor();
      await page.getByText(`of ${TURNS.toLocaleString('en-US')} turns are here`).waitFor();
      assert.ok(asked.filter((url) => url.includes('/api/')).length <= 2, `it asked for ${asked.length} pages`);
      await inspect(page, 'conversation-long');
      const first = page.getByText(/^The first \d+ of/);
      const before = await first.innerText();
      await page.mouse.move(500, 500);
      while ((await first.innerText()) === before) {
        await page.mouse.wheel(0, 3000);
        await page.waitForTimeout(50);
      }
      await page.getByRole('button', { name: 'To the newest' }).click();
      await page.getByText(`Answer ${TURNS - 1}`, { exact: true }).waitFor({ timeout: 180_000 });
    },
  );
  await step('a link to a step far inside of it leads there', async () => {
    const at = TURNS - 100;
    const trace = `ee${at.toString(16).padStart(30, '0')}`;
    const id = (at + 1).toString(16).padStart(16, '0');
    await page.goto(`${server.url}/conversations/endless?trace=${trace}&step=${id}`);
    await page.locator(`[data-panel-step="${id}"]`).waitFor({ timeout: 180_000 });
    await page.locator(`[data-step="${id}"]`).waitFor({ timeout: 180_000 });
  });
}
