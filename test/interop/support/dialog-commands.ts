/** The same calls and the same commands for a Kamailio and for a Tandem, with what `kamcmd` prints of each. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Folder } from './folder.ts';
import { freePort } from './ports.ts';
import { Program, run } from './process.ts';
import { Sipp } from './sipp.ts';

/** A server with `kamcmd` for it. */
export interface Commanded {
  /** UDP, where calls come in. */
  readonly port: number;
  /** For `kamcmd -s`. */
  readonly control: string;
}

/** What was asked at a moment, and the masked answer: `$ dlg.list` and its lines. */
export type Transcript = readonly { readonly moment: string; readonly command: string; readonly answer: string }[];

/** Words are arguments; `C`, `F`, `T`, `E`, `I` are Call-ID, tags, h_entry and h_id of the call. */
const lists = [
  'dlg.list',
  'dlg.briefing',
  'dlg.briefing ftcFTISEs',
  'dlg.stats_active',
  'stats.get_statistics dialog:',
];
const sizes = ['dlg.profile_get_size caller', 'dlg.profile_get_size inbound', 'stats.fetch dialog:'];
const faults = [
  ...['dlg.nosuch', 'dlg.dlg_list', 'dlg.dlg_list nosuch', 'dlg.dlg_list nosuch tag', 'dlg.list_ctx'],
  ...['dlg.list_match', 'dlg.list_match furi', 'dlg.list_match xxx eq a', 'dlg.list_match furi xx a'],
  ...['dlg.list_match furi re (', 'dlg.list_match start_ts eq s:4', 'dlg.list_match furi gt s:4'],
  ...['dlg.list_match start_ts gt 4', 'dlg.list_match furi equal a', 'dlg.list_match furi eq a'],
  ...['dlg.profile_get_size', 'dlg.profile_get_size nosuch', 'dlg.profile_list', 'dlg.profile_list nosuch'],
  ...['dlg.profile_list caller', 'dlg.is_alive', 'dlg.is_alive a', 'dlg.is_alive a b', 'dlg.is_alive a b c'],
  ...[
    'dlg.end_dlg',
    'dlg.end_dlg 1',
    'dlg.end_dlg a b',
    'dlg.end_dlg 1 1',
    'dlg.terminate_dlg',
    'dlg.terminate_dlg a b',
  ],
  ...[
    'dlg.terminate_dlg a b c',
    'dlg.set_state',
    'dlg.set_state a b c',
    'dlg.set_state a b c 9',
    'dlg.set_state a b c x',
  ],
  ...['dlg.set_state a b c 5', 'dlg.bridge_dlg', 'dlg.bridge_dlg sip:a@127.0.0.1', 'dlg.dump_file'],
  ...['stats.get_statistics', 'stats.get_statistics nosuch', 'stats.get_statistics active_dialogs', 'stats.fetch'],
  ...['stats.fetch nosuch', 'stats.fetch dialog:active_dialogs', 'stats.fetchn dialog:', 'stats.reset_statistics'],
  ...['stats.clear_statistics', 'stats.clear_statistics nosuch', 'system.methodHelp dlg.list'],
];
const matches = [
  ...['dlg.list_match callid eq C', 'dlg.list_match_ctx turi sw sip:1003', 'dlg.list_match furi re ^SIP:50+1@.*$ 10'],
  ...['dlg.list_match ruri sw sip:1003@', 'dlg.list_match start_ts gt s:4', 'dlg.list_match start_ts lt s:4'],
];
const ofCall = ['dlg.is_alive C F T', 'dlg.is_alive C T F', 'dlg.is_alive C x T', 'dlg.is_alive C', 'dlg.dlg_list C F'];
const profiles = ['dlg.profile_list caller sip:5001@192.168.210.54', 'dlg.profile_list caller sip:other@x'];

/** @param isShort a few of the commands */
export async function askAll(server: Commanded, folder: Folder, isShort = false): Promise<Transcript> {
  const session = new Session(server, folder);
  const all = (commands: readonly string[], short: readonly string[]): readonly string[] =>
    isShort ? short : commands;
  await session.ask('no call', [...lists, ...sizes, ...all(faults, ['dlg.is_alive a', 'dlg.end_dlg 1 1'])]);
  await session.call('dialog-uas', 'dialog-uac', async () => {
    await session.until('connecting: 1');
    await session.identify();
    await session.ask('early', [...lists, ...sizes, ...all(['dlg.is_alive C F x', 'dlg.is_alive C x y'], [])]);
    await session.until('ongoing: 1');
    await session.identify();
    await session.ask('confirmed', [
      ...lists,
      ...sizes,
      ...ofCall,
      ...all([...matches, ...profiles], ['dlg.list_ctx']),
    ]);
    await session.ask('confirmed', ['dlg.end_dlg E I']);
    await session.until('', 'dlg.list');
    await session.ask('confirmed', ['dlg.end_dlg E I', 'dlg.is_alive C F T']);
  });
  await session.ask('ended', [...lists, ...sizes, 'stats.clear_statistics dialog:']);
  await session.call('dialog-uas-busy', 'dialog-uac-busy', async () => {
    await session.until('connecting: 1');
    await session.until('all: 0');
    await session.identify();
    await session.ask('failed', [...lists, ...sizes, 'dlg.is_alive C F x']);
  });
  if (isShort) return session.transcript;
  // Kamailio keeps it until a timer of its own has run.
  await session.until('', 'dlg.list');
  await session.call('dialog-uas', 'dialog-uac', async () => {
    await session.until('ongoing: 1');
    await session.identify();
    await session.ask('second call', [
      'dlg.set_state C F T 3',
      'dlg.list',
      'dlg.stats_active',
      'dlg.set_state C F T 4',
    ]);
    await session.ask('second call', ['dlg.list', 'dlg.terminate_dlg C T F']);
  });
  return session.transcript;
}

