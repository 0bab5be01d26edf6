/** `core.*`: what runs, since when. */
import type { RpcMethod } from '../rpc/methods.ts';
import type { RpcScalar } from '../rpc/value.ts';

export interface CoreSubject {
  /** Of the package, as 0.1.0. */
  readonly version: string;
  /** As x64/linux. */
  readonly platform: string;
  /** As Node.js 24.1.0. */
  readonly runtime: string;
  /** ms since 1970 */
  now(): number;
  /** Since the start, in seconds. */
  uptime(): number;
}

export function coreCommands(subject: CoreSubject): RpcMethod[] {
  const { version, platform, runtime } = subject;
  return [
    {
      name: 'core.version',
      help: 'Returns the version string of the server.',
      run: () => `tandem ${version} (${platform})`,
    },
    {
      name: 'core.uptime',
      help: 'Returns uptime of the server.',
      run: () => {
        const now = subject.now();
        const uptime = Math.floor(subject.uptime());
        return { now: printTime(now), up_since: printTime(now - uptime * 1000), uptime };
      },
    },
    {
      name: 'core.info',
      help: 'Verbose info about the server, including version number.',
      run: () => ({
        ...{ version: `tandem ${version}`, id: platform, compiler: runtime },
        // Nothing is compiled.
        ...{ compiled: '', flags: '' },
      }),
    },
    {
      name: 'core.echo',
      help: 'Returns back its parameters.',
      run: (args) => {
        const list: RpcScalar[] = [];
        while (args.left > 0) list.push(args.scalar());
        return { list };
      },
    },
  ];
}

/** As `ctime` of C, in local time: `Thu Nov  6 16:31:01 2026`. */
function printTime(at: number): string {
  const [weekday, month, day = '', year, time] = new Date(at).toString().split(' ');
  return [weekday, month, day.replace(/^0/, ' '), time, year].join(' ');
}
