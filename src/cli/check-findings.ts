/** What a running server's report means, point by point: what is well, what is not, and what to do about it. Pure. */
import type { AdmissionReport, CheckReport, InviteReport, RegistryReport, StoreHealth } from '../index.ts';

export interface Finding {
  readonly what: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly text: string;
  readonly todo?: string;
}

export type CheckedReport = Pick<CheckReport, 'calls' | 'draining' | 'listeners' | 'sip' | 'invites' | 'registry'> &
  Partial<Pick<CheckReport, 'store' | 'recovery' | 'cdrs' | 'admission'>>;

/** @param commands names that the server answers to, or why they could not be asked for */
export function findingsOf(report: CheckedReport, commands: readonly string[] | string): readonly Finding[] {
  const { registry } = report;
  return [
    { what: 'registry', ...registryFinding(registry) },
    { what: 'commands', ...commandsFinding(commands) },
    { what: 'tracking', ...trackingFinding(report) },
    { what: 'INVITEs', ...invitesFinding(report) },
    ...(registry
      ? [
          { what: 'active calls', ...activeFinding(registry) },
          { what: 'details', ...detailsFinding(registry) },
          { what: 'clean-up', ...cleanUpFinding(registry) },
          { what: 'time-outs', ...timeoutsFinding(registry) },
          { what: 'profiles', ...profilesFinding(registry) },
        ]
      : []),
    ...(report.admission ? [{ what: 'room', ...roomFinding(report.admission, report.calls) }] : []),
    ...(report.store ? [{ what: 'database', ...storeFinding(report.store) }] : []),
    ...(report.recovery ? [{ what: 'journal', ...journalFinding(report.recovery) }] : []),
    ...(report.cdrs?.length ? [{ what: 'records', ...recordsFinding(report.cdrs) }] : []),
  ];
}

type Result = Omit<Finding, 'what'>;
const ok = (text: string, todo?: string): Result => ({ result: 'ok', text, ...(todo === undefined ? {} : { todo }) });
const warn = (text: string, todo: string): Result => ({ result: 'warn', text, todo });

function registryFinding(registry: RegistryReport | undefined): Result {
  if (!registry) return { result: 'fail', text: 'this server keeps none', todo: 'take out `registry: false`' };
  return ok(`calls are kept in ${registry.settings.hashSize} slots`);
}

function commandsFinding(commands: readonly string[] | string): Result {
  if (typeof commands === 'string') return warn(`could not be asked: ${commands}`, 'set control.path or http.listen');
  const own = commands.filter((name) => name.startsWith('dlg.'));
  if (own.length === 0) return warn(`${commands.length}, but none of dlg.*`, 'the server is to keep a registry');
  return ok(
    `${own.length} of dlg.*, ${commands.length} in all`,
    commands.includes('dlg.stats')
      ? undefined
      : 'there is no dlg.stats: use dlg.stats_active, dlg.briefing or dlg.list',
  );
}

function roomFinding({ maxCalls, load, refusing, refused }: AdmissionReport, calls: number): Result {
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const busy = load
    ? `; main thread ${percent(load.main)}, busiest media thread ${percent(load.media)}, all cores ${percent(load.process)}, ${Math.round(load.lag)} ms late`
    : '';
  const turnedAway = Object.entries(refused).flatMap(([cause, count]) => (count > 0 ? [`${count} for ${cause}`] : []));
  const text = `${calls} legs, ${maxCalls === 0 ? 'no limit of calls' : `at most ${maxCalls} calls`}${busy}; refused since the start: ${turnedAway.join(', ') || 'none'}`;
  if (refusing === 'calls') return warn(text, 'new calls get 503: raise admission.maxCalls, or add a server');
  if (refusing) return warn(text, 'new calls get 503 until the load is lower: add cores, or a server');
  return maxCalls === 0 ? ok(text, '`tandem bench --calibrate` finds out what this machine carries') : ok(text);
}

function storeFinding({ url, mode, state, error, pending, cdrs, dropped }: StoreHealth): Result {
  if (state !== 'ready')
    return warn(
      `${url} is ${state}: ${error ?? ''}; ${pending} calls and ${cdrs} call detail records wait`,
      'calls go on, and it is tried again: see docs/persistence.md',
    );
  if (dropped > 0) return warn(`${url} did not take ${dropped} rows`, 'the log says which, and why');
  return ok(`${url}, mode ${mode}`);
}

function journalFinding({ problem, recovered, lost }: NonNullable<CheckReport['recovery']>): Result {
  if (problem !== undefined)
    return warn(`cannot be written: ${problem}`, 'calls go on, and would not outlive a crash: see docs/recovery.md');
  return ok(`calls would go on after a crash; of the process before ${recovered} do, and ${lost} could not`);
}

function recordsFinding(cdrs: CheckReport['cdrs']): Result {
  const bad = cdrs.filter(({ problem }) => problem !== undefined);
  const [first] = bad;
  if (first)
    return warn(
      `${first.waiting} wait for the ${first.name}: ${first.problem}`,
      'they are sent again: see docs/cdr.md',
    );
  return ok(cdrs.map(({ name, sent }) => `${sent} to the ${name}`).join(', '));
}

