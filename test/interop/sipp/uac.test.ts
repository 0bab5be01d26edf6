/** sipp's built-in caller against the ready-made server. */
import { afterEach, describe, expect, it } from 'vitest';
import { expectNoPrograms } from '../support/process.ts';
import { allWell, runSipp } from '../support/sipp.ts';
import { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

describe('2,000 calls at 100/s, half of them over TCP', () => {
  it('all succeed, without an unexpected message, and leave nothing', async () => {
    // How busy the machine is otherwise is not what this is about.
    const env = { TANDEM_ADMISSION_MAX_CPU: '0', TANDEM_ADMISSION_MAX_LAG: '0' };
    await using server = await TandemServer.start(['ivr'], { env });
    const half = { scenario: 'uac', user: '1000', calls: 1000, rate: 50 } as const;
    const results = await Promise.all([
      runSipp({ ...half, target: server.port, transport: 'udp' }),
      runSipp({ ...half, target: server.tcpPort, transport: 'tcp' }),
    ]);
    for (const result of results) expect(result, result.complaints).toMatchObject(allWell(1000));
    await server.expectIdle({ transactions: true });
    expect(server.errors).toEqual([]);
    await server.stop();
  });
});
