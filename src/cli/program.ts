/** The command line: commands, options and help. The only file that knows commander. */
import { Command, type CommanderError, InvalidArgumentError, Option } from 'commander';
import type { BenchOptions } from './bench.ts';
import type { BridgeCommandOptions } from './bridge.ts';
import type { CalibrateOptions } from './calibrate.ts';
import type { CallCommandOptions } from './call.ts';
import type { CheckCommandOptions } from './check.ts';
import type { ConfigCommandOptions } from './config.ts';
import type { DbOptions } from './db.ts';
import type { ImportOptions } from './import.ts';
import type { IvrFlags } from './ivr/ivr.ts';
import type { MonitorOptions } from './monitor/monitor.ts';
import type { DecryptOptions, PurgeOptions, RecordingsCommandOptions } from './recordings.ts';
import type { RpcCommandOptions } from './rpc.ts';
import type { ServeOptions } from './serve.ts';
import type { TraceCommandOptions } from './trace.ts';
import type { TrunkCheckOptions } from './trunk-check.ts';

/** The command line is wrong. An empty message means that all was said already (`--help`). */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly status: number;
  constructor(message: string, status = 2) {
    super(message);
    this.status = status;
  }
}

export interface ProgramOptions {
  readonly root: string;
  readonly version: string;
  /** Told the exit status of the command that ran. */
  readonly exit: (status: number) => void;
}

