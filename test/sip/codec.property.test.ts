import fc from 'fast-check';
import sip from 'sip';
import { describe, expect, test } from 'vitest';
import { parseMessage, printMessage } from '../../src/sip/codec.ts';
import type { NameAddr, SipHeaders, SipMessage, SipParams, Via } from '../../src/sip/message.ts';
import { bytesOf, invite, textOf } from './messages.ts';

const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,12}$/);
/** One line, as a person might write it: trimmed, no control characters. */
const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) =>
  text
    .toWellFormed()
    .replace(/\p{Cc}/gu, '')
    .trim(),
);
const host = fc.oneof(
  fc.domain().map((name) => name.toLowerCase()),
  fc.ipV4(),
  fc.ipV6(),
);
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
const inUri = (name: string) => (name.includes(':') ? `[${name}]` : name);

const value = fc.oneof(
  token,
  fc.constant(null),
  line.map((text) => JSON.stringify(text)),
);
const params: fc.Arbitrary<SipParams> = fc.dictionary(
  token.map((name) => name.toLowerCase()),
  value,
  { maxKeys: 3 },
);
const nameAddr: fc.Arbitrary<NameAddr> = fc.record({
  displayName: fc.option(line, { nil: undefined }),
  uri: fc
    .tuple(token, host, port)
    .map(([user, name, at]) => `sip:${encodeURIComponent(user)}@${inUri(name)}${at === undefined ? '' : `:${at}`}`),
  params,
});
const via: fc.Arbitrary<Via> = fc.record({ protocol: fc.constantFrom('UDP', 'TCP'), host, port, params });
const addresses = fc.array(nameAddr, { minLength: 1, maxLength: 3 });

const method = fc.constantFrom('INVITE', 'BYE', 'OPTIONS', 'X-%47');
const headers = (name: string): fc.Arbitrary<SipHeaders> =>
  fc
    .record(
      {
        via: fc.array(via, { minLength: 1, maxLength: 3 }),
        from: nameAddr,
        to: nameAddr,
        callId: token,
        cseq: fc.record({ seq: fc.integer({ min: 0, max: 2 ** 31 - 1 }), method: fc.constant(name) }),
        maxForwards: fc.integer({ min: 0, max: 255 }),
        contact: fc.oneof(addresses, fc.constant('*' as const)),
        route: addresses,
        recordRoute: addresses,
        other: fc
          .array(
            fc.tuple(
              token.map((one) => `x-${one.toLowerCase()}`),
              fc.array(line, { minLength: 1, maxLength: 3 }),
            ),
            { maxLength: 5 },
          )
          .map((list) => new Map(list)),
      },
      { requiredKeys: ['via', 'from', 'to', 'callId', 'cseq', 'other'] },
    )
    .map((record) => record as SipHeaders);
const body = fc.uint8Array({ maxLength: 100 });
const message: fc.Arbitrary<SipMessage> = method.chain((name) =>
  fc.oneof(
    fc.record({
      kind: fc.constant('request' as const),
      method: fc.constant(name),
      uri: fc.constantFrom('sip:b@h', 'tel:+1', 'urn:x:y'),
      headers: headers(name),
      body,
    }),
    fc.record({
      kind: fc.constant('response' as const),
      status: fc.integer({ min: 100, max: 699 }),
      reason: line,
      headers: headers(name),
      body,
    }),
  ),
);

/** Plain data, without the verbatim Via, whose fields say the same; names in one order, since Content-Type is written last. */
function plain(one: SipMessage): unknown {
  const vias = one.headers.via.map(({ raw: _, ...rest }) => rest);
  const other = [...one.headers.other].sort(([a], [b]) => (a < b ? -1 : 1));
  const data = { ...one, body: [...one.body], headers: { ...one.headers, via: vias, other } };
  return JSON.parse(JSON.stringify(data));
}

describe('parseMessage and printMessage', () => {
  test('are inverse to each other', () => {
    fc.assert(
      fc.property(message, fc.constantFrom('datagram' as const, 'stream' as const), (written, framing) => {
        const result = parseMessage(printMessage(written), framing);
        if (!result.ok) expect.fail(result.error);
        expect(plain(result.message)).toEqual(plain(written));
      }),
      { numRuns: 300 },
    );
  });

  test('never throw or print what cannot be read again, whatever a message is turned into', () => {
    const start = invite(
      {
        Via: ['SIP/2.0/UDP [::1]:5060;branch=1;rport, SIP/2.0/TCP h', 'SIP / 2.0 / UDP x'],
        Contact: '"A \\" B" <sip:a@h;x=1>;q=0.5, sip:c@d',
        Route: '<sip:r;lr>',
        Subject: 'J\xfcrgen\r\n  folded',
        'WWW-Authenticate': 'Digest realm="r", nonce="n"',
      },
      'v=0\r\n',
    );
    const piece = fc.constantFrom(
      '\r\n',
      '\r\n ',
      '\r',
      '\n',
      '\0',
      '"',
      '\\',
      '<',
      '>',
      ';',
      ',',
      ':',
      '=',
      ' ',
      '\x0b',
      '\xa0',
      '\xff',
      '\xe2\x80\xa8',
      '\xef\xbb\xbf',
      '\x7f',
      '0',
      '9999999999',
      'SIP/2.0',
      'ACK',
      '*',
      '%',
      '[',
      ']',
      'é',
      '\r\nl: 1',
      '\r\nv: ',
    );
    const change = fc.record({ at: fc.nat(start.length), cut: fc.nat(6), put: fc.array(piece, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        let text = start;
        for (const { at, cut, put } of changes) text = text.slice(0, at) + put.join('') + text.slice(at + cut);
        const result = parseMessage(bytesOf(text, 'latin1'), 'datagram', { received: '192.0.2.1', rport: 5 });
        if (!result.ok) {
          if (result.reply) expect(textOf(result.reply)).toMatch(/^SIP\/2.0 [45]\d\d /);
          return;
        }
        const again = parseMessage(printMessage(result.message), 'datagram');
        if (!again.ok) expect.fail(`${JSON.stringify(text)}: ${again.error}`);
        expect(plain(again.message)).toEqual(plain(result.message));
      }),
      { numRuns: 2000 },
    );
  });

  test('never throw on any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom('', 'A b SIP/2.0\r\n', 'SIP/2.0 200 OK\r\nVia: '),
        (bytes, start) => {
          parseMessage(Buffer.concat([bytesOf(start), bytes, bytesOf('\r\n\r\n')]), 'datagram');
        },
      ),
      { numRuns: 500 },
    );
  });

  test('agree with npm sip where that is right', () => {
    fc.assert(
      fc.property(message, (written) => {
        const theirs = sip.parse(Buffer.from(printMessage(written)).toString('latin1'));
        expect(theirs).toMatchObject(
          written.kind === 'request'
            ? { uri: written.uri, version: '2.0' }
            : { status: written.status, version: '2.0' },
        );
      }),
    );
  });
});
