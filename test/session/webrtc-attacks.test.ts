/** What strangers send to the port of a call that goes by ICE and DTLS, in the lab. */
import { describe } from 'vitest';
import { DtlsEndpoint } from '../../media/dtls/endpoint.ts';
import { createDtlsIdentity } from '../../media/dtls/identity.ts';
import { LegHandshake } from '../../media/handle/leg-handshake.ts';
import type { NegotiatedAudio } from '../../media/sdp/types.ts';
import { generateEcKey } from '../../src/base/node-certificate.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import { MediaWay } from '../../src/session/media-way.ts';
import { FakeClock, type Lab, seededRandom } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

const uri = 'sip:echo@10.0.0.2';
const random = seededRandom(7);

interface Attacked extends AsyncDisposable {
  readonly call: DialogServerSession;
  readonly send: (bytes: Uint8Array) => void;
  /** Plays a second and says how much of it came back. */
  readonly echoed: () => Promise<number>;
}

async function attacked(lab: Lab): Promise<Attacked> {
  const incoming = Promise.withResolvers<DialogServerSession>();
  const browser = await lab.serve(() => {}, { media: { ice: 'full' } });
  await lab.serve(async (call) => {
    incoming.resolve(call);
    await call.answer();
    await call.echo();
  });
  const session = await lab.run(browser.invite(uri, { srtp: 'dtls', ice: true }));
  await lab.advance(200);
  const call = await incoming.promise;
  const port = call.media.leg?.port ?? 0;
  const stranger = await lab.network.host('stranger', '10.9.9.9').rtp.bind('10.9.9.9', 20_000, () => {});
  return {
    call,
    send: (bytes) => stranger.send(bytes, 0, bytes.length, { address: '10.0.0.2', port }),
    echoed: async () => {
      const before = (await lab.run(session.stats())).received.packets;
      await lab.run(session.playback().play(new Uint8Array(160 * 50).fill(0x55), ''));
      await lab.advance(200);
      return (await lab.run(session.stats())).received.packets - before;
    },
    [Symbol.asyncDispose]: () => stranger.close(),
  };
}

/** A Binding request as anybody can write one: header, a user name, an HMAC of nothing, a fingerprint of nothing. */
function bindingRequest(username: string): Uint8Array {
  const name = Buffer.from(username.padEnd(Math.ceil(username.length / 4) * 4, '\0'));
  const attributes = Buffer.concat([
    Buffer.from([0x00, 0x06, 0x00, username.length]),
    name,
    Buffer.from([0x00, 0x08, 0x00, 20]),
    Buffer.alloc(20, 7),
    Buffer.from([0x80, 0x28, 0x00, 4, 1, 2, 3, 4]),
  ]);
  const head = Buffer.from([0x00, 0x01, attributes.length >> 8, attributes.length & 255, 0x21, 0x12, 0xa4, 0x42]);
  return Buffer.concat([head, random.bytes(12), attributes]);
}

describe('a stranger', () => {
  test('who floods with checks is counted, and the call hears every packet of its peer', async ({ lab }) => {
    await using attack = await attacked(lab);
    const { call, send, echoed } = attack;
    for (let count = 0; count < 2000; count++) send(bindingRequest('who:knows'));
    await lab.advance(100);
    expect(await echoed()).toBe(50);
    const { ice } = await lab.run(call.stats());
    expect(ice?.selected?.address).toBe('10.0.0.1');
    expect(Object.values(ice?.refused ?? {}).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2000);
  });

  test('who begins a handshake is not listened to', async ({ lab }) => {
    await using attack = await attacked(lab);
    const { call, send, echoed } = attack;
    const hello = Buffer.from('16feff000000000000000000100100000400000000000000040102030', 'hex');
    for (let count = 0; count < 500; count++) send(hello);
    await lab.advance(100);
    expect(await echoed()).toBe(50);
    expect((await lab.run(call.stats())).ice?.refusedRecords).toBe(500);
  });

  test('who sends RTP in the clear is not heard', async ({ lab }) => {
    await using attack = await attacked(lab);
    const { call, send, echoed } = attack;
    const packet = Buffer.alloc(172, 0x11);
    packet.writeUInt32BE(0x80000001, 0);
    for (let count = 0; count < 100; count++) {
      packet.writeUInt16BE(count, 2);
      send(packet);
    }
    await lab.advance(100);
    const before = (await lab.run(call.stats())).received;
    expect(before.packets).toBe(0);
    expect(await echoed()).toBe(50);
    expect((await lab.run(call.stats())).srtp).toMatchObject({ failed: 100 });
  });
});

const identity = (): ReturnType<typeof createDtlsIdentity> =>
  createDtlsIdentity({ random, now: Date.UTC(2026, 0, 1), generateKey: generateEcKey });

