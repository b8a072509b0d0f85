// What the browser itself tells of its speed: interactions by the Event Timing API, bytes over the network, and memory.

/** Shortest duration that the browser reports, in milliseconds. */
const REPORTED_MS = 16;

/** The value that the share of the values is not above (nearest rank); 0 of none. */
export function percentile(values, share) {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)] ?? 0;
}

/** Has each document of the page note how long its interactions take until the next frame is shown. */
export async function observe(page) {
  await page.addInitScript((threshold) => {
    // An interaction is several events (keydown, keypress, keyup); it takes as long as the longest.
    const longest = new Map();
    window.interactions = longest;
    const note = (list) => {
      for (const { interactionId: id, duration, name, target } of list.getEntries()) {
        if (!id || (longest.get(id)?.duration ?? 0) > duration) continue;
        const label = target?.getAttribute?.('aria-label') ?? target?.tagName?.toLowerCase() ?? '';
        longest.set(id, { duration, name: `${name} ${label}`.trim(), path: window.location.pathname.split('/')[1] });
      }
    };
    new PerformanceObserver(note).observe({ type: 'event', durationThreshold: threshold, buffered: true });
  }, REPORTED_MS);
}

/** The interactions of the document that is open. Those that are too short to be reported count as the shortest that is. */
export async function interactionsOf(page) {
  // The last ones are reported once their frame is shown.
  await page.waitForTimeout(500);
  const { count, reported } = await page.evaluate(() => ({
    count: performance.interactionCount ?? 0,
    reported: [...window.interactions.values()],
  }));
  const short = Math.max(0, count - reported.length);
  const durations = [...reported.map(({ duration }) => duration), ...Array.from({ length: short }, () => REPORTED_MS)];
  const slowest = reported.reduce((most, each) => (each.duration > most.duration ? each : most), {
    duration: 0,
    name: '',
  });
  return { count: durations.length, durations, slowest: `${slowest.name} in /${slowest.path ?? ''}` };
}

/** Bytes that come over the network while `act` runs, with an empty cache, without the answers of the API. */
export async function transferred(page, act) {
  const session = await page.context().newCDPSession(page);
  const own = new Set();
  let bytes = 0;
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (!new URL(request.url).pathname.startsWith('/api/')) own.add(requestId);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (own.has(requestId)) bytes += encodedDataLength;
  });
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  await act();
  await session.detach();
  return bytes;
}

/** What the page holds in memory when nothing is left to be collected. */
export async function memoryOf(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes } = await session.send('Memory.getDOMCounters');
  await session.detach();
  return { heap: usedSize, nodes };
}

/** Has each document of the page note what moves although nobody did anything. */
export async function observeShifts(page) {
  await page.addInitScript(() => {
    window.shifts = [];
    const nameOf = (node) => node?.className || node?.tagName || 'something';
    const note = (list) => {
      for (const { hadRecentInput, value, sources } of list.getEntries()) {
        if (!hadRecentInput) window.shifts.push({ value, what: sources.map(({ node }) => nameOf(node)).join(', ') });
      }
    };
    new PerformanceObserver(note).observe({ type: 'layout-shift', buffered: true });
  });
}

/** What has moved in the document that is open: by how much in all (Cumulative Layout Shift), and what. */
export async function shiftsOf(page) {
  const shifts = await page.evaluate(() => window.shifts);
  const what = shifts.map((each) => `${each.value.toFixed(3)} ${each.what}`);
  return { sum: shifts.reduce((sum, { value }) => sum + value, 0), what };
}
