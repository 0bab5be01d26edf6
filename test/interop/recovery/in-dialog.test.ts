/** What phones do in a call that has outlived its server: hold, keys, questions, transfer, a conference. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeUlaw } from '../../helpers/audio.ts';
import { first, type Message, RawPhone } from '../../helpers/raw-phone.ts';
import { digitsOf } from '../support/digits.ts';
import { DurableServer } from '../support/durable.ts';
import { expectNoPrograms } from '../support/process.ts';
import { payloadsOf, sweep, ulawFrames } from '../support/sound.ts';
import { expectOneStream, hearsMore, requestsOf, Talker } from './talk.ts';

const isLong = process.env.TANDEM_TEST_LONG === '1';

afterEach(expectNoPrograms);

/** A bridged call that has outlived a crash, with words both ways. */
async function survivor(headers: readonly string[] = [], whileAway = async (): Promise<void> => {}) {
  await using stack = new AsyncDisposableStack();
  const caller = stack.use(await RawPhone.open());
  const callee = stack.use(await RawPhone.open());
  const server = stack.use(
    await DurableServer.start('examples/b2bua.ts', {
      env: { TARGET: `sip:uas@127.0.0.1:${callee.sipPort}` },
      config: { transfer: 'execute' },
    }),
  );
  expect((await caller.call(server.port, { headers })).status).toBe(200);
  await callee.nextRequest('ACK');
  const talkers = [new Talker(caller, 0x11), new Talker(callee, 0x22)];
  const quiet = async (): Promise<void> => void (await Promise.all(talkers.map((talker) => talker.stop())));
  stack.defer(quiet);
  await Promise.all([hearsMore(caller, 50), hearsMore(callee, 50)]);
  await whileAway();
  await server.kill();
  await server.again();
  await Promise.all([hearsMore(caller, 50), hearsMore(callee, 50)]);
  const kept = stack.move();
  return { caller, callee, server, quiet, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function responseTo(phone: RawPhone, method: string): Promise<Message> {
  return phone.next((m) => m.status >= 200 && first(m, 'cseq').endsWith(` ${method}`));
}

describe('in a bridged call that goes on', () => {
  it.each(['caller', 'callee'] as const)('the %s holds and resumes', async (who) => {
    await using call = await survivor();
    const phone = call[who];
    for (const [direction, answer] of [
      ['sendonly', 'recvonly'],
      ['sendrecv', 'sendrecv'],
    ] as const) {
      phone.request('INVITE', { body: phone.sdp(phone.codec, direction) });
      const response = await responseTo(phone, 'INVITE');
      expect(response.status).toBe(200);
      expect(response.body).toContain(`a=${answer}`);
      phone.ack(response);
    }
    await Promise.all([hearsMore(call.caller, 50), hearsMore(call.callee, 50)]);
    expect(call.caller.received.some(({ method }) => method === 'BYE')).toBe(false);
    expect((await phone.bye()).status).toBe(200);
    await (who === 'caller' ? call.callee : call.caller).nextRequest('BYE');
    await expect.poll(async () => (await call.server.check()).calls).toBe(0);
  });

  it('keys go across, each once', async () => {
    await using call = await survivor();
    await call.quiet();
    for (const key of '15#') await call.caller.press(key);
    for (const key of '0*') await call.callee.press(key);
    await expect.poll(() => digitsOf(call.callee.packets)).toBe('15#');
    await expect.poll(() => digitsOf(call.caller.packets)).toBe('0*');
  });

  it('OPTIONS, INFO and UPDATE are answered as before', async () => {
    await using call = await survivor();
    call.caller.request('OPTIONS');
    expect((await responseTo(call.caller, 'OPTIONS')).status).toBe(200);
    call.callee.request('INFO', { headers: ['Content-Type: application/dtmf-relay'], body: '' });
    expect((await responseTo(call.callee, 'INFO')).status).toBeLessThan(500);
    call.callee.request('UPDATE');
    expect((await responseTo(call.callee, 'UPDATE')).status).toBe(200);
    await call.caller.bye();
    await call.callee.nextRequest('BYE');
    expectOneStream(call.caller, 0x22);
    expectOneStream(call.callee, 0x11);
  });

  it('REFER of the callee takes the caller to somebody else', async () => {
    await using call = await survivor();
    using other = await RawPhone.open();
    call.callee.request('REFER', { headers: [`Refer-To: <sip:other@127.0.0.1:${other.sipPort}>`] });
    expect((await responseTo(call.callee, 'REFER')).status).toBe(202);
    await other.nextRequest('INVITE');
    await other.nextRequest('ACK');
    const talker = new Talker(other, 0x33);
    await expect.poll(() => call.caller.packets.at(-1)?.payload[0], { timeout: 20_000 }).toBe(0x33);
    await talker.stop();
    await call.caller.bye();
    await other.nextRequest('BYE');
  });

  it.runIf(isLong)('a session timer that was due while the server was away is refreshed', async () => {
    await using call = await survivor(
      ['Supported: timer', 'Session-Expires: 90;refresher=uas', 'Min-SE: 90'],
      async () => {
        // It refreshes at half the time.
        await delay(44_000);
      },
    );
    call.caller.answersReInvite = true;
    await call.caller.next((m) => m.method === 'INVITE' || m.method === 'UPDATE', 30_000);
    await call.caller.nextRequest('ACK', 10_000);
    expect((await call.caller.bye()).status).toBe(200);
  });
});

it('a conference of three goes on, and who was muted is muted', async () => {
  const phones = [await RawPhone.open(), await RawPhone.open(), await RawPhone.open()] as const;
  try {
    await using server = await DurableServer.start('examples/conference.ts');
    const [alice, bob, carol] = phones;
    for (const phone of phones) {
      expect((await phone.call(server.port)).status).toBe(200);
      await phone.hears(20, 0);
      for (const key of '12') await phone.press(key);
    }
    await bob.press('*');
    await expect.poll(() => server.printed).toContain('is muted in 12');
    const speaks = async (speaker: RawPhone): Promise<number[]> => {
      const from = phones.map(({ packets }) => packets.length);
      await speaker.speak(ulawFrames(sweep(1500)));
      return phones.map(({ packets }, index) => loudness(packets.slice((from[index] ?? 0) + 25)));
    };
    const heardAll = async (): Promise<void> => {
      const [, byBob = 0, byCarol = 0] = await speaks(alice);
      expect(Math.min(byBob, byCarol)).toBeGreaterThan(500);
      const [byAlice = 0, , alsoByCarol = 0] = await speaks(bob);
      expect(Math.max(byAlice, alsoByCarol)).toBeLessThan(50);
    };
    await heardAll();
    await server.kill();
    await server.again();
    // A conference whose members are silent sends nothing but silence.
    await Promise.all(phones.map((phone) => hearsMore(phone, 20)));
    await heardAll();
    for (const phone of phones) {
      expect(requestsOf(phone)).not.toContain('BYE');
      expect((await phone.bye()).status).toBe(200);
    }
    await expect.poll(async () => (await server.check()).calls).toBe(0);
    expect(carol.forged).toBe(0);
  } finally {
    for (const phone of phones) phone.close();
  }
});

/** Of what was heard, as a root mean square. */
function loudness(packets: RawPhone['packets']): number {
  const samples = decodeUlaw(payloadsOf(packets));
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length));
}
