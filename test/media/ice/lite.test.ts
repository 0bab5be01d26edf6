/** The lite agent: it answers, remembers who asked, and sends where it is told to. */
import { describe, expect, it } from 'vitest';
import { IceKeys } from '../../../media/ice/keys.ts';
import { stunClass } from '../../../media/stun/constants.ts';
import { shortTermKey } from '../../../media/stun/integrity.ts';
import { StunWriter } from '../../../media/stun/writer.ts';
import { Asker, IceLab, read } from './support.ts';

const wlan = { address: '10.0.0.2', port: 4000 };
const mobile = { address: '192.0.2.9', port: 61_000 };

function lite(): { lab: IceLab; asker: Asker } {
  const lab = new IceLab({ lite: [true, false], roles: ['controlled', 'controlling'] });
  lab.a.agent.configure(lab.parameters(lab.a), lab.now);
  return { lab, asker: new Asker(lab) };
}

describe('a check', () => {
  it('is answered, signed, with the address it came from', () => {
    const { lab, asker } = lite();
    const check = asker.check();
    const answer = asker.send(check, mobile)!;
    expect(answer.class).toBe(stunClass.success);
    expect(answer.mapped).toEqual(mobile);
    expect(answer.isOf(read(check).transaction)).toBe(true);
    expect(answer.integrityRight(shortTermKey(lab.a.credentials.pwd))).toBe(true);
    expect(answer.fingerprintRight).toBe(true);
    expect(lab.a.agent.isValid(mobile)).toBe(true);
    expect(lab.a.agent.isValid(wlan)).toBe(false);
    expect(lab.a.agent.state).toBe('checking');
    expect(lab.a.agent.selected).toBeUndefined();
  });

  it('that is not signed, or for nobody, or has no name is answered 401 or 400, and changes nothing', () => {
    const { lab, asker } = lite();
    const transaction = new Uint8Array(12);
    const nameless = new StunWriter(0, 1, transaction).fingerprint().message;
    expect(asker.send(nameless)?.errorCode).toBe(400);
    const stranger = new Asker(lab, new IceKeys(lab.b.credentials, { ...lab.a.credentials, ufrag: 'other' }));
    expect(stranger.ask({ nominates: true })?.errorCode).toBe(401);
    const guess = new Asker(lab, new IceKeys(lab.b.credentials, { ...lab.a.credentials, pwd: 'x'.repeat(24) }));
    const refusal = guess.ask({ nominates: true });
    expect(refusal?.errorCode).toBe(401);
    expect(refusal?.hasIntegrity).toBe(false);
    const fork = new Asker(lab, new IceKeys({ ...lab.b.credentials, ufrag: 'fork' }, lab.a.credentials));
    expect(fork.ask({ nominates: true })?.errorCode).toBe(401);
    const { state, refused } = lab.a.agent.stats(lab.now);
    expect(state).toBe('checking');
    expect(refused).toMatchObject({ malformed: 1, unknownUfrag: 2, integrity: 1 });
    expect(lab.a.agent.isValid(lab.b.from)).toBe(false);
  });

  it('with an attribute that has to be understood and is not is answered 420 with its number', () => {
    const { lab, asker } = lite();
    const { keys } = asker;
    const bytes = new StunWriter(0, 1, new Uint8Array(12))
      .text(6, keys.username)
      .uint32(0x24, 1)
      .uint32(0x7f01, 1)
      .integrity(keys.remote!)
      .fingerprint().message;
    const answer = asker.send(bytes)!;
    expect(answer.errorCode).toBe(420);
    expect(answer.integrityRight(shortTermKey(lab.a.credentials.pwd))).toBe(true);
    expect(Buffer.from(lab.a.sent.at(-1)!.bytes).includes(Buffer.from([0, 0x0a, 0, 2, 0x7f, 1]))).toBe(true);
  });

  it('of one that thinks it is controlled too is answered 487', () => {
    const { lab, asker } = lite();
    expect(asker.ask({ role: 'controlled' })?.errorCode).toBe(487);
    expect(lab.a.agent.stats(lab.now)).toMatchObject({ role: 'controlled', refused: { roleConflict: 1 } });
  });

  it('without a fingerprint, and whatever else is no check, is not answered at all', () => {
    const { lab, asker } = lite();
    const check = asker.check();
    for (const bytes of [
      check.subarray(0, -8),
      check.subarray(0, 19),
      Uint8Array.from(check, (byte, at) => (at === 30 ? ~byte : byte)),
    ])
      expect(asker.send(bytes)).toBeUndefined();
    expect(lab.a.agent.stats(lab.now).refused.malformed).toBe(3);
  });

  it('that comes before the answer is answered; a nomination in it counts when the answer says whose it was', () => {
    const lab = new IceLab({ lite: [true, false] });
    lab.a.agent.configure(lab.parameters(lab.a, { remote: undefined, remoteLite: false }), lab.now);
    const fork = new Asker(lab, new IceKeys({ ...lab.b.credentials, ufrag: 'fork' }, lab.a.credentials));
    expect(fork.ask({ nominates: true, priority: 9 }, mobile)?.class).toBe(stunClass.success);
    expect(new Asker(lab).ask({ nominates: true }, wlan)?.class).toBe(stunClass.success);
    expect(lab.a.agent.selected).toBeUndefined();
    lab.configure();
    expect(lab.a.agent.selected).toEqual(wlan);
    expect(lab.a.agent.isValid(mobile)).toBe(false);
    expect(lab.a.agent.stats(lab.now).restarts).toBe(0);
  });
});

