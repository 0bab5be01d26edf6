import { describe } from 'vitest';
import type { InviteOptions } from '../../src/session/dialog-client-session.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Lab, Phone, SipText } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

type Header = readonly [name: string, value: string];

/** alice calls with these headers, and bob gets the leg that is made with these options: the INVITEs of both. */
async function through(
  lab: Lab,
  headers: readonly Header[],
  options: InviteOptions = {},
  see: (call: DialogServerSession) => void = () => {},
): Promise<{ alice: Phone; bob: Phone; invite: SipText }> {
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  bob.onCall = { answerAfterMs: 0 };
  await lab.serve(async (call, tandem) => {
    see(call);
    const callee = await call.invite('sip:bob@bob', options);
    await using bridge = await tandem.bridge(call, callee);
    await bridge.ended;
  });
  await alice.dial('1000', { headers });
  return { alice, bob, invite: await bob.rings() };
}

const said: readonly Header[] = [
  ['Diversion', '<sip:secretary@example.com>;reason=unconditional'],
  ['Diversion', '<sip:boss@example.com>;reason=no-answer'],
  ['History-Info', '<sip:boss@example.com>;index=1'],
  ['Identity', 'eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl;info=<https://cert.example.org/passport.cer>;alg=ES256'],
  ['Date', 'Thu, 26 Nov 2026 10:00:00 GMT'],
  ['Privacy', 'id'],
  ['Subject', 'lunch'],
  ['User-to-User', '56a390f3d2b7310023a2;encoding=hex'],
  ['Alert-Info', '<http://www.example.com/sounds/moo.wav>'],
  ['Priority', 'urgent'],
];

describe('a leg that is made for a caller', () => {
  test('passes on what says something of the call', async ({ lab }) => {
    const { invite } = await through(lab, said);
    for (const [name] of said)
      expect(invite.headers.filter(([one]) => one === name.toLowerCase()).map(([, value]) => value)).toEqual(
        said.filter(([one]) => one === name).map(([, value]) => value),
      );
  });

  test("shows nothing of the caller's network", async ({ lab }) => {
    const { alice, bob, invite } = await through(lab, [
      ['User-Agent', 'Alices Phone'],
      ['Record-Route', '<sip:inner-proxy.alice.lan;lr>'],
      ['Organization', 'Inner Circle'],
      ['Call-Info', '<http://10.0.1.1/alice.jpg>;purpose=icon'],
      ['X-Internal', 'secret'],
      ['P-Asserted-Identity', '<sip:alice@alice.lan>'],
      ['P-Preferred-Identity', '<sip:alice@alice.lan>'],
      ['Proxy-Authorization', 'Digest username="alice"'],
    ]);
    await alice.reInvite();
    await alice.hangup();
    await bob.ends();
    const wire = bob.received.map(({ text }) => text).join('\n');
    const own = invite.text;
    expect(own).toContain('From: <sip:alice@10.0.0.1>');
    for (const secret of [
      alice.address,
      alice.call?.callId ?? 'no call',
      alice.call?.dialog.localTag ?? 'no tag',
      alice.call?.invite.branch ?? 'no branch',
      'Alices Phone',
      'inner-proxy',
      'Inner Circle',
      'icon',
      'secret',
      'alice.lan',
      'Digest',
    ])
      expect(wire).not.toContain(secret);
    const back = alice.received.map(({ text }) => text).join('\n');
    for (const secret of [bob.address, bob.call?.callId ?? 'no call', bob.call?.dialog.localTag ?? 'no tag'])
      expect(back).not.toContain(secret);
  });

  test('keeps a From that is a name, and one that is anonymous', async ({ lab }) => {
    for (const [i, uri] of ['sip:alice@example.com', 'sip:anonymous@anonymous.invalid', 'tel:+4930123'].entries()) {
      const [alice, bob] = [lab.phone(`a${i}`), lab.phone(`b${i}`)];
      await lab.serve((call) => call.invite(bob.uri).then(() => {}));
      alice.invite(`1000@tandem${i === 0 ? '' : i + 1}`, { headers: [['From', `"A" <${uri}>;tag=x${i}`]] });
      expect((await bob.rings()).uriOf('from')).toBe(uri);
      bob.reject();
      await alice.ends();
    }
  });

  test('passes what is asked for by name or beginning', async ({ lab }) => {
    const headers: readonly Header[] = [
      ['X-Account', '17'],
      ['X-Other', 'a'],
      ['X-Other', 'b'],
      ['Subject', 'lunch'],
      ['Supported', 'foo'],
    ];
    const { invite } = await through(lab, headers, { passHeaders: ['x-*', 's*'], headers: [['X-Account', '18']] });
    expect(invite.all('x-account')).toEqual(['18']);
    expect(invite.all('x-other')).toEqual(['a', 'b']);
    expect(invite.header('subject')).toBe('lunch');
    expect(invite.header('supported')).not.toContain('foo');
  });

  test('passes nothing when nothing is to be passed, and no more than 32 values', async ({ lab }) => {
    const many = Array.from({ length: 50 }, (_, i): Header => ['X-Many', String(i)]);
    const none = await through(lab, said, { passHeaders: [] });
    expect(none.invite.header('subject')).toBe('');
    await none.alice.hangup();
    const [carol, dave] = [lab.phone('carol'), lab.phone('dave')];
    await lab.serve((call) => call.invite(dave.uri, { passHeaders: ['X-*'] }).then(() => {}));
    carol.invite('1000@tandem2', { headers: many });
    expect((await dave.rings()).all('x-many')).toHaveLength(32);
    dave.reject();
    await carol.ends();
  });

  test('tells a trusted target who the caller is', async ({ lab }) => {
    const identity = '"Alice" <tel:+4930123>';
    const seen: unknown[] = [];
    const { invite } = await through(
      lab,
      [
        ['P-Asserted-Identity', identity],
        ['Privacy', 'id; Critical'],
        ['Diversion', '<sip:a@b>;reason=busy, <sip:c@d>'],
      ],
      { trusted: true },
      (call) =>
        seen.push(
          call.assertedIdentity,
          call.privacy,
          call.diversion.map(({ uri }) => uri),
        ),
    );
    expect(invite.header('p-asserted-identity')).toBe(identity);
    expect(seen).toMatchObject([
      { displayName: 'Alice', uri: 'tel:+4930123' },
      ['id', 'critical'],
      ['sip:a@b', 'sip:c@d'],
    ]);
  });

  test('may hide who calls, and say who diverted it', async ({ lab }) => {
    const { invite } = await through(lab, [['P-Asserted-Identity', '<sip:alice@example.com>']], {
      privacy: 'id',
      assertedIdentity: 'tel:+4930999',
      diversion: ['sip:pbx@example.com', '<sip:x@y>;reason=busy'],
      trusted: true,
    });
    expect(invite.header('from')).toMatch(/^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/);
    expect(invite.header('privacy')).toBe('id');
    expect(invite.all('p-asserted-identity')).toEqual(['<tel:+4930999>']);
    expect(invite.all('diversion')).toEqual(['<sip:pbx@example.com>', '<sip:x@y>;reason=busy']);
  });

  test('is not confused by headers that cannot be read', async ({ lab }) => {
    const seen: unknown[] = [];
    const { invite } = await through(
      lab,
      [
        ['P-Asserted-Identity', '<<<'],
        ['Diversion', ',,'],
        ['Privacy', ';;'],
      ],
      {},
      (call) => seen.push(call.assertedIdentity, call.diversion, call.privacy),
    );
    expect(seen).toEqual([undefined, [], []]);
    expect(invite.header('p-asserted-identity')).toBe('');
  });
});

