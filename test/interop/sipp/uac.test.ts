/** sipp's built-in caller against the ready-made server. */
import { afterEach, describe, expect, it } from 'vitest';
import { expectNoPrograms } from '../support/process.ts';
import { allWell, runSipp } from '../support/sipp.ts';
import { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

describe.each(['udp', 'tcp'] as const)('2,000 calls at 100/s over %s', (transport) => {
  it('all succeed, without an unexpected message, and leave nothing', async () => {
    await using server = await TandemServer.start(['ivr']);
    const target = transport === 'udp' ? server.port : server.tcpPort;
    const result = await runSipp({ scenario: 'uac', target, user: '1000', transport, calls: 2000, rate: 100 });
    expect(result, result.complaints).toMatchObject(allWell(2000));
    await server.expectIdle({ transactions: true });
    expect(server.errors).toEqual([]);
    await server.stop();
  });
});
