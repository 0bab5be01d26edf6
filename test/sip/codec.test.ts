import { describe, expect, test } from 'vitest';
import { parseMessage, printMessage } from '../../src/sip/codec.ts';
import { header, headerValues, noParams, type SipRequest, tagOf } from '../../src/sip/message.ts';
import { bytesOf, invite, parsed, parsedRequest, parsedResponse, refused, textOf } from './messages.ts';

const printed = (text: string | Uint8Array) => textOf(printMessage(parsed(text)));

describe('parseMessage', () => {
  test('reads a request', () => {
    const body = 'v=0\r\n';
    const request = parsedRequest(invite({ Contact: '<sip:alice@192.0.2.1:5070>', 'X-Account': '7' }, body));
    expect(request).toMatchObject({ kind: 'request', method: 'INVITE', uri: 'sip:bob@example.net' });
    expect(request.headers).toMatchObject({
      via: [{ protocol: 'UDP', host: '192.0.2.1', port: 5070, params: { branch: 'z9hG4bK776', rport: null } }],
      from: { displayName: 'Alice', uri: 'sip:alice@example.com', params: { tag: 'a1' } },
      to: { displayName: undefined, uri: 'sip:bob@example.net', params: {} },
      callId: 'c1@192.0.2.1',
      cseq: { seq: 1, method: 'INVITE' },
      maxForwards: 70,
      contact: [{ uri: 'sip:alice@192.0.2.1:5070' }],
    });
    expect([...request.headers.other]).toEqual([['x-account', ['7']]]);
    expect(textOf(request.body)).toBe(body);
  });

  test('reads a response, with and without a reason', () => {
    expect(parsedResponse(invite({}, '', 'SIP/2.0 180 Ringing now'))).toMatchObject({
      status: 180,
      reason: 'Ringing now',
    });
    expect(parsedResponse(invite({}, '', 'SIP/2.0 100 '))).toMatchObject({ status: 100, reason: '' });
    expect(parsedResponse(invite({}, '', 'SIP/2.0 200'))).toMatchObject({ status: 200, reason: '' });
    expect(parsedResponse(invite({}, '', 'SIP/2.0 200 Готово'))).toMatchObject({ reason: 'Готово' });
  });

  test('takes the SIP version in any case (RFC 3261 §7.1)', () => {
    expect(parsedRequest(invite({}, '', 'INVITE sip:b@h sip/2.0')).uri).toBe('sip:b@h');
    expect(parsedResponse(invite({}, '', 'sip/2.0 200 OK')).status).toBe(200);
  });

  test.each([
    ['a', 'accept-contact'],
    ['b', 'referred-by'],
    ['c', 'content-type'],
    ['d', 'request-disposition'],
    ['e', 'content-encoding'],
    ['j', 'reject-contact'],
    ['k', 'supported'],
    ['n', 'identity-info'],
    ['o', 'event'],
    ['r', 'refer-to'],
    ['s', 'subject'],
    ['u', 'allow-events'],
    ['x', 'session-expires'],
    ['y', 'identity'],
  ])('knows the compact form %s of %s', (compact, full) => {
    expect(header(parsed(invite({ [compact]: 'value' })), full)).toBe('value');
    expect(header(parsed(invite({ [compact.toUpperCase()]: 'value' })), full)).toBe('value');
  });

  test('knows the compact forms of the headers with a field of their own', () => {
    const none = { Via: undefined, From: undefined, To: undefined, 'Call-ID': undefined, 'Content-Length': undefined };
    const compact = { v: 'SIP/2.0/UDP h', f: '<sip:a@h>;tag=1', t: '<sip:b@h>', i: 'id', m: '<sip:c@h>', L: '2' };
    const request = parsedRequest(`${invite({ ...none, ...compact })}abcd`);
    expect(request.headers).toMatchObject({ via: [{ host: 'h' }], callId: 'id', contact: [{ uri: 'sip:c@h' }] });
    expect(textOf(request.body)).toBe('ab');
  });

  test('keeps repeated headers apart and in order', () => {
    const request = parsed(invite({ 'X-A': ['1', '2, 3'], 'x-b': 'b', 'X-a': '4' }));
    expect(headerValues(request, 'X-A')).toEqual(['1', '2, 3', '4']);
  });

  test('trims and unfolds values', () => {
    const request = parsed(
      invite({ Subject: ' \t a\r\n  b \t', 'Call-ID': 'x  ', 'Max-Forwards': '70 ', 'X-Empty': '', 'X-Blank ': '  ' }),
    );
    expect(header(request, 'subject')).toBe('a b');
    expect(request.headers).toMatchObject({ callId: 'x', maxForwards: 70 });
    expect([header(request, 'x-empty'), header(request, 'x-blank')]).toEqual(['', '']);
  });

  test('keeps all Vias in order, from one line or several', () => {
    const { via } = parsed(
      invite({ Via: ['SIP/2.0/UDP [2001:db8::1]:5060;branch=1, SIP/2.0/TCP b;branch=2', 'SIP/2.0/UDP c;branch=3'] }),
    ).headers;
    expect(via.map((one) => [one.host, one.params.branch])).toEqual([
      ['2001:db8::1', '1'],
      ['b', '2'],
      ['c', '3'],
    ]);
  });

  test('keeps the From tag behind what `sip` stumbles over', () => {
    for (const from of ['<sip:a@h>;host=[::1];tag=Qq', 'Jürgen <sip:a@h>;tag=Qq', '<sip:a@[::1]>;tag=Qq']) {
      expect(tagOf(parsed(invite({ From: from })).headers.from), from).toBe('Qq');
    }
  });

  test('reads Contact as a list, addr-specs too, and the star', () => {
    expect(parsed(invite({ Contact: 'sip:a@b, sip:c@d' })).headers.contact).toMatchObject([
      { uri: 'sip:a@b' },
      { uri: 'sip:c@d' },
    ]);
    expect(parsed(invite({ Contact: ['<sip:a@b>;q=1', '<sip:c@d>'] })).headers.contact).toHaveLength(2);
    expect(parsed(invite({ Contact: '*' })).headers.contact).toBe('*');
    for (const contact of [['*', '<sip:a@b>'], ['<sip:a@b>', '*'], ['*', '*'], ['*, <sip:a@b>'], ['']]) {
      expect(refused(invite({ Contact: contact })).status).toBe(400);
    }
  });

  test('reads Route and Record-Route with IPv6 in order', () => {
    const { route, recordRoute } = parsed(
      invite({ Route: ['<sip:[::1];lr>, <sip:b;lr>', '<sip:c;lr>'], 'Record-Route': '<sip:d;lr>;x=1' }),
    ).headers;
    expect(route?.map((one) => one.uri)).toEqual(['sip:[::1];lr', 'sip:b;lr', 'sip:c;lr']);
    expect(recordRoute).toMatchObject([{ uri: 'sip:d;lr', params: { x: '1' } }]);
  });

  test('gives header names of Object their ordinary meaning', () => {
    const request = parsed(invite({ constructor: 'a', toString: 'b', ['__proto__']: 'c', hasOwnProperty: 'd' }));
    expect(['constructor', 'toString', '__proto__', 'hasownproperty'].map((name) => header(request, name))).toEqual([
      ...['a', 'b', 'c', 'd'],
    ]);
    expect(printed(printMessage(request))).toContain('\r\n__proto__: c\r\n');
  });

  test('takes a value that is not UTF-8 as Latin-1', () => {
    const request = parsed(bytesOf(invite({ Subject: 'J\xfcrgen', From: '"\xe9" <sip:a@h>;tag=1' }), 'latin1'));
    expect(header(request, 'subject')).toBe('Jürgen');
    expect(request.headers.from.displayName).toBe('é');
  });

  test('leaves a NUL out that is escaped in a display name (RFC 4475 §3.1.1.2)', () => {
    const request = parsed(invite({ To: '"NUL:\\\0 DEL:\\\x7f" <sip:b@h>' }));
    expect(request.headers.to.displayName).toBe('NUL: DEL:\x7f');
    expect(refused(invite({ 'Call-ID': 'a\0b' })).error).toMatch(/NUL/);
  });

  test.each([
    ['Via'],
    ['From'],
    ['To'],
    ['Call-ID'],
    ['CSeq'],
  ])('refuses a message without %s, and cannot answer it', (name) => {
    expect(refused(invite({ [name]: undefined }))).toEqual({
      error: `there is no ${name} header`,
      status: undefined,
      reply: '',
    });
  });

  test.each([
    ['From', '<sip:a@h>;tag=1', 'f'],
    ['To', '<sip:a@h>', 't'],
    ['Call-ID', 'x', 'i'],
    ['CSeq', '1 INVITE', 'cseq'],
    ['Max-Forwards', '70', 'MAX-FORWARDS'],
    ['Content-Length', '0', 'l'],
  ])('refuses two %s, in whatever form', (name, value, form) => {
    for (const second of [name, form]) {
      const text = invite({ [name]: undefined, 'X-A': '1' }).replace(
        'X-A: 1',
        `${name}: ${value}\r\n${second}: ${value}`,
      );
      expect(refused(text)).toMatchObject({ status: 400, error: `there are two ${name} headers` });
    }
  });

  test.each<[string, Record<string, string>]>([
    ['a From with a broken name', { From: '"Alice <sip:a@h>;tag=1' }],
    ['a From with a parameter twice', { From: '<sip:a@h>;tag=1;tag=2' }],
    ['a To that is no URI', { To: '<bob>' }],
    ['a Call-ID of two words', { 'Call-ID': 'a b' }],
    ['an empty Call-ID', { 'Call-ID': '' }],
    ['a CSeq of another method', { CSeq: '1 BYE' }],
    ['a CSeq in another case', { CSeq: '1 invite' }],
    ['a CSeq of 2^31', { CSeq: '2147483648 INVITE' }],
    ['a CSeq past any integer', { CSeq: '36893488147419103232 INVITE' }],
    ['a negative CSeq', { CSeq: '-1 INVITE' }],
    ['a CSeq without method', { CSeq: '1' }],
    ['a CSeq with more', { CSeq: '1 INVITE x' }],
    ['Max-Forwards of 256', { 'Max-Forwards': '256' }],
    ['two Max-Forwards in one', { 'Max-Forwards': '1,70' }],
    ['Content-Length in hex', { 'Content-Length': '0x3' }],
    ['Content-Length as a float', { 'Content-Length': '1e1' }],
    ['Content-Length as a word', { 'Content-Length': 'abc' }],
    ['a negative Content-Length', { 'Content-Length': '-1' }],
    ['two Content-Lengths in one', { 'Content-Length': '3, 3' }],
    ['an empty Content-Length', { 'Content-Length': '' }],
    ['a Content-Length of eight digits', { 'Content-Length': '00000000' }],
    ['a Via with a port of 0', { Via: 'SIP/2.0/UDP h:0' }],
    ['an empty Route', { Route: '' }],
    ['a Record-Route without brackets closed', { 'Record-Route': '<sip:a' }],
    ['a header name with a blank in it', { 'X A': '1' }],
    ['a header name with brackets', { '<x>': '1' }],
  ])('refuses %s', (_, fields) => {
    const { status, reply } = refused(invite(fields));
    expect({ status: status ?? 400, reply: reply.slice(0, 12) }).toEqual({
      status: 400,
      // Without a Via or with an empty Call-ID there is nobody to answer.
      reply: 'Via' in fields || fields['Call-ID'] === '' ? '' : 'SIP/2.0 400 ',
    });
  });

  test('takes the greatest CSeq and leading zeros', () => {
    expect(parsed(invite({ CSeq: '2147483647 INVITE' })).headers.cseq.seq).toBe(2_147_483_647);
    expect(parsed(invite({ CSeq: '0009  INVITE', 'Max-Forwards': '0068' })).headers).toMatchObject({
      cseq: { seq: 9, method: 'INVITE' },
      maxForwards: 68,
    });
  });

  test.each([
    'INVITE sip:b@h',
    'INVITE  sip:b@h SIP/2.0',
    'INVITE sip:b@h  SIP/2.0',
    'INVITE sip:b@h SIP/2.0 ',
    'INVITE sip:b@h SIP/2.0 x',
    'INVITE sip:b@h; lr SIP/2.0',
    'INVITE <sip:b@h> SIP/2.0',
    'INVITE "sip:b@h" SIP/2.0',
    'INVITE sip:b@h?Subject=x SIP/2.0',
    'INVITE sip:b@h:99999 SIP/2.0',
    'INVITE sip:b@[::1 SIP/2.0',
    'INVITE b SIP/2.0',
    'IN(VITE sip:b@h SIP/2.0',
    ' INVITE sip:b@h SIP/2.0',
    'SIP/2.0 99 x',
    'SIP/2.0 700 x',
    'SIP/2.0 1000 x',
    'SIP/2.0 0200 x',
    'SIP/2.0  200 x',
    'SIP/2.0 200x',
    'SIP/2.0 OK',
    'HTTP/1.1 200 OK',
  ])('refuses the start line %j', (start) => {
    refused(invite({}, '', start));
  });

  test('leaves a URI of an unknown scheme to the core, which answers 416', () => {
    expect(parsedRequest(invite({}, '', 'INVITE urn:service:sos SIP/2.0')).uri).toBe('urn:service:sos');
  });

  test('passes a Request-URI beyond ASCII on as it came', () => {
    expect(printed(invite({}, '', 'INVITE sip:jürgen@h SIP/2.0'))).toMatch(/^INVITE sip:jürgen@h SIP/);
  });

  test('takes a method with a percent sign as it is (RFC 4475 §3.1.1.4)', () => {
    const text = invite({ CSeq: '1 RE%47IST%45R' }, '', 'RE%47IST%45R sip:h SIP/2.0');
    expect(parsedRequest(text).method).toBe('RE%47IST%45R');
  });

  test('takes a Request-URI in UTF-8, whatever bytes its letters have', () => {
    const message = parsed(bytesOf(invite({}, '', 'INVITE sip:voil\xc3\xa0@example.com SIP/2.0'), 'latin1'));
    expect(message).toMatchObject({ method: 'INVITE', uri: 'sip:voilà@example.com' });
  });

  test.each(['Via', 'Route', 'Record-Route'])('takes 256 values of %s, as Max-Forwards allows, and no more', (name) => {
    const value = name === 'Via' ? 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1' : '<sip:p1.example.com;lr>';
    const times = (count: number) =>
      invite({ [name]: Array.from({ length: count / 16 }, () => Array(16).fill(value).join(', ')) });
    expect(parseMessage(bytesOf(times(256)), 'datagram').ok).toBe(true);
    expect(refused(times(272))).toMatchObject({ status: 400, error: `there are more than 256 ${name}s` });
  });

  test('takes values that are no UTF-8 for Latin-1, thousands of them as well', () => {
    const message = bytesOf(invite({ 'X-Name': Array(1500).fill('J\xfcrgen') }), 'latin1');
    const names = headerValues(parsed(message), 'x-name');
    expect([names.length, new Set(names)]).toEqual([1500, new Set(['Jürgen'])]);
  });
});

