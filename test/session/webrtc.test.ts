/** Two Tandems that find each other by ICE and agree on keys by DTLS, in the lab: one as a browser, one as a server. */
import { describe } from 'vitest';
import type { DialogClientSession } from '../../src/session/dialog-client-session.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

const uri = 'sip:echo@10.0.0.2';
const asBrowser = { srtp: 'dtls', ice: true } as const;

interface Pair {
  readonly browser: Tandem;
  readonly server: Tandem;
  /** SDP of both, in order. */
  readonly sdp: string[];
  /** What went over the wire between RTP ports, by its kind. */
  readonly wire: { readonly kind: 'stun' | 'dtls' | 'rtp'; readonly bytes: Uint8Array }[];
  readonly incoming: Promise<DialogServerSession>;
}

async function pair(lab: Lab): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<DialogServerSession>();
  const browser = await lab.serve(() => {}, { media: { ice: 'full' } });
  const server = await lab.serve(async (call) => {
    resolve(call);
    await call.answer();
    await call.echo();
  });
  const sdp: string[] = [];
  const wire: Pair['wire'] = [];
  const before = lab.network.onSight;
  lab.network.onSight = (sight) => {
    before(sight);
    const text = Buffer.from(sight.bytes).toString('latin1');
    if (text.includes('m=audio')) sdp.push(text.slice(text.indexOf('v=0')));
    else if (sight.to.port >= 16_384) wire.push({ kind: kindOf(sight.bytes), bytes: sight.bytes });
  };
  return { browser, server, sdp, wire, incoming: promise };
}

function kindOf([first = 0]: Uint8Array): 'stun' | 'dtls' | 'rtp' {
  return first < 4 ? 'stun' : first < 64 ? 'dtls' : 'rtp';
}

/** What is played comes back as it went, once the way is settled on both sides. */
async function echoes(lab: Lab, session: DialogClientSession): Promise<void> {
  await lab.advance(100);
  const before = (await lab.run(session.stats())).received.packets;
  await lab.run(session.playback().play(new Uint8Array(160 * 20).fill(0x55), ''));
  await lab.advance(100);
  expect((await lab.run(session.stats())).received.packets - before).toBe(20);
}

