/**
 * A message of a torture test against a SIP endpoint, by UDP and by TCP, and what becomes of it: what the endpoint
 * answers, whom it tells, and whether it keeps the connection.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parseMessage, printMessage } from '../../src/sip/codec.ts';
import { SipEndpoint } from '../../src/sip/endpoint.ts';
import type { SipMessage, SipRequest } from '../../src/sip/message.ts';
import { FakeClock, LabNetwork, seededRandom } from '../../src/testing/index.ts';
import { type Received, read, silent } from '../sip/lab.ts';

export type TortureTransport = 'udp' | 'tcp';

export interface Verdict {
  readonly name: string;
  /** Of the RFC. */
  readonly section: string;
  /** What the RFC asks of whoever receives it. */
  readonly rfc: string;
  /** Statuses of the answers: 486 and 202 are those of the endpoint's user, so the message came through. */
  readonly answers: readonly number[];
  /** Where TCP differs. */
  readonly overTcp?: { readonly answers: readonly number[]; readonly closes: boolean };
  /** Why it is not what the RFC suggests. */
  readonly why?: string;
  /** Headers of the answer. */
  readonly answer?: Readonly<Record<string, string | RegExp>>;
}

export interface Outcome {
  readonly answers: readonly Received[];
  /** Requests that came through to the user. */
  readonly told: readonly SipRequest[];
  /** TCP: the endpoint hung up. */
  readonly closed: boolean;
  readonly malformed: number;
  readonly strayResponses: number;
  readonly internalErrors: number;
  /** Transactions and dialogs that are left when every timer has run out. */
  readonly left: number;
}

const hosts = {
  4: { ours: '10.0.0.1', theirs: '10.0.0.2' },
  6: { ours: '2001:db8::10', theirs: '2001:db8::9:1' },
} as const;
const sipPort = 5060;
/** Longer than a connection may stay with half a message. */
const incompleteMs = 31_000;
/** Longer than every timer of a transaction. */
const allTimersMs = 300_000;
/** TCP cuts where it likes. */
const segment = 61;

export function messageOf(folder: string, name: string): Buffer {
  return readFileSync(new URL(`${folder}/${name}.dat`, import.meta.url));
}

export function namesIn(folder: string): string[] {
  return readdirSync(new URL(folder, import.meta.url)).map((file) => file.replace(/\.dat$/, ''));
}

/** The endpoint knows REGISTER and MESSAGE, and is busy. */
export async function torture(bytes: Uint8Array, transport: TortureTransport, family: 4 | 6 = 4): Promise<Outcome> {
  const { ours, theirs } = hosts[family];
  const clock = new FakeClock();
  const network = new LabNetwork(clock, 1);
  network.set({ delayMs: 0 });
  const host = network.host('endpoint', ours);
  const peer = network.host('peer', theirs);
  const endpoint = new SipEndpoint({
    listen: [{ transport, bindHost: ours, bindPort: sipPort }],
    clock,
    random: seededRandom(1),
    resolver: network.resolver,
    logger: silent,
    userAgent: 'Lab',
    network: host.sip,
    outsideMethods: ['REGISTER', 'MESSAGE'],
  });
  const told: SipRequest[] = [];
  endpoint.onInvite = (invite) => {
    told.push(invite.request);
    invite.reject(486);
  };
  endpoint.onRequest = (request) => {
    told.push(request.request);
    request.respond(202);
  };
  await endpoint.open();
  // A set: an answer that nobody acknowledges is sent again.
  const sent = new Set<string>();
  network.onSight = ({ from, bytes: one }) => {
    const text = Buffer.from(one).toString('latin1');
    if (from.address === ours && text !== '\r\n') sent.add(text);
  };

  let closed = false;
  let hungUp = false;
  if (transport === 'udp') {
    host.deliver(sipPort, bytes, { address: theirs, port: sipPort });
    await clock.advance(0);
  } else {
    const connection = peer.connectStream(
      { address: ours, port: sipPort },
      {
        onOpen() {},
        onData() {},
        onClose() {
          closed = true;
        },
      },
    );
    for (let at = 0; at < bytes.length; at += segment) connection.write(bytes.subarray(at, at + segment), () => {});
    await clock.advance(incompleteMs);
    hungUp = closed;
    connection.destroy();
  }
  const answers = [...sent].map((text) => read(text));
  await clock.advance(allTimersMs);
  const { transactions, dialogs, counters } = endpoint.stats;
  await endpoint.close();
  const { malformed, strayResponses, internalErrors } = counters;
  return { answers, told, closed: hungUp, malformed, strayResponses, internalErrors, left: transactions + dialogs };
}

/** What holds for every message, whatever its verdict. */
export function expectVerdict(
  { answers, overTcp, answer = {} }: Verdict,
  transport: TortureTransport,
  outcome: Outcome,
): void {
  expect(outcome).toMatchObject({ internalErrors: 0, left: 0 });
  const statuses = outcome.answers.map(({ what }) => Number(what));
  if (transport === 'tcp' && overTcp) expect({ answers: statuses, closes: outcome.closed }).toEqual(overTcp);
  else expect(statuses).toEqual(answers);
  for (const one of outcome.answers) {
    expect(one.text).toMatch(/^SIP\/2\.0 \d{3} [^\r\n]*\r\n(?:[\w-]+: [^\r\n]*\r\n)+\r\n$/);
    // What was wrong with a request goes back as it came (RFC 3261 §8.2.6.2).
    if (outcome.malformed === 0) parsed(Buffer.from(one.text, 'latin1'));
  }
  for (const [name, value] of Object.entries(answer))
    for (const one of outcome.answers) expect(one.get(name), name).toMatch(value);
}

/** The message, for which it is an error not to be read. */
export function parsed(bytes: Uint8Array): SipMessage {
  const result = parseMessage(bytes, 'datagram');
  return result.ok ? result.message : expect.fail(result.error);
}

export function parsedRequest(bytes: Uint8Array): SipRequest {
  const message = parsed(bytes);
  return message.kind === 'request' ? message : expect.fail('it is a response');
}

/** Written and read again it is the same. */
export function expectRoundTrip(message: SipMessage): void {
  const plain = (one: SipMessage) => structuredClone({ ...one, body: [...one.body] });
  expect(plain(parsed(printMessage(message)))).toEqual(plain(message));
}
