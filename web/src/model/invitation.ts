// The link of an invitation: it carries the key behind the #, which browsers send to no server. Pure.

const MARK = '#key=';

export function invitationLink(origin: string, key: string): string {
  return `${origin}/${MARK}${encodeURIComponent(key)}`;
}

/** The key of an invitation in the hash of an address; nothing where there is none. */
export function invitedKey(hash: string): string {
  if (!hash.startsWith(MARK)) return '';
  try {
    return decodeURIComponent(hash.slice(MARK.length)).trim();
  } catch {
    return '';
  }
}
