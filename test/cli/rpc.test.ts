import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { nearestNames } from '../../src/base/nearest.ts';
import { packageVersion } from '../../src/base/node-package.ts';
import { argument } from '../../src/cli/rpc.ts';
import type { ControlAddress, PortAddress } from '../../src/control/binrpc/address.ts';
import { openHttp } from '../../src/control/http/open.ts';
import { Tandem } from '../../src/tandem.ts';
import { Bench } from '../control/binrpc/bench.ts';
import * as golden from '../control/binrpc/golden.ts';
import { runTandem, startServer } from '../helpers/cli.ts';

describe('an argument', () => {
  it.each([
    ['1', 1],
    ['-7', -7],
    ['1.5', 1.5],
    ['2.0', '2.0'],
    ['s:1', '1'],
    ['s:', ''],
    ['', ''],
    ['sip:5001@192.168.210.54', 'sip:5001@192.168.210.54'],
    ['0049301234', '0049301234'],
    ['+49301234', '+49301234'],
    ['493012345678', '493012345678'],
    ['12e5', '12e5'],
    ['Infinity', 'Infinity'],
    ['1.2345', '1.2345'],
  ])('%j is sent as %j', (word, value) => {
    expect(argument(word)).toBe(value);
  });
});

describe('nearest names', () => {
  const names = ['dlg.briefing', 'dlg.list', 'dlg.list_ctx', 'dlg.stats_active', 'core.version'];
  it.each([
    ['dlg.stats', ['dlg.stats_active']],
    ['dlg.lst', ['dlg.list']],
    ['dlg.breifing', ['dlg.briefing']],
    ['dlg.li', ['dlg.list', 'dlg.list_ctx']],
    ['nothing.like_it', []],
  ])('of %s are %j', (word, near) => {
    expect(nearestNames(word, names)).toEqual(near);
  });
});

