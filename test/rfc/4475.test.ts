/** The torture messages of RFC 4475, as npm `sip` ships them, each with what the RFC expects of a parser. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseMessage, printMessage } from '../../src/sip/codec.ts';
import { header, headerValues, type SipRequest } from '../../src/sip/message.ts';

const folder = join(dirname(createRequire(import.meta.url).resolve('sip/package.json')), 'test/messages');
const message = (name: string) => readFileSync(join(folder, `${name}.dat`));

/** Read by the codec; where the RFC wants an error status, it is for a higher layer to give. */
const valid = [
  'badbranch',
  'baddate',
  'bcast',
  'bext01',
  'cparam01',
  'cparam02',
  'dblreq',
  'esc01',
  'esc02',
  'escnull',
  'intmeth',
  'inv2543',
  'invut',
  'longreq',
  'lwsdisp',
  'mpart01',
  'noreason',
  'novelsc',
  'regaut01',
  'regescrt',
  'sdp01',
  'semiuri',
  'transports',
  'unkscm',
  'unksm2',
  'unreason',
  'wsinv',
  'zeromf',
];

/** Refused, and answered with this status; undefined where there is nobody to answer. */
const malformed: Readonly<Record<string, number | undefined>> = {
  badaspec: 400,
  badcseq: 400,
  baddn: 400,
  baddn_sep: undefined,
  badinv01: 400,
  badvers: 505,
  bigcode: undefined,
  clerr: 400,
  escruri: 400,
  insuf: undefined,
  ltgtruri: 400,
  lwsruri: 400,
  lwsstart: 400,
  mcl01: 400,
  mismatch01: 400,
  mismatch02: 400,
  multi01: 400,
  ncl: 400,
  quotbal: 400,
  regbadct: 400,
  scalar02: 400,
  scalarlg: undefined,
  test: undefined,
  trws: 400,
};

function request(name: string): SipRequest {
  const result = parseMessage(message(name), 'datagram');
  return result.ok && result.message.kind === 'request' ? result.message : expect.fail(`${name} was not read`);
}

describe('RFC 4475', () => {
  test('every message has its expectation here', () => {
    const there = readdirSync(folder).flatMap((file) => (file.endsWith('.dat') ? [file.slice(0, -4)] : []));
    expect([...valid, ...Object.keys(malformed)].sort()).toEqual(there.sort());
  });

  test.each(valid)('%s is read, written, and read again as the same', (name) => {
    const first = parseMessage(message(name), 'datagram');
    if (!first.ok) expect.fail(first.error);
    const second = parseMessage(printMessage(first.message), 'datagram');
    if (!second.ok) expect.fail(second.error);
    const plain = (one: typeof first.message) => ({ ...structuredClone({ ...one, body: [...one.body] }) });
    expect(plain(second.message)).toEqual(plain(first.message));
  });

  test.each(Object.entries(malformed))('%s is answered %s', (name, status) => {
    const result = parseMessage(message(name), 'datagram');
    if (result.ok) expect.fail('it was read');
    expect(result.status).toBe(status);
    const line = result.reply && Buffer.from(result.reply).toString().split('\r\n', 1)[0];
    expect(line?.slice(0, 11)).toBe(status === undefined ? undefined : `SIP/2.0 ${status}`);
  });

  test('§3.1.1.1 wsinv: blanks and folds everywhere', () => {
    const { headers } = request('wsinv');
    expect(headers).toMatchObject({
      to: { uri: 'sip:vivekg@chair-dnrc.example.com', params: { tag: '1918181833n' } },
      from: { displayName: 'J Rosenberg \\"', uri: 'sip:jdrosen@example.com', params: { tag: '98asjd8' } },
      maxForwards: 68,
      cseq: { seq: 9, method: 'INVITE' },
      contact: [{ displayName: 'Quoted string ""', params: { newparam: 'newvalue', secondparam: null, q: '0.33' } }],
    });
    expect(headers.via.map((via) => [via.protocol, via.host, via.params.branch])).toEqual([
      ['UDP', '192.0.2.2', '390skdjuw'],
      ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
      ['UDP', '192.168.255.111', 'z9hG4bK30239'],
    ]);
    expect(header(request('wsinv'), 'subject')).toBe('');
    expect(headers.route?.[0]?.uri).toBe('sip:services.example.com;lr;unknownwith=value;unknown-no-value');
  });

  test('§3.1.1.2 intmeth: every character a token and a quoted string can have', () => {
    const { method, headers, uri } = request('intmeth');
    expect(method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    expect(uri).toMatch(/^sip:1_unusual\.URI~\(to-be!sure\)&isn't\+it\$\/crazy\?,\/;;\*:/);
    expect(headers.to.displayName).toBe('BEL:\x07 NUL: DEL:\x7f');
    expect(headers.from.displayName).toBe("token1~` token2'+_ token3*%!.-");
  });

  test('§3.1.1.3 and §3.1.1.4: escapes are not undone in what is passed on', () => {
    expect(request('esc01').uri).toContain('sips%3Auser%40example.com@example.net');
    expect(request('esc02').method).toBe('RE%47IST%45R');
  });

  test('§3.1.1.8 dblreq: what follows the message in its datagram is dropped', () => {
    expect(request('dblreq')).toMatchObject({ method: 'REGISTER', body: { length: 0 } });
  });

  test('§3.1.1.11 mpart01: a body with every byte is kept whole', () => {
    const { body, headers } = request('mpart01');
    expect(String(body.length)).toBe(/Content-Length: (\d+)/.exec(message('mpart01').toString('latin1'))?.[1]);
    expect(headers.other.get('content-type')?.[0]).toMatch(/^multipart\/mixed;/);
  });

  test('§3.1.1.12 unreason: UTF-8 in the reason', () => {
    const result = parseMessage(message('unreason'), 'datagram');
    expect(result.ok && result.message).toMatchObject({
      status: 200,
      reason: expect.stringContaining('= 2**3 * 5**2 но сто девяносто девять - простое'),
    });
  });

  test('§3.3.14 regaut01: an unknown scheme of authorization is passed on as it is', () => {
    expect(headerValues(request('regaut01'), 'authorization')).toEqual([
      expect.stringMatching(/^NoOneKnowsThisScheme /),
    ]);
  });
});