/** Two ends that hand their records to each other. @param named the certificate that the signalling names */
function shake(named: (own: ReturnType<typeof identity>) => ReturnType<typeof identity>): readonly string[] {
  const clock = new FakeClock();
  const [ours, theirs] = [identity(), identity()];
  const states: string[] = [];
  const queue: (() => void)[] = [];
  const peer: DtlsEndpoint = new DtlsEndpoint(
    { role: 'client', identity: theirs, fingerprints: [ours.fingerprint], random, clockNow: 0 },
    {
      send: (bytes) => queue.push(() => handshake.record(bytes)),
      onConnected: () => states.push('peer connected'),
      onFailed: () => {},
      onClosed: () => {},
    },
  );
  const handshake: LegHandshake = new LegHandshake({
    clock,
    random,
    send: (bytes) => queue.push(() => peer.datagram(bytes, clock.now())),
    onKeys: () => states.push('keys'),
    onState: (state, error) => states.push(`${state} ${error?.code ?? ''}`.trim()),
  });
  const dtls = { role: 'server', fingerprints: [named(theirs).fingerprint] } as const;
  handshake.configure({ dtls } as unknown as NegotiatedAudio, ours);
  peer.start(0);
  while (queue.length > 0) queue.shift()?.();
  handshake.close();
  return states;
}

describe('a handshake', () => {
  test('with the certificate that was named gives keys', () => {
    expect(shake((own) => own)).toEqual(expect.arrayContaining(['keys', 'connected', 'peer connected']));
  });

  test('with another certificate gives none, and ends the call', () => {
    expect(shake(() => identity())).toEqual(['failed ERR_DTLS_FINGERPRINT']);
    const ends: unknown[] = [];
    const way = new MediaWay(new FakeClock(), (cause) => ends.push(cause));
    way.dtls('failed', 'the certificate is another');
    expect(ends).toEqual([{ by: 'error', status: 488, reason: 'the certificate is another' }]);
  });
});

/** Our end, and a peer that may begin again and again, with this certificate or another. */
function associations() {
  const clock = new FakeClock();
  const ours = identity();
  const seen: string[] = [];
  const queue: (() => void)[] = [];
  let peer: DtlsEndpoint | undefined;
  const handshake: LegHandshake = new LegHandshake({
    clock,
    random,
    send: (bytes) => queue.push(() => peer?.datagram(bytes, clock.now())),
    onKeys: ({ remote }) => seen.push(remote[0]?.inline ?? ''),
    onState: () => {},
  });
  return {
    seen,
    /** Offer and answer. @param pwd of the peer's ICE */
    settle: (theirs: ReturnType<typeof identity>, pwd: string): void => {
      const dtls = { role: 'server', fingerprints: [theirs.fingerprint] } as const;
      handshake.configure({ dtls, ice: { remote: { ufrag: 'peer', pwd } } } as unknown as NegotiatedAudio, ours);
    },
    begin: (theirs: ReturnType<typeof identity>): void => {
      peer = new DtlsEndpoint(
        { role: 'client', identity: theirs, fingerprints: [ours.fingerprint], random, clockNow: 0 },
        {
          send: (bytes) => queue.push(() => handshake.record(bytes)),
          onConnected: () => {},
          onFailed: () => {},
          onClosed: () => {},
        },
      );
      peer.start(0);
      while (queue.length > 0) queue.shift()?.();
    },
    close: () => handshake.close(),
  };
}

describe('keys that are agreed on', () => {
  test('stay over an offer that changes nothing, whoever begins anew', () => {
    const { seen, settle, begin, close } = associations();
    const theirs = identity();
    settle(theirs, 'one');
    begin(theirs);
    settle(theirs, 'one');
    begin(theirs);
    expect(seen).toHaveLength(1);
    close();
  });

  test('are agreed on anew behind an ICE restart, if the peer begins', () => {
    const { seen, settle, begin, close } = associations();
    const theirs = identity();
    settle(theirs, 'one');
    begin(theirs);
    settle(theirs, 'two');
    expect(seen).toHaveLength(1);
    begin(theirs);
    expect(new Set(seen).size).toBe(2);
    close();
  });

  test('are agreed on anew with another certificate', () => {
    const { seen, settle, begin, close } = associations();
    const [before, after] = [identity(), identity()];
    settle(before, 'one');
    begin(before);
    settle(after, 'one');
    begin(after);
    expect(new Set(seen).size).toBe(2);
    close();
  });
});

describe('a peer that closes its audio', () => {
  test('is hung up when its BYE does not come', async () => {
    const clock = new FakeClock();
    const ends: unknown[] = [];
    const way = new MediaWay(clock, (cause) => ends.push(cause));
    way.dtls('closed', undefined);
    await clock.advance(1999);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toMatchObject([{ by: 'remote' }]);
  });

  test('is not, when it agrees on new keys', async () => {
    const clock = new FakeClock();
    const ends: unknown[] = [];
    const way = new MediaWay(clock, (cause) => ends.push(cause));
    way.dtls('closed', undefined);
    way.dtls('connected', undefined);
    await clock.advance(60_000);
    expect(ends).toEqual([]);
  });
});
