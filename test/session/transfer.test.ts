import { describe } from 'vitest';
import type { TandemOptions } from '../../src/options.ts';
import type { BridgeOptions } from '../../src/session/bridge.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type Phone, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

interface Options extends TandemOptions {
  readonly bridge?: BridgeOptions;
}

/** Every call goes to the host that its number names. */
function b2bua(lab: Lab, { bridge: how, ...options }: Options = {}): Promise<Tandem> {
  return lab.serve(
    async (call, tandem) => {
      const callee = await call.invite(`sip:${call.toUser}@${call.toUser}`);
      await using bridge = await tandem.bridge(call, callee, how);
      await bridge.ended;
    },
    { transfer: 'execute', ...options },
  );
}

/** alice has called bob through Tandem; carol is there, too. */
async function three(lab: Lab, options: Options = {}): Promise<[Phone, Phone, Phone, Tandem]> {
  const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
  bob.onCall = carol.onCall = { answerAfterMs: 0 };
  const tandem = await b2bua(lab, options);
  await alice.dial('bob');
  await bob.isUp();
  await lab.advance(10); // alice's ACK is in
  return [alice, bob, carol, tandem];
}

/** The two of them talk with each other, and with nobody else. */
async function talk(one: Phone, other: Phone): Promise<void> {
  await Promise.all([one.speak(sine(440)), other.speak(sine(660))]);
  await Promise.all([one.hearsTone(660), other.hearsTone(440)]);
}

/** What NOTIFY told, each with its Subscription-State. */
const told = (phone: Phone): string[] =>
  phone.received
    .filter(({ what }) => what === 'NOTIFY')
    .map((notify) => `${notify.body.trim()} ${notify.header('subscription-state').split(';')[0]}`);

describe('a blind transfer that is done here', () => {
  test.for([
    ['caller', 0],
    ['callee', 1],
  ] as const)('by the %s: the other leg stays and talks with the target', async ([, index], { lab }) => {
    const [alice, bob, carol] = await three(lab);
    const [mover, moved] = index === 0 ? [alice, bob] : [bob, alice];
    await talk(alice, bob);
    expect(await mover.transfer(carol.uri)).toBe(200);
    expect(told(mover).at(0)).toBe('SIP/2.0 100 Trying active');
    expect(told(mover).at(-1)).toBe('SIP/2.0 200 OK terminated');
    expect((await carol.rings()).header('referred-by')).toBe(`<sip:${mover.name}@10.0.0.1>`);
    expect((await mover.ends())?.method).toBe('BYE');
    expect(moved.received.filter(({ what }) => what === 'REFER')).toEqual([]);
    await talk(moved, carol);
    await carol.hangup();
    expect((await moved.ends())?.method).toBe('BYE');
  });

  test('tells of a target that refuses, and the call goes on', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.onCall = { reject: 486 };
    expect(await bob.transfer(carol.uri)).toBe(486);
    expect(told(bob).at(-1)).toBe('SIP/2.0 486 Busy Here terminated');
    await talk(alice, bob);
    await alice.hangup();
    await bob.ends();
  });

  test('gives a target up that does not answer for a minute', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.onCall = {};
    expect(await bob.transfer(carol.uri, { within: 65_000 })).toBe(408);
    expect(carol.call).toMatchObject({ state: 'over', endedBy: 'remote' });
    await talk(alice, bob);
  });

  test('goes on when who asked for it hangs up at once, with ringback meanwhile', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.onCall = { answerAfterMs: 6000 };
    const response = await bob.request('REFER', { headers: [['Refer-To', `<${carol.uri}>`]] });
    expect(response.status).toBe(202);
    await bob.hangup();
    await alice.hearsTone(425);
    expect(alice.call?.state).toBe('up');
    await carol.isUp();
    await talk(alice, carol);
    await alice.hangup();
    await carol.ends();
  });

  test('ends the call when who asked for it is gone and the target does not want it', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.onCall = { reject: 603, rejectAfterMs: 3000 };
    await bob.request('REFER', { headers: [['Refer-To', `<${carol.uri}>`]] });
    await bob.hangup();
    expect((await alice.ends())?.method).toBe('BYE');
  });

  test('is given up when the other leg hangs up meanwhile', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.onCall = {};
    await bob.request('REFER', { headers: [['Refer-To', `<${carol.uri}>`]] });
    await carol.rings();
    await alice.hangup();
    await bob.ends();
    expect((await carol.ends())?.method).toBe('CANCEL');
  });

  test('is refused while another is under way, and without anybody to transfer', async ({ lab }) => {
    const [, bob, carol] = await three(lab);
    carol.onCall = {};
    const refer = { headers: [['Refer-To', `<${carol.uri}>`]] } as const;
    expect((await bob.request('REFER', refer)).status).toBe(202);
    expect((await bob.request('REFER', refer)).status).toBe(491);
  });

  test.for([
    [[], 400],
    [
      [
        ['Refer-To', '<sip:a@b>'],
        ['Refer-To', '<sip:c@d>'],
      ],
      400,
    ],
    [[['Refer-To', '<http://example.com>']], 416],
    [[['Refer-To', '<sip:a@b:99999>']], 400],
    [[['Refer-To', '<sip:a@b;method=BYE>']], 603],
    [[['Refer-To', '<sip:a@b?Replaces=nonsense>']], 400],
  ] as const)('answers REFER with %j: %i', async ([headers, status], { lab }) => {
    const [alice, bob] = await three(lab);
    expect((await bob.request('REFER', { headers })).status).toBe(status);
    await talk(alice, bob);
  });

  test('does not tell who does not want to know (RFC 4488)', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    const headers = [
      ['Refer-To', `<${carol.uri}>`],
      ['Refer-Sub', 'false'],
    ] as const;
    expect((await bob.request('REFER', { headers })).header('refer-sub')).toBe('false');
    await bob.ends();
    expect(told(bob)).toEqual([]);
    await talk(alice, carol);
  });

  test('is told once, and done, when the peer answers 481 to the first report', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    bob.misbehave({ refuses: { NOTIFY: 481 } });
    await bob.request('REFER', { headers: [['Refer-To', `<${carol.uri}>`]] });
    await bob.ends();
    expect(told(bob)).toHaveLength(1);
    await talk(alice, carol);
  });
});

