import { describe } from 'vitest';
import { TandemError } from '../../src/base/errors.ts';
import { RegisterResponseError } from '../../src/registration/errors.ts';
import type { RegisterOptions } from '../../src/registration/options.ts';
import type { Registration } from '../../src/registration/registration.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, Lab as TestLab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { follow, granted, ScriptedRegistrar } from './registrar.ts';

const uri = 'sip:alice@10.0.9.9';

async function open(lab: Lab, options: RegisterOptions = {}): Promise<{ tandem: Tandem; registration: Registration }> {
  const tandem = await lab.serve(() => {});
  return { tandem, registration: await lab.run(tandem.register(uri, options)) };
}

describe('register', () => {
  test('resolves when the registrar has our Contact', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => granted(1800);
    const { registration } = await open(lab, { expires: 600, displayName: 'Alice', headers: [['X-Site', 'Berlin']] });
    const [register] = registrar.registers;
    expect(register?.text.split('\r\n')[0]).toBe('REGISTER sip:10.0.9.9 SIP/2.0');
    expect(register?.get('From')).toMatch(/^"Alice" <sip:alice@10\.0\.9\.9>;tag=/);
    expect(register?.get('To')).toBe('<sip:alice@10.0.9.9>');
    expect(register?.get('Contact')).toBe('<sip:alice@10.0.0.1:5060>');
    expect(register?.get('Expires')).toBe('600');
    expect(register?.get('X-Site')).toBe('Berlin');
    expect(registration.state).toBe('registered');
    expect(registration.contact).toBe('sip:alice@10.0.0.1:5060');
    expect(registration.expiresAt).toBe(lab.clock.wallclock() + 1_800_000);
    await lab.run(registration.close());
  });

  test('takes neither port nor transport into the address of record', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab, 'tcp');
    const tandem = await lab.serve(() => {});
    const registration = await lab.run(tandem.register('sip:alice@10.0.9.9:5060;transport=tcp'));
    expect(registrar.registers[0]?.text.split('\r\n')[0]).toBe('REGISTER sip:10.0.9.9:5060;transport=tcp SIP/2.0');
    expect(registration.uri).toBe('sip:alice@10.0.9.9');
    await lab.run(registration.close());
  });

  test.for(['tel:+4930', 'sip:10.0.9.9', 'alice', ''])('refuses %j', async (bad, { lab }) => {
    const tandem = await lab.serve(() => {});
    await expect(lab.run(tandem.register(bad))).rejects.toMatchObject({ code: 'ERR_ARGUMENT', status: 400 });
  });

  test('rejects when the first attempt fails, and tells why', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 403, headers: ['Warning: 399 x "unknown account"'] });
    const error = await open(lab).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RegisterResponseError);
    expect(error).toMatchObject({
      code: 'ERR_REGISTER',
      status: 403,
      local: false,
      message: 'cannot register sip:alice@10.0.9.9: 403 Whatever (399 x "unknown account")',
    });
    await lab.advance(3_600_000);
    expect(registrar.registers).toHaveLength(1);
  });

  test('rejects when nobody answers', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => 'silence';
    await expect(open(lab)).rejects.toMatchObject({ code: 'ERR_REGISTER', status: 408, local: true });
  });

  test('goes on after a first failure where it is told to', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => (index < 3 ? { status: 403 } : granted(600));
    const { registration } = await open(lab, { keepTrying: true });
    expect(registration.state).toBe('registered');
    expect(registrar.registers).toHaveLength(4);
    await lab.run(registration.close());
  });

  test('is given up by its signal', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 503 });
    const tandem = await lab.serve(() => {});
    const abort = new AbortController();
    const registering = tandem.register(uri, { keepTrying: true, signal: abort.signal });
    lab.clock.setTimer(100_000, () => abort.abort(new Error('enough')));
    await expect(lab.run(registering)).rejects.toThrow('enough');
    expect((await tandem.check()).registrations).toEqual([]);
  });
});