describe('ICE and DTLS-SRTP', () => {
  test('a call is heard when the way is found and keys are settled, and nothing goes in the clear', async ({ lab }) => {
    const { browser, sdp, wire, incoming } = await pair(lab);
    const session = await lab.run(browser.invite(uri, asBrowser));
    await echoes(lab, session);
    expect(sdp[0]).toContain('m=audio 16384 UDP/TLS/RTP/SAVPF');
    expect(sdp[0]).not.toContain('a=ice-lite');
    expect(sdp[1]).toContain('a=ice-lite');
    const server = await lab.run((await incoming).stats());
    expect(server.ice).toMatchObject({ state: 'connected', lite: true, role: 'controlled' });
    expect((await lab.run(session.stats())).ice).toMatchObject({ state: 'connected', lite: false });
    expect(server.srtp).toEqual({ profile: 'AES_CM_128_HMAC_SHA1_80', failed: 0, replayed: 0 });
    for (const { kind, bytes } of wire)
      if (kind === 'rtp') expect(Buffer.from(bytes).includes(Buffer.alloc(8, 0x55))).toBe(false);
    expect(new Set(wire.map(({ kind }) => kind))).toEqual(new Set(['stun', 'dtls', 'rtp']));
  });

  test('observers hear of both', async ({ lab }) => {
    const { browser, server } = await pair(lab);
    const heard: string[] = [];
    for (const tandem of [browser, server]) {
      tandem.observer.on('media:ice', ({ state }) => void heard.push(`ice ${state}`));
      tandem.observer.on('media:dtls', ({ state }) => void heard.push(`dtls ${state}`));
    }
    await lab.run(browser.invite(uri, asBrowser));
    await lab.advance(1000);
    expect(heard.toSorted()).toEqual(['dtls connected', 'dtls connected', 'ice connected', 'ice connected']);
  });

  test('a hold and its end keep way and keys', async ({ lab }) => {
    const { browser, sdp, wire, incoming } = await pair(lab);
    const session = await lab.run(browser.invite(uri, asBrowser));
    await echoes(lab, session);
    const shaken = wire.filter(({ kind }) => kind === 'dtls').length;
    await lab.run(session.hold());
    await lab.run(session.unhold());
    await lab.run((await incoming).reInvite());
    await echoes(lab, session);
    expect(wire.filter(({ kind }) => kind === 'dtls')).toHaveLength(shaken);
    const line = (name: string, at: number): string | undefined => new RegExp(`^a=${name}:.*`, 'm').exec(sdp[at]!)?.[0];
    for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint']) {
      expect(new Set([0, 2, 4, 7].map((at) => line(name, at))).size).toBe(1);
      expect(new Set([1, 3, 5, 6].map((at) => line(name, at))).size).toBe(1);
    }
    expect((await lab.run(session.stats())).srtp).toMatchObject({ failed: 0, replayed: 0 });
  });

  test('an ICE restart has new credentials on both sides, and the same keys', async ({ lab }) => {
    const { browser, sdp, incoming } = await pair(lab);
    const session = await lab.run(browser.invite(uri, asBrowser));
    await echoes(lab, session);
    await lab.run(session.reInvite({ iceRestart: true }));
    await lab.advance(1000);
    await echoes(lab, session);
    const ufrags = sdp.map((text) => /^a=ice-ufrag:(.*)\r/m.exec(text)?.[1]);
    expect(new Set(ufrags).size).toBe(4);
    expect((await lab.run((await incoming).stats())).ice).toMatchObject({ state: 'connected', restarts: 1 });
  });

  test('a peer that comes back within half a minute is heard again, and the call goes on', async ({ lab }) => {
    const { browser, incoming } = await pair(lab);
    const session = await lab.run(browser.invite(uri, asBrowser));
    await echoes(lab, session);
    lab.network.partition('tandem', 'tandem2');
    await lab.advance(25_000);
    lab.network.heal();
    await lab.run(session.reInvite({ iceRestart: true }));
    await lab.advance(1000);
    await echoes(lab, session);
    expect((await incoming).state).toBe('confirmed');
  });

  test('without the consent of the peer nothing is sent, and the call ends', async ({ lab }) => {
    const { browser, wire, incoming } = await pair(lab);
    const session = await lab.run(browser.invite(uri, asBrowser));
    void lab.run(session.playback().play(new Uint8Array(160 * 50 * 100).fill(0x55), '')).catch(() => {});
    await lab.advance(1000);
    const call = await incoming;
    lab.network.partition('tandem', 'tandem2');
    await lab.advance(31_000);
    const sent = wire.length;
    await lab.advance(5000);
    expect(wire.slice(sent).filter(({ kind }) => kind === 'rtp')).toEqual([]);
    expect(call.state).toBe('confirmed');
    await lab.advance(15_000);
    expect(await lab.run(call.ended)).toMatchObject({ by: 'timeout', status: 408 });
  });
});

describe('a server behind a NAT', () => {
  test('names the place where a STUN server sees it', async ({ lab }) => {
    const stun = lab.network.host('stun', '10.0.9.9');
    const answering = await stun.rtp.bind('10.0.9.9', 3478, (buffer, offset, length, from) => {
      const request = Buffer.from(buffer.subarray(offset, offset + length));
      // XOR-MAPPED-ADDRESS 203.0.113.7 (RFC 8489 §14.2), whatever the port.
      const mapped = Buffer.from([0, 0x20, 0, 8, 0, 1, (from.port >> 8) ^ 0x21, (from.port & 255) ^ 0x12, 0, 0, 0, 0]);
      for (const [at, byte] of [203, 0, 113, 7].entries()) mapped[8 + at] = byte ^ request[4 + at]!;
      const answer = Buffer.concat([Buffer.from([1, 1, 0, mapped.length]), request.subarray(4, 20), mapped]);
      answering.send(answer, 0, answer.length, from);
    });
    const browser = await lab.serve(() => {}, { media: { ice: 'full', stunServer: '10.0.9.9' } });
    await lab.serve(async (call) => {
      await call.answer();
      await call.echo();
    });
    let offer = '';
    const before = lab.network.onSight;
    lab.network.onSight = (sight) => {
      before(sight);
      const text = Buffer.from(sight.bytes).toString('latin1');
      if (text.startsWith('INVITE')) offer = text;
    };
    const session = await lab.run(browser.invite(uri, asBrowser));
    expect(offer).toMatch(/^a=candidate:s1 1 udp \d+ 203\.0\.113\.7 \d+ typ srflx raddr 10\.0\.0\.1 rport \d+\r$/m);
    await echoes(lab, session);
    await answering.close();
  });

  test('calls all the same when nobody tells it', async ({ lab }) => {
    const browser = await lab.serve(() => {}, { media: { ice: 'full', stunServer: '10.0.9.9:1' } });
    await lab.serve(async (call) => {
      await call.answer();
      await call.echo();
    });
    await echoes(lab, await lab.run(browser.invite(uri, asBrowser)));
  });
});