class Session {
  readonly transcript: { moment: string; command: string; answer: string }[] = [];
  readonly #server: Commanded;
  readonly #folder: Folder;
  #names = new Map<string, string>();

  constructor(server: Commanded, folder: Folder) {
    this.#server = server;
    this.#folder = folder;
  }

  /** A call of sipp, from its INVITE until both are through with it. */
  async call(callee: string, caller: string, during: () => Promise<void>): Promise<void> {
    await using called = await Sipp.start({ scenario: callee });
    await writeFile(this.#folder.file('target'), String(called.port));
    await using calls = await Sipp.start({ scenario: caller, target: this.#server.port, user: '1003' });
    this.#names = new Map([
      [`:${called.port}`, ':<callee>'],
      [`:${calls.port}`, ':<caller>'],
      [`:${this.#server.port}`, ':<server>'],
    ]);
    await during();
    // Kamailio does not always tell the callee; whoever was not told is ended with its scope.
    for (const { program } of [calls, called]) await program.ended(3000).catch(() => {});
  }

  /** Takes the names of the one call that is listed. */
  async identify(): Promise<void> {
    const text = await this.#kamcmd(['dlg.list']);
    const value = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? 'none';
    const tags = [...text.matchAll(/tag: (.*)/g)].map(([, tag]) => tag ?? 'none');
    for (const [name, own] of [
      ['C', value(/call-id: (.*)/)],
      ['E', value(/h_entry: (.*)/)],
      ['I', value(/h_id: (.*)/)],
      ['F', tags[0] ?? 'none'],
      ['T', tags[1] ?? 'none'],
    ] as const)
      this.#names.set(name, own);
  }

  async ask(moment: string, commands: readonly string[]): Promise<void> {
    for (const command of commands) {
      const words = command.split(' ').map((word) => (/^[A-Z]$/.test(word) ? (this.#names.get(word) ?? word) : word));
      this.transcript.push({ moment, command, answer: this.#mask(await this.#kamcmd(words)) });
    }
  }

  /** @param text empty: nothing at all is answered */
  async until(text: string, command = 'dlg.stats_active'): Promise<void> {
    const limit = AbortSignal.timeout(60_000);
    for (;;) {
      const answer = await this.#kamcmd([command]);
      if (text === '' ? answer === '' : answer.includes(text)) return;
      if (limit.aborted) throw new Error(`${command} never said ${text}, but ${answer}`);
      await delay(50);
    }
  }

  async #kamcmd(words: readonly string[]): Promise<string> {
    const { stdout, stderr } = await run('kamcmd', ['-s', this.#server.control, ...words], { timeoutMs: 10_000 });
    return stdout + stderr;
  }

  /** What is another in each run is masked. */
  #mask(answer: string): string {
    let text = answer;
    for (const [name, own] of this.#names)
      if (name.startsWith(':')) text = text.replaceAll(name, own);
      else if ('CFT'.includes(name) && !/^(none|<null string>|)$/.test(own)) text = text.replaceAll(own, `<${name}>`);
    return text
      .replaceAll(/\b(start_ts|init_ts|end_ts|timeout): [1-9]\d*/g, '$1: <time>')
      .replaceAll(/\bduration: \d{1,3}$/gm, 'duration: <seconds>')
      .replaceAll(/\bduration: \d{9,}$/gm, 'duration: <time>')
      .replaceAll(/\b(h_entry|h_id|ref): \d+/g, '$1: <$1>');
  }
}

/**
 * A Kamailio with the module, as proxy to the port that a file names.
 * @param more lines of its configuration
 */
export async function startKamailio(folder: Folder, more = ''): Promise<Commanded & AsyncDisposable> {
  const [port] = [await freePort()];
  const control = folder.file('kamailio_ctl');
  await writeFile(folder.file('kamailio.cfg'), configuration(port, control, folder.file('target'), more));
  const args = ['-f', folder.file('kamailio.cfg'), '-DD', '-E', '-Y', folder.path, '-P', folder.file('pid')];
  const program = new Program('kamailio', args);
  await program.until('ready', () => program.output.includes('proxy is ready'));
  return {
    port,
    control: `unixs:${control}`,
    [Symbol.asyncDispose]: async () => {
      // Its processes end with the first of them only if that has the time to tell them.
      program.kill('SIGTERM');
      await program.ended(20_000).catch(() => {});
      await program[Symbol.asyncDispose]();
    },
  };
}

const modules = ['kex', 'corex', 'tm', 'tmx', 'sl', 'rr', 'pv', 'xlog', 'textops', 'siputils', 'maxfwd', 'exec'];

function configuration(port: number, control: string, target: string, more: string): string {
  return `
debug=2
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:${port}
${[...modules, 'ctl', 'counters', 'dialog'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("ctl", "binrpc", "unix:${control}")
modparam("rr", "append_fromtag", 1)
modparam("dialog", "default_timeout", 21600)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "inbound")
${more}

event_route[core:worker-one-init] { xlog("L_NOTICE", "proxy is ready\\n"); }

request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not Here");
    exit;
  }
  t_check_trans();
  if (is_method("INVITE")) {
    record_route();
    dlg_manage();
    set_dlg_profile("caller", "$fu");
    set_dlg_profile("inbound");
    $dlg_var(customer) = "acme";
    $dlg_var(gw) = "gw1";
  }
  exec_avp("cat ${target}", "$avp(target)");
  $du = "sip:127.0.0.1:" + $avp(target);
  t_relay();
}
`;
}