describe('the body', () => {
  test('of a datagram is Content-Length bytes, the rest is dropped', () => {
    expect(textOf(parsed(`${invite({}, 'abc')}def`).body)).toBe('abc');
    expect(parsed(`${invite()}def`).body).toHaveLength(0);
  });

  test('of a datagram without Content-Length is all there is', () => {
    expect(textOf(parsed(`${invite({ 'Content-Length': undefined })}def`).body)).toBe('def');
  });

  test('of a datagram that is too short is refused', () => {
    expect(refused(invite({ 'Content-Length': '4' }, 'abc'))).toMatchObject({ status: 400 });
  });

  test('on a stream needs a Content-Length', () => {
    expect(refused(invite({ 'Content-Length': undefined }), 'stream').status).toBe(400);
    expect(refused(invite({ 'Content-Length': '65536' }), 'stream').status).toBe(413);
    expect(textOf(parsed(bytesOf(invite({}, 'abc')), 'stream').body)).toBe('abc');
  });

  test('is bytes, any of them', () => {
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    const message = parsed(Buffer.concat([bytesOf(invite({ 'Content-Length': '256' })), body]));
    expect([...message.body]).toEqual([...body]);
    expect([...parsed(printMessage(message)).body]).toEqual([...body]);
  });

  test('of a message in the middle of a larger buffer is the right one', () => {
    const bytes = bytesOf(`xxxx${invite({}, 'abc')}`);
    expect(textOf(parsed(bytes.subarray(4)).body)).toBe('abc');
  });
});

