import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ChallengeStatus,
  type DigestAlgorithm,
  digestResponse,
  ha1Of,
  type Secret,
} from '../../src/sip/digest.ts';
import { answerChallenge, parseChallenges } from '../../src/sip/digest-answer.ts';
import {
  DigestServer,
  type DigestServerOptions,
  type DigestVerdict,
  type FindSecret,
} from '../../src/sip/digest-server.ts';
import { noBody, noParams, type SipRequest } from '../../src/sip/message.ts';
import { FakeClock, seededRandom } from '../../src/testing/index.ts';

const uri = 'sip:600@example.com';
const password = 'Circle of Life';
const users: FindSecret = (username) => (username === 'bob' ? { password } : undefined);

const algorithms = ['SHA-256', 'MD5'] as const;

function house(options: Partial<DigestServerOptions> = {}) {
  const clock = new FakeClock();
  const server = new DigestServer({ clock, random: seededRandom(1), realm: 'lab', algorithms, ...options });
  return { clock, server, check: (...lines: string[]) => check(server, lines) };
}

function request(lines: readonly string[], more: Partial<SipRequest> = {}, status: ChallengeStatus = 401): SipRequest {
  const name = status === 401 ? 'authorization' : 'proxy-authorization';
  const address = { displayName: undefined, uri, params: noParams };
  return {
    kind: 'request',
    method: 'INVITE',
    uri,
    body: noBody,
    ...more,
    headers: {
      via: [],
      from: address,
      to: address,
      callId: 'call',
      cseq: { seq: 1, method: 'INVITE' },
      other: new Map(lines.length === 0 ? [] : [[name, [...lines]]]),
    },
  };
}

/** At once, for the users of these tests are at hand. */
function check(server: DigestServer, lines: readonly string[], find = users, more = {}): DigestVerdict {
  const verdict = server.check(request(lines, more), 401, find);
  if (verdict instanceof Promise) expect.fail('the verdict is late');
  return verdict;
}

const why = (verdict: DigestVerdict): string => (verdict.ok ? 'ok' : verdict.why);

interface AnswerOptions {
  readonly algorithm?: DigestAlgorithm;
  readonly username?: string;
  readonly secret?: Secret;
  readonly nc?: number;
  readonly integrity?: boolean;
  readonly method?: string;
  readonly uri?: string;
  readonly body?: Uint8Array;
  readonly qop?: boolean;
}

/** What a client answers to the challenge for one algorithm. */
function answer(server: DigestServer, options: AnswerOptions = {}) {
  const { algorithm = 'SHA-256', qop = true, ...more } = options;
  const lines = server.challenge(401).map(([, value]) => value);
  const challenge = lines.flatMap(parseChallenges).find((one) => one.algorithm === algorithm);
  if (!challenge) return expect.fail(`no challenge for ${algorithm}`);
  return (nc = 1): string =>
    answerChallenge({
      challenge: qop ? challenge : { ...challenge, qop: [] },
      method: 'INVITE',
      uri,
      body: noBody,
      username: 'bob',
      secret: { password },
      integrity: false,
      cnonce: '0a4f113b',
      nc,
      ...more,
    });
}

describe('challenges', () => {
  test('are one line per algorithm, the strongest first, and name everything', () => {
    const { server } = house();
    const lines = server.challenge(401);
    expect(lines.map(([name]) => name)).toEqual(['WWW-Authenticate', 'WWW-Authenticate']);
    expect(lines[0]?.[1]).toMatch(
      /^Digest realm="lab", nonce="[\w-]{40}", opaque="[0-9a-f]{16}", algorithm=SHA-256, qop="auth"$/,
    );
    expect(lines[1]?.[1]).toMatch(/, algorithm=MD5, qop="auth"$/);
  });

  test('of a proxy are Proxy-Authenticate', () => {
    expect(house().server.challenge(407)[0]?.[0]).toBe('Proxy-Authenticate');
  });

  test('offer what the options say, and escape the realm', () => {
    const { server } = house({ realm: 'a "b"', algorithms: ['MD5'], qop: ['auth', 'auth-int'] });
    expect(server.challenge(401).map(([, value]) => value)).toEqual([
      expect.stringMatching(/^Digest realm="a \\"b\\"", .*, algorithm=MD5, qop="auth,auth-int"$/),
    ]);
  });

  test('differ, and cost no memory', () => {
    const { server } = house();
    const nonces = Array.from({ length: 1000 }, () => server.challenge(401)[0]?.[1]);
    expect(new Set(nonces).size).toBe(1000);
    expect(server.tracked).toBe(0);
  });
});