/** There is no dlg_manage() to be called, and no flag to be set: a call that is not tracked was taken out by a script. */
function trackingFinding({ calls, registry }: CheckedReport): Result {
  if (!registry) return warn('no call is tracked', 'take out `registry: false`');
  if (calls > 0 && registry.states.all === 0)
    return warn(`${calls} legs are up, but no call is tracked`, 'look for track(false) in the script');
  return ok('every call is tracked from its INVITE on');
}

function invitesFinding({ invites, sip, draining, listeners }: CheckedReport): Result {
  const { seen, tracked, rejected } = invites;
  const { malformed, rejected: refused, overload, banned, rateLimited, overCalls, overDialogs } = sip.counters;
  const kept = {
    malformed,
    refused,
    overload,
    banned,
    'rate-limited': rateLimited,
    'over a limit': overCalls + overDialogs,
  };
  const before = Object.entries(kept).filter(([, count]) => count > 0);
  const lines = Object.entries(rejected).map(([status, count]) => `${count} with ${status}`);
  const text = [
    `${seen} seen, ${tracked} tracked, ${countOf(invites)} rejected${lines.length > 0 ? ` (${lines.join(', ')})` : ''}`,
    ...(before.length > 0
      ? [`kept away earlier: ${before.map(([name, count]) => `${count} ${name}`).join(', ')}`]
      : []),
  ].join('; ');
  if (draining) return warn(text, 'the server is draining and takes no calls: start it again');
  if (seen === 0 && before.length > 0)
    return warn(text, 'messages come but no INVITE gets in: see bans, `defence` and the log');
  if (seen === 0) {
    const at = listeners.map(({ transport, host, port }) => `${transport}:${host}:${port}`).join(', ');
    return warn(text, `no call has come this way: does the phone call ${at}, and does a firewall let it?`);
  }
  return tracked === 0 ? warn(text, adviceFor(rejected)) : ok(text);
}

const rejections: Readonly<Record<number, string>> = {
  401: 'the phone has no password, or a wrong one: see users',
  403: 'the caller may not call here: see users and trunks',
  407: 'the phone has no password, or a wrong one: see users',
  480: 'no script handles calls',
  482: 'the call came back to us: the next hop sends it here again',
  486: 'a trunk has all its channels in use: see maxChannels',
  503: 'the server takes no calls at the moment',
};

function adviceFor(rejected: InviteReport['rejected']): string {
  const [status] = Object.entries(rejected).reduce((most, one) => (one[1] > most[1] ? one : most), ['0', 0] as const);
  return rejections[Number(status)] ?? 'the log has more at level debug';
}

function countOf({ rejected }: InviteReport): number {
  return Object.values(rejected).reduce((sum, count) => sum + count, 0);
}

function activeFinding({ states, statistics }: RegistryReport): Result {
  const { active, early, processed, expired, failed } = statistics;
  const text = `${active} active, ${early} ringing of ${states.all} that run; since the start ${processed} processed, ${failed} failed, ${expired} expired`;
  return ok(text, states.all === 0 ? 'make a test call, and it is 1' : undefined);
}

function detailsFinding({ example }: RegistryReport): Result {
  if (!example) return ok('no call runs', 'make a test call: dlg.list shows from_uri and to_uri');
  const { callId, fromUri, toUri } = example;
  if (fromUri === '' || toUri === '') return warn(`${callId} has no from or to`, 'see its messages in the trace');
  return ok(`${fromUri} → ${toUri} (${callId})`);
}

function cleanUpFinding({ over, settings }: RegistryReport): Result {
  if (over === 0) return ok('nothing is left of calls that are over');
  return warn(
    `${over} calls are over, and their peers have not said so yet`,
    `they are forgotten after ${settings.endTimeout} s (registry.endTimeout); one that runs is ended by dlg.end_dlg <h_entry> <h_id>`,
  );
}

function timeoutsFinding({ settings }: RegistryReport): Result {
  const { defaultTimeout, earlyTimeout, noackTimeout, endTimeout, kaTimer, kaInterval, sendBye } = settings;
  const asked = kaTimer > 0 && kaInterval > 0 ? `OPTIONS every ${kaInterval} s` : 'no OPTIONS';
  const text = `answered ${defaultTimeout} s, ringing ${earlyTimeout} s, without ACK ${noackTimeout} s, over ${endTimeout} s; ${asked}`;
  if (sendBye) return ok(`${text}; then a BYE`);
  return warn(`${text}; then no BYE`, 'calls whose time is up go on unseen: registry.sendBye: true ends them');
}

function profilesFinding({ profiles, settings }: RegistryReport): Result {
  const sizes = profiles.map(({ name, size }) => `${name} ${size}`).join(', ');
  const auto = Object.entries(settings.autoProfiles).map(([name, value]) => `${name} by ${value}`);
  return ok(`${sizes || 'none'}; of every call ${auto.join(', ') || 'none'}`);
}

/** One line for each, and one more for what there is to do. */
export function printFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  const lines = findings.flatMap(({ what, result, text, todo }) => [
    `${result.padEnd(4)}  ${what.padEnd(width)}  ${text}`,
    ...(todo === undefined ? [] : [`      ${' '.repeat(width)}  → ${todo}`]),
  ]);
  return `${lines.join('\n')}\n`;
}