describe('the selected pair', () => {
  it('is the one that the peer nominates, and stays the same object', () => {
    const { lab, asker } = lite();
    asker.ask({}, wlan);
    expect(lab.a.events).toEqual(['checking']);
    asker.ask({ nominates: true }, { ...wlan });
    const { selected } = lab.a.agent;
    expect(selected).toEqual(wlan);
    asker.ask({ nominates: true }, { ...wlan });
    expect(lab.a.agent.selected).toBe(selected);
    expect(lab.a.events).toEqual(['checking', 'selected', 'connected']);
    expect(lab.a.agent.stats(lab.now).selected).toEqual({ ...wlan, type: 'host', nominated: true });
  });

  it('of several that are nominated at once is the one that ranks highest', () => {
    const { lab, asker } = lite();
    for (let round = 0; round < 3; round++)
      for (const [from, priority] of [
        [mobile, 50],
        [{ ...mobile, port: 1 }, 90],
        [{ ...mobile, port: 2 }, 70],
      ] as const) {
        asker.ask({ nominates: true, priority }, from);
        lab.run(20);
      }
    expect(lab.a.agent.selected?.port).toBe(1);
  });

  it('follows a browser to a network that ranks below, and back', () => {
    const { lab, asker } = lite();
    const checks = (from: typeof wlan, times: number): void => {
      for (let n = 0; n < times; n++) {
        asker.ask({ nominates: true, priority: 10 }, from);
        lab.run(2500);
      }
    };
    checks(wlan, 4);
    expect(lab.a.agent.selected).toEqual(wlan);
    asker.ask({ nominates: true, priority: 10 }, mobile);
    lab.run(100);
    asker.ask({ nominates: true, priority: 10 }, mobile);
    expect(lab.a.agent.selected).toEqual(mobile);
    checks(wlan, 1);
    expect(lab.a.agent.selected).toEqual(wlan);
  });

  it('does not change while a peer nominates all that it checks', () => {
    const { lab, asker } = lite();
    for (let n = 0; n < 50; n++) {
      asker.ask({ nominates: true, priority: 10 }, n % 2 === 0 ? wlan : mobile);
      lab.run(1500);
    }
    expect(lab.a.agent.selected).toEqual(wlan);
    expect(lab.a.events.filter((event) => event === 'selected')).toHaveLength(1);
  });

  it('is not left for another that is checked again soon after it was nominated', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true, priority: 9 }, wlan);
    for (let n = 0; n < 6; n++) {
      lab.run(1000);
      asker.ask({ priority: 10 }, mobile);
    }
    expect(lab.a.agent.selected).toEqual(wlan);
  });

  it('stays when the same is offered again, and has no answer yet', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true }, wlan);
    lab.a.agent.configure(lab.parameters(lab.a, { remote: undefined, candidates: [] }), lab.now);
    expect(asker.ask({}, wlan)?.class).toBe(stunClass.success);
    expect(lab.a.agent.stats(lab.now)).toMatchObject({ state: 'connected', restarts: 0 });
  });

  it('is the best of the peer where both are lite, and needs no consent', () => {
    const lab = new IceLab({ lite: [true, true] }).configure().run(100_000);
    expect(lab.a.agent.selected).toEqual(lab.b.from);
    expect(lab.b.agent.selected).toEqual(lab.a.from);
    expect(lab.a.agent.state).toBe('connected');
    // Indications that keep NATs open, every 15 s.
    expect(lab.a.sent).toHaveLength(6);
    expect(lab.a.sent.every(({ bytes }) => read(bytes).class === stunClass.indication)).toBe(true);
  });
});