describe('a command of a running server', () => {
  let bench: Bench;
  let udp: PortAddress;
  let tcp: PortAddress;
  beforeAll(async () => {
    bench = new Bench();
    bench.methods.add({ name: 'dlg.stats_active', help: '', run: () => stats });
    bench.methods.add({ name: 'dlg.list', help: '', run: () => ({ list: [golden.dialog] }) });
    [, tcp, udp] = (await bench.open(`unixs:${bench.path}`, 'tcp:127.0.0.1:0', 'udp:127.0.0.1:0')) as [
      ControlAddress,
      PortAddress,
      PortAddress,
    ];
  });
  afterAll(async () => {
    await bench[Symbol.asyncDispose]();
  });
  const stats = { starting: 0, connecting: 1, answering: 1, ongoing: 2, all: 4 };
  const ask = (...args: readonly string[]) => runTandem(args, { env: { TANDEM_CTL: bench.path } });

  it('prints what kamcmd prints, over every socket', async () => {
    for (const server of [bench.path, `tcp:127.0.0.1:${tcp.port}`, `127.0.0.1:${udp.port}`]) {
      const { status, stdout, stderr } = await runTandem(['test.dialog', '-s', server]);
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: golden.text, stderr: '' });
    }
  });

  it('sends its arguments typed', async () => {
    const { stdout } = await ask('core.echo', 'a', '1', '1.5', 's:1', '0049', '--json');
    expect(JSON.parse(stdout)).toEqual(['a', 1, 1.5, '1', '0049']);
  });

  it('prints the result of JSON-RPC', async () => {
    expect(JSON.parse((await ask('dlg.list', '--json')).stdout)).toEqual([golden.dialog]);
    expect(JSON.parse((await ask('dlg.stats_active', '--format', 'json')).stdout)).toEqual(stats);
    expect(JSON.parse((await ask('test.nothing', '--json')).stdout)).toEqual({});
  });

  it('prints one number as the quick reference does', async () => {
    expect((await ask('dlg.stats_active', '--format', 'quickref')).stdout).toBe('3\n');
    expect((await ask('core.version', '--format', 'quickref')).stdout).toBe('tandem 0.1.0 (x64/linux)\n');
  });

  it('ends with 1 on a fault, which kamcmd prints and JSON does not', async () => {
    expect(await ask('test.fault')).toMatchObject({
      ...{ status: 1, stdout: 'error: 404 - Dialog not found\n', stderr: '' },
    });
    expect(await ask('test.fault', '--json')).toMatchObject({
      ...{ status: 1, stdout: '', stderr: 'tandem: 404 Dialog not found\n' },
    });
  });

  it('that is unknown names the nearest', async () => {
    expect(await ask('dlg.stats')).toMatchObject({
      status: 1,
      stdout: 'error: 500 - command dlg.stats not found\n',
      stderr: 'tandem: did you mean dlg.stats_active?\n',
    });
  });

  it('tells where no server answers', async () => {
    const nobody = await runTandem(['dlg.list'], { cwd: bench.folder });
    expect(nobody).toMatchObject({ status: 1, stdout: '' });
    expect(nobody.stderr).toMatch(
      /^tandem: no server answers: tried unixs:\.\/run\/tandem_ctl \(no such file\), .*TANDEM_CTL\n$/,
    );
    const named = await runTandem(['dlg.list', '-s', join(bench.folder, 'none')]);
    expect(named).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^tandem: no answer from unixs:.*ENOENT.*\n$/),
    });
  });

  it.each([
    [['dlg.list', '--format', 'xml'], /argument 'xml' is invalid/],
    [['dlg.list', '-s', 'tcp:'], /no host:port/],
    [['dlg.list', '-s', 'unixd:/tmp/x'], /unixs: here/],
    [['dlg.list', '--frobnicate'], /unknown option '--frobnicate'/],
  ])('%j is a wrong command line', async (args, message) => {
    expect(await runTandem(args)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(message) });
  });

  it('that is too long for the control socket is asked over HTTP, if the server has it', async () => {
    const tooLong = await ask('test.list', '20000');
    expect(tooLong).toMatchObject({ status: 1, stdout: expect.stringMatching(/^error: 500 - .*records: 20000/) });
    await using tandem = new Tandem({ transports: [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }] });
    const { methods } = bench;
    await using _http = await openHttp({ tandem, methods }, { listen: '127.0.0.1:0', logger: createLogger('silent') });
    const { status, stdout } = await ask('test.list', '20000');
    expect([status, stdout.split('\n').length, stdout.endsWith('record 19999\n')]).toEqual([0, 20_001, true]);
  });

  it('asks over HTTP when the server is a URL, with a token', async () => {
    const seen: unknown[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen.push(request.url, request.headers.authorization, JSON.parse(body));
      const fault = body.includes('test.fault');
      response.writeHead(fault ? 404 : 200, { 'content-type': 'application/json' });
      const error = { code: 404, message: 'Dialog not found' };
      response.end(JSON.stringify({ jsonrpc: '2.0', ...(fault ? { error } : { result: [golden.dialog] }), id: 1 }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const env = { TANDEM_CTL: url, TANDEM_HTTP_TOKEN: 'secret' };
    expect(await runTandem(['dlg.list', 'x', '1'], { env })).toMatchObject({ status: 0, stdout: golden.text });
    expect(await runTandem(['test.fault'], { env })).toMatchObject({
      ...{ status: 1, stdout: 'error: 404 - Dialog not found\n' },
    });
    expect(seen.slice(0, 3)).toEqual([
      '/RPC',
      'Bearer secret',
      { jsonrpc: '2.0', method: 'dlg.list', params: ['x', 1], id: 1 },
    ]);
    server.close();
    server.closeAllConnections();
  });
});

it('a server answers at ./run/tandem_ctl, and where its configuration says', async () => {
  await using server = await startServer(['ivr', '--socket', 'none', '--log-level', 'info'], {
    env: { TANDEM_CONTROL_LISTEN: '["tcp:127.0.0.1:0"]' },
  });
  const { stdout } = await runTandem(['core.version'], { cwd: server.folder });
  expect(stdout).toBe(`tandem ${packageVersion()} (${process.arch}/${process.platform})\n`);
  const listening = await runTandem(['ctl.listen'], { cwd: server.folder });
  expect(listening.stdout).toMatch(/^binrpc\nunix_stream\n\.\/run\/tandem_ctl\n\nbinrpc\ntcp\n127\.0\.0\.1\n\d+\n$/);
  expect((await server.tandem.stop('SIGTERM')).status).toBe(0);
  expect(existsSync(join(server.folder, 'run', 'tandem_ctl'))).toBe(false);
});
