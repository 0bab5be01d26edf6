import { describe, expect, it } from 'vitest';
import type { LegStats } from '../../../media/index.ts';
import { Metrics } from '../../../src/control/metrics/metrics.ts';
import { FakeClock } from '../../../src/testing/index.ts';
import { idleReport, openServer, TestSubject } from '../http/support.ts';

const probe = {
  memory: () => ({ rss: 100, heapUsed: 50, external: 7 }),
  cpuSeconds: () => 2.5,
  loopLag: () => ({ p50: 0.001, p99: 0.01, max: 0.1 }),
};

function metricsOf(subject: TestSubject, clock = new FakeClock()) {
  const metrics = new Metrics(subject, { clock, probe, webhooks: { stats: [] } });
  /** Lines of a figure, without its name. */
  const lines = async (name: string): Promise<string[]> => {
    const text = await metrics.text(subject.report);
    return text
      .split('\n')
      .filter((line) => line.startsWith(`tandem_${name}{`) || line.startsWith(`tandem_${name} `))
      .map((line) => line.slice(name.length + 7));
  };
  return { metrics, lines, clock };
}

const leg = (sessionId: string) => ({ callId: 'c', sessionId, at: 0 });
const settled = () => new Promise((resolve) => setImmediate(resolve));

function stats(received: object, sent: object, rtcp: object): LegStats {
  return { received, sent, rtcp } as unknown as LegStats;
}

