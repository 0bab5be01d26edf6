import { connect } from 'node:net';
import { expect, it } from 'vitest';
import type { ControlAddress, PortAddress } from '../../../src/control/binrpc/address.ts';
import { askBinrpc } from '../../../src/control/binrpc/client.ts';
import { printFault, printRecords } from '../../../src/control/binrpc/print.ts';
import type { RpcScalar } from '../../../src/control/rpc/value.ts';
import { Bench, Peer } from '../binrpc/bench.ts';

async function printed(address: ControlAddress, method: string, ...args: readonly RpcScalar[]): Promise<string> {
  const answer = await askBinrpc(address, { method, args, timeoutMs: 10_000, cookie: 1 });
  return 'fault' in answer ? printFault(answer.fault) : printRecords(answer.records);
}

it('ctl.* prints what Kamailio prints of its sockets and connections', async () => {
  await using bench = new Bench();
  const [unix, tcp, udp] = (await bench.open(`unixs:${bench.path}`, 'tcp:127.0.0.1:0', 'udp:127.0.0.1:0')) as [
    ControlAddress,
    PortAddress,
    PortAddress,
  ];
  expect(await printed(unix, 'ctl.listen')).toBe(
    `binrpc\nunix_stream\n${bench.path}\n\nbinrpc\ntcp\n127.0.0.1\n${tcp.port}\nbinrpc\nudp\n127.0.0.1\n${udp.port}\n`,
  );
  expect(await printed(unix, 'ctl.who')).toBe(`binrpc\nunix_stream\n<anonymous unix socket>\n\n${bench.path}\n\n`);
  expect(await printed(unix, 'ctl.connections')).toBe('1\n');
  while (bench.server.connections.length > 0) await new Promise(setImmediate);
  expect(await printed(udp, 'ctl.who')).toBe('error: 400 - no open stream connection\n');
  expect(await printed(udp, 'ctl.connections')).toBe('0\n');

  const other = new Peer(connect(tcp.port, tcp.host));
  while (bench.server.connections.length === 0) await new Promise(setImmediate);
  const { port } = other.socket.address() as { port: number };
  expect(await printed(udp, 'ctl.who')).toBe(`binrpc\ntcp\n127.0.0.1\n${port}\n127.0.0.1\n${tcp.port}\n`);
});

it('system.* lists the commands and their help, and faults as Kamailio', async () => {
  await using bench = new Bench();
  const [unix] = (await bench.open()) as [ControlAddress];
  const names = (await printed(unix, 'system.listMethods')).trim().split('\n');
  expect(names).toEqual([...names].sort());
  expect(names).toContain('system.methodHelp');
  expect(await printed(unix, 'system.methodHelp', 'core.version')).toBe('Returns the version string of the server.\n');
  expect(await printed(unix, 'system.methodHelp')).toBe('error: 400 - Method Name Expected\n');
  expect(await printed(unix, 'system.methodHelp', 'nosuch')).toBe('error: 400 - command not found\n');
  expect(await printed(unix, 'system.methodSignature', 'x')).toBe('error: 500 - Not Implemented Yet\n');
});

it('core.* tells version and uptime in the shapes of Kamailio', async () => {
  await using bench = new Bench();
  const [unix] = (await bench.open()) as [ControlAddress];
  expect(await printed(unix, 'core.version')).toBe('tandem 0.1.0 (x64/linux)\n');
  expect(await printed(unix, 'core.uptime')).toMatch(
    /^\{\n\tnow: Thu Nov {2}5 \d\d:02:03 2026\n\tup_since: Thu Nov {2}5 \d\d:00:00 2026\n\tuptime: 3723\n\}\n$/,
  );
  expect(await printed(unix, 'core.info')).toBe(
    '{\n\tversion: tandem 0.1.0\n\tid: x64/linux\n\tcompiler: Node.js 24\n\tcompiled: \n\tflags: \n}\n',
  );
  expect(await printed(unix, 'core.echo', 'a', 1, 1.5)).toBe('a\n1\n1.500000\n');
  expect(await printed(unix, 'core.echo')).toBe('');
});