describe('what the legs had settled before a transfer', () => {
  test('hold ends with the peer that held', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab, { bridge: { reinvites: 'pass' } });
    await bob.hold();
    expect((await alice.receives('INVITE')).body).toContain('a=sendonly');
    expect(await bob.transfer(carol.uri)).toBe(200);
    expect((await alice.receives('INVITE')).body).toContain('a=sendrecv');
    await talk(alice, carol);
  });

  test.for([false, true])('the session timer goes on with the new peer (the old one hangs up: %s)', async (early, {
    lab,
  }) => {
    const [alice, bob, carol] = await three(lab, { sessionTimers: { expires: 90, minSE: 90 } });
    const headers = [
      ['Session-Expires', '90;refresher=uac'],
      ['Require', 'timer'],
    ] as const;
    carol.onCall = { answerAfterMs: 0, content: { headers } };
    await lab.advance(30_000);
    await bob.request('REFER', { headers: [['Refer-To', `<${carol.uri}>`]] });
    if (early) await bob.hangup();
    await carol.isUp();
    const [before, met] = [carol.received.length, lab.clock.now()];
    await lab.advance(300_000);
    await talk(alice, carol);
    const refreshes = carol.received.slice(before).filter(({ method }) => method === 'UPDATE' || method === 'INVITE');
    expect(refreshes.length).toBeGreaterThan(0);
    expect(Math.round(((refreshes[0]?.at ?? 0) - met) / 1000)).toBe(45);
  });
});

describe('a REFER where transfers are not done', () => {
  test('is declined, and the call goes on', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab, { transfer: 'refuse' });
    expect(await bob.transfer(carol.uri)).toBe(603);
    await talk(alice, bob);
  });

  test('is declined where the call has no other leg', async ({ lab }) => {
    await lab.serve((call) => call.answer().then(() => call.ended.then(() => {})), { transfer: 'execute' });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(await alice.transfer('2000')).toBe(603);
    expect(alice.call?.state).toBe('up');
  });
});

