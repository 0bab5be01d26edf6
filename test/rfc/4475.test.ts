/**
 * The 49 torture messages of RFC 4475, as in the archive of its appendix A, each against a whole endpoint by UDP and
 * by TCP: what the RFC asks for, and what comes of it here.
 */
import { describe, expect, test } from 'vitest';
import { header, headerValues } from '../../src/sip/message.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { openLab, write } from '../sip/lab.ts';
import {
  expectRoundTrip,
  expectVerdict,
  messageOf,
  namesIn,
  parsed,
  parsedRequest,
  torture,
  type Verdict,
} from './torture.ts';

const busy = [486];
const accepted = [202];
const refused = [400];
/** What may be taken for what it was meant to be is refused where two readers could mean two things by it. */
const strict = 'it may be repaired instead; a repair is a second opinion on the message';
const registrar = 'what comes of it is for the registrar';
const waits = { answers: [], closes: true };

const verdicts: readonly Verdict[] = [
  { name: 'wsinv', section: '3.1.1.1', rfc: 'well-formed; the To tag names no dialog', answers: [481] },
  { name: 'intmeth', section: '3.1.1.2', rfc: '501', answers: [501], answer: { Allow: /INVITE/ } },
  { name: 'esc01', section: '3.1.1.3', rfc: 'well-formed', answers: busy },
  { name: 'escnull', section: '3.1.1.4', rfc: 'well-formed', answers: accepted },
  { name: 'esc02', section: '3.1.1.5', rfc: 'well-formed; no REGISTER', answers: [501] },
  { name: 'lwsdisp', section: '3.1.1.6', rfc: 'well-formed', answers: [200] },
  { name: 'longreq', section: '3.1.1.7', rfc: 'well-formed', answers: busy },
  {
    name: 'dblreq',
    section: '3.1.1.8',
    rfc: 'by UDP the second request is dropped; by TCP it is one, whose SDP is wrong',
    answers: accepted,
    // The second one has no Contact, and more body than it says.
    overTcp: { answers: [202, 400], closes: true },
  },
  { name: 'semiuri', section: '3.1.1.9', rfc: 'well-formed', answers: [200] },
  { name: 'transports', section: '3.1.1.10', rfc: 'well-formed', answers: [200] },
  { name: 'mpart01', section: '3.1.1.11', rfc: 'well-formed', answers: accepted },
  { name: 'unreason', section: '3.1.1.12', rfc: 'well-formed; it answers nothing', answers: [] },
  { name: 'noreason', section: '3.1.1.13', rfc: 'well-formed; it answers nothing', answers: [] },

  { name: 'badinv01', section: '3.1.2.1', rfc: '400', answers: refused },
  { name: 'clerr', section: '3.1.2.2', rfc: '400; by TCP the rest may come', answers: refused, overTcp: waits },
  {
    name: 'ncl',
    section: '3.1.2.3',
    rfc: '400; by TCP the connection is lost',
    answers: refused,
    overTcp: { answers: refused, closes: true },
  },
  { name: 'scalar02', section: '3.1.2.4', rfc: '400', answers: refused },
  { name: 'scalarlg', section: '3.1.2.5', rfc: 'dropped', answers: [] },
  { name: 'quotbal', section: '3.1.2.6', rfc: '400', answers: refused },
  { name: 'ltgtruri', section: '3.1.2.7', rfc: '400, or as without the brackets', answers: refused, why: strict },
  { name: 'lwsruri', section: '3.1.2.8', rfc: '400', answers: refused },
  { name: 'lwsstart', section: '3.1.2.9', rfc: '400', answers: refused },
  { name: 'trws', section: '3.1.2.10', rfc: '400, or as without the blanks', answers: refused, why: strict },
  { name: 'escruri', section: '3.1.2.11', rfc: '400, or as without the header', answers: refused, why: strict },
  {
    name: 'baddate',
    section: '3.1.2.12',
    rfc: '400, or as without the Date',
    answers: busy,
    why: 'nothing depends on a Date',
  },
  { name: 'regbadct', section: '3.1.2.13', rfc: '400', answers: refused },
  { name: 'badaspec', section: '3.1.2.14', rfc: '400, or as without the blanks', answers: refused, why: strict },
  {
    name: 'baddn',
    section: '3.1.2.15',
    rfc: '400, or as with quotes',
    answers: refused,
    // In the archive it has no empty line at its end.
    overTcp: waits,
    why: strict,
  },
  { name: 'badvers', section: '3.1.2.16', rfc: '505', answers: [505] },
  { name: 'mismatch01', section: '3.1.2.17', rfc: '400', answers: refused },
  { name: 'mismatch02', section: '3.1.2.18', rfc: '501, or 400', answers: refused },
  { name: 'bigcode', section: '3.1.2.19', rfc: 'dropped', answers: [] },

  {
    name: 'badbranch',
    section: '3.2.1',
    rfc: '400, or as from a client of RFC 2543',
    answers: [200],
    why: 'the rest of such a client is in order',
  },

  {
    name: 'insuf',
    section: '3.3.1',
    rfc: 'ideally 400',
    answers: [],
    why: 'an answer has to repeat the From, To and Call-ID (RFC 3261 §8.2.6.2), so there is none that is one',
  },
  { name: 'unkscm', section: '3.3.2', rfc: '416', answers: [416] },
  { name: 'novelsc', section: '3.3.3', rfc: '416', answers: [416] },
  { name: 'unksm2', section: '3.3.4', rfc: 'well-formed; a registrar says 400', answers: accepted, why: registrar },
  {
    name: 'bext01',
    section: '3.3.5',
    rfc: '420',
    answers: [420],
    answer: { Unsupported: 'nothingSupportsThis, nothingSupportsThisEither' },
  },
  { name: 'invut', section: '3.3.6', rfc: '415', answers: [415], answer: { Accept: 'application/sdp' } },
  { name: 'regaut01', section: '3.3.7', rfc: 'well-formed; a registrar says 401', answers: accepted, why: registrar },
  { name: 'multi01', section: '3.3.8', rfc: '400', answers: refused },
  {
    name: 'mcl01',
    section: '3.3.9',
    rfc: '400; by TCP the connection is lost',
    answers: refused,
    overTcp: { answers: refused, closes: true },
  },
  { name: 'bcast', section: '3.3.10', rfc: 'dropped', answers: [] },
  { name: 'zeromf', section: '3.3.11', rfc: 'well-formed for whom it is addressed to', answers: [200] },
  { name: 'cparam01', section: '3.3.12', rfc: 'a parameter of the Contact', answers: accepted },
  { name: 'cparam02', section: '3.3.13', rfc: 'a parameter of the URI', answers: accepted },
  { name: 'regescrt', section: '3.3.14', rfc: 'well-formed', answers: accepted },
  { name: 'sdp01', section: '3.3.15', rfc: '406', answers: [406] },

  {
    name: 'inv2543',
    section: '3.4.1',
    rfc: 'accepted by whoever wants to be compatible with RFC 2543',
    answers: refused,
    // No Content-Length: where it ends cannot be known.
    overTcp: { answers: refused, closes: true },
    why: 'without a Contact there is no way to end the call',
  },
];

