/**
 * Inputs that stop, kill or fill a process that gives them to npm `sip` as they come: each kept one busy for seconds
 * to minutes, or ended it. Here they get an answer within the time of a test.
 */
import { describe, expect, test } from 'vitest';
import { parseMessage } from '../../src/sip/codec.ts';
import { parseChallenges } from '../../src/sip/digest-answer.ts';
import { type FramerEvent, StreamFramer } from '../../src/sip/framing.ts';
import { maxHeadBytes, maxMessageBytes, scanMessage } from '../../src/sip/guard.ts';
import { parseNameAddr, parseNameAddrList } from '../../src/sip/name-addr.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { parseViaList } from '../../src/sip/via.ts';
import { bytesOf, invite, refused } from './messages.ts';

const kB = 1024;
const sizes = [1.4 * kB, 4 * kB, 8 * kB, 31 * kB, 63 * kB].map(Math.floor);
const addressHeaders = ['To', 'From', 'Contact', 'Route', 'Record-Route', 'Refer-To', 'Path'];

describe('blanks without end (cubic and quadratic regular expressions)', () => {
  const blanks = {
    spaces: ' ',
    tabs: '\t',
    'vertical tabs': '\x0b',
    'form feeds': '\x0c',
    'no-break spaces': '\xa0',
    folds: '\r\n ',
  };

  test.each(Object.entries(blanks))('%s in an address are refused', (_, blank) => {
    for (const header of addressHeaders) {
      for (const start of ['<', '<sip:a@b>', 'a', '"a"', 'a <']) {
        for (const size of sizes) {
          const run = blank.repeat(size / blank.length);
          refused(bytesOf(invite({ [header]: start + run }), 'latin1'));
          refused(bytesOf(invite({ [header]: `${start + run}x` }), 'latin1'));
        }
      }
    }
  });

  test.each(Object.entries(blanks))('%s in the start line are refused', (_, blank) => {
    for (const size of sizes) {
      const run = blank.repeat(size / blank.length);
      for (const start of [
        `SIP/2.0 200 ${run}\nx\ny`,
        `SIP/2.0${run}200`,
        `INVITE${run}sip:b@h SIP/2.0`,
        `INVITE sip:b@h SIP${run}/2.0`,
      ]) {
        refused(bytesOf(invite({}, '', start), 'latin1'));
      }
    }
  });

  test('blanks and nothing else are refused', () => {
    for (const blank of Object.values(blanks)) refused(bytesOf(blank.repeat((64 * kB) / blank.length - 1), 'latin1'));
    for (const blank of Object.values(blanks)) refused(bytesOf(invite({ Subject: blank.repeat(10_000) }), 'latin1'));
    refused('\r\n'.repeat(32 * kB - 1));
  });

  test('the start line with line breaks inside is refused', () => {
    refused(invite({}, '', `SIP/2.0 200 ${' '.repeat(30)}\nx\ny`));
  });
});

/** As long as a head may be, from a piece that is repeated; lines of less than 4096 bytes. */
function packed(header: string, start: string, piece: string, fold: boolean): string {
  const line = piece.repeat(Math.max(1, Math.floor((fold ? 2000 : 3900 - start.length) / piece.length)));
  const value = fold ? start + Array(15).fill(line).join('\r\n ') : start + line;
  return invite({ [header]: value });
}

