/** Calls that there is no room for. */
import { describe, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { withSetting } from '../../src/config/yaml-file.ts';
import { Admission, type AdmissionOptions, type Load } from '../../src/incoming/admission.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';

const idle: Load = { main: 0.1, media: 0.2, process: 0.1, lag: 1 };

function admission(options: AdmissionOptions = {}, calls = () => 0) {
  const clock = new FakeClock();
  let load = idle;
  const { logger, lines } = memoryLogger();
  const probe = () => ({ sample: async () => load, close: () => {} });
  const subject = new Admission(options, { clock, logger, calls, probe });
  subject.open();
  /** So many seconds with this load. */
  const seconds = async (count: number, now: Partial<Load>): Promise<void> => {
    load = { ...idle, ...now };
    await clock.advance(count * 1000);
  };
  return { subject, seconds, lines };
}

describe('a server with little to do', () => {
  it('takes every call', async () => {
    const { subject, seconds } = admission();
    await seconds(10, {});
    expect(subject.refusal()).toBeUndefined();
    expect(subject.report).toMatchObject({ load: idle, refusing: undefined, refused: { calls: 0, cpu: 0, lag: 0 } });
    subject.close();
  });
});

describe('a server with too much to do', () => {
  it.each([
    ['its main thread', { main: 0.95 }, 'cpu'],
    ['a media thread', { media: 0.95 }, 'cpu'],
    ['the machine', { process: 0.95 }, 'cpu'],
    ['its timers', { lag: 250 }, 'lag'],
  ] as const)('refuses calls when %s says so for two seconds, and takes them when that is over', async (_what, load, cause) => {
    const { subject, seconds, lines } = admission();
    await seconds(1, load);
    expect(subject.refusal()).toBeUndefined();
    await seconds(1, load);
    expect(subject.refusal()).toBe(cause);
    await seconds(1, idle);
    expect(subject.refusal()).toBeUndefined();
    expect(subject.report.refused[cause]).toBe(1);
    expect(lines.map(({ message }) => message)).toEqual(['overloaded: new calls are refused', 'calls are taken again']);
    subject.close();
  });

  it('does not take and refuse in turn when the load is just at the limit', async () => {
    const { subject, seconds, lines } = admission({ maxCpu: 0.5 });
    for (let second = 0; second < 20; second++) await seconds(1, { media: second % 2 === 0 ? 0.51 : 0.47 });
    expect(lines.length).toBeLessThanOrEqual(1);
    subject.close();
  });

  it('takes them all the same where no limit is set', async () => {
    const { subject, seconds } = admission({ maxCpu: 0, maxLag: 0 });
    await seconds(10, { main: 1, media: 1, process: 1, lag: 5000 });
    expect(subject.refusal()).toBeUndefined();
    subject.close();
  });
});

describe('the limit of calls', () => {
  test('is kept: the next gets 503 with Retry-After, and comes in when one has gone', async ({ lab }) => {
    const tandem = await lab.serve(
      async (call) => {
        await call.answer();
        await call.ended;
      },
      { admission: { maxCalls: 2, retryAfter: 7 } },
    );
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => lab.phone(name));
    await alice!.dial('1003');
    await bob!.dial('1003');
    await expect(carol!.dial('1003')).rejects.toThrow(/503/);
    expect((await tandem.check()).admission).toMatchObject({ maxCalls: 2, refusing: 'calls', refused: { calls: 1 } });
    await alice!.hangup();
    await lab.advance(1000);
    await carol!.dial('1003');
    expect((await tandem.check()).calls).toBe(2);
  });

  test('counts a call with its second leg once', async ({ lab }) => {
    const phone = lab.phone('uas');
    phone.onCall = { answerAfterMs: 0 };
    const tandem = await lab.serve(
      async (call, owner) => {
        const leg = await call.invite('sip:uas@10.0.1.1');
        await using bridge = await owner.bridge(call, leg);
        await bridge.ended;
      },
      { admission: { maxCalls: 1 } },
    );
    await lab.phone('alice').dial('1');
    expect((await tandem.check()).calls).toBe(2);
    expect((await tandem.check()).admission.refused.calls).toBe(0);
  });
});

describe('a limit that is none', () => {
  it.each([{ maxCalls: -1 }, { maxCpu: 2 }, { maxLag: Number.NaN }])('%j is refused', (options) => {
    expect(() => admission(options)).toThrow(ConfigError);
  });
});

describe('what --calibrate writes', () => {
  it('stands among what was there, comments too', () => {
    const before = '# ours\nlisten: [udp:0.0.0.0:5060] # SIP\nadmission:\n  maxLag: 100\n';
    const after = withSetting(before, 'admission.maxCalls', 321);
    expect(after).toContain('# ours');
    expect(after).toContain('# SIP');
    expect(after).toContain('maxLag: 100\n  maxCalls: 321');
  });

  it('is not written into what is no YAML', () => {
    expect(() => withSetting('a: [', 'admission.maxCalls', 1)).toThrow(ConfigError);
  });
});
