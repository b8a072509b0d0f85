// Ids of what the page makes.

/** An id that nothing else has. Browsers give `randomUUID` to secure origins only; a server in the local network usually is none. */
export function newId(): string {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
}
