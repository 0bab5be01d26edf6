/**
 * One seed of the fuzz of DTLS: handshakes of two endpoints of ours, with datagrams spoilt, lost, repeated and mixed up on
 * the way, and records from nowhere. Signatures are another each time, so a seed leads to much the same, not to the very
 * same bytes; a finding has its input.
 */
import { DtlsEndpoint } from '../../media/dtls/endpoint.ts';
import type { DtlsRole } from '../../media/dtls/types.ts';
import type { SrtpParameters } from '../../media/srtp/profiles.ts';
import type { Random } from '../../src/base/random.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { identities } from '../media/dtls/pair.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';
import { spoil } from './packets.ts';

export interface DtlsFuzzReport {
  readonly messages: number;
  /** Handshakes that came to their end on both sides, and that failed on one. */
  readonly connected: number;
  readonly failed: number;
}

/** Rounds of a handshake that goes well, and some more. */
const mostRounds = 30;
/** ms */
const longestHandshake = 31_000;

class Side {
  readonly endpoint: DtlsEndpoint;
  readonly sent: Uint8Array[] = [];
  keys: SrtpParameters | undefined;
  over = 0;
  now = 0;

  constructor(role: DtlsRole, random: Random) {
    const peer = role === 'client' ? 'server' : 'client';
    this.endpoint = new DtlsEndpoint(
      {
        role,
        identity: identities[role],
        fingerprints: [identities[peer].fingerprint],
        random,
        clockNow: 0,
        mtu: pick(random, [1200, 1200, 300]),
      },
      {
        send: (datagram) => void this.sent.push(datagram),
        onConnected: (keys) => {
          this.keys = keys;
        },
        onFailed: () => void this.over++,
        onClosed: () => void this.over++,
      },
    );
  }
}

function treated(datagram: Uint8Array, seen: readonly Uint8Array[], spoilt: number, random: Random): Uint8Array[] {
  if (!chance(random, spoilt)) return [datagram];
  switch (between(random, 0, 4)) {
    case 0:
      return [];
    case 1:
      return [pick(random, seen), datagram];
    case 2: {
      // What no reader takes tells nothing of what comes behind it: the head of the record stays.
      const head = datagram.slice(0, 13);
      const record = Uint8Array.from([...head, ...spoil(datagram.subarray(13), random)]);
      head.set([(record.length - 13) >> 8, (record.length - 13) & 0xff], 11);
      record.set(head);
      return [record];
    }
    case 3:
      return [
        Uint8Array.from([pick(random, [20, 21, 22, 23]), 0xfe, 0xfd, 0, between(random, 0, 1), ...random.bytes(40)]),
      ];
    default:
      return [spoil(datagram, random)];
  }
}

/** One handshake, as far as it comes */
function shakeHands([client, server]: readonly [Side, Side], deliver: (to: Side, datagram: Uint8Array) => void): void {
  let now = 0;
  client.endpoint.start(now);
  for (let rounds = 0; rounds < mostRounds; rounds++) {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      to.now = now;
      for (const datagram of from.sent.splice(0)) deliver(to, datagram);
    }
    const due = Math.min(client.endpoint.tick(now) ?? Infinity, server.endpoint.tick(now) ?? Infinity);
    if (client.sent.length + server.sent.length > 0) continue;
    if (due > longestHandshake) return;
    now = due;
  }
}

/** What must not be, whatever came. */
function wrongEnd([client, server]: readonly [Side, Side]): string | undefined {
  if (client.over > 1 || server.over > 1) return 'an endpoint ended twice';
  if (!client.keys) return undefined;
  if (!server.keys) return 'the client has keys and the server has none';
  const same =
    client.keys.local.inline === server.keys.remote[0]?.inline &&
    server.keys.local.inline === client.keys.remote[0]?.inline;
  return same ? undefined : 'the keys differ';
}

/** @throws FuzzFinding */
export async function fuzzDtls(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<DtlsFuzzReport> {
  const random = seededRandom(seed, 'dtls');
  let [count, connected, failed] = [0, 0, 0];
  while (count < messages) {
    const ends = [new Side('client', random), new Side('server', random)] as const;
    const seen: Uint8Array[] = [];
    const spoilt = pick(random, [0, 0.1, 0.3]);
    let input: Uint8Array = new Uint8Array(0);
    try {
      shakeHands(ends, (to, datagram) => {
        seen.push(datagram);
        for (const one of treated(datagram, seen, spoilt, random)) {
          count++;
          input = one;
          watch(() => to.endpoint.datagram(one, to.now));
        }
      });
      const wrong = wrongEnd(ends);
      if (wrong) throw new Error(wrong);
    } catch (error) {
      throw new FuzzFinding(seed, count, input, error);
    }
    if (ends[0].keys && ends[1].keys) connected++;
    else failed++;
  }
  return { messages: count, connected, failed };
}
