/**
 * `npm run test:image`: the Dockerfile's steps, done in a chroot, and what they make, served as compose.yaml says, where
 * no container engine runs. As root, with debootstrap, sipp and a package registry. Minutes. `--base <folder>` keeps
 * the root file system that stands for node:24-slim.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readWav } from '../helpers/audio.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { build, Container, type Image, makeBase, Network, path, runIn } from './engine.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const work = mkdtempSync(join(tmpdir(), 'tandem-image-'));
const named = process.argv.indexOf('--base');
const base = named < 0 ? join(work, 'base') : (process.argv[named + 1] ?? '');
const node = process.execPath;
const command = join(root, 'bin', 'tandem.js');

/** The folder that an engine is given. */
function contextOf(): string {
  const context = join(work, 'context');
  mkdirSync(context);
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').trim().split('\n');
  const archive = join(work, 'context.tar');
  execFileSync('tar', ['-C', root, ...ignored.map((one) => `--exclude=./${one}`), '-cf', archive, '.']);
  execFileSync('tar', ['-C', context, '--no-same-owner', '-xf', archive]);
  rmSync(archive);
  return context;
}

/** `deploy.sh --host` where nothing but npm is. */
function cleanMachine(): void {
  const machine = join(work, 'machine');
  execFileSync('cp', ['-a', base, machine]);
  const clone = join(machine, 'root', 'tandem');
  mkdirSync(clone);
  const left = ['node_modules', '.git', 'dist', 'data', 'run', 'native/*.node'].map((one) => `--exclude=./${one}`);
  const archive = join(work, 'clone.tar');
  execFileSync('tar', ['-C', root, ...left, '-cf', archive, '.']);
  execFileSync('tar', ['-C', clone, '--no-same-owner', '-xf', archive]);
  runIn(
    { root: machine, environment: { PATH: path }, folder: '/' },
    'sh /root/tandem/test/image/clean-machine.sh /root/tandem',
  );
}

async function until(what: string, ready: () => boolean): Promise<void> {
  for (let look = 0; !ready(); look++) {
    if (look === 150) throw new Error(`not in 30 s: ${what}`);
    await delay(200);
  }
}

function proven(what: string): void {
  console.log(`ok    ${what}`);
}