describe('/metrics', () => {
  it('counts legs by state and direction, through a call and after it', async () => {
    const subject = new TestSubject();
    const { lines, clock } = metricsOf(subject);
    const { observer } = subject;
    const created = { fromUri: 'sip:a@b', toUri: 'sip:c@d' };
    observer.emit('call:created', { ...leg('1'), ...created, direction: 'inbound' });
    observer.emit('call:created', { ...leg('2'), ...created, direction: 'outbound' });
    observer.emit('call:early', { ...leg('2'), status: 180 });
    await settled();
    const live = async () => (await lines('calls')).filter((line) => !line.endsWith(' 0'));
    expect(await live()).toEqual(['{state="initial",direction="inbound"} 1', '{state="early",direction="outbound"} 1']);
    await clock.advance(3_000);
    for (const id of ['1', '2']) observer.emit('call:answered', leg(id));
    observer.emit('call:confirmed', leg('1'));
    await settled();
    expect(await live()).toEqual([
      '{state="answered",direction="outbound"} 1',
      '{state="confirmed",direction="inbound"} 1',
    ]);
    expect(await lines('call_setup_seconds_sum')).toEqual(['{direction="inbound"} 3', '{direction="outbound"} 3']);
    for (const id of ['1', '2', '2', 'unknown'])
      observer.emit('call:ended', { ...leg(id), cause: { by: id === '1' ? 'remote' : 'local' } });
    await settled();
    expect(await live()).toEqual([]);
    expect(await lines('calls_total')).toEqual(['{direction="inbound"} 1', '{direction="outbound"} 1']);
    expect(await lines('calls_ended_total')).toEqual([
      '{direction="inbound",by="remote"} 1',
      '{direction="outbound",by="local"} 1',
    ]);
  });

  it('counts SIP messages; names that a peer makes up are no series of their own', async () => {
    const subject = new TestSubject();
    const { lines } = metricsOf(subject);
    const sip = { callId: 'c', at: 0, direction: 'in', peer: 'p' } as const;
    for (const method of ['INVITE', 'INVITE', 'FROBNICATE', 'X" 1\n'])
      subject.observer.emit('sip:request', { ...sip, method });
    for (const status of [200, 487, 299, 699])
      subject.observer.emit('sip:response', { ...sip, direction: 'out', method: 'INVITE', status });
    await settled();
    expect(await lines('sip_requests_total')).toEqual([
      '{direction="in",method="INVITE"} 2',
      '{direction="in",method="other"} 2',
    ]);
    expect(await lines('sip_responses_total')).toEqual([
      '{direction="out",method="INVITE",status="200"} 1',
      '{direction="out",method="INVITE",status="487"} 1',
      '{direction="out",method="INVITE",status="2xx"} 1',
      '{direction="out",method="INVITE",status="6xx"} 1',
    ]);
  });

  it('tells how ended calls sounded, here and over there', async () => {
    const subject = new TestSubject();
    const { lines } = metricsOf(subject);
    const heard = stats(
      { packets: 90, lost: 10, jitterMs: 4, mos: 4.1 },
      { packets: 100, mos: 3 },
      { remoteLost: 50, remoteJitterMs: 20 },
    );
    // Nothing was heard, and nothing was reported.
    const silent = stats({ packets: 0, lost: 0, jitterMs: 0 }, { packets: 100 }, {});
    // More came than there should: copies.
    const copies = stats({ packets: 100, lost: -5, jitterMs: 0, mos: 4.4 }, { packets: 0 }, {});
    for (const one of [heard, silent, copies]) subject.observer.emit('media:stats', { ...leg('1'), stats: one });
    await settled();
    expect(await lines('rtp_loss_ratio_sum')).toEqual(['{side="received"} 0.1', '{side="sent"} 0.5']);
    expect(await lines('rtp_loss_ratio_count')).toEqual(['{side="received"} 2', '{side="sent"} 1']);
    expect(await lines('rtp_jitter_seconds_sum')).toEqual(['{side="received"} 0.004', '{side="sent"} 0.02']);
    expect(await lines('rtp_mos_count')).toEqual(['{side="received"} 2', '{side="sent"} 1']);
  });

  it('tells what is open, the registry, and the process', async () => {
    const subject = new TestSubject();
    const { lines, metrics } = metricsOf(subject);
    subject.registry.statistics = { active: 3, early: 1, processed: 100, expired: 2, failed: 4 };
    subject.report = {
      ...idleReport,
      bindings: 5,
      draining: true,
      media: { legs: 6, io: 'native' },
      registrations: [{ state: 'registered' }, { state: 'registered' }, { state: 'failed' }],
      trunks: [
        { name: 'main', state: 'up', calls: 2 },
        { name: 'spare "one"', state: 'down', calls: 0 },
      ],
    };
    expect(await lines('dialogs')).toEqual(['{state="active"} 3', '{state="early"} 1']);
    expect(await lines('dialogs_total')).toEqual(['{what="processed"} 100', '{what="expired"} 2', '{what="failed"} 4']);
    expect(await lines('media')).toEqual(['{what="legs"} 6']);
    expect(await lines('registered_phones')).toEqual([' 5']);
    expect(await lines('draining')).toEqual([' 1']);
    expect(await lines('registrations')).toEqual(['{state="registered"} 2', '{state="failed"} 1']);
    expect(await lines('trunk_up')).toEqual(['{trunk="main"} 1', '{trunk="spare \\"one\\""} 0']);
    expect(await lines('trunk_calls')).toEqual(['{trunk="main"} 2', '{trunk="spare \\"one\\""} 0']);
    expect(await lines('event_loop_lag_seconds')).toEqual([
      ...['{quantile="0.5"} 0.001', '{quantile="0.99"} 0.01', '{quantile="1"} 0.1'],
    ]);
    const text = await metrics.text(subject.report);
    expect(text).toContain('\nprocess_resident_memory_bytes 100\n');
    expect(text).toContain('\nprocess_cpu_seconds_total 2.5\n');
    // A scrape of the same counts them no twice.
    expect(await lines('dialogs_total')).toContain('{what="processed"} 100');
  });

  it('tells how the database of the calls is', async () => {
    const subject = new TestSubject();
    const { lines } = metricsOf(subject);
    expect(await lines('store_up')).toEqual([]);
    const store = { required: false, state: 'ready', error: undefined, pending: 0, cdrs: 0, dropped: 0, losses: 0 };
    subject.report = { ...idleReport, store };
    expect(await lines('store_up')).toEqual([' 1']);
    subject.report = { ...idleReport, store: { ...store, state: 'lost', pending: 7, cdrs: 3, dropped: 1, losses: 2 } };
    expect(await lines('store_up')).toEqual([' 0']);
    expect(await lines('store_pending')).toEqual(['{what="calls"} 7', '{what="cdrs"} 3']);
    expect(await lines('store_events_total')).toEqual(['{what="lost"} 2', '{what="dropped"} 1']);
  });

  it('is there when the media engine hangs, without what it knows', async () => {
    const { metrics } = metricsOf(new TestSubject());
    const text = await metrics.text(undefined);
    expect(text).toContain('tandem_calls{');
    expect(text).not.toContain('tandem_media{');
  });

  it('of two servers in a process has nothing in common, and ends with its server', async () => {
    const [one, other] = [new TestSubject(), new TestSubject()];
    await using first = await openServer(one);
    await using second = await openServer(other);
    one.observer.emit('sip:request', { callId: 'c', at: 0, direction: 'in', peer: 'p', method: 'INVITE' });
    await settled();
    const scrape = async (base: string) => {
      const response = await fetch(`${base}/metrics`);
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      return response.text();
    };
    expect(await scrape(first.base)).toContain('method="INVITE"} 1');
    expect(await scrape(second.base)).not.toContain('method="INVITE"');
    await first.http.close();
    expect(one.observer.has('sip:request')).toBe(false);
    expect(one.observer.has('call:ended')).toBe(false);
    expect(other.observer.has('call:ended')).toBe(true);
  });
});

