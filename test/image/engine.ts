/**
 * What a container engine does, by chroot and namespaces, for a machine that has none: the steps of a Dockerfile, and a
 * container with a read-only root, a process 1, no capabilities and no way to new ones. As root, on Linux.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, expand, pairsOf, parseDockerfile } from './dockerfile.ts';

export const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Image {
  readonly root: string;
  readonly environment: Environment;
  readonly user: string;
  readonly folder: string;
  readonly entry: readonly string[];
  readonly health: readonly string[];
}

/**
 * Does what a Dockerfile says.
 * @param base a root file system in place of what `FROM` names
 * @param context the folder that `COPY` copies from; .dockerignore has been applied
 */
export function build(dockerfile: string, base: string, context: string, work: string): Image {
  const stages = new Map<string, string>();
  let image = { root: '', environment: {} as Environment, user: 'root', folder: '/', entry: [''], health: [''] };
  for (const { name, text } of parseDockerfile(readFileSync(dockerfile, 'utf8'))) {
    console.log(`--- ${name} ${text.slice(0, 100)}`);
    const inside = (file: string): string => join(image.root, file.startsWith('/') ? '' : image.folder, file);
    switch (name) {
      case 'ARG':
      case 'LABEL':
      case 'EXPOSE':
      case 'STOPSIGNAL':
        break;
      case 'FROM': {
        const root = join(work, `stage-${stages.size}`);
        execFileSync('cp', ['-a', base, root]);
        stages.set(/ AS (\w+)$/.exec(text)?.[1] ?? 'last', root);
        image = { ...image, root, environment: { PATH: path }, user: 'root', folder: '/' };
        break;
      }
      case 'ENV':
        Object.assign(image.environment, pairsOf(text, image.environment));
        break;
      case 'WORKDIR':
        image.folder = text;
        mkdirSync(inside('.'), { recursive: true });
        break;
      case 'USER':
        image.user = text;
        break;
      case 'VOLUME':
        for (const one of JSON.parse(text) as string[])
          if (!existsSync(inside(one))) throw new Error(`VOLUME ${one} is not made by a step before`);
        break;
      case 'COPY': {
        const [, from, source = '', target = ''] = /^(?:--from=(\w+) )?(\S+) (\S+)$/.exec(text) ?? [];
        const origin = from === undefined ? context : (stages.get(from) ?? '');
        cpSync(join(origin, source), inside(target), { recursive: true, verbatimSymlinks: true });
        break;
      }
      case 'RUN':
        runIn(image, text);
        break;
      case 'HEALTHCHECK':
        image.health = JSON.parse(/CMD (\[.*\])/.exec(text)?.[1] ?? '');
        break;
      case 'ENTRYPOINT':
        image.entry = JSON.parse(expand(text, image.environment));
        break;
      default:
        throw new Error(`this engine knows no ${name}`);
    }
  }
  return image;
}

/** A command in a root file system, on the network of this machine. What it started ends with it. */
export function runIn(
  { root, environment, folder }: Pick<Image, 'root' | 'environment' | 'folder'>,
  command: string,
): void {
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  const all = { HOME: '/root', ...environment, NODE_EXTRA_CA_CERTS: certificates };
  const words = ['env', '-i', '-C', folder, ...assignments(all), 'sh', '-c', command];
  const script = `${devices(root)}\nexec chroot ${root} "$@"`;
  const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'sh', '-ec', script, 'sh', ...words], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`RUN failed with status ${status}: ${command}`);
}

function assignments(environment: Environment): string[] {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}

/** /proc, and the few of /dev that an engine gives. */
function devices(root: string): string {
  const names = ['null', 'zero', 'random', 'urandom'];
  return [
    'mount --make-rprivate /',
    `mount -t proc proc ${root}/proc`,
    `mount -t tmpfs tmpfs ${root}/dev`,
    ...names.map((name) => `touch ${root}/dev/${name}; mount --bind /dev/${name} ${root}/dev/${name}`),
    `ln -s /proc/self/fd ${root}/dev/fd`,
  ].join('\n');
}

