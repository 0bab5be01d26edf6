import { describe } from 'vitest';
import { findingsOf, printFindings } from '../../src/cli/check-findings.ts';
import type { RegistryOptions, Tandem } from '../../src/index.ts';
import type { LabHandler } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

const answer: LabHandler = async (call) => {
  await call.answer();
  await call.ended;
};
const names = ['core.version', 'dlg.list', 'dlg.stats_active'];
const registry: RegistryOptions = { profilesWithValue: ['caller'], autoProfiles: { caller: 'fromUri' } };

async function look(tandem: Tandem, commands: readonly string[] | string = names) {
  const findings = findingsOf(await tandem.check(), commands);
  return {
    text: printFindings(findings),
    bad: findings.filter(({ result }) => result !== 'ok').map(({ what }) => what),
    of: (what: string) => findings.find((one) => one.what === what),
  };
}

describe('the findings of tandem check', () => {
  test('go through the points of the checklist', async ({ lab }) => {
    const tandem = await lab.serve(answer, { registry });
    const alice = lab.phone('alice');
    await alice.dial('1003');
    const { text, bad, of } = await look(tandem);
    expect(bad).toEqual([]);
    expect(text).toContain('ok    commands      2 of dlg.*, 3 in all\n');
    expect(text).toContain('→ there is no dlg.stats: use dlg.stats_active, dlg.briefing or dlg.list\n');
    expect(of('INVITEs')?.text).toBe('1 seen, 1 tracked, 0 rejected');
    expect(of('active calls')?.text).toContain('1 active, 0 ringing of 1 that run; since the start 1 processed');
    expect(of('details')?.text).toContain('sip:alice@10.0.1.1 → sip:1003@10.0.0.1');
    expect(of('time-outs')?.text).toContain('answered 43200 s, ringing 300 s, without ACK 60 s, over 300 s');
    expect(of('profiles')?.text).toBe('caller 1; of every call caller by fromUri');
    await alice.hangup();
    await lab.advance(1_000);
    const after = await look(tandem);
    expect(after.of('active calls')?.text).toContain('0 active');
    expect(after.of('clean-up')).toMatchObject({ result: 'ok' });
  });

  test('tell of the journal and of the records of calls', async ({ lab }) => {
    const report = await (await lab.serve(answer)).check();
    const journal = { bytes: 0, records: 0, batches: 0, compactions: 0 };
    const found = (more: object, what: string) =>
      findingsOf({ ...report, ...more }, names).find((one) => one.what === what);
    expect(found({}, 'journal')).toBeUndefined();
    const kept = { recovered: 3, lost: 1, problem: undefined, journal };
    expect(found({ recovery: kept }, 'journal')).toMatchObject({
      ...{ result: 'ok', text: 'calls would go on after a crash; of the process before 3 do, and 1 could not' },
    });
    expect(found({ recovery: { ...kept, problem: 'ENOSPC' } }, 'journal')).toMatchObject({ result: 'warn' });
    const file = { name: 'file', sent: 2, waiting: 0, dropped: 0, problem: undefined };
    expect(found({ cdrs: [file] }, 'records')).toMatchObject({ result: 'ok', text: '2 to the file' });
    const spans = { sent: 3, waiting: 0, dropped: 0, problem: undefined };
    expect(found({ telemetry: spans }, 'traces')).toMatchObject({ result: 'ok' });
    expect(found({ telemetry: { ...spans, waiting: 7, problem: 'HTTP 503' } }, 'traces')).toMatchObject({
      result: 'warn',
      text: '7 spans wait for the collector: HTTP 503',
    });
    expect(found({ telemetry: { ...spans, dropped: 7 } }, 'traces')).toMatchObject({ result: 'warn' });
    expect(found({ cdrs: [{ ...file, waiting: 4, problem: 'EACCES' }] }, 'records')).toMatchObject({
      ...{ result: 'warn', text: '4 wait for the file: EACCES' },
    });
  });

  test('tell of recordings', async ({ lab }) => {
    const report = await (await lab.serve(answer)).check();
    const found = (more: object, problem?: string) => {
      const spool = { waiting: 3, bytes: 9, failed: 0, problem };
      const recordings = { ...{ spool, uploaded: 2, uploadedBytes: 8, givenUp: 0, deleted: 1 }, ...more };
      return findingsOf({ ...report, recordings }, names).find(({ what }) => what === 'recordings');
    };
    expect(findingsOf(report, names).some(({ what }) => what === 'recordings')).toBe(false);
    expect(found({})).toMatchObject({ result: 'ok', text: '2 uploaded, 1 deleted, 3 wait' });
    expect(found({}, 'HTTP 403')).toMatchObject({ result: 'warn', text: '3 wait: HTTP 403' });
    expect(found({ givenUp: 1 })).toMatchObject({ result: 'warn', text: '1 cannot be stored as the settings say' });
  });

  test('tell of the database', async ({ lab }) => {
    const tandem = await lab.serve(answer);
    const report = await tandem.check();
    const health = { ...{ url: 'mysql://u:…@h/d', mode: 'realtime', required: false, error: undefined, since: 0 } };
    const counts = { pending: 0, cdrs: 0, dropped: 0, losses: 0, loaded: 0 };
    const found = (more: object) => {
      const store = { ...health, ...counts, state: 'ready', ...more } as NonNullable<typeof report.store>;
      return findingsOf({ ...report, store }, names).find(({ what }) => what === 'database');
    };
    expect(findingsOf(report, names).some(({ what }) => what === 'database')).toBe(false);
    expect(found({})).toMatchObject({ result: 'ok', text: 'mysql://u:…@h/d, mode realtime' });
    expect(found({ state: 'lost', error: 'no route', pending: 2 })).toMatchObject({
      ...{ result: 'warn', text: expect.stringContaining('is lost: no route; 2 calls and 0 call detail records wait') },
    });
    expect(found({ dropped: 1 })).toMatchObject({ result: 'warn', text: 'mysql://u:…@h/d did not take 1 rows' });
  });

  test('say where to look when no call has come', async ({ lab }) => {
    const tandem = await lab.serve(answer);
    const { bad, of } = await look(tandem);
    expect(bad).toEqual(['INVITEs']);
    expect(of('INVITEs')?.todo).toContain('does the phone call udp:10.0.0.1:5060');
  });

  test('say when it only comes to refusals', async ({ lab }) => {
    const tandem = await lab.serve(answer, {
      auth: { realm: 'lab', users: { alice: { password: 'right' } }, require: () => true },
    });
    const alice = lab.phone('alice');
    alice.invite('1003');
    await alice.ends();
    const { of } = await look(tandem);
    expect(of('INVITEs')).toMatchObject({
      result: 'warn',
      text: '1 seen, 0 tracked, 1 rejected (1 with 401)',
      todo: 'the phone has no password, or a wrong one: see users',
    });
  });

  test('say when a script takes its calls out of the list', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      call.track(false);
      await answer(call, tandem);
    });
    await lab.phone('alice').dial('1003');
    expect((await look(tandem)).of('tracking')).toMatchObject({
      result: 'warn',
      todo: 'look for track(false) in the script',
    });
  });

  test('say when calls stay because their peer does not answer the BYE', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      await call.answer();
      await tandem.sleep(5_000, { signal: call.signal });
    });
    const alice = lab.phone('alice');
    await alice.dial('1003');
    alice.vanish();
    await lab.advance(10_000);
    expect((await look(tandem)).of('clean-up')).toMatchObject({
      result: 'warn',
      text: expect.stringContaining('1 calls are over'),
      todo: expect.stringContaining('dlg.end_dlg <h_entry> <h_id>'),
    });
  });

  test('say what is not as it should be in the settings', async ({ lab }) => {
    const tandem = await lab.serve(answer, { registry: { sendBye: false } });
    const { of } = await look(tandem, 'nobody listens');
    expect(of('time-outs')).toMatchObject({ result: 'warn', todo: expect.stringContaining('registry.sendBye: true') });
    expect(of('commands')).toMatchObject({ result: 'warn', text: 'could not be asked: nobody listens' });
    expect((await look(tandem, ['core.version'])).of('commands')).toMatchObject({ result: 'warn' });
    const without = await lab.serve(answer, { registry: false });
    expect((await look(without)).bad).toEqual(['registry', 'tracking', 'INVITEs']);
    void tandem.drain();
    await lab.phone('alice').invite('1003');
    await lab.advance(1_000);
    expect((await look(tandem)).of('INVITEs')).toMatchObject({
      result: 'warn',
      text: expect.stringContaining('(1 with 503)'),
      todo: expect.stringContaining('draining'),
    });
  });
});