describe('a refusal', () => {
  test('comes back with its causes, and without its host', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await lab.serve((call) => call.invite(bob.uri).then(() => {}));
    alice.invite('1000');
    await bob.rings();
    bob.reject(503, 'No Lines', [
      ['Reason', 'Q.850;cause=34;text="no circuit"'],
      ['Reason', 'SIP;cause=503'],
      ['Warning', `399 ${bob.address} "all lines are busy"`],
      ['Warning', 'nonsense'],
      ['Retry-After', '120'],
    ]);
    const refused = await alice.receives(503);
    expect(refused.reason).toBe('No Lines');
    expect(refused.all('reason')).toEqual(['Q.850;cause=34;text="no circuit"', 'SIP;cause=503']);
    expect(refused.all('warning')).toEqual(['399 b2bua "all lines are busy"']);
    expect(refused.header('retry-after')).toBe('120');
  });
});

describe('a call that goes round', () => {
  /** Sends requests on to the Tandem, for whom `user` says, and responses back. */
  function proxy(lab: Lab, user: (uri: string) => string): () => void {
    const host = lab.network.host('proxy', '10.0.3.1');
    const socket = host.openUdp('sip', 5060, (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      const lines = text.split('\r\n');
      if (lines[0]?.startsWith('SIP/2.0')) {
        lines.splice(
          lines.findIndex((line) => line.startsWith('Via:')),
          1,
        );
      } else {
        const [method = '', uri = ''] = lines[0]?.split(' ') ?? [];
        const branch = /branch=([^;\r\n]+)/.exec(text)?.[1];
        lines[0] = `${method} sip:${user(uri)}@10.0.0.1 SIP/2.0`;
        lines.splice(1, 0, `Via: SIP/2.0/UDP 10.0.3.1;branch=${branch}p`);
      }
      socket.send(Buffer.from(lines.join('\r\n'), 'latin1'), { address: '10.0.0.1', port: 5060 });
    });
    return () => socket.close();
  }

  test('gets 482 when it comes back for whom it was', async ({ lab }) => {
    const close = proxy(lab, () => '1000');
    let calls = 0;
    await lab.serve(async (call) => {
      calls++;
      await call.invite('sip:bob@proxy');
    });
    const alice = lab.phone('alice');
    const call = alice.invite('1000');
    await lab.run(call.settled);
    expect([call.status, calls]).toEqual([482, 1]);
    await lab.advance(1000);
    close();
  });

  test('is another call when it comes back for somebody else', async ({ lab }) => {
    const close = proxy(lab, () => 'service');
    await lab.serve(async (call, tandem) => {
      if (call.toUser === 'service') {
        await call.answer();
        await call.ended;
        return;
      }
      const callee = await call.invite('sip:bob@proxy');
      await using bridge = await tandem.bridge(call, callee);
      await bridge.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hangup();
    await lab.advance(1000);
    close();
  });
});