describe('the probes', () => {
  const probes = async (base: string) => {
    const ready = await fetch(`${base}/readyz`);
    const alive = await fetch(`${base}/healthz`);
    return { alive: alive.status, ready: ready.status, said: await ready.json() };
  };

  it.each([
    [{}, 200, []],
    [{ draining: true }, 503, ['draining']],
    [{ listeners: [] }, 503, ['not open']],
    [{ draining: true, listeners: [] }, 503, ['draining', 'not open']],
  ])('of %j', async (report, ready, reasons) => {
    const subject = new TestSubject();
    subject.report = { ...idleReport, ...report };
    await using server = await openServer(subject);
    expect(await probes(server.base)).toEqual({ alive: 200, ready, said: { ready: ready === 200, reasons } });
  });

  it('tell of a database that is lost, and are not ready without one that is required', async () => {
    const subject = new TestSubject();
    await using server = await openServer(subject);
    const store = { required: false, state: 'ready', error: undefined, pending: 0, cdrs: 0, dropped: 0, losses: 0 };
    const saidOf = async (own: object): Promise<unknown> => {
      subject.report = { ...idleReport, store: { ...store, ...own } };
      const { ready, said } = await probes(server.base);
      return [ready, said];
    };
    const lost = 'the database is lost';
    expect(await saidOf({})).toEqual([200, { ready: true, reasons: [] }]);
    expect(await saidOf({ state: 'lost' })).toEqual([200, { ready: true, reasons: [], warnings: [lost] }]);
    expect(await saidOf({ state: 'lost', required: true })).toEqual([503, { ready: false, reasons: [lost] }]);
  });

  it('tell of a media engine that hangs', async () => {
    const clock = new FakeClock();
    const subject = new TestSubject();
    const hanging = { ...subject.tandem, check: () => new Promise<never>(() => {}) };
    await using server = await openServer({ tandem: hanging }, { clock });
    const asking = probes(server.base);
    await expect.poll(() => clock.pendingTimers().map(({ label }) => label)).toContain('within');
    await clock.advance(2_000);
    expect(await asking).toMatchObject({ alive: 200, ready: 503, said: { reasons: ['media does not answer'] } });
  });
});
