import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FramerEvent, isKeepAlive, maxBodyBytes, StreamFramer } from '../../src/sip/framing.ts';
import { maxHeadBytes } from '../../src/sip/guard.ts';
import { bytesOf, invite, refused, textOf } from './messages.ts';

/** Events as text: the message itself, 'ping', or the error. */
const shown = (events: readonly FramerEvent[]) =>
  events.map((event) =>
    event.type === 'message' ? textOf(event.bytes) : event.type === 'error' ? event.error : 'ping',
  );
const push = (framer: StreamFramer, text: string) => shown([...framer.push(bytesOf(text))]);
const errorOf = (text: string) => [...new StreamFramer().push(bytesOf(text))].find((event) => event.type === 'error');

describe('StreamFramer', () => {
  const one = invite({ 'Call-ID': 'one' }, 'body\r\n\r\n1');
  const two = invite({ 'Call-ID': 'two', 'Content-Length': undefined, l: '1' }, 'x');

  test('gives each message of a chunk, and waits for the rest of the last', () => {
    const framer = new StreamFramer();
    expect(push(framer, one + two + one.slice(0, 50))).toEqual([one, two]);
    expect(framer.pending).toBe(50);
    expect(push(framer, one.slice(50))).toEqual([one]);
    expect(framer.pending).toBe(0);
  });

  test('gives memory of its own', () => {
    const bytes = bytesOf(one);
    const [event] = new StreamFramer().push(bytes);
    bytes.fill(0);
    expect(shown([event!])).toEqual([one]);
  });

  test('finds the same messages however the stream is cut', () => {
    const piece = fc.constantFrom(one, two, '\r\n', invite({}, 'x'.repeat(5000)));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 9000 }))),
        (pieces, cuts) => {
          const stream = bytesOf(pieces.join(''));
          const framer = new StreamFramer();
          const events: FramerEvent[] = [];
          for (let at = 0; at < stream.length; ) {
            const end = at + cuts.next().value;
            events.push(...framer.push(stream.subarray(at, end)));
            at = end;
          }
          const messages = pieces.filter((text) => text !== '\r\n');
          expect(shown(events).filter((text) => text !== 'ping')).toEqual(messages);
          expect(framer.pending).toBe(0);
        },
      ),
    );
  });

  test('takes any bytes without throwing, and holds back no more than one message', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(...[one, two, '\r\n\r\n', 'l: 1\r\n'].map((text) => bytesOf(text))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const framer = new StreamFramer();
        for (const bytes of pieces) {
          framer.push(bytes);
          expect(framer.pending).toBeLessThanOrEqual(maxHeadBytes + maxBodyBytes);
        }
      }),
    );
  });

  test('tells of a double CRLF between messages, and of many at once only once', () => {
    const framer = new StreamFramer();
    expect(push(framer, '\r\n')).toEqual([]);
    expect(push(framer, '\r\n')).toEqual(['ping']);
    expect(push(framer, '\r\n\r\n'.repeat(1000))).toEqual(['ping']);
    expect(push(framer, `\r\n\r\n${one}\r\n${two}`)).toEqual(['ping', one, two]);
    expect(push(framer, '\r\n'.repeat(2))).toEqual(['ping']);
  });

  test('does not take a CRLF in front of a message for half a ping', () => {
    const framer = new StreamFramer();
    expect(push(framer, `\r\n${one}\r\n${one}`)).toEqual([one, one]);
    expect(push(framer, '\r\n')).toEqual([]);
  });

  test.each<[string, Record<string, string | string[] | undefined>, RegExp]>([
    ['missing', { 'Content-Length': undefined }, /no Content-Length/],
    ['a word', { 'Content-Length': 'abc' }, /not a number/],
    ['hexadecimal', { 'Content-Length': '0x3' }, /not a number/],
    ['a float', { 'Content-Length': '1e1' }, /not a number/],
    ['negative', { 'Content-Length': '-1' }, /not a number/],
    ['a list', { 'Content-Length': '3, 3' }, /not a number/],
    ['empty', { 'Content-Length': '' }, /not a number/],
    ['eight digits', { 'Content-Length': '00000001' }, /not a number/],
    ['there twice', { 'Content-Length': ['1', '1'] }, /two Content-Length/],
    ['there in both forms', { 'Content-Length': '1', L: '1' }, /two Content-Length/],
    ['larger than the limit', { 'Content-Length': String(maxBodyBytes + 1) }, /longer than/],
  ])('ends at a Content-Length that is %s, with a head that can be answered', (_, fields, message) => {
    const framer = new StreamFramer();
    const [event, ...rest] = framer.push(bytesOf(invite(fields) + one));
    if (event?.type !== 'error' || event.head === undefined) expect.fail('there is no error with a head');
    expect(rest).toEqual([]);
    expect(event.error).toMatch(message);
    expect(refused(event.head, 'stream').reply).toMatch(/^SIP\/2.0 4/);
    expect([...framer.push(bytesOf(one))]).toEqual([]);
    expect(framer.pending).toBe(0);
  });

  test('reads a Content-Length as the codec does: folded, trimmed, in any case', () => {
    for (const line of ['CONTENT-LENGTH : 3 ', 'Content-Length:\r\n 3', 'l:3']) {
      const text = `${invite({ 'Content-Length': undefined, 'X-A': 'x' }).replace('X-A: x', line)}abc`;
      expect(push(new StreamFramer(), text), line).toEqual([text]);
    }
  });

  test('is not led astray by a Content-Length in a folded line or value', () => {
    const text = invite({ Subject: 'a\r\n Content-Length: 5', 'X-Content-Length': '6' }, 'abc');
    expect(push(new StreamFramer(), text)).toEqual([text]);
  });

  test('limits the head, complete or not', () => {
    const long = invite({ 'X-A': Array(9).fill('x'.repeat(4000)) });
    expect(errorOf(long)?.error).toMatch(/head is longer/);
    const framer = new StreamFramer();
    let events: FramerEvent[] = [];
    for (let sent = 0; events.length === 0 && sent < 2 * maxHeadBytes; sent += 1000)
      events = [...framer.push(bytesOf('x'.repeat(1000)))];
    expect(shown(events)).toEqual([`the head is longer than ${maxHeadBytes} bytes`]);
  });

  test('takes the largest message', () => {
    const text = invite({}, 'x'.repeat(maxBodyBytes));
    expect(push(new StreamFramer(), text)).toEqual([text]);
    expect(push(new StreamFramer(), text + text)).toEqual([text, text]);
  });

  test('takes a large message byte by byte', () => {
    const bytes = bytesOf(invite({ 'X-A': Array(7).fill('x'.repeat(4000)) }, 'y'.repeat(maxBodyBytes)));
    const framer = new StreamFramer();
    let messages = 0;
    for (let i = 0; i < bytes.length; i++) messages += [...framer.push(bytes.subarray(i, i + 1))].length;
    expect(messages).toBe(1);
  });
});

test('isKeepAlive knows what datagrams keep a path open', () => {
  for (const text of ['', '\r\n', '\r\n\r\n', '\0\0\0\0', '\0']) expect(isKeepAlive(bytesOf(text))).toBe(true);
  for (const text of ['x', '\r\n\r\n\r\n', 'OPTI', ' ']) expect(isKeepAlive(bytesOf(text))).toBe(false);
});
