/** Two Tandems that call each other with SRTP, in the lab. */
import { describe } from 'vitest';
import type { DialogClientSession } from '../../src/session/dialog-client-session.ts';
import type { SrtpMode } from '../../src/session/dialog-media.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

interface Pair {
  readonly caller: Tandem;
  readonly callee: Tandem;
  /** SDP of both, in order. */
  readonly sdp: string[];
  /** RTP that went over the wire. */
  readonly rtp: Uint8Array[];
  readonly incoming: Promise<DialogServerSession>;
}

const uri = 'sip:echo@10.0.0.2';

async function pair(lab: Lab, calls: SrtpMode, answers: SrtpMode): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<DialogServerSession>();
  const caller = await lab.serve(() => {}, { media: { srtp: calls } });
  const callee = await lab.serve(
    async (call) => {
      resolve(call);
      await call.answer();
      await call.echo();
    },
    { media: { srtp: answers } },
  );
  const rtp: Uint8Array[] = [];
  const sdp: string[] = [];
  const before = lab.network.onSight;
  lab.network.onSight = (sight) => {
    before(sight);
    const text = Buffer.from(sight.bytes).toString('latin1');
    if (text.includes('m=audio')) sdp.push(text.slice(text.indexOf('v=0')));
    else if (sight.to.port >= 16_384 && sight.to.port % 2 === 0) rtp.push(sight.bytes);
  };
  return { caller, callee, sdp, rtp, incoming: promise };
}

const cryptoOf = (sdp: string | undefined): string[] => sdp?.match(/^a=crypto:.*(?=\r)/gm) ?? [];
const protocolOf = (sdp: string | undefined): string | undefined => /^m=audio \d+ (\S+)/m.exec(sdp ?? '')?.[1];

/** What is played comes back as it went. */
async function echoes(lab: Lab, session: DialogClientSession): Promise<void> {
  const before = (await lab.run(session.stats())).received.packets;
  await lab.run(session.playback().play(new Uint8Array(160 * 20).fill(0x55), ''));
  await lab.advance(100);
  expect((await lab.run(session.stats())).received.packets - before).toBe(20);
}

const profile = 'AES_CM_128_HMAC_SHA1_80';

