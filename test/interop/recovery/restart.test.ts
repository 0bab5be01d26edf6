/** A restart on purpose: the next process takes over, and no call ends. The gaps are printed. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { RawPhone } from '../../helpers/raw-phone.ts';
import { DurableServer } from '../support/durable.ts';
import { isBound } from '../support/ports.ts';
import { expectNoPrograms } from '../support/process.ts';
import { expectOneStream, hearsMore, longestGap, requestsOf, Talker, wordsLost } from './talk.ts';

const calls = process.env.TANDEM_TEST_LONG === '1' ? 50 : 5;
const goesOn = 'calls of an earlier process go on';

afterEach(expectNoPrograms);

async function restarted(server: DurableServer, restart: () => Promise<unknown> | unknown): Promise<void> {
  const times = (): number => server.output.split(goesOn).length;
  const before = times();
  await restart();
  await expect.poll(times, { timeout: 20_000 }).toBe(before + 1);
}

it('keeps bridged calls, by the command and by the signal, twice', async () => {
  await using server = await DurableServer.start('test/interop/recovery/by-port.ts');
  const open = () => Promise.all(Array.from({ length: calls }, () => RawPhone.open()));
  const [callers, callees] = [await open(), await open()];
  const phones = [...callers, ...callees];
  try {
    const talkers: Talker[] = [];
    for (const [index, caller] of callers.entries()) {
      const callee = callees[index] as RawPhone;
      expect((await caller.call(server.port, { user: String(callee.sipPort) })).status).toBe(200);
      await callee.nextRequest('ACK');
      talkers.push(new Talker(caller, 0x10 + index), new Talker(callee, 0x80 + index));
    }
    await Promise.all(phones.map((phone) => hearsMore(phone, 50)));
    for (const how of [() => server.ask('restart'), () => server.signal('SIGUSR2'), () => server.ask('restart')]) {
      const from = phones.map(({ packets }) => packets.length - 1);
      await restarted(server, how);
      await Promise.all(phones.map((phone) => hearsMore(phone, 50)));
      const gaps = phones.map(({ packets }, index) => longestGap(packets.slice(from[index]))).sort((a, b) => a - b);
      const [median = 0, worst = 0] = [gaps[gaps.length >> 1], gaps.at(-1)];
      console.log(
        `${calls} calls: longest gap of each phone, ms: median ${Math.round(median)}, worst ${Math.round(worst)}`,
      );
    }
    for (const talker of talkers) await talker.stop();
    for (const [index, caller] of callers.entries()) {
      const callee = callees[index] as RawPhone;
      expect(requestsOf(caller)).toEqual([]);
      expect(requestsOf(callee)).toEqual(['INVITE', 'ACK']);
      expect((await caller.bye()).status).toBe(200);
      await callee.nextRequest('BYE');
      expectOneStream(caller, 0x80 + index);
      expectOneStream(callee, 0x10 + index);
    }
    const [first] = callers;
    if (first) console.log(`words lost: ${wordsLost(first.packets)} of ${first.packets.length}`);
    await expect.poll(async () => (await server.check()).calls).toBe(0);
  } finally {
    for (const phone of phones) phone.close();
  }
  // Who started the server knows the first process: what is left of it ends when the server does.
  expect(await server.stop()).toBe(0);
});

it('that is asked for in front of a stop leaves nobody behind', async () => {
  await using server = await DurableServer.start('test/interop/recovery/by-port.ts');
  server.signal('SIGUSR2');
  await expect.poll(() => server.output).toContain('the next process is being loaded');
  expect(await server.stop()).toBe(0);
  // As long as a process takes to load.
  await delay(1500);
  expect(isBound('udp', server.port)).toBe(false);
  expect(server.output.split('"listening"').length).toBe(2);
});

it('that is a stop by SIGQUIT and a start later keeps the calls as well, in another container', async () => {
  await using server = await DurableServer.start('test/interop/recovery/by-port.ts');
  using caller = await RawPhone.open();
  using callee = await RawPhone.open();
  expect((await caller.call(server.port, { user: String(callee.sipPort) })).status).toBe(200);
  await callee.nextRequest('ACK');
  const talkers = [new Talker(caller, 0x10), new Talker(callee, 0x80)];
  await Promise.all([hearsMore(caller, 50), hearsMore(callee, 50)]);
  expect(await server.stop('SIGQUIT')).toBe(0);
  await server.again();
  await Promise.all([hearsMore(caller, 50), hearsMore(callee, 50)]);
  for (const talker of talkers) await talker.stop();
  expect(requestsOf(caller)).toEqual([]);
  expect(requestsOf(callee)).toEqual(['INVITE', 'ACK']);
  expect((await caller.bye()).status).toBe(200);
  await callee.nextRequest('BYE');
  expectOneStream(caller, 0x80);
  expectOneStream(callee, 0x10);
  expect(await server.stop()).toBe(0);
});