async function use(image: Image, network: Network): Promise<void> {
  const volumes: Record<string, string> = {};
  for (const name of ['data', 'recordings']) {
    volumes[`/app/${name}`] = join(work, name);
    mkdirSync(join(work, name));
    chownSync(join(work, name), 1000, 1000);
  }
  const memory = { '/tmp': 'mode=1777', '/app/run': 'uid=1000,gid=1000,mode=0750' };
  const start = () => new Container(image, network, { volumes, memory }, { TANDEM_EXTERNAL_HOST: '127.0.0.1' });
  const outside = (...words: readonly string[]): { status: number | null; stdout: string; stderr: string } => {
    const [program = '', ...args] = network.enter(words);
    return spawnSync(program, args, { cwd: work, encoding: 'utf8', timeout: 60_000 });
  };
  const healthy = (container: Container) => () => {
    if (container.child.exitCode !== null) throw new Error(`it ended:\n${container.output}`);
    return container.exec(...image.health).status === 0;
  };

  await using first = start();
  await until('healthy', healthy(first));
  proven(`HEALTHCHECK ${image.health.join(' ')} is answered`);

  const status = readFileSync(`/proc/${first.pid}/status`, 'utf8');
  assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
  assert.match(status, /^NSpid:\t\d+\t1$/m);
  assert.match(status, /^CapEff:\t0+$/m);
  assert.match(status, /^CapBnd:\t0+$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  proven('process 1 is the server, as the user node, without capabilities');
  assert.match(first.exec('touch', '/app/x').stderr, /Read-only file system/);
  assert.match(first.exec('touch', '/opt/tandem/x').stderr, /Read-only file system/);
  proven('the root file system is read-only');
  await until('its log', () => first.output.includes('"listening"'));
  assert.match(first.output, /"io":"native"/);
  proven('RTP sockets are read by the addon that the image was built with');

  const heard = join(work, 'heard.wav');
  const call = outside(node, command, 'call', 'sip:1000@127.0.0.1', '--record', heard, '--duration', '3');
  assert.equal(call.status, 0, call.stderr);
  const welcome = readWav(readFileSync(join(root, 'prompts', 'welcome.wav'))).samples;
  const fit = heardInPieces(readWav(readFileSync(heard)).samples, welcome.subarray(0, 16_000));
  assert.ok(fit > 0.95, `it fits by ${fit}`);
  proven('a call into it hears the welcome');
  const sipp = outside('sipp', '-sn', 'uac', '-s', '600', '-m', '3', '-d', '500', '-nostdin', '127.0.0.1:5060');
  assert.equal(sipp.status, 0, sipp.stdout);
  proven('three calls by sipp');

  const token = readFileSync(join(work, 'data', 'tls', 'console-token'), 'utf8').trim();
  assert.equal(first.output.split(token).length, 2);
  const http = (path: string, ...more: string[]) =>
    outside('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', ...more, `http://127.0.0.1:8080${path}`).stdout;
  assert.equal(http('/readyz'), '200');
  assert.equal(http('/metrics'), '401');
  assert.equal(http('/metrics', '-H', `Authorization: Bearer ${token}`), '200');
  proven('HTTP is there, and asks for a token that was printed once');

  const [enter = '', ...talk] = network.enter([node, command, 'call', 'sip:1003@127.0.0.1', '--record', heard]);
  const talking = spawn(enter, talk, { cwd: work, stdio: ['ignore', 'pipe', 'inherit'] });
  using _ = { [Symbol.dispose]: () => void talking.kill('SIGKILL') };
  const over = once(talking, 'close');
  let said = '';
  talking.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await until('answered', () => said.includes('answered'));
  const briefing = first.exec('kamcmd', 'dlg.briefing');
  assert.match(briefing.stdout, /to_uri: sip:1003@127\.0\.0\.1/, briefing.stderr);
  assert.match(first.exec('kamcmd', 'help').stdout, /^dlg\.list$/m);
  const socket = `/proc/${first.pid}/root/app/run/kamailio_ctl`;
  if (existsSync('/usr/sbin/kamcmd'))
    assert.match(spawnSync('/usr/sbin/kamcmd', ['-s', `unixs:${socket}`, 'dlg.briefing']).stdout.toString(), /1003/);
  proven('kamcmd dlg.briefing in it shows a call that runs');

  assert.equal(await first.stop('QUIT'), 0, first.output);
  await using second = start();
  await until('healthy again', healthy(second));
  assert.match(second.exec('kamcmd', 'dlg.briefing').stdout, /to_uri: sip:1003@127\.0\.0\.1/);
  assert.ok(!second.output.includes(token));
  proven('the call goes on in the next container, after SIGQUIT; the token is the same, and not printed again');
  await delay(2000);
  assert.equal(talking.exitCode, null, said);
  talking.kill('SIGINT');
  await over;
  const music = readWav(readFileSync(heard)).samples;
  assert.ok(music.slice(-8000).some((sample) => Math.abs(sample) > 1000));
  proven('and is heard to its end');
  assert.equal(await second.stop('TERM'), 0, second.output);
  proven('SIGTERM ends it with status 0');
}

try {
  makeBase(
    base,
    node,
    dirname(
      dirname(
        execFileSync('readlink', ['-f', execFileSync('which', ['npm'], { encoding: 'utf8' }).trim()], {
          encoding: 'utf8',
        }).trim(),
      ),
    ),
  );
  const image = build(join(root, 'Dockerfile'), base, contextOf(), work);
  const added = execFileSync('du', ['-sm', join(image.root, 'opt'), join(image.root, 'app')], { encoding: 'utf8' });
  console.log(`MB that the image adds to its base: ${added.replaceAll(/\t\S*\//g, ' /').replaceAll('\n', '; ')}`);
  using network = await Network.open();
  await use(image, network);
  cleanMachine();
} finally {
  rmSync(work, { recursive: true, force: true });
}
