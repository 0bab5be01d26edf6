import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, RunningTandem, runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { type Received, read, reply } from '../sip/lab.ts';

let server: RunningServer;

beforeAll(async () => {
  server = await startServer(['ivr']);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Runs it with a trunk `main` in its configuration. */
async function check(trunk: object, args: readonly string[] = []) {
  using folder = new TemporaryFolder();
  writeFileSync(folder.file('tandem.yaml'), JSON.stringify({ socket: 'none', trunks: { main: trunk } }));
  const { status, stdout, stderr } = await runTandem(['trunk', 'check', 'main', ...args], { cwd: folder.path });
  return { status, stderr, lines: stdout.trimEnd().split('\n') };
}

type Script = (request: Received) => { readonly status: number; readonly headers?: readonly string[] } | undefined;

/** A provider of one UDP socket. `undefined` is silence. */
async function provider(script: Script) {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const heard: string[] = [];
  socket.on('message', (bytes, { port }) => {
    const request = read(bytes.toString('latin1'));
    heard.push(`${request.what} ${request.get('Expires')}`.trim());
    const answer = request.what === 'ACK' ? undefined : script(request);
    if (!answer) return;
    const text = reply(request, answer.status, { headers: answer.headers ?? [], contact: '' });
    socket.send(text.replace(';rport', `;rport=${port};received=127.0.0.1`), port, '127.0.0.1');
  });
  const uri = `127.0.0.1:${socket.address().port}`;
  return { uri, heard, [Symbol.dispose]: () => void socket.close() };
}

describe('tandem trunk check', () => {
  it('goes all the way of a call that works', async () => {
    const { status, stderr, lines } = await check({ uri: `127.0.0.1:${server.port}`, testNumber: '600' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const texts = lines.filter((line) => !/call {6}18/.test(line));
    expect(texts.join('\n')).toMatch(
      new RegExp(
        [
          `^ok    resolve   sip:127\\.0\\.0\\.1:${server.port}: udp 127\\.0\\.0\\.1:${server.port}`,
          `ok    options   sip:127\\.0\\.0\\.1:${server.port}: 200 in \\d+ ms`,
          'skip  register  it does not register: the provider has to know our address',
          'ok    call      answered after \\d+ ms, PCMU',
          'ok    audio     \\d+ packets out, \\d+ in, in 2 s$',
        ].join('\n'),
      ),
    );
  });

  it('hears when no audio comes', async () => {
    using phone = await RawPhone.open();
    const { status, lines } = await check({ uri: `127.0.0.1:${phone.sipPort}`, responseTimeout: 500 }, [
      '--number',
      '1',
    ]);
    expect(status).toBe(1);
    expect(lines.at(-1)).toMatch(
      /^fail {2}audio {5}\d+ packets out, 0 in, in 2 s: nothing comes in; check mediaExternalIp/,
    );
    await phone.nextRequest('BYE');
  });

  it('says the same as JSON', async () => {
    const { status, lines } = await check({ uri: `127.0.0.1:${server.port}` }, ['--json', '--number', '99']);
    expect(status).toBe(1);
    const { trunk, ok, steps } = JSON.parse(lines.join('\n'));
    expect([trunk, ok]).toEqual(['main', false]);
    expect(steps.at(-1)).toMatchObject({ step: 'call', result: 'fail', status: 404 });
    expect(steps.at(-1).text).toMatch(/try \+E\.164/);
  });

  it('registers, says what was granted and how we are seen, and takes it back', async () => {
    using far = await provider(({ what, get }) =>
      what === 'REGISTER' && get('Authorization') === ''
        ? { status: 401, headers: ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'] }
        : { status: 200, headers: ['Expires: 120'] },
    );
    const { status, lines } = await check({ uri: far.uri, username: 'account', password: 'secret', register: true });
    expect(lines.slice(2)).toEqual([
      expect.stringMatching(
        /^ok {4}register {2}200, for 120 s, Contact sip:account@127\.0\.0\.1:\d+, seen as 127\.0\.0\.1:\d+$/,
      ),
      'skip  call      no number to call: give --number, or set testNumber',
    ]);
    expect(status).toBe(0);
    expect(far.heard).toEqual(['OPTIONS', 'REGISTER 3600', 'REGISTER 3600', 'REGISTER 0', 'REGISTER 0']);
  });

  it.each<[string, Script, object, RegExp]>([
    [
      'a wrong password',
      ({ what }) => ({ status: what === 'OPTIONS' ? 200 : 403 }),
      { register: true },
      /^fail {2}register .*403.*check username, password/,
    ],
    [
      'an unknown username',
      ({ what }) => ({ status: what === 'OPTIONS' ? 200 : 404 }),
      { register: true },
      /^fail {2}register .*404.*does not know the username/,
    ],
    [
      'an address that is not known',
      ({ what }) => ({ status: what === 'OPTIONS' ? 200 : 403 }),
      {},
      /^fail {2}call .*403.*address is not known/,
    ],
    ['codecs', ({ what }) => ({ status: what === 'OPTIONS' ? 200 : 488 }), {}, /^fail {2}call .*488.*no common codec/],
    [
      'no channel',
      ({ what }) => ({ status: what === 'OPTIONS' ? 200 : 503 }),
      {},
      /^fail {2}call .*503.*no channel is free/,
    ],
    [
      'a busy number',
      ({ what }) => ({ status: what === 'OPTIONS' ? 200 : 486 }),
      {},
      /^fail {2}call .*486.*number is busy/,
    ],
    [
      'a failure there',
      ({ what }) => ({ status: what === 'OPTIONS' ? 200 : 500 }),
      {},
      /^fail {2}call .*500.*the provider failed/,
    ],
    [
      'an OPTIONS that is refused',
      ({ what }) => ({ status: what === 'OPTIONS' ? 503 : 486 }),
      {},
      /^warn {2}options .*503/,
    ],
    ['nobody there', () => undefined, { responseTimeout: 500 }, /^fail {2}call .*408.*: check the address/],
  ])('knows %s', async (_, script, trunk, expected) => {
    using far = await provider(script);
    const { status, stderr, lines } = await check({ uri: far.uri, username: 'account', ...trunk }, [
      '--number',
      '+4930',
    ]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(lines).toContainEqual(expect.stringMatching(expected));
    expect(lines.join('\n')).not.toMatch(/ {4}at /);
  });

  it('knows a host that is none', async () => {
    const { status, lines } = await check({ uri: 'provider.invalid' }, ['--number', '1']);
    expect([status, lines.length]).toEqual([1, 1]);
    expect(lines[0]).toMatch(/^fail {2}resolve {3}sip:provider\.invalid: .*has no address/);
  });

  it('leaves the registration of a running server alone', async () => {
    using far = await provider(() => ({ status: 200, headers: ['Expires: 600'] }));
    using folder = new TemporaryFolder();
    const trunks = { main: { uri: far.uri, username: 'account', register: true } };
    writeFileSync(folder.file('tandem.yaml'), JSON.stringify({ trunks }));
    await using running = await startServer(['ivr'], { cwd: folder.path });
    await expect.poll(() => far.heard).toContain('REGISTER 3600');
    const report = await runTandem(['check'], { cwd: running.folder });
    expect(report.stdout).toMatch(/^trunk {7}main up, calls 0, sip:127\.0\.0\.1:\d+ not qualified$/m);
    expect(report.stdout).toMatch(/^account {5}sip:account@127\.0\.0\.1 registered until 20.*, contact sip:account@/m);
    const { stdout } = await runTandem(['trunk', 'check', 'main'], { cwd: running.folder });
    expect(stdout).toContain('ok    register  registered by the running server');
    expect(far.heard.filter((one) => one.startsWith('REGISTER'))).toHaveLength(1);
    await running.tandem.stop();
    expect(far.heard.at(-1)).toBe('REGISTER 0');
  });

  it('ends at once by Ctrl-C', async () => {
    using far = await provider(({ what }) => ({ status: what === 'OPTIONS' ? 200 : 180 }));
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('tandem.yaml'), JSON.stringify({ socket: 'none', trunks: { main: { uri: far.uri } } }));
    const running = new RunningTandem(['trunk', 'check', 'main', '--number', '1'], { cwd: folder.path });
    await running.prints(/180/);
    running.child.kill('SIGINT');
    expect(await running.result).toMatchObject({ status: 1, stderr: '' });
    expect(running.printed).toMatch(/given up\n$/);
  });

  it.each<[readonly string[], RegExp]>([
    [['trunk', 'check', 'other'], /no trunk "other"; it has: main/],
    [['trunk', 'check'], /missing required argument 'name'/],
    [['trunk', 'chek', 'main'], /unknown command 'chek'|too many arguments/],
    [['trunk', 'check', 'main', '--timeout', '0'], /seconds, above 0/],
  ])('%j is a wrong command line', async (args, message) => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('tandem.yaml'), JSON.stringify({ trunks: { main: { uri: '127.0.0.1' } } }));
    const { status, stderr } = await runTandem(args, { cwd: folder.path });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(status).toBe(2);
  });
});