describe('the right answer', () => {
  const algorithms: DigestAlgorithm[] = [
    'MD5',
    'MD5-sess',
    'SHA-256',
    'SHA-256-sess',
    'SHA-512-256',
    'SHA-512-256-sess',
  ];
  test.each(algorithms)('is taken with %s, by auth and by auth-int', (algorithm) => {
    const { server } = house({ algorithms, qop: ['auth', 'auth-int'] });
    const body = Buffer.from('v=0');
    for (const integrity of [false, true]) {
      const line = answer(server, { algorithm, integrity, body })();
      expect(line).toContain(integrity ? 'qop=auth-int' : 'qop=auth,');
      expect(check(server, [line], users, { body })).toEqual({ ok: true, username: 'bob', realm: 'lab' });
    }
  });

  test('is taken by HA1, for the algorithms that there is one for', () => {
    const { server } = house();
    const ha1 = ha1Of({ password }, 'MD5', 'bob', 'lab')!;
    const ha1Sha256 = ha1Of({ password }, 'SHA-256', 'bob', 'lab')!;
    const md5 = answer(server, { algorithm: 'MD5' });
    const sha = answer(server);
    expect(why(check(server, [md5(1)], () => ({ ha1 })))).toBe('ok');
    expect(why(check(server, [sha(1)], () => ({ ha1 })))).toBe('algorithm');
    expect(why(check(server, [sha(1)], () => ({ ha1, ha1Sha256 })))).toBe('ok');
  });

  test('is found among those for other realms', () => {
    const { server, check } = house();
    const other = 'Digest username="bob", realm="elsewhere", nonce="n", uri="sip:x", response="r"';
    expect(check('Basic Ym9iOng=', other, answer(server)())).toMatchObject({ ok: true });
    expect(why(check(other))).toBe('missing');
  });

  test('may quote what others do not, and the other way round', () => {
    const { server, check } = house();
    const line = answer(server)()
      .replace('qop=auth', 'qop = "auth"')
      .replace('algorithm=SHA-256', 'Algorithm="sha-256"');
    expect(check(line)).toMatchObject({ ok: true });
  });

  test('may have quoted pairs in its user name', () => {
    const { server } = house();
    const username = 'b"o\\b';
    const find: FindSecret = (name) => (name === username ? { password } : undefined);
    const line = answer(server, { username })();
    expect(line).toContain('username="b\\"o\\\\b"');
    expect(check(server, [line], find)).toMatchObject({ ok: true, username });
  });

  test('to a 407 is in Proxy-Authorization', () => {
    const { server } = house();
    const line = answer(server)();
    expect(server.check(request([line], {}, 407), 407, users)).toMatchObject({ ok: true });
    expect(server.check(request([line], {}, 401), 407, users)).toMatchObject({
      ok: false,
      why: 'missing',
      status: 407,
    });
  });

  test('waits for a secret that comes later', async () => {
    const { server } = house();
    const verdict = server.check(request([answer(server)()]), 401, async () => ({ password }));
    expect(verdict).toBeInstanceOf(Promise);
    expect(await verdict).toMatchObject({ ok: true });
  });

  test('without qop is taken once per nonce, unless that is forbidden', () => {
    const { server, check } = house();
    const line = answer(server, { algorithm: 'MD5', qop: false })();
    expect(line).not.toContain('nc=');
    expect(why(check(line))).toBe('ok');
    expect(why(check(line))).toBe('replay');
    const strict = house({ allowNoQop: false });
    expect(why(strict.check(answer(strict.server, { qop: false })()))).toBe('wrong');
  });
});