export function createProgram({ root, version, exit }: ProgramOptions): Command {
  const program = new Command('tandem')
    .description('A B2BUA media server that you script in TypeScript.')
    .version(version, '-V, --version')
    .helpCommand('help [command]', 'help for a command')
    .addHelpText(
      'after',
      '\nCommands of a running server: tandem system.listMethods, tandem dlg.list, … [-s <address>] [--json]',
    )
    .addHelpText('after', '\nExit status: 0 done, 1 failed, 2 wrong command line or configuration.');

  // Each command loads its own module: `tandem check` need not wait for the media engine.
  // Commander calls an action with its arguments, then the options, then the command.
  const run =
    <A extends unknown[]>(action: (...args: A) => Promise<number>) =>
    async (...args: unknown[]): Promise<void> =>
      exit(await action(...(args.slice(0, -1) as A)));

  const server = (command: Command): Command =>
    command
      .option('--config <file>', 'configuration file; default ./tandem.yaml if it is there')
      .option('--listen <transport:host:port>', 'where SIP is heard (repeatable), as udp:0.0.0.0:5060', list, undefined)
      .option('--rtp-ports <min-max>', 'ports for RTP, as 16384-32766')
      .option('--workers <n>', 'media threads', wholeNumber)
      .option('--http <host:port|none>', 'console, softphone, JSON-RPC, metrics, events; default 127.0.0.1:8080')
      .option('--tls', 'HTTPS, and SIP over wss, on 8443, with tls.cert or a certificate that is made for a try')
      .option('--control <path|none>', 'where kamcmd and `tandem dlg.list` ask; default ./run/tandem_ctl')
      .option('--store <url|none>', 'database of the calls; default sqlite:./data/tandem.db')
      .option('--recovery <path|none>', 'journal from which calls go on after a crash; default ./run/recovery')
      .option('--socket <path|none>', 'where `tandem check` asks')
      .option('--log-level <level>', 'trace, debug, info, warn, error or silent');
  const outgoing = (command: Command): Command =>
    command
      .option('--user <name>', 'user name for the peer that asks for one')
      .option(
        '--password <password>',
        'password for it; better TANDEM_PASSWORD, or TANDEM_PASSWORD_FILE, which names a file',
      )
      .option('--from <uri>', 'our own address')
      .option('--proxy <uri>', 'send everything through this proxy')
      .option('--timeout <seconds>', 'how long it may ring', positive, 30)
      .option('--listen <transport:host:port>', 'our own SIP address; default any free port')
      .option('--insecure', 'take any certificate of the peer, for a first try over TLS')
      .option('--rtp-ports <min-max>', 'ports for RTP; default a few free ones');

  server(program.command('serve <script>'))
    .description('run a script: export default async (call, tandem) => { … }')
    .option('--watch', 'take up the script again when it changes; running calls finish on the old one')
    .action(
      run(async (script: string, options: ServeOptions) => (await import('./serve.ts')).serve(script, options, root)),
    );

  server(program.command('ivr'))
    .description(
      'run the phone system of tandem.yaml; without: 1000 menu, 1003 music, 600 echo, 601 file, 602 record, users by name',
    )
    .option('--demo', 'users 5001 to 5003, with a password that is printed')
    .action(run(async (options: IvrFlags) => (await import('./ivr/ivr.ts')).ivr(options, root)));

  outgoing(program.command('bridge <first> <second>'))
    .description('call two addresses and connect them')
    .option('--record <file>', 'record both sides (.wav, .opus), first left, second right')
    .option('--transcode', 'convert where the two speak different codecs')
    .action(
      run(async (first: string, second: string, options: BridgeCommandOptions) =>
        (await import('./bridge.ts')).bridge(first, second, options),
      ),
    );

  outgoing(program.command('call <uri>'))
    .description('make one call')
    .option(
      '--play <file|->',
      'play it (WAV, Ogg-Opus, MP3); - is raw PCM from standard input (16 bit, little-endian, mono, 8 kHz)',
    )
    .option('--record <file|->', 'record what is heard (.wav, .opus); - is raw PCM to standard output')
    .option('--dtmf <keys>', 'keys to press, as 12#; a comma waits one second', keys)
    .option('--duration <seconds>', 'hang up after so long', positive)
    .action(run(async (uri: string, options: CallCommandOptions) => (await import('./call.ts')).call(uri, options)));

  program
    .command('check')
    .description('what is open in a running server, what is wrong, and what to do')
    .option('--json', 'as JSON')
    .option('--socket <path>', 'the server to ask; default ./run/tandem.sock')
    .option('--config <file>', 'configuration file of that server')
    .action(run(async (options: CheckCommandOptions) => (await import('./check.ts')).check(options)));

  program
    .command('monitor')
    .description('the calls of a running server, live: sort, filter, end one by key')
    .option('-s, --server <address>', 'the server to ask, as kamcmd -s; default TANDEM_CTL, then ./run/tandem_ctl')
    .option('--interval <seconds>', 'between two looks', positive, 2)
    .option('--once', 'print them once')
    .action(run(async (options: MonitorOptions) => (await import('./monitor/monitor.ts')).monitor(options)));

  program
    .command('trunk')
    .description('the trunks of the configuration')
    .command('check <name>')
    .description('look up, ask, register with and call through a trunk, and say what is wrong')
    .option('--number <number>', 'whom to call; default the testNumber of the trunk')
    .option('--timeout <seconds>', 'how long it may ring', positive, 30)
    .option('--listen <transport:host:port>', 'our own SIP address; default any free port')
    .option('--rtp-ports <min-max>', 'ports for RTP; default a few free ones')
    .option('--config <file>', 'configuration file; default ./tandem.yaml if it is there')
    .option('--json', 'as JSON')
    .action(
      run(async (name: string, options: TrunkCheckOptions) =>
        (await import('./trunk-check.ts')).trunkCheck(name, options),
      ),
    );

  program
    .command('config')
    .description('the settings in effect, and where each came from')
    .option('--config <file>', 'configuration file; default ./tandem.yaml if it is there')
    .option('--json', 'as JSON')
    .option('--schema', 'JSON Schema of the configuration file')
    .action(run(async (options: ConfigCommandOptions) => (await import('./config.ts')).showConfig(options, root)));

  program
    .command('schema <what>')
    .description('JSON Schema: of the configuration file (config), or of commands and events (rpc)')
    .action(run(async (what: string) => (await import('./schema.ts')).showSchema(what)));

  const database = program.command('db').description('the database of the calls');
  const db = (name: string, does: string): Command =>
    database
      .command(name)
      .description(does)
      .option('--url <url>', 'the database; default that of the configuration')
      .option('--config <file>', 'configuration file; default ./tandem.yaml if it is there');
  db('migrate', 'make or bring up to date the tables').action(
    run(async (options: DbOptions) => (await import('./db.ts')).migrateDb(options)),
  );
  db('check', 'what is wrong with the database, and what to do').action(
    run(async (options: DbOptions) => (await import('./db.ts')).checkDb(options)),
  );
  db('export [what]', 'dialogs (default) or cdrs, one JSON object a line').action(
    run(async (what: string | undefined, options: DbOptions) => (await import('./db.ts')).exportDb(what, options)),
  );

  const recordings = program.command('recordings').description('the folder of recordings');
  const shelf = (name: string, does: string): Command =>
    recordings
      .command(name)
      .description(does)
      .option('--folder <folder>', 'another one than recordings.folder')
      .option('--config <file>', 'configuration file; default ./tandem.yaml if it is there');
  shelf('list', 'what is there, the oldest first')
    .option('--json', 'a JSON object a line')
    .action(
      run(async (options: RecordingsCommandOptions) => (await import('./recordings.ts')).listRecordings(options)),
    );
  shelf('decrypt <name>', 'the audio of an encrypted recording')
    .option('-o, --output <file|->', 'where to; default its name, here; - is standard output')
    .action(
      run(async (name: string, options: DecryptOptions) =>
        (await import('./recordings.ts')).decryptRecording(name, options),
      ),
    );
  shelf('purge', 'delete what is older than recordings.keepFor, or more than maxBytes')
    .option('--older-than <days>', 'in place of both', days)
    .option('--dry-run', 'only say what would be deleted')
    .action(run(async (options: PurgeOptions) => (await import('./recordings.ts')).purgeRecordings(options)));
  for (const [name, does] of [
    ['hold', 'let nothing delete it'],
    ['release', 'let it be deleted again'],
  ] as const)
    shelf(`${name} <name>`, does).action(
      run(async (which: string, options: RecordingsCommandOptions) =>
        (await import('./recordings.ts')).holdRecording(which, name === 'hold', options),
      ),
    );

  program
    .command('import <kamailio.cfg>')
    .description('a tandem.yaml of the dialog parameters of a Kamailio')
    .option('-o, --output <file>', 'write it there; default standard output')
    .action(
      run(async (path: string, options: ImportOptions) => (await import('./import.ts')).importConfig(path, options)),
    );

  program
    .command('trace <call-id>')
    .description('SIP messages and media report of a call that runs or failed')
    .option('--full', 'the messages themselves')
    .option('--json', 'all of it, as JSON')
    .option('-s, --server <address>', 'the server to ask, as kamcmd -s; default TANDEM_CTL, then ./run/tandem_ctl')
    .action(
      run(async (callId: string, options: TraceCommandOptions) =>
        (await import('./trace.ts')).showTrace(callId, options),
      ),
    );

  program
    .command('restart')
    .description('replace a running server by a new process of the same command; its calls go on')
    .option('-s, --server <address>', 'the server to ask, as kamcmd -s; default TANDEM_CTL, then ./run/tandem_ctl')
    .action(run(async (options: { server?: string }) => (await import('./restart.ts')).restart(options)));

  program
    .command('reload')
    .description('let a running server read its configuration again; no call is touched')
    .option('-s, --server <address>', 'the server to ask, as kamcmd -s; default TANDEM_CTL, then ./run/tandem_ctl')
    .action(run(async (options: { server?: string }) => (await import('./reload.ts')).reload(options)));

  program
    .command('bench')
    .description('measure what this machine carries, over loopback')
    .option('--seconds <s>', 'for how long each figure is measured', positive, 5)
    .option('--calls <n>', 'most calls to try at once', wholeNumber, 400)
    .option('--calibrate', 'find out how many calls a server may take here (admission.maxCalls)')
    .option('--write <file>', 'with --calibrate: put it into this tandem.yaml')
    .action(
      run(async ({ calibrate, ...options }: BenchOptions & CalibrateOptions & { calibrate?: boolean }) =>
        calibrate
          ? (await import('./calibrate.ts')).calibrate(options, root)
          : (await import('./bench.ts')).bench(options),
      ),
    );

  program
    .command('native')
    .description('compile the addon that reads RTP sockets in batches (needs a C compiler)')
    .action(run(async () => (await import('./native.ts')).native(root)));

  program
    .command('password')
    .description('what http.users.<name>.hash says in place of the password on standard input')
    .action(run(async () => (await import('./password.ts')).password()));

  program
    .command('init <folder>')
    .description('make a script project: an IVR, its test, its settings, a Dockerfile')
    .action(run(async (folder: string) => (await import('./init.ts')).init(folder, version)));

  // Every name with a dot that is no other command; the server knows which there are.
  program
    .command('rpc [command] [arguments...]', { isDefault: true, hidden: true })
    .description('a command of a running server, as tandem dlg.list')
    .option('-s, --server <address>', 'the server to ask, as kamcmd -s; default TANDEM_CTL, then ./run/tandem_ctl')
    .addOption(new Option('--format <format>', 'how to print it').choices(['kamcmd', 'json', 'quickref']))
    .option('--json', 'as --format json')
    .action(
      run(async (command: string | undefined, args: string[], options: RpcCommandOptions) => {
        if (command?.includes('.')) return (await import('./rpc.ts')).rpc(command, args, options);
        if (command !== undefined) throw new UsageError(`unknown command '${command}' (tandem --help)`);
        program.outputHelp({ error: true });
        throw new UsageError('');
      }),
    );

  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) {
    command
      .exitOverride((error) => {
        throw asUsage(error);
      })
      .configureOutput({ outputError: () => {} })
      .showSuggestionAfterError();
    command.addOption(new Option('--debug', 'stack traces').hideHelp(command !== program));
  }
  return program;
}

function asUsage(error: CommanderError): UsageError {
  if (error.exitCode === 0) return new UsageError('', 0);
  if (error.code === 'commander.help') return new UsageError('');
  return new UsageError(`${error.message.replace(/^error: /, '')} (tandem --help)`);
}

function list(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It takes a whole number.');
  return Number(text);
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || value > 86_400)
    throw new InvalidArgumentError('It takes seconds, above 0.');
  return value;
}

function days(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('It takes days.');
  return value;
}

function keys(text: string): string {
  if (!/^[0-9*#a-dA-D,]+$/.test(text)) throw new InvalidArgumentError('Keys are 0-9, *, #, A-D, and a comma to wait.');
  return text.toUpperCase();
}