describe('a registration', () => {
  test('is refreshed between 75 and 90 % of the time that was granted, for as long as it is wanted', async () => {
    const shares: number[] = [];
    for (let seed = 1; seed <= 25; seed++) {
      await using lab = new TestLab({ seed });
      using registrar = new ScriptedRegistrar(lab);
      registrar.script = () => granted(1_000);
      const { registration } = await open(lab);
      await lab.advance(5_000_000);
      const times = registrar.registers.map(({ at }) => at);
      expect(times.length, `seed ${seed}`).toBeGreaterThanOrEqual(6);
      for (const [index, at] of times.slice(1).entries()) shares.push((at - (times[index] as number)) / 1_000_000);
      const numbers = registrar.registers.map((one) => Number.parseInt(one.get('CSeq'), 10));
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      expect(new Set(registrar.registers.map((one) => one.get('Call-ID'))).size).toBe(1);
      expect(registration.state).toBe('registered');
      await lab.run(registration.close());
    }
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.75);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.9001);
    expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(0.1);
  });

  test.for([
    ['the expires of our Contact', 'sip:alice@10.0.0.1:5060', 200],
    ['our Contact in other words', 'sip:alice@10.0.0.1', 200],
    ['the only Contact there is', 'sip:alice@192.0.2.1:1024', 200],
    ['Expires, where it has none', undefined, 900],
  ] as const)('takes its time from %s', async ([, contact, expected], { lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({
      status: 200,
      headers: ['Expires: 900'],
      contact: contact === undefined ? '' : `<${contact}>;expires=200`,
    });
    const { registration } = await open(lab);
    expect(registration.expiresAt).toBe(lab.clock.wallclock() + expected * 1000);
    await lab.run(registration.close());
  });

  test('takes its own Contact among several', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({
      status: 200,
      contact: '<sip:alice@10.0.0.77:5060>;expires=50, <sip:alice@10.0.0.1:5060>;expires=400',
    });
    const { registration } = await open(lab);
    expect(registration.expiresAt).toBe(lab.clock.wallclock() + 400_000);
    await lab.run(registration.close());
  });

  test.for([
    'Expires: 99999999999',
    'Expires: -5',
    'Expires: soon',
    'Expires: 4000000000',
  ])('is not led astray by "%s"', async (line, { lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 200, headers: [line], contact: '' });
    const { registration } = await open(lab);
    const left = (registration.expiresAt ?? 0) - lab.clock.wallclock();
    expect([3_600_000, 604_800_000]).toContain(left);
    await lab.run(registration.close());
  });

  test('asks for more when 423 says so, and for no more than that', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = ({ get }) =>
      Number(get('Expires')) < 1800 && get('Expires') !== '0'
        ? { status: 423, headers: ['Min-Expires: 1800'] }
        : { status: 200 };
    const { registration } = await open(lab, { expires: 60 });
    expect(registrar.registers.map(({ get }) => get('Expires'))).toEqual(['60', '1800']);
    await lab.advance(1_700_000);
    expect(registrar.registers.map(({ get }) => get('Expires'))).toEqual(['60', '1800', '1800']);
    await lab.run(registration.close());
  });

  test('does not follow a 423 that leads nowhere', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 423, headers: ['Min-Expires: 60'] });
    await expect(open(lab, { expires: 60 })).rejects.toMatchObject({ status: 423 });
    expect(registrar.registers).toHaveLength(1);
  });

  test('that is granted for no time is none', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => granted(0);
    await expect(open(lab)).rejects.toThrow('the registrar grants it for no time: 200');
  });

  test('answers a challenge', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = ({ get }) =>
      get('Authorization') === ''
        ? { status: 401, headers: ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5'] }
        : { status: 200 };
    const { registration } = await open(lab, { username: 'trunk', password: 'secret' });
    expect(registrar.registers[1]?.get('Authorization')).toContain('username="trunk"');
    await lab.run(registration.close());
    const numbers = registrar.registers.map(({ get }) => Number.parseInt(get('CSeq'), 10));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  test('survives a response that is lost: the copies are one request', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => {
      lab.network.partition('registrar', 'tandem');
      lab.clock.setTimer(3_000, () => lab.network.heal());
      return granted(600);
    };
    const { registration } = await open(lab);
    registrar.script = () => ({ status: 200 });
    expect(lab.clock.now()).toBeGreaterThan(3_000);
    expect([registration.state, registrar.registers.length]).toEqual(['registered', 1]);
    await lab.run(registration.close());
  });

  test('does not notice when the time of day jumps', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => granted(1_000);
    const { registration } = await open(lab);
    lab.clock.jumpWallclock(-86_400_000);
    await lab.advance(700_000);
    lab.clock.jumpWallclock(2 * 86_400_000);
    await lab.advance(49_000);
    expect(registrar.registers).toHaveLength(1);
    await lab.advance(151_000);
    expect(registrar.registers).toHaveLength(2);
    expect(registration.expiresAt).toBeGreaterThan(lab.clock.wallclock());
    await lab.run(registration.close());
  });
});