describe('what is refused', () => {
  test('gets new challenges, with stale only where the password was right', async () => {
    const { server, check, clock } = house();
    const line = answer(server);
    const refused = check(line(1).replace(/response="./, 'response="x'));
    expect(refused).toMatchObject({
      why: 'wrong',
      status: 401,
      headers: [['WWW-Authenticate', expect.any(String)], {}],
    });
    expect(JSON.stringify(refused)).not.toContain('stale');
    await clock.advance(300_001);
    const late = check(line(1));
    expect(late).toMatchObject({ why: 'stale', status: 401 });
    expect(JSON.stringify(late)).toContain('stale=true');
  });

  test('tells an unknown user nothing that a wrong password would not', () => {
    const shape = (verdict: DigestVerdict) =>
      JSON.stringify({ ...verdict, why: 0, username: 0 }).replace(/nonce=\\".{40}/g, '');
    const { server, check } = house();
    const unknown = check(answer(server, { username: 'eve' })());
    const wrong = check(answer(server, { secret: { password: 'x' } })());
    expect([why(unknown), why(wrong)]).toEqual(['unknown-user', 'wrong']);
    expect(shape(unknown)).toBe(shape(wrong));
  });

  test('is a user name in another case, when it is another user', () => {
    const { server, check } = house();
    expect(why(check(answer(server, { username: 'Bob' })()))).toBe('unknown-user');
  });

  test.each([
    ['another method', { method: 'BYE' }, 'wrong'],
    ['another number', { uri: 'sip:900@example.com' }, 'uri'],
    ['a weaker algorithm than is offered', { algorithm: 'MD5' }, 'algorithm'],
  ] as const)('is an answer for %s', (_what, options, reason) => {
    const { server } = house({ algorithms: ['SHA-256', 'MD5'] });
    const strong = new DigestServer({
      clock: new FakeClock(),
      random: seededRandom(2),
      realm: 'lab',
      algorithms: ['SHA-256'],
    });
    expect(why(check(reason === 'algorithm' ? strong : server, [answer(server, options)()]))).toBe(reason);
  });

  test('is a body that auth-int does not know', () => {
    const { server } = house({ qop: ['auth-int'] });
    const line = answer(server, { integrity: true, body: Buffer.from('v=0') })();
    expect(why(check(server, [line], users, { body: Buffer.from('v=1') }))).toBe('wrong');
  });

  test('is nothing that proxies rewrite: host, port and parameters of the URI', () => {
    const { server, check } = house();
    for (const other of [
      'sip:600@10.0.0.1:5070;transport=tcp',
      'sips:600@example.com',
      'sip:example.com',
      'sip:%36%30%30@x',
    ])
      expect([other, why(check(answer(server, { uri: other })()))]).toEqual([other, 'ok']);
    const off = house({ checkUri: 'off' });
    expect(why(off.check(answer(off.server, { uri: 'sip:900@x' })()))).toBe('ok');
  });

  test.each([
    ['Digest '],
    ['Digest username="bob"'],
    ['Digest realm="lab'],
    ['Digest realm="lab", realm="lab"'],
    ['Digest realm="lab", nonce="n", uri="u", response="r"'],
    ['Digest username="", realm="lab", nonce="n", uri="u", response="r"'],
    ['Digest username="bob", realm="lab", nonce="n", uri="u", response="r", qop=auth'],
    ['Digest username="bob", realm="lab", nonce="n", uri="u", response="r", qop=auth, cnonce="c", nc=1'],
    ['Digest username="bob", realm="lab", nonce="n", uri="u", response="r", qop=auth, cnonce="c", nc=00000000'],
    ['Digest username="bob", realm="lab", nonce="n", uri="u", response="r", qop=auth-conf, cnonce="c", nc=00000001'],
    [`Digest username="${'b'.repeat(257)}", realm="lab", nonce="n", uri="u", response="r"`],
    [`Digest username="bob", realm="lab", nonce="${'n'.repeat(257)}", uri="u", response="r"`],
    ['Digest username="bob", realm="lab", nonce="n", uri="u", response="r", Basic abc'],
  ])('with 400 is %s', (line) => {
    expect(house().check(line)).toMatchObject({ why: 'malformed', status: 400, headers: [] });
  });

  test.each([
    [''],
    ['Digest'],
    ['digestive username="bob"'],
    ['Basic Ym9iOng='],
    ['=,='],
  ])('as missing is %j', (line) => {
    expect(house().check(line)).toMatchObject({ why: 'missing', status: 401 });
  });

  test('is what stands behind the sixteenth line', () => {
    const { server, check } = house();
    const line = answer(server)();
    expect(why(check(...Array(15).fill('Basic x'), line))).toBe('ok');
    expect(why(check(...Array(16).fill('Basic x'), line))).toBe('missing');
  });
});

describe('nonces', () => {
  test('count up, may overtake each other, and count nothing twice', () => {
    const { server, check } = house();
    const line = answer(server);
    const uses = [1, 2, 2, 5, 4, 3, 3, 1, 40, 9, 8, 10, 4_294_967_295, 41];
    expect(uses.map((nc) => [nc, why(check(line(nc)))])).toEqual([
      ...[
        [1, 'ok'],
        [2, 'ok'],
        [2, 'replay'],
        [5, 'ok'],
        [4, 'ok'],
        [3, 'ok'],
        [3, 'replay'],
        [1, 'replay'],
      ],
      ...[
        [40, 'ok'],
        [9, 'ok'],
        [8, 'replay'],
        [10, 'ok'],
        [4_294_967_295, 'ok'],
        [41, 'replay'],
      ],
    ]);
    expect(server.tracked).toBe(1);
  });

  test('live as long as the option says, used or not', async () => {
    const { server, check, clock } = house({ nonceLifetime: 1000 });
    const line = answer(server);
    await clock.advance(1000);
    expect(why(check(line(1)))).toBe('ok');
    await clock.advance(1);
    expect(why(check(line(2)))).toBe('stale');
  });

  test('of another server, or from before a restart, are stale', () => {
    const before = new DigestServer({ clock: new FakeClock(), random: seededRandom(7), realm: 'lab', algorithms });
    expect(why(house().check(answer(before)()))).toBe('stale');
  });

  test('are not kept for wrong answers, and leave when they are too old', async () => {
    const { server, check, clock } = house();
    for (let i = 0; i < 100; i++) check(answer(server, { secret: { password: `${i}` } })());
    expect(server.tracked).toBe(0);
    for (let i = 0; i < 100; i++) check(answer(server)());
    expect(server.tracked).toBe(100);
    await clock.advance(300_001);
    check(answer(server)());
    expect(server.tracked).toBe(1);
  });

  test('that had to be forgotten are asked for again, not taken twice', async () => {
    const { server, check, clock } = house({ maxTracked: 10 });
    const lines: ((nc: number) => string)[] = [];
    for (let i = 0; i < 30; i++) {
      await clock.advance(1);
      const line = answer(server);
      expect(why(check(line(1)))).toBe('ok');
      lines.push(line);
    }
    expect(server.tracked).toBe(10);
    expect(why(check(lines[0]!(1)))).toBe('stale');
    expect(why(check(lines[29]!(1)))).toBe('replay');
    expect(why(check(lines[29]!(2)))).toBe('ok');
  });
});

describe('whatever comes', () => {
  test('never throws, and keeps nothing', () => {
    const { server, check } = house();
    const piece = fc.constantFrom(
      ...['Digest ', 'username=', 'realm="lab"', 'nonce=', 'uri="sip:600@x"', 'response=', 'qop=auth', 'nc=00000001'],
      ...['cnonce=', 'algorithm=', 'MD5', '"', ',', ', ', ' ', '\\', '=', 'x', '\u00e9', '"bob"'],
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 60 }).map((list) => `Digest ${list.join('')}`),
    );
    fc.assert(
      fc.property(text, (line) => {
        const verdict = check(line);
        return !verdict.ok && [400, 401].includes(verdict.status);
      }),
      { numRuns: 2000 },
    );
    expect(server.tracked).toBe(0);
  });

  test('a right answer passes, and fails with any one character changed', () => {
    const { server, check } = house({ algorithms: ['SHA-256', 'MD5'] });
    const algorithm = fc.constantFrom<DigestAlgorithm>('MD5', 'SHA-256');
    const field = fc.constantFrom('response', 'nonce', 'uri', 'cnonce', 'nc', 'username', 'realm');
    fc.assert(
      fc.property(algorithm, field, fc.nat(), fc.constantFrom(...'0aZ-_.'), (algorithm, field, place, char) => {
        const line = answer(server, { algorithm })();
        const start = line.indexOf(`${field}=`) + field.length + 1;
        const [whole, quoted, plain] = /^"([^"]*)"|^(\w+)/.exec(line.slice(start))!;
        const value = (quoted ?? plain)!;
        const at = place % value.length;
        if (value[at] !== char) {
          const changed = `${value.slice(0, at)}${char}${value.slice(at + 1)}`;
          const wrong = line.replace(`${field}=${whole}`, `${field}=${whole.replace(value, changed)}`);
          expect([wrong, check(wrong).ok]).toEqual([wrong, false]);
        }
        expect(check(line).ok).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

// RFC 2617 §3.5, RFC 7616 §3.9.1; for RFC 8760 and auth-int there are no published vectors.
describe('digestResponse', () => {
  const http = { method: 'GET', uri: '/dir/index.html', nc: '00000001', qop: 'auth', body: noBody };
  test('gives the example of RFC 2617 §3.5', () => {
    const [algorithm, nonce] = ['MD5', 'dcd98b7102dd2f0e8b11d0f600bfb0c093'] as const;
    const ha1 = ha1Of({ password: 'Circle Of Life' }, algorithm, 'Mufasa', 'testrealm@host.com')!;
    expect(ha1).toBe('939e7578ed9e3c518a452acee763bce9');
    expect(digestResponse({ ...http, algorithm, ha1, nonce, cnonce: '0a4f113b' })).toBe(
      '6629fae49393a05397450978507c4ef1',
    );
  });
});
