import { describe, expect, it } from 'vitest';
import { runTandem, TemporaryFolder } from '../helpers/cli.ts';

const commands = [
  'serve',
  'ivr',
  'bridge',
  'call',
  'check',
  'monitor',
  'config',
  'import',
  'reload',
  'bench',
  'native',
  'init',
];

/** One line on stderr, nothing on stdout. */
async function refused(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<[number, string]> {
  using folder = new TemporaryFolder();
  const { status, stdout, stderr } = await runTandem(args, { cwd: folder.path, env });
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^tandem: [^\n]+\n$/);
  return [status ?? -1, stderr];
}

describe('help', () => {
  it('names every command', async () => {
    const { status, stdout } = await runTandem(['--help']);
    expect(status).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
  });

  it.each(commands)('of %s is there', async (command) => {
    const { status, stdout, stderr } = await runTandem([command, '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`Usage: tandem ${command}`);
  });

  it('is what a bare command gets, as an error', async () => {
    const { status, stdout, stderr } = await runTandem([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Usage: tandem');
  });

  it('tells the version', async () => {
    const { status, stdout } = await runTandem(['--version']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a wrong command line is one line and status 2', () => {
  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['ivr', '--frobnicate'], "unknown option '--frobnicate'"],
    [['serve'], "missing required argument 'script'"],
    [['bridge', 'sip:a@127.0.0.1'], "missing required argument 'second'"],
    [['ivr', 'extra'], 'too many arguments'],
    [['call', 'sip:a@127.0.0.1', '--dtmf', '1x'], "'1x' is invalid"],
    [['call', 'sip:a@127.0.0.1', '--duration', '-3'], "'-3' is invalid"],
    [['call', 'sip:a@127.0.0.1', '--timeout', 'soon'], "'soon' is invalid"],
    [['ivr', '--workers', 'many'], "'many' is invalid"],
    [['ivr', '--listen', '5060'], 'expected transport:host:port'],
    [['ivr', '--listen', 'udp:127.0.0.1:70000'], 'is not a listener'],
    [['ivr', '--listen', 'tls:127.0.0.1:5061'], 'tls needs a certificate: set tls.cert and tls.key'],
    [['ivr', '--listen', 'smoke:127.0.0.1:5066'], '"smoke" is no transport'],
    [['ivr', '--rtp-ports', '20000'], '--rtp-ports'],
    [['ivr', '--rtp-ports', '20000-19000'], 'must be below'],
    [['ivr', '--control', 'tcp:0.0.0.0:2049'], 'BINRPC has no password'],
    [['ivr', '--http', '8080'], 'flag --http: http.listen: expected host:port'],
    [['ivr', '--http', '0.0.0.0:8080'], 'set http.token'],
    [['ivr', '--store', 'oracle://x/y'], '"oracle://x/y" is no database: write sqlite:./data/tandem.db'],
    [['db', 'export', 'calls', '--url', 'sqlite:./x.db'], 'export takes dialogs or cdrs, not calls'],
    [['ivr', '--log-level', 'loud'], 'flag --log-level: log.level'],
    [['ivr', '--config', 'none.yaml'], 'none.yaml'],
  ])('%j', async (args, message) => {
    const [status, stderr] = await refused(args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('and so is a wrong variable', async () => {
    const [status, stderr] = await refused(['ivr'], { TANDEM_MEDIA_RTP_PORTZ_MIN: '2000' });
    expect(stderr).toContain('unknown variable TANDEM_MEDIA_RTP_PORTZ_MIN');
    expect(status).toBe(2);
  });

  it('with --debug there is a stack', async () => {
    const { status, stderr } = await runTandem(['ivr', '--listen', 'wss:127.0.0.1:5066', '--debug']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/wss needs a certificate.*\n\s+at /);
  });
});

describe('on an old Node.js', () => {
  it('one line says what is needed', async () => {
    const pretend = `
      Object.defineProperty(process, 'version', { value: 'v20.20.2' });
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
    const node = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`];
    const { status, stdout, stderr } = await runTandem(['ivr'], { node });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'tandem needs Node.js 24 or newer; this is v20.20.2\n',
    });
  });
});

describe('tandem init', () => {
  it('makes a project, and touches no folder that has something in it', async () => {
    using folder = new TemporaryFolder();
    const first = await runTandem(['init', 'my-ivr'], { cwd: folder.path });
    expect(first).toMatchObject({ status: 0, stderr: '' });
    const again = await runTandem(['init', 'my-ivr'], { cwd: folder.path });
    expect(again).toMatchObject({ status: 1, stderr: 'tandem: my-ivr is not empty: name a new folder\n' });
  });
});