describe('a registrar that fails', () => {
  test('is asked again ever more slowly, from half of to the whole of 60 s, 120 s, … 1800 s', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => (index === 0 ? granted(1_000) : { status: 500 });
    const { tandem, registration } = await open(lab);
    const events = follow(tandem);
    await lab.advance(20_000_000);
    const times = registrar.registers.slice(1).map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => (at - (times[index] as number)) / 1000);
    for (const [index, gap] of gaps.entries()) {
      const ceiling = Math.min(1800, 30 * 2 ** (index + 1));
      expect(gap, `gap ${index}`).toBeGreaterThan(ceiling / 2 - 1);
      expect(gap, `gap ${index}`).toBeLessThan(ceiling + 1);
    }
    expect(gaps.length).toBeGreaterThan(8);
    expect(registration.state).toBe('failed');
    expect(events.map(({ name }) => name)).toEqual(times.map(() => 'failed'));
    registrar.script = () => granted(1_000);
    expect(await lab.until(() => registration.state === 'registered', 1_900_000)).toBe(true);
    expect(events.at(-1)).toMatchObject({ name: 'registered', event: { expires: 1_000, status: 200 } });
    await lab.run(registration.close());
  });

  test.for([503, 480, 486, 500, 403])('%i with Retry-After is asked again when it says', async (status, { lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => (index === 1 ? { status, headers: ['Retry-After: 77'] } : granted(1_000));
    const { tandem, registration } = await open(lab);
    const events = follow(tandem);
    await lab.advance(1_000_000);
    const [, refused, again] = registrar.registers;
    expect((again?.at ?? 0) - (refused?.at ?? 0)).toBeCloseTo(77_002, -1);
    expect(events[0]).toMatchObject({ name: 'failed', event: { status, retryInMs: 77_000 } });
    await lab.run(registration.close());
  });

  test('that refuses what it granted before is asked half as often, and for ever', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => (index === 0 ? granted(1_000) : { status: 403 });
    const { registration } = await open(lab);
    await lab.until(() => registrar.registers.length === 3);
    const [, first, second] = registrar.registers;
    const gap = (second?.at ?? 0) - (first?.at ?? 0);
    expect(gap).toBeGreaterThan(60_000);
    expect(gap).toBeLessThan(120_010);
    await lab.advance(86_400_000);
    expect(registrar.registers.length).toBeGreaterThan(40);
    registrar.script = () => granted(1_000);
    expect(await lab.until(() => registration.state === 'registered', 1_900_000)).toBe(true);
    await lab.run(registration.close());
  });

  test('that refuses ends the registration where it is told to', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => (index === 0 ? granted(1_000) : { status: 404 });
    const { tandem, registration } = await open(lab, { retryForever: false });
    const events = follow(tandem);
    const error = await lab.run(registration.ended);
    expect(error).toMatchObject({ code: 'ERR_REGISTER', status: 404 });
    expect(registration.state).toBe('failed');
    await lab.advance(10_000_000);
    expect(registrar.registers).toHaveLength(2);
    expect(events.map(({ name, event }) => [name, event])).toEqual([['failed', { status: 404 }]]);
    expect((await tandem.check()).registrations).toEqual([]);
    await registration.close();
  });

  test('that is not there is looked for until it is back', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => granted(1_000);
    const { registration } = await open(lab);
    lab.network.partition('registrar', 'tandem');
    await lab.advance(1_200_000);
    expect(registration.state).not.toBe('registered');
    lab.network.heal();
    expect(await lab.until(() => registration.state === 'registered', 1_900_000)).toBe(true);
    await lab.run(registration.close());
  });
});