describe('the reply to what cannot be read', () => {
  const broken = { 'Max-Forwards': 'x' };

  test('is a whole response that says what was wrong', () => {
    const { error, status, reply } = refused(
      invite({ ...broken, Via: ['SIP/2.0/UDP a:1;b=1, SIP/2.0/UDP b', 'SIP/2.0/UDP  c'] }),
    );
    expect(status).toBe(400);
    const response = parsedResponse(reply);
    expect(response).toMatchObject({ status: 400, reason: `Bad Request (${error})` });
    expect(response.headers).toMatchObject({
      from: { params: { tag: 'a1' } },
      callId: 'c1@192.0.2.1',
      cseq: { seq: 1, method: 'INVITE' },
    });
    expect(response.headers.via.map((one) => one.raw)).toEqual([
      'SIP/2.0/UDP a:1;b=1',
      'SIP/2.0/UDP b',
      'SIP/2.0/UDP  c',
    ]);
  });

  test('has a tag in To that is the same each time, and another for another request', () => {
    const tag = (text: string) => tagOf(parsedResponse(refused(text).reply).headers.to);
    expect(tag(invite(broken))).toMatch(/^[0-9a-f]{16}$/);
    expect(tag(invite(broken))).toBe(tag(invite(broken)));
    expect(tag(invite(broken))).not.toBe(tag(invite({ ...broken, 'Call-ID': 'other' })));
    expect(tag(invite({ ...broken, To: '<sip:b@h>;tag=own' }))).toBe('own');
  });

  test('carries what the transport saw, and tells it the Via to send to', () => {
    const result = parseMessage(bytesOf(invite(broken)), 'datagram', { received: '192.0.2.9', rport: 4 });
    if (result.ok || !result.reply) expect.fail('there is no reply');
    expect(textOf(result.reply)).toContain(
      'Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK776;rport=4;received=192.0.2.9\r\n',
    );
    expect(result.via).toMatchObject({ host: '192.0.2.1', params: { rport: '4', received: '192.0.2.9' } });
  });

  test('is 505 for another version', () => {
    const text = invite({ Via: 'SIP/7.0/UDP h;branch=1' }, '', 'INVITE sip:b@h SIP/7.0');
    expect(refused(text)).toMatchObject({ status: 505 });
    expect(parsedResponse(refused(text).reply)).toMatchObject({ status: 505 });
  });

  test('is 414 for a Request-URI that is too long', () => {
    expect(refused(invite({}, '', `INVITE sip:${'b'.repeat(3000)}@h SIP/2.0`)).reply).toMatch(/^SIP\/2.0 414 /);
  });

  test('echoes a malformed Via as it came', () => {
    expect(refused(invite({ Via: 'SIP/2.0/UDP 192.0.2.15;;,;,,' })).reply).toContain(
      '\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n',
    );
  });

  test('also answers what the guard refuses, if it came far enough', () => {
    expect(refused(invite({ 'X-Late': `${' '.repeat(99)}x` })).reply).toMatch(/^SIP\/2.0 400 /);
  });

  test.each([
    ['a response', invite({ 'Max-Forwards': 'x' }, '', 'SIP/2.0 200 OK')],
    ['a malformed response', invite({}, '', 'SIP/2.0 1000 OK')],
    ['an ACK', invite({ 'Max-Forwards': 'x', CSeq: '1 ACK' }, '', 'ACK sip:b@h SIP/2.0')],
    ['an ACK by its CSeq', invite({ CSeq: '1 ACK' })],
    ['an ACK by its start line', invite({}, '', 'ACK sip:b@h SIP/2.0')],
    ['what is not SIP', invite({}, '', 'GET / HTTP/1.1')],
    ['what is no line at all', invite({}, '', 'x')],
  ])('does not exist for %s', (_, text) => {
    expect(refused(text)).toMatchObject({ status: undefined, reply: '' });
  });
});

