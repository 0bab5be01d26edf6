/** Many calls that begin and end all the time, while their server is killed every few seconds. */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, onTestFailed } from 'vitest';
import { UdpLink } from '../../helpers/raw-link.ts';
import { DurableServer } from '../support/durable.ts';
import { temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms } from '../support/process.ts';
import { Crowd, type CrowdCall } from './crowd.ts';

const isLong = process.env.TANDEM_TEST_LONG === '1';
const crowdSize = isLong ? 200 : 40;
const killCount = isLong ? 12 : 2;
const killEveryMs = 5000;
const longestCallMs = isLong ? 20_000 : 10_000;
/** Of those that are up at a crash. */
const leavingShare = 0.15;
const lastMomentMs = 20;
/** Packets at both ends, one each 100 ms: the call has been up for long enough to go on. */
const settled = 20;

const script = (port: number): string => `
export default async function (call, tandem) {
  const callee = await call.invite('sip:' + call.toUser + '@127.0.0.1:${port}');
  await using bridge = await tandem.bridge(call, callee);
  await bridge.ended;
}
`;

afterEach(expectNoPrograms);

it('every call goes on, or is told; none hears of another', async () => {
  await using folder = await temporaryFolder();
  const callees = await UdpLink.open();
  await writeFile(folder.file('through.ts'), script(callees.port));
  await using server = await DurableServer.start(folder.file('through.ts'), {
    config: { cdr: { file: folder.file('calls.jsonl') } },
  });
  const crowd = await Crowd.open(callees, server.port);
  let isOn = true;
  /** One after the other, each of a random length. */
  const callAgain = async (): Promise<void> => {
    await delay(Math.random() * 3000);
    while (isOn) {
      const call = await crowd.call();
      if (call.outcome) continue;
      await Promise.race([delay(2000 + Math.random() * longestCallMs), over(call)]);
      if (!call.outcome && !call.isHangingUp && isOn) await crowd.hangup(call);
    }
  };
  const callers = Array.from({ length: crowdSize }, callAgain);
  const mustGoOn = new Set<CrowdCall>();
  await delay(killEveryMs);
  for (let kill = 0; kill < killCount; kill++) {
    for (const call of crowd.talking) if (call.heard >= settled && !call.isHangingUp) mustGoOn.add(call);
    // Some hang up in the moment of the crash: nothing may have been written of that.
    const leaving = [...mustGoOn].filter(() => Math.random() < leavingShare);
    for (const call of leaving) mustGoOn.delete(call);
    void Promise.all(leaving.map((call) => crowd.hangup(call)));
    await delay(Math.random() * lastMomentMs);
    await server.kill();
    await server.again();
    await delay(killEveryMs);
  }
  isOn = false;
  await Promise.all(callers);
  let list = '';
  onTestFailed(() => {
    console.error(list);
    for (const call of crowd.calls)
      if (call.outcome !== 'hung up' || crowd.crossed.some((line) => line.includes(` ${call.number} `)))
        console.error(call.outcome, call.caller.callId, call.callee?.callId, call.heardSip);
  });
  // Those that are up still talk.
  const before = crowd.talking.map(({ heard }) => heard);
  const left = crowd.talking;
  await expect
    .poll(() => left.filter((call, index) => !call.outcome && call.heard <= (before[index] ?? 0) + 2), {
      timeout: 20_000,
    })
    .toEqual([]);
  list = await server.ask('dlg.list');
  // Two legs each.
  await expect.poll(async () => (await server.check()).calls / 2, { timeout: 40_000 }).toBe(crowd.talking.length);
  const stats = await server.ask('dlg.stats_active');
  expect(/ongoing: (\d+)\s+all: (\d+)/.exec(stats)?.slice(1).map(Number)).toEqual(Array(2).fill(crowd.talking.length));
  await Promise.all(crowd.talking.map((call) => crowd.hangup(call)));
  const outcomes = Map.groupBy(crowd.calls, ({ outcome }) => outcome);
  const counts = [...outcomes].map(([outcome, calls]) => `${outcome}: ${calls.length}`);
  console.log([...counts, `callees abandoned: ${crowd.abandoned}`].join(', '));
  expect(outcomes.get('lost') ?? []).toEqual([]);
  expect([...mustGoOn].filter(({ outcome }) => outcome !== 'hung up')).toEqual([]);
  expect(mustGoOn.size).toBeGreaterThan(crowdSize / 2);
  expect(crowd.strays).toEqual([]);
  expect(crowd.crossed).toEqual([]);
  await expect.poll(async () => (await server.check()).calls, { timeout: 40_000 }).toBe(0);
  const wrong = async () => {
    const records = await recordsIn(folder.file('calls.jsonl'));
    return crowd.calls.flatMap(({ outcome, isHangingUp, caller }) => {
      const ids = new Set(records.get(caller.callId)?.map(({ id }) => id));
      const causes = records.get(caller.callId)?.map(({ cause }) => cause.by) ?? [];
      // One that was hanging up may have been cut in that.
      const fits = isHangingUp ? causes.length === 1 : causes[0] === 'crash';
      return ids.size === 1 && fits ? [] : [{ outcome, callId: caller.callId, causes }];
    });
  };
  // A record is written once nothing is left of its call.
  await expect.poll(wrong).toEqual([]);
  crowd.close();
});

interface CallRecord {
  readonly id: string;
  readonly cause: { readonly by: string };
  readonly legs: readonly { readonly callId: string }[];
}

/** By the Call-ID of the caller. */
async function recordsIn(file: string): Promise<Map<string | undefined, CallRecord[]>> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return Map.groupBy(
    lines.map((line) => JSON.parse(line) as CallRecord),
    ({ legs }) => legs[0]?.callId,
  );
}

async function over(call: CrowdCall): Promise<void> {
  while (!call.outcome) await delay(100);
}
