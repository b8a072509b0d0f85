// Headless Chromium, and a watch over everything that must not happen on a page.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`no browser at ${executablePath}: apt-get install chromium, or set CHROMIUM to another one`);
  }
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}

/** Collects console errors, CSP violations, crashes and failed requests; `take` hands them over. */
export function watch(page) {
  let problems = [];
  let expected = 0;
  const add = (problem) => problems.push(problem);
  page.on('pageerror', (error) => add(`page error: ${error.stack ?? error}`));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const words = message.text();
    // The browser reports an answer with an error status by itself; the response handler below knows more about it.
    if (words.startsWith('Failed to load resource')) return;
    add(`console: ${words}`);
  });
  page.on('response', (response) => {
    if (response.status() < 400) return;
    if (response.status() === 401 && response.url().endsWith('/api/v1/session')) expected += 1;
    else add(`HTTP ${response.status()} ${response.request().method()} ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    // The page gives up requests itself when it moves on; anything else is a failure.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED')
      add(`request failed: ${request.failure()?.errorText} ${request.url()}`);
  });
  return {
    /** Hands over the problems, without those that a step was about. */
    takeBut: (pattern) => {
      const taken = problems.filter((problem) => !pattern.test(problem));
      problems = [];
      return taken;
    },
    take: () => {
      const taken = problems;
      problems = [];
      return taken;
    },
    expected: () => expected,
  };
}

/** Findings of axe on the page as it is. */
export async function findings(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(
    ({ id, help, nodes }) =>
      `axe ${id}: ${help}\n      ${nodes
        .slice(0, 4)
        .map((node) => `${node.html.slice(0, 200)}\n        ${node.failureSummary?.split('\n').slice(1).join(' ')}`)
        .join('\n      ')}`,
  );
}

/** Selects the first two conversations of the list by keys; gives their ids. */
export async function selectTwo(page) {
  const ids = [];
  for (const _ of ['first', 'second']) {
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    ids.push(await page.evaluate(() => document.activeElement?.getAttribute('data-conversation')));
  }
  return ids;
}

/** A name as it stands within a sentence of the page: the direction in which it is written ends with it. */
export const isolated = (name) => `\u2068${name}\u2069`;

/** The page is not wider than its window. */
export async function assertFits(page, name = 'the page') {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${name} is ${over} px too wide`);
}
