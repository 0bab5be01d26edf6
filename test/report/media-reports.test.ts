import { describe } from 'vitest';
import type { TandemOptions } from '../../src/options.ts';
import { formatMediaReport } from '../../src/report/format.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

const callIdOf = (lab: Lab, of: (callId: string) => void, options: TandemOptions = {}) =>
  lab.serve(async (call) => {
    of(call.callId);
    await call.answer();
    await call.ended;
  }, options);

describe('a media report', () => {
  test('of a call without RTP is kept, with what was seen and the SIP messages beside it', async ({ lab }) => {
    let id = '';
    const tandem = await callIdOf(lab, (callId) => (id = callId), {
      media: { rtpTimeout: 1_000, hangupOnRtpTimeout: true },
    });
    const alice = lab.phone('alice', { talks: false });
    await alice.dial('1000');
    await alice.ends();
    await lab.advance(1_000);
    const [report, ...more] = tandem.mediaReport(id);
    expect(more).toEqual([]);
    expect(report).toMatchObject({ callId: id, direction: 'inbound', others: [], cause: { by: 'timeout' } });
    expect(report?.stats?.codec).toBe('PCMU/8000');
    expect(report?.events.map(({ name }) => name)).toEqual(['media:started', 'media:timeout']);
    expect(tandem.trace(id).length).toBeGreaterThan(3);
    const text = report ? formatMediaReport(report) : '';
    expect(text).toContain('leg inbound, ended by timeout no RTP');
    expect(text).toContain('received 0 packets');
    expect(text).toContain('media:timeout  silentMs');
  });

  test('of a call whose audio failed is kept although it ended well, and so are its messages', async ({ lab }) => {
    let id = '';
    const tandem = await callIdOf(lab, (callId) => (id = callId), { media: { rtpTimeout: 1_000 } });
    const alice = lab.phone('alice', { talks: false });
    await alice.dial('1000');
    await lab.advance(2_000);
    expect(tandem.mediaReport(id)[0]?.cause).toBeUndefined();
    await alice.hangup();
    await lab.advance(1_000);
    expect(tandem.mediaReport(id)[0]?.cause?.by).toBe('remote');
    expect(tandem.trace(id).length).toBeGreaterThan(3);
  });

  test('of a call that went well is not, nor is any with `keep: none`', async ({ lab }) => {
    let id = '';
    const tandem = await callIdOf(lab, (callId) => (id = callId));
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hangup();
    await lab.advance(1_000);
    expect(tandem.mediaReport(id)).toEqual([]);
    expect(tandem.trace(id)).toEqual([]);
  });

  test('names the other legs of the call', async ({ lab }) => {
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    bob.onCall = { reject: 486 };
    let id = '';
    const tandem = await lab.serve(async (call) => {
      id = call.callId;
      await call.invite('sip:bob@bob');
    });
    await alice.dial('bob').catch(() => {});
    const [report] = tandem.mediaReport(id);
    const [other] = report?.others ?? [];
    expect(report?.cause?.status).toBe(486);
    expect(tandem.mediaReport(other ?? '')[0]).toMatchObject({ direction: 'outbound', others: [id] });
  });

  test('is forgotten after `keepFor`, and when there are more than `maxCalls`', async ({ lab }) => {
    const ids: string[] = [];
    const tandem = await lab.serve(
      (call) => {
        ids.push(call.callId);
        return call.reject(404);
      },
      { trace: { maxCalls: 2, keepFor: 60_000 } },
    );
    const alice = lab.phone('alice');
    for (let i = 0; i < 3; i++) await alice.dial('1000').catch(() => {});
    const known = (): number[] => ids.map((callId) => tandem.mediaReport(callId).length);
    expect(known()).toEqual([0, 1, 1]);
    await lab.advance(61_000);
    expect(known()).toEqual([0, 0, 0]);
  });
});
