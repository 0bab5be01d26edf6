/** The real `kamcmd` asks a control server, on every kind of socket, with one command and in a conversation. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type ControlAddress, printControlAddress } from '../../../src/control/binrpc/address.ts';
import { Bench } from '../../control/binrpc/bench.ts';
import * as golden from '../../control/binrpc/golden.ts';
import { runTandem } from '../../helpers/cli.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/ports.ts';
import { Program } from '../support/process.ts';

const transports = ['unixs', 'unixd', 'tcp', 'udp'] as const;

async function open(bench: Bench): Promise<readonly ControlAddress[]> {
  return bench.open(`unixs:${bench.path}`, `unixd:${bench.path}d`, 'tcp:127.0.0.1:0', 'udp:127.0.0.1:0');
}

async function kamcmd(address: ControlAddress, args: readonly string[], input?: string): Promise<string> {
  await using program = new Program('kamcmd', ['-s', printControlAddress(address), ...args], {
    ...(input === undefined ? {} : { input: Buffer.from(input) }),
  });
  expect(await program.ended()).toEqual({ code: 0, signal: null });
  expect(program.stderr).toBe('');
  return program.stdout;
}

describe.each(transports.map((transport, index) => ({ transport, index })))('kamcmd over $transport', ({ index }) => {
  it('prints one command as it prints it of Kamailio', async () => {
    await using bench = new Bench();
    const address = (await open(bench))[index] as ControlAddress;
    expect(await kamcmd(address, ['test.dialog'])).toBe(golden.text);
    expect(await kamcmd(address, ['test.nothing'])).toBe('');
    expect(await kamcmd(address, ['test.fault'])).toBe('error: 404 - Dialog not found\n');
    expect(await kamcmd(address, ['dlg.stats'])).toBe('error: 500 - command dlg.stats not found\n');
    expect(await kamcmd(address, ['core.version'])).toBe('tandem 0.1.0 (x64/linux)\n');
    expect(await kamcmd(address, ['core.echo', 'a', '1', '1.5', 's:1', '2.0', '3000000000'])).toBe(
      'a\n1\n1.500000\n1\n2\n-1294967296\n',
    );
    expect(await kamcmd(address, ['test.list', '3'])).toBe('record 0\nrecord 1\nrecord 2\n');
    expect(await kamcmd(address, ['test.list', '20000'])).toMatch(/^error: 500 - .*records: 20000.*list_match/);
  });

  it('talks', async () => {
    await using bench = new Bench();
    const address = (await open(bench))[index] as ControlAddress;
    const said = await kamcmd(address, [], 'core.version\nhelp core.version\ndlg.nosuch\ntest.dialog\nquit\n');
    const answers = said
      .split('kamcmd> ')
      .slice(1)
      .map((part) => part.slice(part.indexOf('\n') + 1));
    expect(answers.slice(0, 4)).toEqual([
      'tandem 0.1.0 (x64/linux)\n',
      'Returns the version string of the server.\n',
      'error: 500 - command dlg.nosuch not found\n',
      golden.text,
    ]);
  });
});

describe('tandem asks a Kamailio', () => {
  const commands = [
    ...['core.version', 'core.info', 'core.tcp_options', 'core.sockets_list', 'ctl.listen', 'dns.mem_info'],
    ...['system.listMethods', 'system.methodHelp core.version', 'cfg.list', 'tm.stats', 'core.echo a 1', 'no.such'],
  ];

  it('and prints what kamcmd prints', async () => {
    await using folder = await temporaryFolder();
    const control: ControlAddress = { transport: 'unixs', path: folder.file('ctl') };
    await writeFile(folder.file('kamailio.cfg'), await configuration(control.path));
    const files = ['-f', folder.file('kamailio.cfg'), '-Y', folder.file('run'), '-P', folder.file('pid')];
    await mkdir(folder.file('run'));
    const kamailio = new Program('kamailio', [...files, '-DD', '-E']);
    try {
      await kamailio.until('its control socket', () => existsSync(control.path));
      for (const command of commands) {
        const expected = await kamcmd(control, command.split(' '));
        const { stdout } = await runTandem([...command.split(' '), '-s', control.path]);
        expect(stdout, command).toBe(expected);
      }
    } finally {
      kamailio.kill('SIGTERM');
      await kamailio.ended(20_000).catch(() => {});
      await kamailio[Symbol.asyncDispose]();
    }
  });

  async function configuration(path: string): Promise<string> {
    return `debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:${await freePort()}
${['kex', 'corex', 'tm', 'sl', 'ctl', 'cfg_rpc'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("ctl", "binrpc", "unix:${path}")
request_route { exit; }
`;
  }
});