describe('what fills the limits to the brim', () => {
  const pieces = [
    '<',
    '>',
    '"',
    '\\',
    ';',
    ',',
    '=',
    'a',
    'a ',
    ' a',
    '<a',
    '"a',
    '\\"',
    ';a',
    ';a=',
    ',a',
    'a=',
    'a,',
    '; ',
    ' ;',
    '=  ',
    '[',
    ':',
    '@',
    '%',
    '<sip:a@h>,',
    'SIP/2.0/UDP h,',
    ';a="',
    `a${' '.repeat(31)}`,
  ];
  const headers = [
    ...addressHeaders,
    'Via',
    'Call-ID',
    'CSeq',
    'Authorization',
    'WWW-Authenticate',
    'Content-Length',
    'Subject',
  ];

  test.each(headers)('%s gets a result', (header) => {
    for (const piece of pieces) {
      for (const start of ['', '<', '"', '<sip:a@h>', 'SIP/2.0/UDP h', 'Digest ']) {
        for (const fold of [false, true]) parseMessage(bytesOf(packed(header, start, piece, fold)), 'datagram');
      }
    }
  });

  test('so do the readers on their own, with 64 kB', () => {
    for (const piece of pieces) {
      for (const start of ['', '<', '"', '<sip:a@h>', 'sip:', 'SIP/2.0/UDP h', 'Digest ']) {
        const text = start + piece.repeat((64 * kB) / piece.length);
        for (const read of [parseUri, parseNameAddr, parseNameAddrList, parseViaList, parseChallenges]) read(text);
      }
    }
  });

  test('a head of nothing but the shortest headers is read, and one of nothing but Vias refused', () => {
    const short = 'a:\r\n'.repeat((maxHeadBytes - 1000) / 4);
    expect(parseMessage(bytesOf(invite().replace('Call-ID', `${short}Call-ID`)), 'datagram').ok).toBe(true);
    const vias = 'v:SIP/2.0/UDP h\r\n'.repeat((maxHeadBytes - 1000) / 17);
    expect(parseMessage(bytesOf(invite().replace('Call-ID', `${vias}Call-ID`)), 'datagram')).toMatchObject({
      ok: false,
      status: 400,
    });
  });

  test('the guard looks at each byte once', () => {
    let reads = 0;
    const text = invite({ 'X-A': Array(7).fill(`x${' '.repeat(31)}\\`.repeat(120)) });
    const counting = new Proxy(bytesOf(text.padEnd(maxMessageBytes, 'x')), {
      get(bytes, key) {
        if (key !== 'length') reads++;
        return Reflect.get(bytes, key, bytes);
      },
    });
    expect(scanMessage(counting).ok).toBe(true);
    // Beside the byte itself a line end looks at its neighbours.
    expect(reads).toBeLessThan(maxHeadBytes * 1.1);
  });
});

describe('on a stream', () => {
  const framed = (framer: StreamFramer, text: string): FramerEvent[] => [...framer.push(bytesOf(text))];

  test('12,000 heads without content do not exhaust the call stack', () => {
    const events = framed(new StreamFramer(), 'x\r\n\r\n'.repeat(12_000));
    expect(events.map((event) => event.type)).toEqual(['error']);
  });

  test('12,000 pipelined messages come out one after the other', () => {
    const one = invite();
    const events = framed(new StreamFramer(), one.repeat(12_000));
    expect(events).toHaveLength(12_000);
    expect(events.every((event) => event.type === 'message')).toBe(true);
  });

  test('a Content-Length that is no number buffers nothing', () => {
    const framer = new StreamFramer();
    expect(framed(framer, invite({ 'Content-Length': 'abc' })).map((event) => event.type)).toEqual(['error']);
    for (let i = 0; i < 100; i++) expect(framed(framer, 'x'.repeat(64 * kB))).toEqual([]);
    expect(framer.pending).toBe(0);
  });

  test('a head without end buffers no more than its limit', () => {
    for (const piece of ['x', 'x: y\r\n', '\r\n ', '\r']) {
      const framer = new StreamFramer();
      framed(framer, `A b SIP/2.0\r\nX: ${piece}`);
      for (let i = 0; i < 100; i++) framed(framer, piece.repeat(1000 / piece.length));
      expect(framer.pending, piece).toBe(0);
    }
  });
});

describe('targets that would end the process when sent to', () => {
  test.each([
    'sip:a@1.2.3.4:99999',
    'sip:a@1.2.3.4:0',
    'sip:a@1.2.3.4:-1',
    'sip:a@[::1',
    'sip:a@1.2.3.4:NaN',
    'sip:',
    'sip:a@',
  ])('%s is not a URI', (target) => {
    expect(parseUri(target).ok).toBe(false);
  });

  test('an unknown transport is seen as one', () => {
    const uri = parseUri('sip:x@host.name;transport=sctp');
    expect(uri.ok && uri.value.params.transport).toBe('sctp');
  });
});
