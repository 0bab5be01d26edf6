/** A hundred thousand calls in one process: what it holds after each part of them, garbage collected, all at rest. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { callload } from '../lab/callload.ts';
import { Server } from '../lab/server.ts';
import { figure, type Table } from '../lab/table.ts';
import { complaintNotes, type Lab } from './scenario.ts';

const rate = 600;
/** Transactions stay for 32 s (RFC 3261 §17). */
const restMs = 36_000;

interface Held {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
  readonly handles: number;
}

export async function endurance(lab: Lab): Promise<Table> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-endurance-'));
  const file = join(folder, 'report.json');
  const server = await Server.start({ script: 'bench/scripts/heap.ts', env: { REPORT: file } });
  const rows: string[][] = [];
  const notes: string[] = [];
  try {
    let first: Held | undefined;
    let last: Held | undefined;
    let done = 0;
    let failed = 0;
    for (const calls of lab.parts) {
      lab.progress(`Endurance: ${done} calls and ${calls} more`);
      const { report } = await callload(lab.tools.callload, server.target, server.pid, { calls, rate, rtp: 'none' });
      done += calls;
      failed += report.calls_failed + report.bye_failed;
      await sleep(restMs);
      last = await held(server, file);
      first ??= last;
      const mb = (bytes: number): string => figure(bytes / 2 ** 20, 1);
      rows.push([String(done), mb(last.heapUsed), mb(last.external), mb(last.rss), String(last.handles)]);
    }
    if (first && last)
      notes.push(
        `Heap after ${done} calls: ${figure(last.heapUsed / first.heapUsed, 2)} of that after the first part; handles ${last.handles - first.handles} more; ${failed} calls failed.`,
      );
    const { calls, sip, media } = await server.check();
    notes.push(`Left: ${calls} calls, ${sip.dialogs} dialogs, ${sip.transactions} transactions, ${media.legs} legs.`);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
  notes.push(...complaintNotes(server.complaints));
  return { title: 'Endurance', head: ['calls', 'heap MB', 'external MB', 'resident MB', 'handles'], rows, notes };
}

async function held(server: Server, file: string): Promise<Held> {
  await rm(file, { force: true });
  server.signal('SIGWINCH');
  for (let i = 0; i < 100; i++) {
    await sleep(100);
    try {
      return JSON.parse(await readFile(file, 'utf8')) as Held;
    } catch {
      // not yet
    }
  }
  throw new Error('the server did not say what it holds');
}
