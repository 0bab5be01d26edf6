/**
 * One seed of the fuzz of ICE: two agents that talk to each other, and somebody between them who has seen all they said and
 * none of their passwords. It sends to one of them what was said, spoilt, and what nobody said, in the peer's name and in
 * others. Beside it candidates as SDP has them, spoilt.
 */
import { isDeepStrictEqual } from 'node:util';
import { parseCandidate, printCandidate } from '../../media/ice/candidate.ts';
import { newIceCredentials } from '../../media/ice/credentials.ts';
import type { Random } from '../../src/base/random.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { IceLab, type Side } from '../media/ice/support.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';
import { Packets, spoil } from './packets.ts';

export interface IceFuzzReport {
  readonly messages: number;
  /** By one of the two: what was refused, and checks that it answered. */
  readonly refused: number;
  readonly answered: number;
}

const strangers = [
  { address: '192.0.2.66', port: 6666 },
  { address: '10.0.0.1', port: 4000 },
  { address: '10.0.0.2', port: 4001 },
  { address: '2001:db8::66', port: 1 },
];
const lines = [
  'candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.17 rport 46154 generation 0 ufrag EEtu',
  '1 1 UDP 2130706431 2001:db8::1 8998 typ host',
  '2 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active',
  '3 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host',
];
/** Bytes of a copy of what is asked, at the most, and what an answer may have beside. */
const answerBytes = 120;

/** @throws FuzzFinding */
export async function fuzzIce(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<IceFuzzReport> {
  const random = seededRandom(seed, 'ice');
  const lite = pick(random, [
    [true, false],
    [false, false],
    [false, true],
  ] as const);
  const lab = new IceLab({ seed, lite, loss: pick(random, [0, 0.1]) }).configure();
  const packets = new Packets(random, () => 7);
  let input: Uint8Array = new Uint8Array(0);
  let message = 0;
  try {
    for (; message < messages; message++) {
      watch(() => checkLine(random));
      watch(() => lab.run(between(random, 0, 100)));
      if (chance(random, 0.01)) restart(lab, random);
      const { bytes, strange } = hostile(lab, packets, random);
      input = Uint8Array.from(bytes);
      const from = strange && chance(random, 0.5) ? pick(random, strangers) : lab.b.from;
      watch(() => checkDatagram(lab, input, from));
      // What the two said to each other is kept for a while only.
      for (const { sent } of [lab.a, lab.b]) if (sent.length > 200) sent.splice(0, 100);
    }
    input = new Uint8Array(0);
    lab.loss = 0;
    restart(lab, random);
    lab.run(10_000);
    for (const { agent } of [lab.a, lab.b])
      if (agent.state !== 'connected') throw new Error(`after all this an agent is ${agent.state}`);
    const { refused, checksAnswered } = lab.a.agent.stats(lab.now);
    return { messages, refused: Object.values(refused).reduce((sum, n) => sum + n, 0), answered: checksAnswered };
  } catch (error) {
    throw new FuzzFinding(seed, message, input, error);
  }
}

function restart(lab: IceLab, random: Random): void {
  const [a, b] = [newIceCredentials(random), newIceCredentials(random)];
  lab.a.agent.configure(lab.parameters(lab.a, { local: a, remote: b }), lab.now);
  lab.b.agent.configure(lab.parameters(lab.b, { local: b, remote: a }), lab.now);
}

/** @returns also whether it is something that neither of the two has said */
function hostile(lab: IceLab, packets: Packets, random: Random): { bytes: Uint8Array; strange: boolean } {
  const said = [lab.b, lab.b, lab.a].map(({ sent }) => sent).filter((sent) => sent.length > 0);
  const bytes =
    said.length > 0 && chance(random, 0.8)
      ? spoil(pick(random, pick(random, said)).bytes, random)
      : chance(random, 0.5)
        ? spoil(packets.beside(), random)
        : packets.beside();
  return { bytes, strange: !wasSaid(lab.a, bytes) && !wasSaid(lab.b, bytes) };
}

/** The fingerprint of an answer is no part of what is signed, and may be left out. */
function wasSaid({ sent }: Side, bytes: Uint8Array): boolean {
  return sent.some((one) => Buffer.compare(one.bytes, bytes) === 0);
}

function checkDatagram(lab: IceLab, bytes: Uint8Array, from: { address: string; port: number }): void {
  const { a, b } = lab;
  const before = Uint8Array.from(bytes);
  const sent = a.sent.length;
  a.agent.datagram(bytes, 0, bytes.length, from, lab.now);
  if (Buffer.compare(before, bytes) !== 0) throw new Error('the datagram is another one now');
  for (const one of a.sent.slice(sent))
    if (one.bytes.length > bytes.length + answerBytes) throw new Error('an answer is much longer than what was asked');
  const { selected, due } = a.agent;
  if (selected && !isDeepStrictEqual({ ...selected }, { ...b.from })) throw new Error('media goes to a stranger');
  if (strangers.some((stranger) => a.agent.isValid(stranger))) throw new Error('a stranger is taken for the peer');
  if (due !== undefined && !Number.isFinite(due)) throw new Error('it is never due');
}

function checkLine(random: Random): void {
  const text = Buffer.from(spoil(Buffer.from(pick(random, lines)), random)).toString('latin1');
  const read = parseCandidate(text);
  if (read && !isDeepStrictEqual(parseCandidate(printCandidate(read)), read))
    throw new Error('a candidate is not the same when it is written');
}
