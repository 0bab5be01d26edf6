/** Loaded with a server (`--import`): its main thread computes for 50 ms in every 100 ms, as a bad handler would. */
import { isMainThread } from 'node:worker_threads';

const [busyMs, everyMs] = [50, 100];

if (isMainThread)
  setInterval(() => {
    const until = performance.now() + busyMs;
    while (performance.now() < until);
  }, everyMs).unref();
