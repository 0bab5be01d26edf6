import { describe } from 'vitest';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import type { TrunkOptions } from '../../src/trunk/options.ts';
import { expect, test } from '../helpers/lab.ts';
import { follow, ScriptedRegistrar } from '../registration/registrar.ts';

const answering = { answerAfterMs: 500 };

/** A Tandem with a trunk to two phones that stand for gateways. */
async function open(
  lab: Lab,
  options: Partial<TrunkOptions> = {},
  handler: (call: DialogServerSession) => Promise<void> | void = () => {},
): Promise<{ tandem: Tandem; first: Phone; second: Phone }> {
  const first = lab.phone('gw1');
  const second = lab.phone('gw2');
  const tandem = await lab.serve(handler, {
    trunks: { main: { uri: 'gw1', gateways: ['sip:gw2'], username: 'account', ...options } },
  });
  return { tandem, first, second };
}

const invites = (phone: Phone): number =>
  new Set(phone.received.filter(({ what }) => what === 'INVITE').map((message) => message.header('via'))).size;

describe('a call over a trunk', () => {
  test('goes to the first gateway, from the account', async ({ lab }) => {
    const { tandem, first, second } = await open(lab);
    first.onCall = answering;
    const call = await lab.run(tandem.trunk('main').invite('+49301234'));
    const invite = await first.receives('INVITE');
    expect(invite.startLine).toBe('INVITE sip:+49301234@gw1 SIP/2.0');
    expect(invite.header('from')).toMatch(/^<sip:account@gw1>;tag=/);
    expect([call.state, tandem.trunk('main').calls, invites(second)]).toEqual(['confirmed', 1, 0]);
    await lab.run(call.close());
    expect(tandem.trunk('main').calls).toBe(0);
  });

  test.for([500, 502, 503, 504, 408])('goes to the second when the first says %i', async (reject, { lab }) => {
    const { tandem, first, second } = await open(lab);
    first.onCall = { reject };
    second.onCall = answering;
    const call = await lab.run(tandem.trunk('main').invite('1234'));
    expect([invites(first), invites(second)]).toEqual([1, 1]);
    await lab.run(call.close());
  });

  test.for([403, 404, 480, 484, 486, 488, 600, 603])('stays with the first that says %i', async (reject, { lab }) => {
    const { tandem, first, second } = await open(lab);
    first.onCall = { reject };
    await expect(lab.run(tandem.trunk('main').invite('1234'))).rejects.toMatchObject({ status: reject });
    expect([invites(first), invites(second), tandem.trunk('main').calls]).toEqual([1, 0, 0]);
  });

  test('goes to the second when the first is silent for four seconds', async ({ lab }) => {
    const { tandem, second } = await open(lab);
    second.onCall = answering;
    lab.network.partition('tandem', 'gw1');
    const call = await lab.run(tandem.trunk('main').invite('1234'));
    expect((await second.receives('INVITE')).at).toBeCloseTo(4_001, -1);
    await lab.run(call.close());
  });

  test('rings as long as it likes once there was a sign of life', async ({ lab }) => {
    const { tandem, first, second } = await open(lab);
    first.onCall = { answerAfterMs: 60_000 };
    const call = await lab.run(tandem.trunk('main').invite('1234'));
    expect(invites(second)).toBe(0);
    await lab.run(call.close());
  });

  test('ends with what the last one said', async ({ lab }) => {
    const { tandem, first, second } = await open(lab);
    first.onCall = { reject: 503 };
    second.onCall = { reject: 500 };
    await expect(lab.run(tandem.trunk('main').invite('1234'))).rejects.toMatchObject({ status: 500 });
    expect(tandem.trunk('main').calls).toBe(0);
  });

  test('that the caller gives up is not tried elsewhere', async ({ lab }) => {
    const { tandem, second } = await open(lab);
    const invited = tandem.trunk('main').invite('1234', { timeout: 5_000 });
    await expect(lab.run(invited)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect([invites(second), tandem.trunk('main').calls]).toEqual([0, 0]);
  });

  test.for(['', '1'.repeat(129)])('to %j is no call', async (number, { lab }) => {
    const { tandem } = await open(lab);
    await expect(lab.run(tandem.trunk('main').invite(number))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(() => tandem.trunk('other')).toThrow('there is no trunk "other"; there is: main');
  });

  test('says who calls as the provider wants it', async ({ lab }) => {
    const { tandem, first } = await open(lab, { callerId: { header: 'p-asserted-identity', strip: '0', add: '+49' } });
    first.onCall = answering;
    const call = await lab.run(
      tandem.trunk('main').invite('1234', { from: '030555', displayName: 'Ann', headers: [['X-Id', '7']] }),
    );
    const invite = await first.receives('INVITE');
    expect(invite.header('from')).toMatch(/^"Ann" <sip:account@gw1>;tag=/);
    expect(invite.header('p-asserted-identity')).toBe('"Ann" <sip:+4930555@gw1>');
    expect(invite.header('x-id')).toBe('7');
    await lab.run(call.close());
  });

  test('offers the codecs of the trunk', async ({ lab }) => {
    const { tandem, first } = await open(lab, { codecs: ['PCMA'] });
    first.onCall = answering;
    const call = await lab.run(tandem.trunk('main').invite('1234'));
    expect(call.media.audio?.codec.name).toBe('PCMA');
    await lab.run(call.close());
  });
});

describe('a second leg over a trunk', () => {
  test('rings through, is answered and hung up with its call', async ({ lab }) => {
    let tandem: Tandem | undefined;
    const opened = await open(lab, { codecs: ['PCMA', 'PCMU'], callerId: { add: '+49' } }, async (call) => {
      const leg = await (tandem as Tandem).trunk('main').inviteFor(call, '1234');
      await using bridge = await (tandem as Tandem).bridge(call, leg);
      await bridge.ended;
    });
    ({ tandem } = opened);
    opened.first.onCall = { reject: 503 };
    opened.second.onCall = { answerAfterMs: 2_000 };
    const alice = lab.phone('alice');
    await alice.dial('9');
    expect(alice.received.map(({ what }) => what)).toContain('180');
    const invite = await opened.second.receives('INVITE');
    expect(invite.header('from')).toMatch(/<sip:\+49alice@gw1>;tag=/);
    expect(tandem.trunk('main').calls).toBe(1);
    await alice.hangup();
    await opened.second.ends();
    await lab.until(() => tandem?.trunk('main').calls === 0);
  });
});

describe('the codecs of a second leg', () => {
  test.for<[string, readonly string[], boolean, string]>([
    ['only the caller’s where it will do', ['PCMA', 'PCMU'], false, '0'],
    ['the caller’s first where others can be converted', ['PCMA', 'PCMU'], true, '0 8'],
    ['those of the trunk where the caller’s is not among them', ['PCMA'], true, '8'],
  ])('are %s', async ([, codecs, transcode, expected], { lab }) => {
    let tandem: Tandem | undefined;
    const opened = await open(lab, { codecs: [...codecs, 'telephone-event'] }, async (call) => {
      await (tandem as Tandem).trunk('main').inviteFor(call, '1234', { transcode });
    });
    ({ tandem } = opened);
    opened.first.onCall = { reject: 486 };
    const alice = lab.phone('alice');
    const call = alice.invite('9');
    await lab.run(call.settled);
    const offer = await opened.first.receives('INVITE');
    expect(/m=audio \d+ RTP\/AVP ([\d ]+)/.exec(offer.body)?.[1]?.replace(/ ?(9\d|1\d\d)/g, '')).toBe(expected);
  });
});

describe('the limits of a trunk', () => {
  test('channels, of both directions', async ({ lab }) => {
    const { tandem, first } = await open(lab, { maxChannels: 2, trusted: ['10.0.1.0/24'] }, async (call) => {
      await call.answer();
      await call.ended;
    });
    first.onCall = answering;
    const trunk = tandem.trunk('main');
    const call = await lab.run(trunk.invite('1'));
    const calling = first.anotherLine();
    await calling.dial('1000');
    await expect(lab.run(trunk.invite('2'))).rejects.toMatchObject({ code: 'ERR_TRUNK_LIMIT', status: 486 });
    const third = first.anotherLine().invite('1000');
    await lab.run(third.settled);
    expect([third.status, trunk.calls]).toEqual([486, 2]);
    await lab.run(call.close());
    expect(trunk.calls).toBe(1);
    await calling.hangup();
    await lab.until(() => trunk.calls === 0);
  });

  test('calls per second', async ({ lab }) => {
    const { tandem, first } = await open(lab, { maxCallsPerSecond: 2 });
    first.onCall = { reject: 486 };
    const trunk = tandem.trunk('main');
    const burst = await lab.run(Promise.allSettled(['1', '2', '3', '4'].map((number) => trunk.invite(number))));
    const statuses = burst.map((one) => (one.status === 'rejected' ? [one.reason.code, one.reason.status] : []));
    expect(statuses).toEqual([
      ['ERR_DIALOG_RESPONSE', 486],
      ['ERR_DIALOG_RESPONSE', 486],
      ['ERR_TRUNK_LIMIT', 503],
      ['ERR_TRUNK_LIMIT', 503],
    ]);
    await lab.advance(1_000);
    await expect(lab.run(trunk.invite('5'))).rejects.toMatchObject({ status: 486 });
  });
});

describe('calls from a trunk', () => {
  test.for<[string, Partial<TrunkOptions>, string, string | undefined]>([
    ['a trusted address', { trusted: ['10.0.1.1'] }, '1000', 'main'],
    ['anybody else', { trusted: ['10.0.2.0/24'] }, '1000', undefined],
    ['a gateway that is not trusted', {}, '1000', undefined],
    ['a trunk with one number', { trusted: ['10.0.1.1'], inboundUser: '2000' }, '2000', 'main'],
    ['a trunk that names us in To', { trusted: ['10.0.1.1'], inboundUser: 'to' }, '+4930', 'main'],
  ])('%s', async ([, options, user, trunk], { lab }) => {
    const seen = Promise.withResolvers<[string | undefined, string | undefined]>();
    const { first } = await open(lab, options, (call) => seen.resolve([call.trunk, call.toUser]));
    const call = first.invite('1000', { headers: [['To', '<sip:+4930@example.com>']] });
    await lab.run(call.settled);
    expect(await seen.promise).toEqual([trunk, user]);
  });
});

describe('qualify', () => {
  test('leaves out a gateway that does not answer, until it does', async ({ lab }) => {
    const { tandem, first, second } = await open(lab, { qualify: 30 });
    const events: [string, boolean][] = [];
    tandem.observer.on('trunk:gateway', ({ trunk, uri, up }) => void events.push([`${trunk} ${uri}`, up]));
    first.onCall = answering;
    second.onCall = answering;
    const trunk = tandem.trunk('main');
    await lab.advance(40_000);
    expect(trunk.report().gateways).toMatchObject([
      { uri: 'sip:gw1', state: 'up', lastQualify: { status: 200, ms: 2 } },
      { uri: 'sip:gw2', state: 'up' },
    ]);
    lab.network.partition('tandem', 'gw1');
    await lab.advance(40_000);
    expect((await tandem.check()).trunks).toMatchObject([
      {
        name: 'main',
        state: 'up',
        calls: 0,
        gateways: [{ state: 'down', lastQualify: { status: 408 } }, { state: 'up' }],
      },
    ]);
    const before = lab.clock.now();
    const call = await lab.run(trunk.invite('1234'));
    expect(lab.clock.now() - before).toBeLessThan(1_000);
    await lab.run(call.close());

    lab.network.partition('tandem', 'gw2');
    await lab.advance(40_000);
    expect(trunk.state).toBe('down');
    await expect(lab.run(trunk.invite('1234'))).rejects.toMatchObject({ code: 'ERR_TRUNK_DOWN', status: 503 });

    lab.network.heal();
    await lab.advance(40_000);
    expect(trunk.state).toBe('up');
    const again = await lab.run(trunk.invite('1234'));
    await first.receives('INVITE');
    await lab.run(again.close());
    expect(events.filter(([who]) => who === 'main sip:gw1').map(([, up]) => up)).toEqual([true, false, true]);
    await lab.run(tandem.close());
    expect(lab.clock.pendingTimers()).toEqual([]);
  });
});

describe('a trunk that registers', () => {
  test('is up when it is registered, and takes the calls that the registrar sends', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => (index < 2 ? { status: 403 } : { status: 200 });
    const tandem = await lab.serve(() => {}, {
      trunks: { main: { uri: '10.0.9.9', username: 'account', password: 'secret', register: { expires: 600 } } },
    });
    const events = follow(tandem);
    const trunk = tandem.trunk('main');
    await lab.advance(1_000);
    expect(trunk.state).toBe('registering');
    await lab.until(() => trunk.state === 'up', 1_000_000);
    expect(events.map(({ name }) => name)).toEqual(['failed', 'failed', 'registered']);
    expect(registrar.registers.map(({ get }) => get('Expires'))).toEqual(['600', '600', '600']);
    expect(trunk.report().registration).toMatchObject({
      uri: 'sip:account@10.0.9.9',
      state: 'registered',
      status: 200,
    });
    expect((await tandem.check()).registrations).toMatchObject([{ uri: 'sip:account@10.0.9.9' }]);
    await lab.run(tandem.close());
    expect(registrar.registers.at(-1)?.get('Expires')).toBe('0');
  });

  test('registers again when its gateway is back', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    const tandem = await lab.serve(() => {}, {
      trunks: { main: { uri: '10.0.9.9', username: 'account', register: true, qualify: 30 } },
    });
    await lab.advance(100_000);
    lab.network.partition('tandem', 'registrar');
    await lab.advance(100_000);
    expect(registrar.registers).toHaveLength(1);
    lab.network.heal();
    await lab.advance(40_000);
    expect(registrar.registers).toHaveLength(2);
    await lab.run(tandem.close());
  });

  test('two accounts at one provider are told apart by whom they are for', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 200 });
    const account = (username: string): TrunkOptions => ({ uri: '10.0.9.9', username, register: true });
    const seen: (string | undefined)[] = [];
    const tandem = await lab.serve((call) => void seen.push(call.trunk), {
      trunks: { a: account('one'), b: account('two') },
    });
    await lab.advance(1_000);
    for (const user of ['two', 'one', 'three']) {
      registrar.send(
        [
          `INVITE sip:${user}@10.0.0.1 SIP/2.0`,
          `Via: SIP/2.0/UDP 10.0.9.9:5060;branch=z9hG4bK${user}`,
          'Max-Forwards: 70',
          'From: <sip:x@10.0.9.9>;tag=1',
          `To: <sip:${user}@10.0.0.1>`,
          `Call-ID: ${user}`,
          'CSeq: 1 INVITE',
          'Contact: <sip:x@10.0.9.9>',
          '',
          '',
        ].join('\r\n'),
        { address: '10.0.0.1', port: 5060 },
      );
      await lab.advance(100);
    }
    expect(seen).toEqual(['b', 'a', 'a']);
    await lab.run(tandem.close());
  });
});