describe('consent', () => {
  it('runs out after 30 s without a check, and is back with the next', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true });
    const before = lab.a.agent.selected;
    lab.run(29_999);
    expect(lab.a.agent.state).toBe('connected');
    expect(lab.a.agent.stats(lab.now).consentAgeMs).toBe(29_999);
    lab.run(1);
    expect(lab.a.agent.state).toBe('disconnected');
    expect(lab.a.agent.selected).toBeUndefined();
    expect(lab.a.agent.due).toBeUndefined();
    asker.ask({});
    expect(lab.a.agent.selected).toBe(before);
    expect(lab.a.events).toEqual([
      'checking',
      'selected',
      'connected',
      'lost',
      'disconnected',
      'selected',
      'connected',
    ]);
  });

  it('stays fresh by media from the pair, not from elsewhere', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true });
    for (let n = 0; n < 10; n++) {
      lab.run(20_000);
      lab.a.agent.heard({ ...wlan }, lab.now);
    }
    expect(lab.a.agent.state).toBe('connected');
    lab.run(20_000).a.agent.heard(mobile, lab.now);
    expect(lab.run(10_000).a.agent.state).toBe('disconnected');
    lab.a.agent.heard(wlan, lab.now);
    expect(lab.a.agent.state).toBe('connected');
    expect(lab.a.agent.selected).toEqual(wlan);
  });

  it('was never there: failed after 39.5 s, until a check comes yet', () => {
    const { lab, asker } = lite();
    expect(lab.run(39_499).a.agent.state).toBe('checking');
    expect(lab.run(1).a.agent.state).toBe('failed');
    asker.ask({ nominates: true });
    expect(lab.a.agent.state).toBe('connected');
  });
});

describe('a restart', () => {
  it('leaves the old pair in use until the new session has one', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true }, wlan);
    const local = { ufrag: 'new1', pwd: 'n'.repeat(22) };
    const remote = { ufrag: 'new2', pwd: 'm'.repeat(22) };
    lab.a.agent.configure(lab.parameters(lab.a, { local, remote }), lab.now);
    expect(lab.a.agent.selected).toEqual(wlan);
    // Checks under the old name still count, for the old pair.
    lab.run(20_000);
    expect(asker.ask({})?.class).toBe(stunClass.success);
    lab.run(20_000);
    expect(lab.a.agent.state).toBe('connected');
    const renewed = new Asker(lab, new IceKeys(remote, local));
    renewed.ask({ nominates: true }, mobile);
    expect(lab.a.agent.selected).toEqual(mobile);
    expect(asker.ask({}, wlan)?.errorCode).toBe(401);
    expect(lab.a.agent.stats(lab.now).restarts).toBe(1);
  });

  it('that finds the peer where it was keeps the object, and tells nobody', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true }, wlan);
    const before = lab.a.agent.selected;
    const local = { ufrag: 'new1', pwd: 'n'.repeat(22) };
    lab.a.agent.configure(lab.parameters(lab.a, { local }), lab.now);
    new Asker(lab, new IceKeys(lab.b.credentials, local)).ask({ nominates: true }, { ...wlan });
    expect(lab.a.agent.selected).toBe(before);
    expect(lab.a.events).toEqual(['checking', 'selected', 'connected']);
  });
});

