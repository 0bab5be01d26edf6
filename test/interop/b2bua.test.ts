/** `examples/b2bua.ts` as its first lines say, between a caller and a callee. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { first, RawPhone } from '../helpers/raw-phone.ts';
import { digitsOf } from './support/digits.ts';
import { expectNoPrograms, root } from './support/process.ts';
import { openPath, payloads, wordsOf } from './support/sound.ts';
import { TandemServer } from './support/tandem.ts';

let server: TandemServer;
let caller: RawPhone;
let callee: RawPhone;

beforeEach(async () => {
  [caller, callee] = await Promise.all([RawPhone.open(), RawPhone.open()]);
  server = await TandemServer.start(['serve', join(root, 'examples', 'b2bua.ts')], {
    env: { TARGET: `sip:uas@127.0.0.1:${callee.sipPort}` },
  });
});

afterEach(async () => {
  try {
    await server.expectIdle();
    await server.stop();
  } finally {
    caller.close();
    callee.close();
    await server?.[Symbol.asyncDispose]();
  }
  await expectNoPrograms();
});

async function connect(): Promise<void> {
  expect((await caller.call(server.port)).status).toBe(200);
  await callee.nextRequest('ACK');
  await Promise.all([openPath(caller, callee), openPath(callee, caller)]);
}

describe('examples/b2bua.ts', () => {
  it('passes audio both ways byte for byte', async () => {
    await connect();
    const [words, answer] = [payloads(100, 1), payloads(100, 2)];
    await Promise.all([caller.speak(words), callee.speak(answer)]);
    await expect.poll(() => wordsOf(callee.packets)).toEqual(Buffer.concat(words));
    await expect.poll(() => wordsOf(caller.packets)).toEqual(Buffer.concat(answer));
    await caller.bye();
    await callee.nextRequest('BYE');
  });

  it('passes keys across, each once', async () => {
    await connect();
    for (const digit of '159#') await caller.press(digit);
    for (const digit of '2*D') await callee.press(digit);
    await expect.poll(() => digitsOf(callee.packets)).toBe('159#');
    await expect.poll(() => digitsOf(caller.packets)).toBe('2*D');
    await caller.bye();
    await callee.nextRequest('BYE');
  });

  it("ends the caller with the callee's BYE", async () => {
    await connect();
    expect((await callee.bye()).status).toBe(200);
    await caller.nextRequest('BYE');
  });

  it("cancels the callee with the caller's CANCEL", async () => {
    callee.plan = { provisional: [{ status: '180 Ringing' }] };
    caller.invite(server.port);
    await caller.nextResponse(180);
    caller.cancel();
    expect((await caller.final()).status).toBe(487);
    const cancel = await callee.nextRequest('CANCEL');
    expect(first(cancel, 'cseq')).toMatch(/CANCEL$/);
    await callee.nextRequest('ACK');
    expect(callee.received.map(({ method }) => method)).not.toContain('BYE');
  });

  it("gives the caller the callee's 486", async () => {
    callee.plan = { provisional: [{ status: '180 Ringing' }], final: '486 Busy Here' };
    expect((await caller.call(server.port)).status).toBe(486);
    expect(caller.received.map(({ status }) => status)).toContain(180);
  });

  it('passes early media, and the audio goes on after the answer', async () => {
    callee.plan = { provisional: [{ status: '183 Session Progress', sdp: true }], ringMs: 3000, final: '200 OK' };
    caller.invite(server.port);
    caller.learnRtp(await caller.nextResponse(183));
    await openPath(callee, caller);
    const announcement = payloads(25, 3);
    await callee.speak(announcement);
    await expect.poll(() => wordsOf(caller.packets)).toEqual(Buffer.concat(announcement));
    expect(caller.received.map(({ status }) => status)).not.toContain(200);
    expect((await caller.final()).status).toBe(200);
    await callee.nextRequest('ACK');
    await openPath(caller, callee);
    const words = payloads(25, 4);
    await callee.speak(words);
    await expect.poll(() => wordsOf(caller.packets)).toEqual(Buffer.concat([...announcement, ...words]));
    await caller.bye();
    await callee.nextRequest('BYE');
  });

  it('keeps gaps, order, markers and the timestamps’ steps of what it forwards', async () => {
    await connect();
    const words = payloads(20, 5);
    for (const [index, payload] of words.entries())
      caller.sendRtp(payload, 0, index === 0, index === 9 ? 160 * 50 : 160);
    await expect.poll(() => wordsOf(callee.packets)).toEqual(Buffer.concat(words));
    const heard = callee.packets.slice(-words.length);
    expect(heard.map(({ marker }) => marker)).toEqual(words.map((_, index) => index === 0));
    const steps = heard.slice(1).map((packet, index) => (packet.timestamp - (heard[index]?.timestamp ?? 0)) >>> 0);
    expect(steps).toEqual(words.slice(1).map((_, index) => (index === 9 ? 160 * 50 : 160)));
    const sequence = heard.slice(1).map((packet, index) => (packet.sequence - (heard[index]?.sequence ?? 0)) & 0xffff);
    expect(sequence).toEqual(words.slice(1).map(() => 1));
    await caller.bye();
    await callee.nextRequest('BYE');
  });
});
