/** Database servers of the tests: processes of their own in temporary folders, never the machine's service. */
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { type Folder, temporaryFolder } from './folder.ts';
import { freePort } from './ports.ts';
import { Program, run } from './process.ts';

export interface DatabaseServer extends AsyncDisposable {
  /** Of an empty database. */
  readonly url: string;
  /** It is not there any more. @param signal default at once, as after a loss of power */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** It is there again, with what was in it. */
  start(): Promise<void>;
}

interface Kind {
  readonly user: string;
  prepare(as: AsUser, folder: Folder, data: string): Promise<void>;
  command(folder: Folder, data: string, port: number): readonly string[];
  /** Part of its log. */
  readonly ready: RegExp;
  url(port: number): string;
}

/** A command line, run as the user that the server wants. */
type AsUser = (command: readonly string[]) => readonly [command: string, args: readonly string[]];

export async function startPostgres(): Promise<DatabaseServer> {
  const bin = await postgresFolder();
  return startServer({
    user: 'postgres',
    prepare: async (as, _, data) => {
      await runAs(as, [`${bin}/initdb`, '-D', data, '-U', 'tandem', '--auth=trust', '-E', 'UTF8', '--no-sync']);
    },
    command: (folder, data, port) => [
      ...[`${bin}/postgres`, '-D', data, '-p', String(port), '-k', folder.path],
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
    ],
    ready: /database system is ready to accept connections/,
    url: (port) => `postgres://tandem@127.0.0.1:${port}/postgres`,
  });
}

export async function startMariadb(): Promise<DatabaseServer> {
  return startServer({
    user: 'mysql',
    prepare: async (as, folder, data) => {
      await runAs(as, [
        ...['mariadb-install-db', '--no-defaults', `--datadir=${data}`, '--skip-test-db'],
        ...['--auth-root-authentication-method=normal', '--skip-name-resolve'],
      ]);
      await writeFile(
        folder.file('init.sql'),
        [
          'CREATE DATABASE IF NOT EXISTS tandem;',
          "CREATE USER IF NOT EXISTS tandem@'127.0.0.1' IDENTIFIED BY 'secret';",
          "GRANT ALL ON tandem.* TO tandem@'127.0.0.1';",
          '',
        ].join('\n'),
      );
    },
    command: (folder, data, port) => [
      ...['/usr/sbin/mariadbd', '--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1'],
      ...[`--socket=${folder.file('socket')}`, `--pid-file=${folder.file('pid')}`, '--skip-name-resolve'],
      ...[`--init-file=${folder.file('init.sql')}`, '--innodb-flush-log-at-trx-commit=2', '--innodb-log-file-size=8M'],
    ],
    ready: /ready for connections/,
    url: (port) => `mysql://tandem:secret@127.0.0.1:${port}/tandem`,
  });
}

async function postgresFolder(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql');
  return `/usr/lib/postgresql/${versions.toSorted((a, b) => Number(a) - Number(b)).at(-1)}/bin`;
}

async function startServer(kind: Kind): Promise<DatabaseServer> {
  const folder = await temporaryFolder();
  const as = await asUser(kind.user);
  const data = folder.file('data');
  await mkdir(data, { mode: 0o700 });
  const owner = await idsOf(kind.user);
  await chmod(folder.path, 0o755);
  if (owner) for (const path of [folder.path, data]) await chown(path, ...owner);
  await kind.prepare(as, folder, data);
  const port = await freePort();
  let program: Program | undefined;
  const start = async (): Promise<void> => {
    const started = new Program(...as(kind.command(folder, data, port)));
    program = started;
    await started.until('ready', () => kind.ready.test(started.output));
  };
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    program?.kill(signal);
    await program?.ended(20_000);
  };
  await start();
  return {
    url: kind.url(port),
    start,
    stop,
    [Symbol.asyncDispose]: async () => {
      // Its processes end with the first of them if that can tell them.
      await stop(kind.user === 'postgres' ? 'SIGQUIT' : 'SIGKILL').catch(() => {});
      await program?.[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function runAs(as: AsUser, command: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run(...as(command));
  if (code !== 0) throw new Error(`${command[0]}: ${code}\n${stdout}${stderr}`);
}

/** They refuse to be run by root. */
async function asUser(name: string): Promise<AsUser> {
  const ids = await idsOf(name);
  if (!ids) return ([command = '', ...args]) => [command, args];
  const [uid, gid] = ids;
  return (command) => ['setpriv', [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...command]];
}

async function idsOf(name: string): Promise<readonly [uid: number, gid: number] | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => (await run('id', [flag, name])).stdout));
  return [Number(uid), Number(gid)];
}
