// Times of the API (RFC 3339, up to nanoseconds) as fractional milliseconds since 1970.

/** Milliseconds since 1970 with the fraction that the text carries; null where there is no readable time. */
export function parseTime(text: string | null | undefined): number | null {
  if (!text) return null;
  const match = /^(.*?)\.(\d+)(.*)$/.exec(text);
  if (!match) {
    const whole = Date.parse(text);
    return Number.isNaN(whole) ? null : whole;
  }
  // Date.parse keeps milliseconds only, and steps are often shorter than one.
  const whole = Date.parse(`${match[1]}${match[3]}`);
  return Number.isNaN(whole) ? null : whole + Number(`0.${match[2]}`) * 1000;
}
