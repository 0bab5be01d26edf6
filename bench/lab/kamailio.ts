/** A Kamailio with its dialog module, and calls of sipp through it: the registry's yardstick, where both are installed. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Child } from './child.ts';
import { loadCore, serverCore } from './cores.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const modules = [
  'jsonrpcs',
  'kex',
  'tm',
  'sl',
  'rr',
  'pv',
  'siputils',
  'textops',
  'xhttp',
  'ctl',
  'counters',
  'dialog',
];
const callsPerSecond = 500;

export interface KamailioWithCalls extends AsyncDisposable {
  /** Of JSON-RPC. */
  readonly url: string;
  /** Shared memory for each call, transactions that still linger included. */
  readonly bytes: number;
}

/** @returns undefined where Kamailio or sipp is not installed */
export async function kamailioWithCalls(calls: number): Promise<KamailioWithCalls | undefined> {
  try {
    await Promise.all(['kamailio', 'kamcmd', 'sipp'].map((program) => run('which', [program])));
  } catch {
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'tandem-bench-kamailio-'));
  const [port, http, uas, uac] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const control = join(folder, 'ctl');
  await writeFile(join(folder, 'kamailio.cfg'), configuration({ port, http, uas, control }));
  const shared = async (): Promise<number> => {
    const { stdout } = await run('kamcmd', ['-s', `unixs:${control}`, 'core.shmmem']);
    return Number(/^\s*used: (\d+)/m.exec(stdout)?.[1]);
  };
  const server = new Child(
    'kamailio',
    ['-f', join(folder, 'kamailio.cfg'), '-DD', '-E', '-Y', folder, '-P', join(folder, 'pid'), '-m', '1024'],
    { core: serverCore },
  );
  const sipp = (args: readonly string[]): Child =>
    new Child('sipp', [...args, '-i', '127.0.0.1', '-nostdin', '-m', String(calls), '-l', String(calls)], {
      core: loadCore,
      cwd: folder,
    });
  const close = async (): Promise<void> => {
    for (const child of [caller, callee, server]) await child?.stop();
    await rm(folder, { recursive: true });
  };
  let [caller, callee]: (Child | undefined)[] = [];
  try {
    for (let tries = 0; ; tries++) {
      await sleep(200);
      const up = await shared().catch(() => undefined);
      if (up !== undefined) break;
      if (tries > 50) throw new Error('Kamailio does not start');
    }
    const before = await shared();
    callee = sipp(['-sn', 'uas', '-p', String(uas)]);
    const held = ['-d', '600000', '-r', String(callsPerSecond)];
    caller = sipp([`127.0.0.1:${port}`, '-sn', 'uac', '-p', String(uac), ...held]);
    const signal = AbortSignal.timeout(120_000);
    for (;;) {
      const { stdout } = await run('kamcmd', ['-s', `unixs:${control}`, 'dlg.stats_active']);
      if (Number(/ongoing: (\d+)/.exec(stdout)?.[1]) === calls) break;
      signal.throwIfAborted();
      await sleep(250);
    }
    // Transactions are kept for some seconds after their answer.
    await sleep(8_000);
    const bytes = ((await shared()) - before) / calls;
    return { url: `http://127.0.0.1:${http}/RPC`, bytes, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function configuration(at: {
  readonly port: number;
  readonly http: number;
  readonly uas: number;
  readonly control: string;
}): string {
  return `
debug=1
log_stderror=yes
children=1
tcp_children=1
tcp_accept_no_cl=yes
auto_aliases=no
listen=udp:127.0.0.1:${at.port}
listen=tcp:127.0.0.1:${at.http}
${modules.map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("ctl", "binrpc", "unix:${at.control}")
modparam("jsonrpcs", "transport", 1)
modparam("jsonrpcs", "pretty_format", 0)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "dlg_match_mode", 2)
event_route[xhttp:request] { jsonrpc_dispatch(); }
request_route {
  if (has_totag()) { if (!loose_route()) { dlg_manage(); $du = "sip:127.0.0.1:${at.uas}"; } t_relay(); exit; }
  if (is_method("INVITE")) { record_route(); dlg_manage(); set_dlg_profile("caller", "$fu"); }
  $du = "sip:127.0.0.1:${at.uas}";
  t_relay();
}
`;
}