describe('printMessage', () => {
  const request = (): SipRequest => parsedRequest(invite({ Contact: '<sip:alice@192.0.2.1>' }, 'abc'));

  test('writes the fields in their usual order, Content-Type and the length last', () => {
    const text = invite(
      {
        'Content-Type': 'application/sdp',
        'WWW-Authenticate': ['Digest realm="a", nonce="b"', 'Digest realm="c", nonce="d"'],
        Route: ['<sip:p1;lr>', '<sip:p2;lr>'],
        'Record-Route': '<sip:p3;lr>',
        Contact: 'sip:a@b;q=1, sip:c@d',
        'x-my-own': '1',
      },
      'abc',
    );
    expect(printed(text).split('\r\n')).toEqual([
      'INVITE sip:bob@example.net SIP/2.0',
      'Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK776;rport',
      'Max-Forwards: 70',
      'From: "Alice" <sip:alice@example.com>;tag=a1',
      'To: <sip:bob@example.net>',
      'Call-ID: c1@192.0.2.1',
      'CSeq: 1 INVITE',
      'Contact: <sip:a@b>;q=1, <sip:c@d>',
      'Record-Route: <sip:p3;lr>',
      'Route: <sip:p1;lr>',
      'Route: <sip:p2;lr>',
      'WWW-Authenticate: Digest realm="a", nonce="b"',
      'WWW-Authenticate: Digest realm="c", nonce="d"',
      'X-My-Own: 1',
      'Content-Type: application/sdp',
      'Content-Length: 3',
      '',
      'abc',
    ]);
  });

  test('writes a response, and * as a Contact', () => {
    const text = printed(invite({ Contact: '*' }, '', 'SIP/2.0 404 Not Found'));
    expect(text.startsWith('SIP/2.0 404 Not Found\r\nVia: ')).toBe(true);
    expect(text.endsWith('\r\nContact: *\r\nContent-Length: 0\r\n\r\n')).toBe(true);
  });

  test('counts the length in bytes, whatever was in the message', () => {
    const message = request();
    message.body = bytesOf('ключ');
    message.headers.other.set('subject', ['тема']);
    const text = textOf(printMessage(message));
    expect(text).toContain('\r\nSubject: тема\r\n');
    expect(text.endsWith('\r\nContent-Length: 8\r\n\r\nключ')).toBe(true);
  });

  test('keeps a display name beyond ASCII, in UTF-8', () => {
    const text = printed(invite({ From: '"Jürgen \\"J\\" Žižek 李" <sip:j@h>;tag=1' }));
    expect(text).toContain('\r\nFrom: "Jürgen \\"J\\" Žižek 李" <sip:j@h>;tag=1\r\n');
  });

  test('does not change the message', () => {
    const message = request();
    const before = structuredClone(message);
    printMessage(message);
    expect(structuredClone(message)).toEqual(before);
  });

  const injections: readonly (readonly [string, (message: SipRequest, bad: string) => void])[] = [
    ['the method', (m, bad) => Object.assign(m, { method: `INVITE${bad}` })],
    ['the Request-URI', (m, bad) => Object.assign(m, { uri: `sip:b@h${bad}` })],
    ['a header', (m, bad) => m.headers.other.set('x-user', [`a${bad}`])],
    ['the second of a header', (m, bad) => m.headers.other.set('x-user', ['a', `a${bad}`])],
    ['a header name', (m, bad) => m.headers.other.set(`x${bad}`, ['a'])],
    ['a display name', (m, bad) => (m.headers.from = { ...m.headers.from, displayName: `A${bad}` })],
    ['the From URI', (m, bad) => (m.headers.from = { ...m.headers.from, uri: `sip:a@h${bad}` })],
    ['a tag', (m, bad) => (m.headers.to = { ...m.headers.to, params: { tag: `1${bad}` } })],
    ['a quoted parameter', (m, bad) => (m.headers.to = { ...m.headers.to, params: { x: `"1${bad}"` } })],
    ['a parameter name', (m, bad) => (m.headers.to = { ...m.headers.to, params: { [`x${bad}`]: '1' } })],
    ['the Contact', (m, bad) => (m.headers.contact = [{ ...m.headers.from, uri: `sip:a@h${bad}` }])],
    ['a Route', (m, bad) => (m.headers.route = [{ ...m.headers.from, uri: `sip:a@h${bad}` }])],
    ['a Record-Route', (m, bad) => (m.headers.recordRoute = [{ ...m.headers.from, uri: `sip:a@h${bad}` }])],
    ['the Call-ID', (m, bad) => Object.assign(m.headers, { callId: `a${bad}` })],
    ['the CSeq', (m, bad) => (m.headers.cseq = { seq: 1, method: `INVITE${bad}` })],
    ['a Via', (m, bad) => (m.headers.via = [{ ...m.headers.via[0]!, raw: `SIP/2.0/UDP h${bad}` }])],
    ['a Via host', (m, bad) => (m.headers.via = [{ protocol: 'UDP', host: `h${bad}`, port: 1, params: noParams }])],
    [
      'a Via parameter',
      (m, bad) => (m.headers.via = [{ protocol: 'UDP', host: 'h', port: 1, params: { branch: `a${bad}` } }]),
    ],
  ];

  test.each(injections)('refuses a line break or NUL in %s', (_, change) => {
    for (const bad of ['\r\nX-Injected: 1', '\r', '\n', '\0']) {
      const message = request();
      change(message, bad);
      expect(() => printMessage(message)).toThrow(expect.objectContaining({ code: 'ERR_HEADER_INJECTION' }));
    }
  });

  test('refuses a line break in the reason', () => {
    const response = parsedResponse(invite({}, '', 'SIP/2.0 200 OK'));
    expect(() => printMessage({ ...response, reason: 'OK\r\nX: 1' })).toThrow(/line break/);
  });

  test('refuses a URI or parameter that would end early', () => {
    for (const uri of ['sip:a@h>;tag=x', 'sip:a@h SIP/2.0', '']) {
      expect(() => printMessage({ ...request(), uri })).toThrow(/Request-URI/);
    }
    for (const value of ['1;tag=2', '1,<sip:x@y>', '1 2', '"1', '"1"x', '']) {
      const message = request();
      message.headers.to = { displayName: undefined, uri: 'sip:b@h', params: { x: value } };
      expect(() => printMessage(message), value).toThrow(/parameter value/);
    }
  });

  test('refuses a header beside the field it has', () => {
    for (const name of ['via', 'from', 'content-length', 'cseq']) {
      const message = request();
      message.headers.other.set(name, ['x']);
      expect(() => printMessage(message)).toThrow(/field of its own/);
    }
  });
});