describe('close', () => {
  test('takes our Contact back, and nobody else’s', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    const { tandem, registration } = await open(lab);
    const events = follow(tandem);
    await lab.run(Promise.all([registration.close(), registration.close()]));
    await registration.close();
    const [, last, ...more] = registrar.registers;
    expect([last?.get('Contact'), last?.get('Expires'), more]).toEqual(['<sip:alice@10.0.0.1:5060>', '0', []]);
    expect(registration.state).toBe('unregistered');
    expect(await registration.ended).toBeUndefined();
    expect(events.map(({ name }) => name)).toEqual(['unregistered']);
    await lab.advance(10_000_000);
    expect(registrar.registers).toHaveLength(2);
    expect(lab.clock.pendingTimers()).toEqual([]);
  });

  test('waits for a REGISTER that is under way, and takes back what it brought', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => granted(1_000);
    const tandem = await lab.serve(() => {});
    lab.network.set({ delayMs: 200 });
    const registering = tandem.register(uri);
    registering.catch(() => {});
    await lab.advance(100);
    await lab.run(tandem.close());
    await expect(registering).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(registrar.registers.map(({ get }) => get('Expires'))).toEqual(['3600', '0']);
  });

  test('does not wait for a registrar that is gone', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    const { registration } = await open(lab, { unregisterTimeout: 2_500 });
    registrar.script = () => 'silence';
    const before = lab.clock.now();
    await lab.run(registration.close());
    expect([lab.clock.now() - before, registration.state]).toEqual([2_500, 'closed']);
  });

  test('has nothing to take back after a refusal', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 403 });
    const tandem = await lab.serve(() => {});
    const registering = tandem.register(uri, { keepTrying: true });
    registering.catch(() => {});
    await lab.advance(1_000);
    await lab.run(tandem.close());
    await expect(registering).rejects.toBeInstanceOf(TandemError);
    expect(registrar.registers).toHaveLength(1);
  });

  test('of the Tandem takes all of them back', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    const tandem = await lab.serve(() => {});
    for (const user of ['a', 'b', 'c']) await lab.run(tandem.register(`sip:${user}@10.0.9.9`));
    expect((await tandem.check()).registrations.map(({ uri: of, state }) => [of, state])).toEqual([
      ['sip:a@10.0.9.9', 'registered'],
      ['sip:b@10.0.9.9', 'registered'],
      ['sip:c@10.0.9.9', 'registered'],
    ]);
    await lab.run(tandem.close());
    expect(registrar.registers.slice(3).map(({ get }) => get('Expires'))).toEqual(['0', '0', '0']);
  });
});