describe('a REFER that is passed on', () => {
  test('makes the other phone call, and comes back as its reports', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab, { transfer: 'pass' });
    expect(await bob.transfer(carol.uri)).toBe(200);
    expect((await alice.receives('REFER')).uriOf('refer-to')).toBe(carol.uri);
    await talk(alice, carol);
    await bob.hangup();
    await carol.hangup();
  });

  test.for([
    [{ reject: 486 }, {}, 486],
    [{}, { refuses: { REFER: 405 } }, 405],
  ] as const)('tells how it failed: %j %j', async ([plan, misbehaviour, status], { lab }) => {
    const [alice, bob, carol] = await three(lab, { transfer: 'pass' });
    carol.onCall = plan;
    alice.misbehave(misbehaviour);
    expect(await bob.transfer(carol.uri)).toBe(status);
    await talk(alice, bob);
  });
});

describe("a script's own handler of REFER", () => {
  async function answering(lab: Lab, prepare: (call: DialogServerSession) => void): Promise<Phone> {
    await lab.serve(async (call) => {
      prepare(call);
      await call.answer();
      await call.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    return alice;
  }

  test('sees the target and tells how it goes', async ({ lab }) => {
    const seen: unknown[] = [];
    const alice = await answering(lab, (call) => {
      call.onRefer = (refer) => {
        seen.push(refer.target, refer.referredBy, refer.replaces);
        refer.notify(181);
        refer.notify(302, 'Somewhere Else');
      };
    });
    expect(await alice.transfer('sip:queue@pbx;foo=bar')).toBe(302);
    expect(seen).toEqual(['sip:queue@pbx;foo=bar', 'sip:alice@10.0.1.1', undefined]);
    expect(told(alice).at(-1)).toBe('SIP/2.0 302 Somewhere Else terminated');
  });

  test('has done it when it returns, and refuses with what it throws', async ({ lab }) => {
    let fails = true;
    const alice = await answering(lab, (call) => {
      call.onRefer = () => {
        if (fails) throw Object.assign(new Error('not this one'), {});
      };
    });
    expect(await alice.transfer('2000')).toBe(500);
    fails = false;
    expect(await alice.transfer('2000')).toBe(200);
  });

  test('is waited for no longer than a second before 202, and three minutes altogether', async ({ lab }) => {
    const alice = await answering(lab, (call) => {
      call.onRefer = () => call.ended.then(() => {});
    });
    const sent = lab.clock.now();
    expect((await alice.request('REFER', { headers: [['Refer-To', '<sip:2000@pbx>']] })).status).toBe(202);
    expect(lab.clock.now() - sent).toBeLessThan(1100);
    const over = await alice.receives((message) => message.header('subscription-state').startsWith('terminated'), {
      within: 185_000,
    });
    expect(over.header('subscription-state')).toBe('terminated;reason=timeout');
  });
});

describe('an attended transfer between calls that are both here', () => {
  /** bob, who talks with alice, has called carol on his second line. */
  async function consultation(lab: Lab, options: TandemOptions = {}): Promise<[Phone, Phone, Phone, Phone]> {
    const [alice, bob, carol] = await three(lab, options);
    const second = bob.anotherLine();
    await bob.hold();
    await second.dial('carol');
    await carol.isUp();
    await talk(second, carol);
    return [alice, bob, carol, second];
  }

  test('puts the two others together, and nobody is called', async ({ lab }) => {
    const [alice, bob, carol, second] = await consultation(lab);
    const invites = carol.received.filter(({ what }) => what === 'INVITE').length;
    expect(await bob.transfer(second)).toBe(200);
    await bob.ends();
    await second.ends();
    expect(carol.received.filter(({ what }) => what === 'INVITE')).toHaveLength(invites);
    await talk(alice, carol);
    await alice.hangup();
    expect((await carol.ends())?.method).toBe('BYE');
  });

  test('works for the one who was called, too', async ({ lab }) => {
    const [alice, bob, carol, second] = await consultation(lab);
    expect(await bob.transfer(second)).toBe(200);
    await talk(alice, carol);
    await carol.hangup();
    expect((await alice.ends())?.method).toBe('BYE');
  });

  test('is told 603 when the call to be replaced is its own, and all goes on', async ({ lab }) => {
    const [alice, bob, , second] = await consultation(lab);
    await second.hangup();
    await bob.resume();
    expect(await bob.transfer(bob)).toBe(603);
    await talk(alice, bob);
  });

  test('is passed on under the names that the other side knows', async ({ lab }) => {
    const [alice, bob, carol, second] = await consultation(lab, { transfer: 'pass' });
    expect(await bob.transfer(second)).toBe(200);
    await second.ends();
    await bob.hangup();
    await talk(alice, carol);
    await alice.hangup();
  });

  test('leads to a script that nobody else is behind', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { answerAfterMs: 0 };
    await lab.serve(
      async (call, tandem) => {
        if (call.toUser === 'echo') {
          await call.answer();
          await call.gather({ digits: 1, timeout: 600_000 });
          await call.playback().play(new URL('../../prompts/goodbye.wav', import.meta.url));
          return;
        }
        const callee = await call.invite(bob.uri);
        await using bridge = await tandem.bridge(call, callee);
        await bridge.ended;
      },
      { transfer: 'execute' },
    );
    await alice.dial('bob');
    const second = bob.anotherLine();
    await second.dial('echo');
    await lab.advance(10);
    expect(await bob.transfer(second)).toBe(200);
    await bob.ends();
    await second.ends();
    await alice.press('1');
    await alice.hears('goodbye.wav');
    await alice.ends();
  });
});

describe('an INVITE with Replaces', () => {
  const replacing = (phone: Phone, more = ''): { headers: (readonly [string, string])[] } => {
    const { callId, localTag, remoteTag } = phone.call?.dialog ?? {};
    return { headers: [['Replaces', `${callId};to-tag=${remoteTag};from-tag=${localTag}${more}`]] };
  };

  test.for([0, 1])('takes the place of a peer in its bridge (leg %i)', async (index, { lab }) => {
    const [alice, bob, carol] = await three(lab);
    const [leaving, staying] = index === 0 ? [alice, bob] : [bob, alice];
    await carol.dial('any', replacing(leaving));
    expect((await leaving.ends())?.method).toBe('BYE');
    await talk(carol, staying);
    await staying.hangup();
    expect((await carol.ends())?.method).toBe('BYE');
  });

  test('with a late offer, too', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    await carol.dial('any', { ...replacing(alice), sdp: null });
    await alice.ends();
    await talk(carol, bob);
    await carol.hangup();
    await bob.ends();
  });

  test.for([
    ['nobody;to-tag=a;from-tag=b', 481],
    ['nonsense', 400],
    ['a;to-tag=b', 400],
  ] as const)('%s gets %i', async ([value, status], { lab }) => {
    const [alice, bob, carol] = await three(lab);
    const call = carol.invite('any', { headers: [['Replaces', value]] });
    await lab.run(call.settled);
    expect(call.status).toBe(status);
    await talk(alice, bob);
  });

  test('gets 486 for a call that is answered when only a ringing one is wanted', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    const call = carol.invite('any', replacing(alice, ';early-only'));
    await lab.run(call.settled);
    expect(call.status).toBe(486);
    await talk(alice, bob);
  });

  test('gets 400 when there are two', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    const { headers } = replacing(alice);
    const call = carol.invite('any', { headers: [...headers, ...headers] });
    await lab.run(call.settled);
    expect(call.status).toBe(400);
    await talk(alice, bob);
  });

  test('gets 481 for a call that still rings', async ({ lab }) => {
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    await b2bua(lab);
    alice.invite('bob');
    await bob.rings();
    const ringing = await alice.receives(180);
    const call = carol.invite('any', {
      headers: [['Replaces', `${ringing.callId};to-tag=${ringing.toTag};from-tag=${ringing.fromTag}`]],
    });
    await lab.run(call.settled);
    expect(call.status).toBe(481);
  });

  test('gets 488 when it does not speak what the other leg does', async ({ lab }) => {
    const [alice, bob] = await three(lab);
    const dave = lab.phone('dave', { codecs: ['PCMA'] });
    const call = dave.invite('any', replacing(alice));
    await lab.run(call.settled);
    expect(call.status).toBe(488);
    await talk(alice, bob);
  });

  test('leaves the call as it was when its caller never acknowledges', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab);
    carol.misbehave({ ack: 'never', ignores: ['BYE'] });
    const call = carol.invite('any', replacing(alice));
    await lab.run(call.settled);
    await lab.advance(35_000);
    await talk(alice, bob);
  });

  test('is an ordinary call where Replaces is switched off', async ({ lab }) => {
    const [alice, bob, carol] = await three(lab, { replaces: false });
    const dave = lab.phone('dave');
    await dave.dial('carol', replacing(alice));
    await talk(dave, carol);
    await talk(alice, bob);
  });
});
