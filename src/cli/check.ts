/** `tandem check`: what is open in a running server, what is wrong, and what to do. Fails when none answers. */
import { messageOf, TandemError } from '../base/errors.ts';
import type { Config } from '../config/schema.ts';
import type { CheckReport, TrunkReport } from '../index.ts';
import { findingsOf, printFindings } from './check-findings.ts';
import { askCheckSocket } from './check-socket.ts';
import { askFirst } from './rpc.ts';
import { loadSettings } from './settings.ts';

export interface CheckCommandOptions {
  readonly json?: boolean;
  readonly socket?: string;
  readonly config?: string;
}

/** What the server tells of itself: the library's report, and what Node.js has open. */
export interface ProcessReport extends CheckReport {
  readonly process: {
    readonly pid: number;
    readonly version: string;
    readonly uptimeSeconds: number;
    readonly memory: { readonly rss: number; readonly heapUsed: number; readonly external: number };
    /** Kinds of open handles and how many; the connection that asks is one of them. */
    readonly handles: Readonly<Record<string, number>>;
  };
}

const timeoutMs = 5000;

export function processReport(): ProcessReport['process'] {
  const { rss, heapUsed, external } = process.memoryUsage();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  return {
    pid: process.pid,
    version: process.version,
    uptimeSeconds: Math.round(process.uptime()),
    memory: { rss, heapUsed, external },
    handles,
  };
}

export async function check(options: CheckCommandOptions): Promise<number> {
  const { config } = loadSettings({
    ...(options.config === undefined ? {} : { config: options.config }),
    ...(options.socket === undefined ? {} : { socket: options.socket }),
  });
  if (config.socket === 'none')
    throw new TandemError('ERR_SOCKET', 'the server was told to open no socket (socket: none)');
  let report: ProcessReport;
  try {
    report = (await askCheckSocket(config.socket, timeoutMs)) as ProcessReport;
  } catch (error) {
    throw new TandemError('ERR_SOCKET', `no server answers at ${config.socket} (--socket): ${messageOf(error)}`, {
      cause: error,
    });
  }
  const findings = findingsOf(report, await commandsOf(config));
  if (options.json) process.stdout.write(`${JSON.stringify({ ...report, findings }, null, 2)}\n`);
  else process.stdout.write(`${described(report)}\n${printFindings(findings)}`);
  return 0;
}

/** The commands that the server has, or why they could not be asked for. */
async function commandsOf({ control, http }: Config): Promise<readonly string[] | string> {
  const place = control.path !== 'none' ? control.path : http.listen === 'none' ? undefined : `http://${http.listen}`;
  if (place === undefined) return 'the server hears none';
  const token = http.token === undefined ? {} : { TANDEM_HTTP_TOKEN: http.token };
  try {
    const { answer } = await askFirst(place, { ...process.env, ...token }, 'system.listMethods', []);
    if ('fault' in answer) return answer.fault.text;
    return answer.records.flatMap((record) => (record.type === 'string' ? [record.value] : []));
  } catch (error) {
    return messageOf(error);
  }
}

function described(report: ProcessReport): string {
  const { listeners, sip, bans, media, process: host } = report;
  const counts = (of: object): string =>
    Object.entries(of)
      .filter(([, value]) => typeof value === 'number')
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const lines = [
    `server      pid ${host.pid}, Node.js ${host.version}, up ${host.uptimeSeconds} s${report.draining ? ', draining' : ''}`,
    `listeners   ${listeners.map(({ transport, host, port }) => `${transport}:${host}:${port}`).join(' ') || 'none'}`,
    `calls       ${report.calls}`,
    ...(report.bindings > 0 ? [`phones      ${report.bindings} registered`] : []),
    ...report.trunks.map((trunk) => `trunk       ${trunkLine(trunk)}`),
    ...report.registrations.map((one) => `account     ${registrationLine(one)}`),
    `sip         ${counts(sip)}`,
    `bans        ${bans.map(({ address, reason }) => `${address} (${reason})`).join(' ') || 'none'}`,
    `media       ${counts(media)}, sockets by ${report.mediaIo}`,
    `memory      ${(host.memory.rss / 1e6).toFixed(0)} MB`,
    `handles     ${counts(host.handles)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function trunkLine({ name, state, calls, gateways }: TrunkReport): string {
  const asked = gateways.map(({ uri, state: of, lastQualify }) =>
    lastQualify ? `${uri} ${of} (${lastQualify.status} in ${Math.round(lastQualify.ms)} ms)` : `${uri} not qualified`,
  );
  return [`${name} ${state}`, `calls ${calls}`, ...asked].join(', ');
}

function registrationLine({ uri, state, contact, expiresAt, status }: CheckReport['registrations'][number]): string {
  const until = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString()}`;
  const last = status === undefined || state === 'registered' ? '' : ` (${status})`;
  return `${uri} ${state}${last}${until}${contact === undefined ? '' : `, contact ${contact}`}`;
}