describe('behind a NAT', () => {
  const seen = { host: '203.0.113.7', port: 40_001 };

  test('the address that the registrar sees takes the place of ours', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 200, from: seen });
    const { registration } = await open(lab);
    const wire = (): string[][] => registrar.registers.map(({ get }) => [get('Contact'), get('Expires')]);
    const corrected = '<sip:alice@203.0.113.7:40001>';
    expect(wire()).toEqual([
      ['<sip:alice@10.0.0.1:5060>', '3600'],
      ['<sip:alice@10.0.0.1:5060>', '0'],
      [corrected, '3600'],
    ]);
    expect(registration.contact).toBe('sip:alice@203.0.113.7:40001');
    await lab.advance(3_300_000);
    expect(wire().slice(3)).toEqual([[corrected, '3600']]);
    registrar.script = () => ({ status: 200, from: { ...seen, port: 40_002 } });
    await lab.advance(3_300_000);
    expect(wire().slice(4)).toEqual([
      [corrected, '3600'],
      [corrected, '0'],
      ['<sip:alice@203.0.113.7:40002>', '3600'],
    ]);
    await lab.run(registration.close());
    expect(wire().at(-1)).toEqual(['<sip:alice@203.0.113.7:40002>', '0']);
  });

  test('a NAT that gives another port each time is followed once a time', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = (_, index) => ({ status: 200, from: { ...seen, port: 40_000 + index } });
    const { registration } = await open(lab);
    expect(registrar.registers).toHaveLength(3);
    await lab.run(registration.close());
  });

  test('the way is kept open', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 200, from: seen });
    const { registration } = await open(lab);
    await lab.advance(600_000);
    const gaps = registrar.pings.slice(1).map((at, index) => at - (registrar.pings[index] as number));
    expect(gaps.length).toBeGreaterThan(20);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(20_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(25_001);
    await lab.run(registration.close());
  });

  test.for<[string, RegisterOptions, string | undefined]>([
    ['where it is told not to', { correctContact: false }, undefined],
    ['where a listener knows its own address', {}, '198.51.100.1'],
  ])('nothing is corrected %s', async ([, options, externalHost], { lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 200, from: seen });
    const listen = { transport: 'udp', bindHost: '10.0.0.1', bindPort: 5060 } as const;
    const tandem = await lab.serve(() => {}, {
      transports: [{ ...listen, ...(externalHost === undefined ? {} : { externalHost }) }],
    });
    const registration = await lab.run(tandem.register(uri, options));
    expect(registrar.registers).toHaveLength(1);
    expect(registration.contact).toBe(`sip:alice@${externalHost ?? '10.0.0.1'}:5060`);
    await lab.run(registration.close());
  });

  test.for([
    { host: '999.1.1.1', port: 4000 },
    { host: 'evil.example.com', port: 4000 },
    { host: '10.0.0.1', port: 0 },
  ])('a registrar that sees us at $host:$port is not believed', async (from, { lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = () => ({ status: 200, from });
    const { registration } = await open(lab);
    expect(registration.contact).toBe('sip:alice@10.0.0.1:5060');
    await lab.run(registration.close());
  });
});

describe('over a connection', () => {
  const tcp = 'sip:alice@10.0.9.9;transport=tcp';

  test.for([
    'tcp',
    'tls',
    'ws',
    'wss',
  ] as const)('all of it goes by one %s connection, which is kept', async (transport, { lab }) => {
    using registrar = new ScriptedRegistrar(lab, transport);
    registrar.script = () => granted(3_600);
    const tandem = await lab.serve(() => {});
    const registration = await lab.run(tandem.register('sip:alice@10.0.9.9:5060', { transport }));
    await lab.advance(20_000_000);
    expect(registrar.registers.length).toBeGreaterThan(5);
    expect(new Set(registrar.registers.map(({ port }) => port)).size).toBe(1);
    expect(registrar.pings.length).toBeGreaterThan(150);
    await lab.run(registration.close());
  });

  test('we register again at once when the connection is lost', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab, 'tcp');
    registrar.script = () => granted(3_600);
    const tandem = await lab.serve(() => {});
    const registration = await lab.run(tandem.register(tcp));
    await lab.advance(60_000);
    registrar.dropConnections();
    // The next keep-alive finds out.
    await lab.advance(121_000);
    expect(registrar.registers).toHaveLength(2);
    expect(registration.state).toBe('registered');
    await lab.run(registration.close());
  });

  test.for<[string, (registration: Registration) => void]>([
    ['when it is closed', (registration) => void registration.close()],
    ['when it is refused', () => {}],
  ])('the connection is kept no longer %s', async ([, end], { lab }) => {
    using registrar = new ScriptedRegistrar(lab, 'tcp');
    registrar.script = (_, index) => (index === 0 ? granted(100) : { status: 403 });
    const tandem = await lab.serve(() => {});
    const registration = await lab.run(tandem.register(tcp, { retryForever: false }));
    end(registration);
    await lab.run(registration.ended);
    expect((await tandem.check()).sip.connections).toBe(1);
    await lab.advance(1_300_000);
    expect((await tandem.check()).sip.connections).toBe(0);
    expect(lab.clock.pendingTimers()).toEqual([]);
  });

  test('a connection that nobody answers on is replaced', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab, 'tcp');
    registrar.script = () => granted(1_000);
    const tandem = await lab.serve(() => {});
    const registration = await lab.run(tandem.register(tcp));
    const dead = registrar.registers[0]?.port;
    registrar.script = ({ port }) => (port === dead ? 'silence' : granted(1_000));
    await lab.advance(1_000_000);
    expect(registrar.registers.map(({ port }) => port === dead)).toEqual([true, true, false]);
    expect(registration.state).toBe('registered');
    await lab.run(registration.close());
  });

  test('a registrar that hangs up each time is not called in a hurry', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab, 'tcp');
    registrar.script = () => {
      lab.clock.setTimer(50, () => registrar.dropConnections());
      return granted(3_600);
    };
    const tandem = await lab.serve(() => {});
    const registration = await lab.run(tandem.register(tcp, { keepAlive: 200 }));
    await lab.advance(600_000);
    expect(registrar.registers.length).toBeGreaterThan(5);
    expect(registrar.registers.length).toBeLessThan(25);
    registrar.script = () => granted(3_600);
    await lab.run(registration.close());
  });
});