describe('after kill -9', () => {
  it('another process goes on with pair, consent and credentials', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true }, mobile);
    lab.run(10_000);
    const snapshot = lab.a.agent.snapshot(lab.now);
    // Another clock, 5 s later.
    lab.now = 50_000;
    lab.a.revive(snapshot, lab.now - 5000);
    expect(lab.a.agent.selected).toEqual(mobile);
    expect(lab.a.agent.state).toBe('connected');
    expect(lab.a.agent.stats(lab.now).consentAgeMs).toBe(15_000);
    expect(asker.ask({}, mobile)?.class).toBe(stunClass.success);
    expect(lab.run(29_999).a.agent.state).toBe('connected');
    expect(lab.run(1).a.agent.state).toBe('disconnected');
    expect(lab.a.agent.stats(lab.now).checksReceived).toBe(2);
  });

  it('a consent that ran out meanwhile is out, and comes back', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true });
    const snapshot = lab.a.agent.snapshot(lab.now);
    lab.a.revive(snapshot, lab.now - 31_000);
    lab.a.agent.tick(lab.now);
    expect(lab.a.agent.state).toBe('disconnected');
    asker.ask({});
    expect(lab.a.agent.state).toBe('connected');
  });
});

describe('a flood', () => {
  it('of checks with a wrong password costs a few HMACs a second, and the peer is heard through it', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true });
    const guess = new Asker(lab, new IceKeys(lab.b.credentials, { ...lab.a.credentials, pwd: 'x'.repeat(24) }));
    const bad = guess.check({ nominates: true });
    for (let second = 0; second < 40; second++) {
      for (let n = 0; n < 500; n++) guess.send(bad, { address: '192.0.2.66', port: 1 + n });
      lab.run(1000);
      if (second % 3 === 0) expect(asker.ask({})?.class).toBe(stunClass.success);
    }
    const { refused, state, pairs } = lab.a.agent.stats(lab.now);
    expect(state).toBe('connected');
    expect(refused.integrity).toBeLessThan(50 + 41 * 20);
    expect(refused.integrity + refused.rate).toBe(20_000);
    expect(pairs).toBe(1);
    // Error answers, which anybody may have sent to anybody, are fewer still.
    expect(lab.a.sent.filter(({ bytes }) => read(bytes).class === stunClass.error).length).toBeLessThan(20 + 41 * 10);
  });

  it('of addresses from one who has the password is bounded, and its selected pair stays', () => {
    const { lab, asker } = lite();
    asker.ask({ nominates: true }, wlan);
    for (let n = 0; n < 2000; n++) {
      asker.ask({ priority: 5 }, { address: '192.0.2.66', port: 1 + n });
      lab.run(50);
      if (n % 200 === 0) asker.ask({ nominates: true }, wlan);
    }
    const { pairs, refused } = lab.a.agent.stats(lab.now);
    expect(pairs).toBeLessThanOrEqual(100);
    expect(refused.rate).toBeGreaterThan(500);
    expect(lab.a.agent.selected).toEqual(wlan);
    // And a new place is still found.
    lab.run(1000);
    expect(asker.ask({ nominates: true }, mobile)?.class).toBe(stunClass.success);
  });
});

describe('authenticated media', () => {
  it('from a pair that was checked is the way, before the peer nominates it', () => {
    const { lab, asker } = lite();
    asker.send(asker.check(), mobile);
    expect(lab.a.agent.selected).toBeUndefined();
    lab.a.agent.heard(mobile, lab.now);
    expect(lab.a.agent.selected).toEqual(mobile);
    expect(lab.a.agent.state).toBe('connected');
  });

  it('from where nobody was checked is no way', () => {
    const { lab, asker } = lite();
    asker.send(asker.check(), mobile);
    lab.a.agent.heard(wlan, lab.now);
    expect(lab.a.agent.selected).toBeUndefined();
  });

  it('from another pair moves the way when the one before is silent, not sooner', () => {
    const { lab, asker } = lite();
    asker.send(asker.check({ nominates: true }), wlan);
    asker.send(asker.check(), mobile);
    lab.a.agent.heard(wlan, lab.now);
    lab.a.agent.heard(mobile, lab.now + 400);
    expect(lab.a.agent.selected).toEqual(wlan);
    lab.a.agent.heard(mobile, lab.now + 600);
    expect(lab.a.agent.selected).toEqual(mobile);
  });
});
