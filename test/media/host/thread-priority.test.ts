import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

const module = new URL('../../../media/host/thread-priority.ts', import.meta.url);
/** Of the calling thread: field 19 of its `stat`, behind a name that may hold spaces. */
const niceness = `Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ')[16])`;

/** Of the calling thread. */
const schedFile = '/proc/thread-self/sched';
const sliceOf = (sched: string): number => Number(/se\.slice *: *(\d+)/.exec(sched)?.[1]);

/** What a thread says that runs `code` with what `thread-priority` exports. */
async function thread<Told>(code: string): Promise<Told> {
  const script = `
    import { readFileSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    import { raiseThread, shortenSlice } from ${JSON.stringify(module.href)};
    parentPort.postMessage(${code});`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const told = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  return told as Told;
}

describe.runIf(process.platform === 'linux')('a media thread', () => {
  it('has its own priority raised, or stays as it was where it may not be', async () => {
    const before = mine();
    const { raised, nice } = await thread<{ raised: boolean; nice: number }>(
      `{ raised: raiseThread(), nice: ${niceness} }`,
    );
    expect(nice).toBe(raised ? constants.priority.PRIORITY_HIGH : before);
    expect(mine()).toBe(before);
  });

  it.runIf(existsSync(schedFile))(
    'asks for a short time at a time, and keeps its priority, where the system asks',
    async () => {
      const before = sliceOf(readFileSync(schedFile, 'utf8'));
      const { shortened, sched, nice } = await thread<{ shortened: boolean; sched: string; nice: number }>(
        `{ shortened: shortenSlice(), sched: readFileSync('${schedFile}', 'utf8'), nice: ${niceness} }`,
      );
      expect(sliceOf(sched)).toBe(shortened ? 100_000 : before);
      expect(nice).toBe(mine());
      expect(sliceOf(readFileSync(schedFile, 'utf8'))).toBe(before);
    },
  );
});

function mine(): number {
  return Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ')[16]);
}