describe('many registrations over a bad network', () => {
  test.for([1, 2, 3])('are all there after two hours, and nothing is left of them (seed %i)', async (seed) => {
    await using lab = new TestLab({ seed, network: { loss: 0.3, reorder: 0.1, duplicate: 0.1, delayMs: 40 } });
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = ({ get }, index) =>
      index % 7 === 3 && get('Expires') !== '0'
        ? { status: 503, headers: ['Retry-After: 20'] }
        : { status: 200, contact: '', headers: [`Expires: ${get('Expires')}`] };
    const tandem = await lab.serve(() => {});
    const names = Array.from({ length: 50 }, (_, index) => `sip:user${index}@10.0.9.9`);
    const all = await lab.run(
      Promise.all(names.map((name) => tandem.register(name, { expires: 300, keepTrying: true }))),
    );
    await lab.advance(7_200_000);
    lab.network.set({ loss: 0 });
    await lab.until(() => all.every(({ state }) => state === 'registered'), 3_600_000);
    expect(all.map(({ state }) => state)).toEqual(names.map(() => 'registered'));
    await lab.run(Promise.all(all.map((one) => one.close())));
    expect((await tandem.check()).registrations).toEqual([]);
    await lab.advance(64_000);
    expect((await tandem.check()).sip).toMatchObject({ transactions: 0, timers: 0 });
    expect(lab.clock.pendingTimers()).toEqual([]);
  });
});

