/** What has to hold of the readers for any input. Each check throws an Error that says what does not. */
import { isDeepStrictEqual } from 'node:util';
import {
  acceptAnswer,
  codecsFor,
  createAnswer,
  createOffer,
  type LocalDescription,
  type LocalSrtp,
  parseSdp,
  printSdp,
  type SdpSession,
} from '../../media/sdp/index.ts';
import { newMasterKey } from '../../media/srtp/profiles.ts';
import type { Random } from '../../src/base/random.ts';
import { type Framing, parseMessage, printMessage } from '../../src/sip/codec.ts';
import { readAuthParams } from '../../src/sip/digest.ts';
import { answerChallenge, parseChallenges, strongest } from '../../src/sip/digest-answer.ts';
import { DigestServer } from '../../src/sip/digest-server.ts';
import { type FramerEvent, MessageFramer, maxBodyBytes, StreamFramer } from '../../src/sip/framing.ts';
import { maxHeadBytes } from '../../src/sip/guard.ts';
import type { SipRequest } from '../../src/sip/message.ts';
import { parseNameAddrList, printNameAddr } from '../../src/sip/name-addr.ts';
import { parseUri, printUri } from '../../src/sip/uri.ts';
import { parseViaList, printVia, stampVia } from '../../src/sip/via.ts';
import { between, FakeClock, seededRandom } from '../../src/testing/index.ts';

/** Runs one step; a step is what one message, one value or one timer makes the code do at once. */
export type Watch = (work: () => void) => void;

const stamp = { received: '192.0.2.7', rport: 5099 };

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Read, written and read again, a message is the same; what is refused is answered with an error, if at all. */
export function checkMessage(bytes: Uint8Array, framing: Framing): void {
  const read = parseMessage(bytes, framing, stamp);
  if (!read.ok) {
    check(read.error !== '', 'an error that says nothing');
    check(!read.reply || isErrorReply(Buffer.from(read.reply).toString('latin1')), 'the reply is none');
    return;
  }
  const written = printMessage(read.message);
  const again = parseMessage(written, 'datagram');
  if (!again.ok) {
    // Compact names and folded lines are written in full.
    check(again.error.includes('longer than'), `written, it cannot be read: ${again.error}`);
    return;
  }
  check(Buffer.compare(written, printMessage(again.message)) === 0, 'written twice, it is not the same');
}

/** A response of ours to what could not be read: whole, and with nothing in it that would begin another line. */
export function isErrorReply(text: string): boolean {
  return /^SIP\/2\.0 [4-6]\d\d [^\r\n]*\r\n(?:[\w-]+: [^\r\n\0]*\r\n)+\r\n$/.test(text);
}

/** However a stream is cut, its messages are the same, and no more than one of them is held. */
export function checkFraming(stream: Uint8Array, random: Random, watch: Watch): void {
  const inOne = new StreamFramer();
  const inParts = new StreamFramer();
  const whole: FramerEvent[] = [];
  const parts: FramerEvent[] = [];
  takeAll(inOne.push(stream), whole, watch);
  const longest = Math.ceil(stream.length / between(random, 1, 40)) || 1;
  for (let at = 0; at < stream.length; ) {
    const end = at + between(random, 1, longest);
    const part = stream.subarray(at, end);
    takeAll(inParts.push(part), parts, watch);
    check(inParts.pending <= maxHeadBytes + maxBodyBytes, 'more is held than the largest message');
    at = end;
  }
  check(isDeepStrictEqual(parts, whole), 'what comes out depends on how the stream was cut');
  check(inOne.pending === inParts.pending, 'what is held depends on how the stream was cut');
}

/** Everything but pings. */
function takeAll(from: Iterator<FramerEvent, undefined>, to: FramerEvent[], watch: Watch): void {
  for (let more = true; more; )
    watch(() => {
      const event = from.next().value;
      more = event !== undefined;
      if (event && event.type !== 'ping') to.push(event);
    });
}

/** As a text frame of WebSocket. */
export function checkFrame(bytes: Uint8Array): void {
  const framer = new MessageFramer();
  for (const event of framer.push(bytes)) if (event.type === 'message') checkMessage(event.bytes, 'datagram');
}

