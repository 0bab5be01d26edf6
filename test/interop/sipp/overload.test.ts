/** Twice as many calls as a server has room for. */
import { afterEach, describe, expect, it } from 'vitest';
import { RawPhone } from '../../helpers/raw-phone.ts';
import { expectNoPrograms } from '../support/process.ts';
import { runSipp } from '../support/sipp.ts';
import { payloads } from '../support/sound.ts';
import { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

const room = 20;

describe('a server with room for twenty calls', () => {
  it('refuses the rest with 503, and those that talk hear every packet', async () => {
    await using server = await TandemServer.start(['ivr'], {
      env: { TANDEM_ADMISSION_MAX_CALLS: String(room), TANDEM_ADMISSION_MAX_CPU: '0', TANDEM_ADMISSION_MAX_LAG: '0' },
    });
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user: '600' })).status).toBe(200);
    const flood = runSipp({
      ...{ scenario: 'uac', target: server.port, user: '600', calls: 2 * room, rate: 4 * room, pause: 3000 },
      args: ['-trace_error_codes'],
    });
    const said = payloads(100, 1);
    await phone.speak(said);
    await phone.hears(100, 0);
    const { created, successful, failed } = await flood;
    expect({ created, successful, failed }).toEqual({
      created: 2 * room,
      successful: room - 1,
      failed: room + 1,
    });
    const { admission, invites } = await server.check();
    expect(admission.refused.calls).toBe(room + 1);
    expect(invites.rejected[503]).toBe(room + 1);
    await phone.bye();
    await server.expectIdle();
    await server.stop();
  });
});