describe('what a registration is good for', () => {
  test('calls are made by its routes, as the one who is registered', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = ({ what }) =>
      what === 'REGISTER'
        ? {
            status: 200,
            headers: [
              'Service-Route: <sip:10.0.9.9;lr>, <sip:edge@10.0.9.9;lr>, <mailto:x@y>, <sip:a:99999>, <tel:1>',
              'P-Associated-URI: <tel:+4930>, <sip:+4930@10.0.9.9>',
            ],
          }
        : { status: 404 };
    const { tandem, registration } = await open(lab, { password: 'secret' });
    expect(registration.associatedUris).toEqual(['tel:+4930', 'sip:+4930@10.0.9.9']);
    await expect(lab.run(tandem.invite('sip:bob@example.com', registration.caller))).rejects.toMatchObject({
      status: 404,
    });
    const invite = registrar.inbox.find(({ what }) => what === 'INVITE');
    expect(invite?.text.split('\r\n')[0]).toBe('INVITE sip:bob@example.com SIP/2.0');
    expect(invite?.all('Route').join(', ')).toBe('<sip:10.0.9.9;lr>, <sip:edge@10.0.9.9;lr>');
    expect(invite?.get('From')).toMatch(/^<sip:alice@10\.0\.9\.9>;tag=/);
    await lab.run(registration.close());
  });

  test('calls come to its Contact', async ({ lab }) => {
    using _ = new ScriptedRegistrar(lab);
    const called = Promise.withResolvers<string | undefined>();
    const tandem = await lab.serve(async (call) => {
      called.resolve(call.toUser);
      await call.answer();
    });
    const registration = await lab.run(tandem.register(uri, { contactUser: 'line-7' }));
    const bob = lab.phone('bob');
    await bob.dial(registration.contact ?? '');
    expect(await called.promise).toBe('line-7');
    await bob.ends();
    await lab.run(registration.close());
  });

  test('it says who it is for ever to a registrar that knows outbound', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    const { registration } = await open(lab, { instanceId: 'urn:uuid:00000000-0000-1000-8000-000a95a0e128', regId: 2 });
    const [register] = registrar.registers;
    expect(register?.get('Contact')).toBe(
      '<sip:alice@10.0.0.1:5060>;reg-id=2;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"',
    );
    expect(register?.get('Supported')).toBe('path, outbound');
    await lab.run(registration.close());
  });

  test('a registrar that answers OPTIONS again is registered with again', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = ({ what }) => (what === 'OPTIONS' ? { status: 200 } : granted(3_600));
    const { tandem, registration } = await open(lab, { qualify: { interval: 30_000, timeout: 3_000 } });
    const events = follow(tandem);
    await lab.advance(100_000);
    lab.network.partition('registrar', 'tandem');
    await lab.advance(100_000);
    lab.network.heal();
    await lab.advance(40_000);
    expect(events.map(({ name, event }) => [name, (event as { up?: boolean }).up])).toEqual([
      ['qualified', false],
      ['qualified', true],
      ['refreshed', undefined],
    ]);
    await lab.run(registration.close());
    expect(lab.clock.pendingTimers().map(({ label }) => label)).not.toContain('qualify');
  });
});

describe('registerTransaction', () => {
  test('registers, asks and unregisters when it is told to', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    registrar.script = ({ what }) => (what === 'OPTIONS' ? { status: 405 } : { status: 200, contact: '' });
    const tandem = await lab.serve(() => {});
    const transaction = await tandem.registerTransaction(uri, { expires: 300 });
    expect(await lab.run(transaction.register())).toMatchObject({
      status: 200,
      expires: 300,
      contact: 'sip:alice@10.0.0.1:5060',
      seenAs: { host: '10.0.0.1', port: 5060 },
    });
    expect(await lab.run(transaction.qualify())).toEqual({ up: true, status: 405, ms: 2 });
    await lab.advance(10_000_000);
    await lab.run(transaction.unregister());
    await lab.run(transaction.unregister({ all: true }));
    expect(registrar.inbox.map(({ what, get }) => [what, get('Contact'), get('Expires')])).toEqual([
      ['REGISTER', '<sip:alice@10.0.0.1:5060>', '300'],
      ['OPTIONS', '<sip:alice@10.0.0.1:5060>', ''],
      ['REGISTER', '<sip:alice@10.0.0.1:5060>', '0'],
      ['REGISTER', '*', '0'],
    ]);
  });

  test('sends one at a time', async ({ lab }) => {
    using registrar = new ScriptedRegistrar(lab);
    lab.network.set({ delayMs: 100 });
    const tandem = await lab.serve(() => {});
    const transaction = await tandem.registerTransaction(uri);
    await lab.run(Promise.all([transaction.register(), transaction.register(), transaction.unregister()]));
    expect(registrar.registers.map(({ at }) => Math.round(at / 200))).toEqual(
      [1, 2, 3].map((n) => n - 0.5).map(Math.round),
    );
  });
});
