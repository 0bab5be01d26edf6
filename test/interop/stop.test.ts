/**
 * What is late is dropped, not kept: neither a stopped process nor a long ring makes the call slow
 * for the rest of its life. Asserted by order: a packet's echo is there before the next but one is
 * sent. A machine that is busy with other things may spoil an attempt, so there are several; a
 * server that keeps its backlog spoils them all.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { RawPhone } from '../helpers/raw-phone.ts';
import { temporaryFolder } from './support/folder.ts';
import { expectNoPrograms, root } from './support/process.ts';
import { payloads } from './support/sound.ts';
import { TandemServer } from './support/tandem.ts';

afterEach(expectNoPrograms);

const attempts = 5;
const inARow = 50;

/** Sends a packet each 20 ms and says how many were on their way, at most, when the next one was sent. */
async function mostUnderWay(speaker: RawPhone, listener: RawPhone, seed: number): Promise<number> {
  const words = payloads(inARow, seed);
  const heard = new Set<string>();
  let seen = listener.packets.length;
  let most = 0;
  const start = performance.now();
  for (const [index, payload] of words.entries()) {
    await delay(Math.max(0, start + index * 20 - performance.now()));
    for (; seen < listener.packets.length; seen++) heard.add(listener.packets[seen]?.payload.toString('hex') ?? '');
    const sent = words.slice(0, index).filter((one) => !heard.has(Buffer.from(one).toString('hex')));
    most = Math.max(most, sent.length);
    speaker.sendRtp(payload);
  }
  return most;
}

async function expectPrompt(speaker: RawPhone, listener: RawPhone): Promise<void> {
  const tries: number[] = [];
  for (let attempt = 0; attempt < attempts; attempt++) {
    tries.push(await mostUnderWay(speaker, listener, 100 + attempt));
    if ((tries.at(-1) ?? 0) <= 1) return;
  }
  expect.fail(`packets under way at once, in each attempt: ${tries}`);
}

/** Stops the server for 200 ms while the phones speak. */
async function stopWhileSpeaking(server: TandemServer, ...phones: readonly RawPhone[]): Promise<void> {
  const speaking = phones.map((phone, index) => phone.speak(payloads(50, index)));
  await delay(300);
  process.kill(server.pid, 'SIGSTOP');
  await delay(200);
  process.kill(server.pid, 'SIGCONT');
  await Promise.all(speaking);
}

describe('after a stop of 200 ms', () => {
  it('an echo is as quick as before', async () => {
    await using server = await TandemServer.start(['ivr']);
    using phone = await RawPhone.open();
    await phone.call(server.port, { user: '600' });
    await expectPrompt(phone, phone);
    await stopWhileSpeaking(server, phone);
    await expectPrompt(phone, phone);
    await phone.bye();
    await server.expectIdle();
    await server.stop();
  });

  it('a bridged call is as quick as before, both ways', async () => {
    using callee = await RawPhone.open();
    await using server = await TandemServer.start(['serve', join(root, 'examples', 'b2bua.ts')], {
      env: { TARGET: `sip:uas@127.0.0.1:${callee.sipPort}` },
    });
    using caller = await RawPhone.open();
    await caller.call(server.port);
    await callee.nextRequest('ACK');
    await expectPrompt(caller, callee);
    await stopWhileSpeaking(server, caller, callee);
    await expectPrompt(caller, callee);
    await expectPrompt(callee, caller);
    await caller.bye();
    await server.expectIdle();
    await server.stop();
  });

  it('a prompt goes on at its pace: what was missed is skipped, not made up', async () => {
    await using server = await TandemServer.start(['ivr']);
    using phone = await RawPhone.open();
    await phone.call(server.port, { user: '1003' });
    await phone.hears(25, 0);
    process.kill(server.pid, 'SIGSTOP');
    await delay(1000);
    process.kill(server.pid, 'SIGCONT');
    const heard = await phone.hears(phone.packets.length + 25, 0);
    // Sequence numbers go on; the timestamp jumps by the time that was skipped, marked, once.
    const steps = heard.slice(1).map((packet, index) => ({
      marker: packet.marker,
      sequence: (packet.sequence - (heard[index]?.sequence ?? 0)) & 0xffff,
      packets: ((packet.timestamp - (heard[index]?.timestamp ?? 0)) >>> 0) / 160,
    }));
    expect(steps.every(({ sequence }) => sequence === 1)).toBe(true);
    const jump = steps.toSorted((a, b) => b.packets - a.packets)[0];
    expect(jump).toMatchObject({ marker: true });
    expect(jump?.packets).toBeGreaterThan(30);
    await phone.bye();
    await server.expectIdle();
    await server.stop();
  });
});

describe('a callee that rings for five seconds', () => {
  it('hears what the caller says when it answers, not what it said before', async () => {
    await using folder = await temporaryFolder();
    const script = folder.file('answer-and-ring.ts');
    await writeFile(
      script,
      `import type { DialogServerSession, Tandem } from 'tandem';
export default async function call(call: DialogServerSession, tandem: Tandem): Promise<void> {
  await call.answer();
  const callee = await call.invite(process.env.CALLEE ?? '');
  await using bridge = await tandem.bridge(call, callee);
  await bridge.ended;
}
`,
    );
    using callee = await RawPhone.open();
    callee.plan = { provisional: [{ status: '180 Ringing' }], ringMs: 5000, final: '200 OK' };
    await using server = await TandemServer.start(['serve', script], {
      env: { CALLEE: `sip:uas@127.0.0.1:${callee.sipPort}` },
    });
    using caller = await RawPhone.open();
    await caller.call(server.port);
    await callee.nextRequest('INVITE');
    const words = payloads(350, 9);
    let sentBeforeAnswer = 0;
    const answered = callee.nextRequest('ACK').then(() => true);
    let ringing = true;
    void answered.then(() => {
      ringing = false;
    });
    const start = performance.now();
    for (const [index, payload] of words.entries()) {
      await delay(Math.max(0, start + index * 20 - performance.now()));
      caller.sendRtp(payload);
      if (ringing) sentBeforeAnswer = index;
    }
    const [heard] = await callee.hears(1, 0);
    const first = words.findIndex((payload) => Buffer.from(payload).equals(heard?.payload ?? Buffer.alloc(0)));
    expect(sentBeforeAnswer).toBeGreaterThan(100);
    // It answered a moment before its ACK came; five seconds are 250 packets.
    expect(first).toBeGreaterThan(sentBeforeAnswer - 25);
    await expectPrompt(caller, callee);
    await caller.bye();
    await server.expectIdle();
    await server.stop();
  });
});