/** The messages that are well-formed, or wrong in a place that no part of the stack reads. */
const readable = verdicts
  .filter(({ answers }) => answers !== refused && answers.length > 0 && answers[0] !== 505)
  .map(({ name }) => name)
  .concat('unreason', 'noreason', 'bcast', 'inv2543');

const request = (name: string) => parsedRequest(messageOf('4475', name));
const told = async (name: string) => (await torture(messageOf('4475', name), 'udp')).told[0];
const userOf = (uri: string | undefined) => {
  const parsedUri = parseUri(uri ?? '');
  return parsedUri.ok ? parsedUri.value.user : undefined;
};

describe('RFC 4475', () => {
  test('every message of the archive has its verdict', () => {
    expect(verdicts.map(({ name }) => name).sort()).toEqual(namesIn('4475').sort());
    expect(verdicts).toHaveLength(49);
  });

  describe.each(['udp', 'tcp'] as const)('by %s', (transport) => {
    test.each(verdicts)('§$section $name: $rfc', async (verdict) => {
      const outcome = await torture(messageOf('4475', verdict.name), transport);
      expectVerdict(verdict, transport, outcome);
    });
  });

  test.each(readable)('%s is read, written, and read again as the same', (name) => {
    expectRoundTrip(parsed(messageOf('4475', name)));
  });

  test.each(['scalarlg', 'bigcode', 'insuf'])('%s is counted as malformed and has no answer', async (name) => {
    expect(await torture(messageOf('4475', name), 'udp')).toMatchObject({ malformed: 1, answers: [] });
  });

  test.each(['unreason', 'noreason', 'bcast'])('%s is counted as a response to nothing of ours', async (name) => {
    expect(await torture(messageOf('4475', name), 'udp')).toMatchObject({ strayResponses: 1, malformed: 0 });
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
    expect(header(request('wsinv'), 'newfangledheader')).toBe('newfangled value continued newfangled value');
    expect(header(request('wsinv'), 'unknownheaderwithunusualvalue')).toBe(';;,,;;,;');
    expect(headers.route?.[0]?.uri).toBe('sip:services.example.com;lr;unknownwith=value;unknown-no-value');
  });

  test('§3.1.1.2 intmeth: every character a token and a quoted string can have', () => {
    const { method, headers, uri } = request('intmeth');
    expect(method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    expect(uri).toMatch(/^sip:1_unusual\.URI~\(to-be!sure\)&isn't\+it\$\/crazy\?,\/;;\*:/);
    expect(headers.to.displayName).toBe('BEL:\x07 NUL: DEL:\x7f');
    expect(headers.from.displayName).toBe("token1~` token2'+_ token3*%!.-");
    expect(headers.from.params).toMatchObject({ "fromparam''~+*_!.-%": '"работающий"', tag: "_token~1'+`*%!-." });
    expect(headers.callId).toBe('intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    expect(header(request('intmeth'), "extensionheader-!.%*+_`'~")).toBe('\ufeff大停電');
  });

  test('§3.1.1.3 esc01: escapes mean their characters and are not undone in what is passed on', async () => {
    const invite = await told('esc01');
    expect(invite?.uri).toBe('sip:sips%3Auser%40example.com@example.net');
    expect(userOf(invite?.uri)).toBe('sips:user@example.com');
    expect(userOf(invite?.headers.to.uri)).toBe('user');
    expect(userOf(invite?.headers.from.uri)).toBe('I have spaces');
  });

  test('§3.1.1.4 escnull: an escaped NUL is a character like any other', async () => {
    const register = await told('escnull');
    expect(userOf(register?.headers.to.uri)).toBe('null-\0-null');
    expect(register?.headers.contact).toMatchObject([
      { uri: 'sip:%00@host5.example.com' },
      { uri: 'sip:%00%00@host5.example.com' },
    ]);
  });

  test('§3.1.1.5 esc02: a percent sign in a method, a display name and a header name is a percent sign', () => {
    const { method, headers } = request('esc02');
    expect([method, headers.to.displayName]).toEqual(['RE%47IST%45R', '%Z%45']);
    expect(headers.contact).toMatchObject([
      { uri: 'sip:alias1@host1.example.com' },
      { uri: 'sip:alias3@host3.example.com' },
    ]);
  });

  test('§3.1.1.6 lwsdisp: no blank between name and bracket', () => {
    expect(request('lwsdisp').headers.from).toMatchObject({ displayName: 'caller', uri: 'sip:caller@example.com' });
  });

  test('§3.1.1.7 longreq: long values come through whole', async () => {
    const invite = await told('longreq');
    const { to, from, callId, via } = invite?.headers ?? expect.fail('nobody was told');
    expect(to.displayName).toBe(`I have a user name of ${'extreme'.repeat(10)} proportion`);
    expect(userOf(from.uri)).toBe('amazinglylongcallername'.repeat(5));
    expect(from.params.tag).toBe(`12${'982'.repeat(50)}424`);
    expect(callId).toBe(`longreq.one${'really'.repeat(20)}longcallid`);
    expect(via).toHaveLength(34);
    expect(via.at(-1)?.params.branch).toBe(`very${'long'.repeat(50)}branchvalue`);
  });

  test('§3.1.1.8 dblreq: what follows the message in its datagram is dropped', () => {
    expect(request('dblreq')).toMatchObject({ method: 'REGISTER', body: { length: 0 } });
  });

  test('§3.1.1.9 semiuri: a semicolon in the user part is no parameter', () => {
    expect(userOf(request('semiuri').uri)).toBe('user;par=u@example.net');
  });

  test('§3.1.1.10 transports: the answer has every Via, known or not', async () => {
    const { answers } = await torture(messageOf('4475', 'transports'), 'tcp');
    const protocols = answers[0]?.all('Via').map((via) => via.split(/[/ ]/)[2]);
    expect(protocols).toEqual(['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']);
  });

  test('§3.1.1.11 mpart01: a body with every byte is kept whole', async () => {
    const message = await told('mpart01');
    expect(Buffer.from(message?.body ?? [])).toEqual(messageOf('4475', 'mpart01').subarray(-553));
    expect(message && header(message, 'content-type')).toMatch(/^multipart\/mixed;/);
  });

  test('§3.1.1.12 unreason and §3.1.1.13 noreason: UTF-8 in the reason, and none', () => {
    expect(parsed(messageOf('4475', 'unreason'))).toMatchObject({
      status: 200,
      reason: '= 2**3 * 5**2 но сто девяносто девять - простое',
    });
    expect(parsed(messageOf('4475', 'noreason'))).toMatchObject({ status: 100, reason: '' });
  });

  test('§3.1.2.4 scalar02: 400 for the CSeq is not the only thing that was wrong', () => {
    const repaired = messageOf('4475', 'scalar02')
      .toString('latin1')
      .replace(/CSeq: \d+/, 'CSeq: 1');
    expect(() => parsed(Buffer.from(repaired, 'latin1'))).toThrow('the Max-Forwards is not in 0 to 255');
  });

  test('§3.1.2.15 baddn: the names are wrong, and not only the end of the message', () => {
    const ended = Buffer.concat([messageOf('4475', 'baddn'), Buffer.from('\r\n')]);
    expect(() => parsed(ended)).toThrow('the From is malformed');
  });

  test('§3.2.1 badbranch: a branch that is nothing but the cookie does not make two requests one', async () => {
    const lab = await openLab();
    const branch = 'z9hG4bK';
    await lab.send(write({ method: 'OPTIONS', branch, callId: 'one' }));
    await lab.send(write({ method: 'OPTIONS', branch, callId: 'two' }));
    await lab.send(write({ method: 'OPTIONS', branch, callId: 'two' }));
    expect(lab.inbox.map((answer) => answer.get('Call-ID'))).toEqual(['one', 'two', 'two']);
    expect(lab.endpoint.stats.counters.retransmissionsReceived).toBe(1);
    await lab.endpoint.close();
  });

  test('§3.3.7 regaut01: an unknown scheme of authorization is passed on as it is', async () => {
    const register = await told('regaut01');
    expect(register && headerValues(register, 'authorization')).toEqual(['NoOneKnowsThisScheme opaque-data=here']);
  });

  test('§3.3.12 and §3.3.13: whether a parameter is the URI’s is said by the brackets', async () => {
    expect((await told('cparam01'))?.headers.contact).toMatchObject([
      { uri: 'sip:+19725552222@gw1.example.net', params: { unknownparam: null } },
    ]);
    expect((await told('cparam02'))?.headers.contact).toMatchObject([
      { uri: 'sip:+19725552222@gw1.example.net;unknownparam' },
    ]);
  });

  test('§3.3.14 regescrt: the header in the Contact is the URI’s', async () => {
    const register = await told('regescrt');
    expect(register?.headers.contact).toMatchObject([{ uri: 'sip:user@example.com?Route=%3Csip:sip.example.com%3E' }]);
    expect(register?.headers.route).toBeUndefined();
  });

  test('§3.3.15 sdp01: an INVITE that takes SDP among others, or everything, is not refused', async () => {
    for (const accept of ['text/plain, application/sdp;level=1', 'application/*', '*/*']) {
      const lab = await openLab();
      await lab.send(write({ headers: [`Accept: ${accept}`] }));
      expect(lab.heard()).toEqual(['480']);
      await lab.endpoint.close();
    }
  });
});