/** A network of its own, that outlives the containers in it. */
export class Network implements Disposable {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async open(): Promise<Network> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; echo up; exec sleep 3600']);
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    return new Network(holder);
  }

  /** The words of a command that runs in it. */
  enter(words: readonly string[]): string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '-n', ...words];
  }

  [Symbol.dispose](): void {
    this.#holder.kill('SIGKILL');
  }
}

export interface Mounts {
  /** Folder in the container → folder here. */
  readonly volumes: Readonly<Record<string, string>>;
  /** Folder in memory → options of its mount. */
  readonly memory: Readonly<Record<string, string>>;
}

export class Container {
  readonly #image: Image;
  readonly #environment: Environment;
  readonly child: ChildProcess;
  #output = '';
  readonly ended: Promise<number | null>;

  constructor(image: Image, network: Network, { volumes, memory }: Mounts, environment: Environment = {}) {
    this.#image = image;
    this.#environment = { ...image.environment, ...environment };
    const { root } = image;
    const script = [
      // So that a mount can be made read-only alone.
      'mount --make-rprivate /',
      `mount --bind ${root} ${root}`,
      devices(root),
      ...Object.entries(memory).map(([at, options]) => `mount -t tmpfs -o ${options} tmpfs ${root}${at}`),
      ...Object.entries(volumes).map(([at, from]) => `mount --bind ${from} ${root}${at}`),
      `mount -o remount,bind,ro ${root}`,
      'exec "$@"',
    ].join('\n');
    const words = network.enter(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec', script, 'sh']);
    const [command = '', ...args] = [...words, ...this.#inside(image.entry)];
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk;
      });
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }

  get output(): string {
    return this.#output;
  }

  /** As this machine numbers it. */
  get pid(): number {
    const { pid } = this.child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')[0]);
  }

  /** `docker exec`. */
  exec(...command: readonly string[]): {
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  } {
    const words = ['-t', String(this.pid), '-m', '-p', '-n', ...this.#inside(command)];
    return spawnSync('nsenter', words, { encoding: 'utf8', timeout: 20_000 });
  }

  /** @returns the exit status */
  async stop(signal: 'TERM' | 'QUIT' | 'KILL'): Promise<number | null> {
    process.kill(this.pid, `SIG${signal}`);
    return this.ended;
  }

  /** Whatever state it is in. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Its children end with process 1; `unshare` ends then.
    if (this.child.exitCode === null) process.kill(this.pid || (this.child.pid ?? 0), 'SIGKILL');
    await this.ended;
  }

  #inside(command: readonly string[]): string[] {
    const { root, user, folder } = this.#image;
    const none = ['--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
    const identity = ['setpriv', `--reuid=${user}`, `--regid=${user}`, ...none];
    return ['chroot', root, 'env', '-i', '-C', folder, ...assignments(this.#environment), ...identity, ...command];
  }
}

/** A root file system as `FROM node:24-slim` would bring: Debian, Node.js 24 with npm, a user `node`. */
export function makeBase(base: string, node: string, npm: string): void {
  if (existsSync(join(base, 'usr/local/bin/npm'))) return;
  if (!existsSync(join(base, 'usr/bin/setpriv')))
    execFileSync('debootstrap', ['--variant=minbase', '--include=ca-certificates', 'bookworm', base], {
      stdio: 'inherit',
    });
  execFileSync('chroot', [base, 'useradd', '--uid', '1000', '--create-home', 'node']);
  cpSync(node, join(base, 'usr/local/bin/node'), { dereference: true });
  cpSync(npm, join(base, 'usr/local/lib/node_modules/npm'), { recursive: true });
  // What this machine trusts and how it gets to its mirrors: a build on it would, too.
  cpSync('/etc/ssl/certs/ca-certificates.crt', join(base, 'etc/ssl/certs/ca-certificates.crt'));
  cpSync('/etc/resolv.conf', join(base, 'etc/resolv.conf'), { dereference: true });
  cpSync('/etc/hosts', join(base, 'etc/hosts'), { dereference: true });
  writeFileSync(join(base, 'etc/hostname'), 'image\n');
  execFileSync('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(base, 'usr/local/bin/npm')]);
}
