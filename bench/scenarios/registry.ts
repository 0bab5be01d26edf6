/** The registry with many calls: what each costs, and how a list of all of them is given. It needs none of the C tools. */
import { fileURLToPath } from 'node:url';
import { Child } from '../lab/child.ts';
import { serverCore } from '../lab/cores.ts';
import { kamailioWithCalls } from '../lab/kamailio.ts';
import { repeat, type Values } from '../lab/repeat.ts';
import { figure, type Table } from '../lab/table.ts';
import type { Lab } from './scenario.ts';
import { runNotes } from './scenario.ts';

const script = fileURLToPath(new URL('../scripts/registry.ts', import.meta.url));
const most = 100_000;
/** As many as sipp holds with ease. */
const compared = 5_000;

export async function registry({ runs, calls, progress }: Lab): Promise<Table> {
  const quick = calls.length === 1;
  const rows: string[][] = [];
  const notes: string[] = [];
  for (const count of quick ? [1_000] : [compared, most]) {
    progress(`registry: ${count} calls`);
    const repeated = await repeat(runs, async () => ({ values: await ours(count), disturbed: undefined }));
    rows.push(row('Tandem', count, repeated.values));
    notes.push(...runNotes(`${count} calls`, repeated));
  }
  if (!quick) {
    progress(`registry: Kamailio with ${compared} calls`);
    const values = await kamailio();
    if (values) rows.splice(1, 0, row('Kamailio', compared, values));
    else notes.push('Kamailio or sipp is not installed: no yardstick.');
  }
  return {
    title: 'Registry',
    head: [
      ...['of', 'calls', 'bytes each', 'begun /s', 'ended /s', 'profile size ns'],
      ...['list: first byte ms', 'all ms', 'MB', 'worst turn ms'],
    ],
    rows,
    notes: [
      ...notes,
      'Tandem: records with a leg that is up, made by hand, heap after a collection; Kamailio: its shared memory, calls of sipp.',
      'The list is `dlg.list` by JSON-RPC over HTTP. The worst turn of the event loop is of the time in which it was sent.',
    ],
  };
}

function row(of: string, count: number, values: Values): string[] {
  const { bytes, inserted, removed, sizeNs, firstMs, allMs, megabytes, stallMs } = values;
  return [
    ...[of, String(count), figure(bytes, 0), figure(inserted, 0), figure(removed, 0), figure(sizeNs, 0)],
    ...[figure(firstMs, 1), figure(allMs, 0), figure(megabytes, 1), figure(stallMs, 1)],
  ];
}

async function ours(count: number): Promise<Values> {
  await using child = new Child(process.execPath, ['--expose-gc', script], {
    core: serverCore,
    env: { CALLS: String(count) },
  });
  const said = async (word: string): Promise<Record<string, number>> =>
    JSON.parse((await child.line((line) => line.startsWith(word), 60_000)).slice(word.length + 1));
  const { port = 0, ...began } = await said('ready');
  const list = await timedList(`http://127.0.0.1:${port}/RPC`);
  const ended = said('end');
  child.process.kill('SIGUSR2');
  return { ...began, ...list, ...(await ended) };
}

async function kamailio(): Promise<Values | undefined> {
  await using server = await kamailioWithCalls(compared);
  if (!server) return undefined;
  return { bytes: server.bytes, ...(await timedList(server.url)) };
}

async function timedList(url: string): Promise<Values> {
  const asked = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', method: 'dlg.list', id: 1 }),
  });
  let [firstMs, bytes] = [0, 0];
  for await (const chunk of response.body ?? []) {
    firstMs ||= performance.now() - asked;
    bytes += chunk.length;
  }
  return { firstMs, allMs: performance.now() - asked, megabytes: bytes / 1e6 };
}
