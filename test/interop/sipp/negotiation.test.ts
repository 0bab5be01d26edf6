/** Offers, session timers and reliable responses with sipp as the peer: each with a twin that goes wrong. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { expectNoPrograms, root } from '../support/process.ts';
import { allWell, runSipp, Sipp, type SippOptions } from '../support/sipp.ts';
import { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

const ivr = ['ivr'] as const;
const earlyMedia = ['serve', join(root, 'examples', 'early-media.ts')] as const;
const shortTimers = { TANDEM_SESSION_TIMERS_MIN_SE: '2' };

/** Every call goes as the scenario has it, and leaves nothing. */
async function goesWell(
  args: readonly string[],
  scenario: string,
  options: Partial<SippOptions> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await using server = await TandemServer.start(args, { env });
  const { calls = 10 } = options;
  const target = { scenario, target: server.port, user: '1000', rate: 20, ...options, calls };
  const result = await runSipp(target);
  expect(result, result.complaints).toMatchObject(allWell(calls));
  await server.expectIdle();
  expect(server.errors).toEqual([]);
  await server.stop();
}

describe('reliable provisional responses', () => {
  it('are acknowledged by a caller that requires them', () => goesWell(earlyMedia, 'uac-prack'));
  it('end in 504 when the caller does not', () => goesWell(earlyMedia, 'uac-never-pracks'));

  it('are acknowledged on both legs of a call', async () => {
    await using uas = await Sipp.start({ scenario: 'uas-reliable', calls: 10 });
    const env = { TARGET: `sip:uas@127.0.0.1:${uas.port}` };
    await goesWell(['serve', join(root, 'examples', 'b2bua.ts')], 'uac-prack', {}, env);
    expect(await uas.result(), await uas.complaints()).toMatchObject(allWell(10));
  });
});

describe('UPDATE', () => {
  it('holds, resumes, and refreshes', () => goesWell(ivr, 'uac-update'));
  it('gets 491 while an offer of the server has no answer', () => goesWell(ivr, 'uac-update-glare'));
});

describe('session timers', () => {
  it('are kept by refreshes of the server', () => goesWell(ivr, 'uac-timer', {}, shortTimers));
  it('end a call whose peer does not answer them', () => goesWell(ivr, 'uac-timer-unanswered', {}, shortTimers));
  it('end a call whose peer does not refresh it', () => goesWell(ivr, 'uac-timer-silent', {}, shortTimers));
  it('that are too short get 422, and longer ones are taken', () => goesWell(ivr, 'uac-timer-422'));
});

describe('hold', () => {
  it('is answered in each form', () => goesWell(ivr, 'uac-hold-forms'));
  it('goes on by voice when T.38 is refused', () => goesWell(ivr, 'uac-fax'));
});

describe('a late offer', () => {
  it('is answered in the ACK', () => goesWell(ivr, 'uac-late-offer'));
  it('that is not answered ends the call', () => goesWell(ivr, 'uac-late-offer-unanswered'));
});
