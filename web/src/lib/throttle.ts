// Runs a job at most once per interval: at once when it has been quiet, and once more at the end of a burst.

export interface Throttled {
  (): void;
  cancel(): void;
}

export function throttle(job: () => void, interval: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let last = Number.NEGATIVE_INFINITY;
  const run = () => {
    timer = null;
    last = Date.now();
    job();
  };
  const throttled = () => {
    if (timer === null) timer = setTimeout(run, Math.max(0, last + interval - Date.now()));
  };
  return Object.assign(throttled, {
    cancel: () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  });
}
