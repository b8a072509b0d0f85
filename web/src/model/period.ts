// Periods as the URL names them: `1h`, `24h`, `7d`.

const UNITS: Record<string, number> = { h: 3_600_000, d: 86_400_000 };

/** The start of the period that ends now, to the minute; nothing for a text that names none. */
export function sinceTime(period: string | undefined, now: number): string | undefined {
  const match = /^(\d{1,4})([hd])$/.exec(period ?? '');
  if (!match) return undefined;
  const start = now - Number(match[1]) * (UNITS[match[2]!] ?? 0);
  // Whole minutes keep the query key the same while the page is drawn again.
  return new Date(Math.floor(start / 60_000) * 60_000).toISOString();
}