describe('SRTP', () => {
  test.for([
    ['optional', 'optional', 'RTP/AVP'],
    ['required', 'optional', 'RTP/SAVP'],
    ['optional', 'required', 'RTP/AVP'],
    ['required', 'required', 'RTP/SAVP'],
  ] as const)('%s calls %s', async ([calls, answers, protocol], { lab }) => {
    const { caller, sdp, rtp, incoming } = await pair(lab, calls, answers);
    const session = await lab.run(caller.invite(uri));
    await echoes(lab, session);
    expect(sdp.slice(0, 2).map(protocolOf)).toEqual([protocol, protocol]);
    expect(cryptoOf(sdp[0])).toHaveLength(4);
    expect(cryptoOf(sdp[1])).toEqual([expect.stringMatching(/^a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\S{40}$/)]);
    for (const stats of [await lab.run(session.stats()), await lab.run((await incoming).stats())])
      expect(stats.srtp).toEqual({ profile, failed: 0, replayed: 0 });
    expect(rtp.length).toBeGreaterThanOrEqual(40);
    for (const bytes of rtp) {
      expect(bytes).toHaveLength(182);
      expect(Buffer.from(bytes).includes(Buffer.alloc(8, 0x55))).toBe(false);
    }
  });

  test.for([
    ['off', 'optional'],
    ['optional', 'off'],
  ] as const)('%s calls %s in the clear', async ([calls, answers], { lab }) => {
    const { caller, sdp, rtp } = await pair(lab, calls, answers);
    const session = await lab.run(caller.invite(uri));
    await echoes(lab, session);
    expect(cryptoOf(sdp[1])).toEqual([]);
    expect((await lab.run(session.stats())).srtp).toBeUndefined();
    expect(rtp.every(({ length }) => length === 172)).toBe(true);
    // Nor is a peer asked a second time that had none.
    await lab.run(session.reInvite());
    expect(cryptoOf(sdp.at(-2))).toEqual([]);
    await echoes(lab, session);
  });

  test.for([
    ['off', 'required'],
    ['required', 'off'],
  ] as const)('%s is refused by %s with 488', async ([calls, answers], { lab }) => {
    const { caller, rtp } = await pair(lab, calls, answers);
    await expect(lab.run(caller.invite(uri))).rejects.toMatchObject({ status: 488 });
    expect(rtp).toEqual([]);
  });

  test('required of one call fails where the answer has none, though it came with 200', async ({ lab }) => {
    const phone = lab.phone('phone');
    phone.onCall = { answerAfterMs: 0 };
    const caller = await lab.serve(() => {});
    const call = caller.invite('sip:phone@10.0.1.1', { srtp: 'required' }).catch((error: unknown) => error);
    expect(await lab.run(call)).toMatchObject({ code: 'ERR_SDP', status: 488 });
  });

  test('is kept over re-INVITEs of both sides: the same keys, and nothing lost', async ({ lab }) => {
    const { caller, sdp, incoming } = await pair(lab, 'optional', 'optional');
    const session = await lab.run(caller.invite(uri));
    const callee = await incoming;
    await echoes(lab, session);
    await lab.run(session.hold());
    await lab.run(session.unhold());
    await echoes(lab, session);
    await lab.run(callee.reInvite());
    await echoes(lab, session);
    const [offered, answered] = [cryptoOf(sdp[0]), cryptoOf(sdp[1])];
    expect(sdp.length).toBe(8);
    for (const at of [2, 4]) expect(cryptoOf(sdp[at])).toEqual(offered);
    for (const at of [3, 5]) expect(cryptoOf(sdp[at])).toEqual(answered);
    // The callee offers more than it had answered with, and its key for that suite is what it was.
    expect(cryptoOf(sdp[6])[0]).toBe(answered[0]);
    for (const stats of [await lab.run(session.stats()), await lab.run(callee.stats())])
      expect(stats.srtp).toEqual({ profile, failed: 0, replayed: 0 });
  });

  test('required by one side stays required, whichever protocol it goes over', async ({ lab }) => {
    const { caller, sdp, incoming } = await pair(lab, 'optional', 'required');
    const session = await lab.run(caller.invite(uri));
    await echoes(lab, session);
    await lab.run((await incoming).reInvite());
    expect(protocolOf(sdp[2])).toBe('RTP/AVP');
    expect(cryptoOf(sdp[3])).toHaveLength(1);
    session.media.srtp = 'off';
    await expect(lab.run((await incoming).reInvite())).rejects.toMatchObject({ code: 'ERR_SDP', status: 488 });
  });

  test('keys over SIP in the clear are warned of, once', async ({ lab }) => {
    const { caller } = await pair(lab, 'optional', 'optional');
    for (let i = 0; i < 3; i++) await lab.run((await lab.run(caller.invite(uri))).hangup());
    const warnings = lab.timeLine.toString().match(/keys of SRTP go over SIP/g);
    // One of each Tandem.
    expect(warnings).toHaveLength(2);
  });

  test('a trunk has a say of its own, in both directions', async ({ lab }) => {
    const { caller: provider, sdp } = await pair(lab, 'off', 'optional');
    const tandem = await lab.serve((call) => call.answer(), {
      trunks: { main: { uri: '10.0.0.2', srtp: 'required', trusted: ['10.0.0.1'] } },
    });
    const session = await lab.run(tandem.trunk('main').invite('1'));
    expect(protocolOf(sdp[0])).toBe('RTP/SAVP');
    await echoes(lab, session);
    await expect(lab.run(provider.invite('sip:1@10.0.0.3'))).rejects.toMatchObject({ status: 488 });
    await lab.run(provider.invite('sip:1@10.0.0.3', { srtp: 'optional' }));
    expect(protocolOf(sdp.at(-1))).toBe('RTP/AVP');
    expect(cryptoOf(sdp.at(-1))).toHaveLength(1);
  });

  test('a bridge carries it to a leg without', async ({ lab }) => {
    const phone = lab.phone('phone');
    await lab.serve(
      async (call) => {
        await call.answer();
        await call.echo();
      },
      { media: { srtp: 'required' }, address: '10.0.0.9', name: 'far' },
    );
    await lab.serve(
      async (call, tandem) => {
        const agent = await call.invite('sip:echo@10.0.0.9', { srtp: 'required' });
        await using bridge = await tandem.bridge(call, agent);
        await bridge.ended;
      },
      { address: '10.0.0.1' },
    );
    await phone.dial('1000@10.0.0.1');
    await phone.speak(sine(440));
    await phone.hearsTone(440);
  });
});