const codecs = (() => {
  const found = codecsFor(['PCMU', 'PCMA', 'L16/16000', 'telephone-event']);
  if (!found.ok) throw new Error(found.error);
  return found.value;
})();
const ours = { origin: { sessionId: '1', version: 1 }, local: { address: '192.0.2.1', port: 20_000 }, codecs };
const srtp: LocalSrtp = { mode: 'optional', keyFor: (profile) => newMasterKey(profile, seededRandom(1)) };

/** What is read as SDP can be written, and answered with SDP; as an answer it settles something or is refused. */
export function checkSdp(text: string): void {
  const read = parseSdp(latin1(text));
  if (!read.ok) return;
  const written = printSdp(read.value);
  const again = parseSdp(written);
  // CRLFs in place of LFs may make it too long.
  check(again.ok || again.error.includes('larger than'), 'written, SDP cannot be read');
  check(!again.ok || printSdp(again.value) === written, 'SDP written twice is not the same');
  for (const options of [ours, { ...ours, srtp }]) checkAnswer(read.value, options);
}

function checkAnswer(offer: SdpSession, options: LocalDescription): void {
  const answer = createAnswer(offer, options);
  if (answer.ok) {
    const streams = parseSdp(printSdp(answer.value.answer));
    check(streams.ok && streams.value.media.length === offer.media.length, 'the answer has not as many streams');
  }
  acceptAnswer(createOffer(options), offer);
}

/** A challenge that is taken can be answered, by credentials that can be read. */
export function checkChallenge(text: string): void {
  const challenge = strongest(parseChallenges(text));
  if (!challenge) return;
  const value = answerChallenge({
    ...{ challenge, method: 'REGISTER', uri: 'sip:example.com', body: new Uint8Array(0), integrity: false },
    ...{ username: 'a"b\\c', secret: { password: 'p' }, cnonce: 'c', nc: 1 },
  });
  const answer = readAuthParams(value, 'Digest'.length)?.values;
  check(answer?.realm === challenge.realm, 'the realm of the answer is another one');
  check(answer.nonce === challenge.nonce, 'the nonce of the answer is another one');
}

export function checkCredentials(text: string): void {
  const read = readAuthParams(text, 0);
  check(!read || Object.getPrototypeOf(read.values) === null, 'parameters that inherit something');
  const server = new DigestServer({ clock: new FakeClock(), random: seededRandom(1), realm: 'example.com' });
  const verdict = server.check(register(text), 401, () => ({ password: 'p' }));
  check('ok' in verdict && !verdict.ok, 'credentials of nobody are right');
}

function register(authorization: string): SipRequest {
  const address = { displayName: undefined, uri: 'sip:a@example.com', params: {} };
  return {
    kind: 'request',
    method: 'REGISTER',
    uri: 'sip:example.com',
    headers: {
      via: [],
      from: address,
      to: address,
      callId: 'call',
      cseq: { seq: 1, method: 'REGISTER' },
      other: new Map([['authorization', [authorization]]]),
    },
    body: new Uint8Array(0),
  };
}

export function checkUri(text: string): void {
  const read = parseUri(text);
  if (!read.ok) return;
  const again = parseUri(printUri(read.value));
  // What was a character may be three when it is escaped.
  if (!again.ok) check(again.error.includes('longer than'), `a URI that cannot be read again: ${again.error}`);
  else check(isDeepStrictEqual(again.value, read.value), 'a URI that is not the same when it is written');
}

export function checkAddresses(text: string): void {
  const read = parseNameAddrList(text);
  if (!read.ok) return;
  const again = parseNameAddrList(read.value.map(printNameAddr).join(', '));
  check(again.ok && isDeepStrictEqual(again.value, read.value), 'addresses that are not the same when written');
}

export function checkVias(text: string): void {
  const read = parseViaList(text);
  if (!read.ok) return;
  for (const via of read.value) {
    const { raw: _, ...fields } = via;
    const again = parseViaList(printVia(fields));
    const [same] = again.ok ? again.value : [];
    check(
      same !== undefined && isDeepStrictEqual({ ...same, raw: undefined }, { ...fields, raw: undefined }),
      'a Via that is not the same when it is written',
    );
    const stamped = parseViaList(printVia(stampVia(via, stamp)));
    const [found] = stamped.ok ? stamped.value : [];
    check(found?.params.received === stamp.received, 'a Via that loses its stamp');
  }
}
