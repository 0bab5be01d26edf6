/** The sixteen commands of Kamailio's dialog module, with its replies and faults; `docs/kamailio.md` lists what differs. */
import { within } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { DialogRecord } from '../../registry/record.ts';
import type { BridgeMode } from '../../registry/registry.ts';
import type { DialogEnds } from '../../registry/sides.ts';
import { confirmed, type DialogState, deleted } from '../../registry/states.ts';
import { checkHeaders } from '../../sip/check-headers.ts';
import type { HeaderField } from '../../sip/message.ts';
import { parseUri } from '../../sip/uri.ts';
import type { RpcArguments } from '../rpc/arguments.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod } from '../rpc/methods.ts';
import type { RpcReply, RpcStruct, RpcValue } from '../rpc/value.ts';
import { BridgeNumbers, contextStruct } from './dialog-context.ts';
import { dialogTest, matching } from './dialog-filter.ts';
import { dialogLine, dialogStruct, nullText } from './dialog-struct.ts';
import { openToAppend } from './files.ts';
import type { Subject } from './subject.ts';

/** How a call is printed. */
type Print = (record: DialogRecord) => RpcValue | Promise<RpcValue>;

export function dialogCommands(subject: Subject): readonly RpcMethod[] {
  const { registry } = subject;
  const bridges = new BridgeNumbers();
  const withContext: Print = (record) => contextStruct(registry, bridges, record);
  return [
    {
      name: 'dlg.list',
      help: 'Print all dialogs',
      run: () => ({ list: mapped(registry, dialogStruct) }),
    },
    {
      name: 'dlg.list_ctx',
      help: 'Print all dialogs with associated context',
      run: () => ({ list: each(registry, withContext) }),
    },
    {
      name: 'dlg.list_match',
      help: 'Print matching dialogs',
      run: (args, { signal }) => listMatch(subject, args, dialogStruct, signal),
    },
    {
      name: 'dlg.list_match_ctx',
      help: 'Print matching dialogs with associated context',
      run: (args, { signal }) => listMatch(subject, args, withContext, signal),
    },
    {
      name: 'dlg.dlg_list',
      help: 'Print dialog based on callid and optionally fromtag',
      run: (args) => listOne(subject, args, dialogStruct),
    },
    {
      name: 'dlg.dlg_list_ctx',
      help: 'Print dialog with associated context based on callid and optionally fromtag',
      run: (args) => listOne(subject, args, withContext),
    },
    {
      name: 'dlg.briefing',
      help: 'List the summary of dialog records in memory',
      run: (args) => ({ list: mapped(registry, briefing(args.text() ?? 'ftcFT')) }),
    },
    {
      name: 'dlg.stats_active',
      help: 'Get stats about active dialogs',
      run: () => ({ ...registry.activeDialogs }),
    },
    {
      name: 'dlg.profile_get_size',
      help: 'Returns the number of dialogs belonging to a profile',
      run: (args) => {
        const name = profileName(subject, args);
        return registry.profiles.size(name, args.optionalString());
      },
    },
    {
      name: 'dlg.profile_list',
      help: 'Lists all the dialogs belonging to a profile',
      run: (args) => {
        const name = profileName(subject, args);
        return { list: mapped(registry.profiles.list(name, args.optionalString()), dialogStruct) };
      },
    },
    {
      name: 'dlg.is_alive',
      help: 'Check whether dialog is alive or not',
      run: (args) => isAlive(subject, args),
    },
    {
      name: 'dlg.end_dlg',
      help: 'End a given dialog based on [h_entry] [h_id]',
      changes: true,
      run: async (args) => {
        const record = recordById(subject, args);
        await end(subject, record, extraHeaders(args.text()));
        return undefined;
      },
    },
    {
      name: 'dlg.terminate_dlg',
      help: 'End a given dialog based on callid',
      changes: true,
      run: async (args) => {
        if (args.left < 3) throw new RpcFault(400, 'Need a Callid ,from tag ,to tag');
        const record = registry.find(args.string(), args.string(), args.string());
        if (!record || record.state === deleted) throw new RpcFault(500, 'Couldnt find callid in dialog');
        await end(subject, record, []);
        return undefined;
      },
    },
    {
      name: 'dlg.set_state',
      help: 'Set state for a dialog based on callid and tags',
      changes: true,
      run: (args) => setState(subject, args),
    },
    {
      name: 'dlg.bridge_dlg',
      help: 'Bridge two SIP addresses in a call using INVITE(hold)-REFER-BYE mechanism: to, from, [outbound SIP proxy]',
      changes: true,
      run: (args) => bridge(subject, args),
    },
    {
      name: 'dlg.dump_file',
      help: 'Print all dialogs to json file',
      changes: true,
      run: async (args) => {
        await dump(subject, args.string('any'));
        return undefined;
      },
    },
  ];
}

// ---- lists

function* mapped(records: Iterable<DialogRecord>, print: (record: DialogRecord) => RpcValue): Iterable<RpcValue> {
  for (const record of records) yield print(record);
}

async function* each(
  records: Iterable<DialogRecord> | AsyncIterable<DialogRecord>,
  print: Print,
): AsyncGenerator<RpcValue, void, void> {
  for await (const record of records) yield await print(record);
}

async function listMatch(subject: Subject, args: RpcArguments, print: Print, signal: AbortSignal): Promise<RpcReply> {
  const test = dialogTest(args.text() ?? '', args.text() ?? '', args.text() ?? '');
  const found = matching(subject.registry, test, args.tryInt() ?? 0, signal);
  const first = await found.next();
  // The fault takes the place of the list: whether there is one has to be known before it begins.
  if (first.done) throw new RpcFault(404, 'Not found');
  return { list: each(startingWith(first.value, found), print) };
}

async function* startingWith<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  yield first;
  yield* rest;
}

/** A list only where there are several, as Kamailio's reply is none either. */
async function listOne({ registry }: Subject, args: RpcArguments, print: Print): Promise<RpcReply> {
  const callId = args.string('any');
  const tag = args.optionalString();
  const found = registry
    .withCallId(callId)
    .filter((record) => hasCallId(record, callId) && (tag === undefined || record.isNamedBy(callId, tag)));
  const [first, ...more] = await Promise.all(found.map(print));
  return first === undefined || more.length === 0 ? first : { list: [first, ...more] };
}

function hasCallId({ callId, sessions }: DialogRecord, wanted: string): boolean {
  return callId === wanted || sessions.some((leg) => leg.callId === wanted || leg.signalling?.callId === wanted);
}

type Brief = (record: DialogRecord, ends: DialogEnds) => readonly [name: string, value: string | number];

const briefs: Readonly<Record<string, Brief>> = {
  f: ({ fromUri }) => ['from_uri', fromUri],
  t: ({ toUri }) => ['to_uri', toUri],
  c: ({ callId }) => ['call-id', callId],
  F: (_, { caller }) => ['from_tag', caller?.tag ?? nullText],
  T: (_, { callee }) => ['to_tag', callee?.tag ?? nullText],
  I: ({ initTs }) => ['init_ts', initTs],
  S: ({ startTs }) => ['start_ts', startTs],
  E: ({ endTs }) => ['end_ts', endTs],
  s: ({ state }) => ['state', state],
};

/** @param letters what is shown, in this order; those that mean nothing are passed over */
function briefing(letters: string): (record: DialogRecord) => RpcStruct {
  const wanted = [...new Set(letters)].flatMap((letter) =>
    Object.hasOwn(briefs, letter) ? (briefs[letter] ?? []) : [],
  );
  return (record) => {
    const struct: Record<string, string | number> = { h_entry: record.hEntry, h_id: record.hId };
    const { sides } = record;
    for (const brief of wanted) {
      const [name, value] = brief(record, sides);
      struct[name] = value;
    }
    return struct;
  };
}

/** @throws RpcFault 400 without one, 404 for one that is not declared */
function profileName({ registry }: Subject, args: RpcArguments): string {
  const name = args.string('any');
  if (registry.profiles.has(name)) return name;
  throw new RpcFault(404, `Profile not found: ${name}`);
}

// ---- one call

/** @throws RpcFault 500, 404 with Kamailio's words */
export function recordById({ registry }: Subject, args: RpcArguments): DialogRecord {
  const [hEntry, hId] = [args.tryInt(), args.tryInt()];
  if (hEntry === undefined || hId === undefined) throw new RpcFault(500, 'Invalid parameters');
  const record = registry.get(hEntry, hId);
  // What is over is still listed until its peers have said so, but there is nothing to be done with it.
  if (!record || record.state === deleted) throw new RpcFault(404, 'Dialog not found');
  return record;
}

function isAlive({ registry }: Subject, args: RpcArguments): string {
  if (args.left === 0 || args.left === 2)
    throw new RpcFault(400, 'Too few parameters (required callid, from-tag, to-tag)');
  const callId = args.string();
  const record =
    args.left > 0
      ? registry.find(callId, args.string(), args.string())
      : confirmedOf(registry.withCallId(callId).filter((one) => hasCallId(one, callId)));
  if (!record) throw new RpcFault(404, 'Dialog not found');
  if (record.state !== confirmed) throw new RpcFault(500, 'Dialog not in confirmed state');
  return 'Alive';
}

/** Of several calls with one Call-ID, a confirmed one. */
function confirmedOf(records: readonly DialogRecord[]): DialogRecord | undefined {
  return records.findLast(({ state }) => state === confirmed) ?? records.at(-1);
}

/** How long is waited for the answer to our BYE, ms: who asks for the list next does not see it any more. */
const farewellMs = 500;

async function end({ clock, logger }: Subject, record: DialogRecord, headers: readonly HeaderField[]): Promise<void> {
  const told = record.bye('all', { by: 'local' }, headers);
  told.catch((error: unknown) => logger.warn({ callId: record.callId, error: messageOf(error) }, 'a BYE failed'));
  await within(clock, farewellMs, told);
}

/** @throws RpcFault 500 for what is no header, TandemError for one that cannot be sent */
function extraHeaders(text = ''): readonly HeaderField[] {
  // A shell has no easy way to write a line break.
  const lines = text.split(/\r\n|\n|\\r\\n/).filter((line) => line.trim() !== '');
  const headers = lines.map((line): HeaderField => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new RpcFault(500, 'Invalid parameters');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  checkHeaders(headers);
  return headers;
}

function setState({ registry }: Subject, args: RpcArguments): string {
  if (args.left < 4) throw new RpcFault(400, 'Need the callid, from tag,to tag and state');
  const [callId, fromTag, toTag] = [args.string(), args.string(), args.string()];
  const state = args.tryInt();
  if (state === undefined) throw new RpcFault(400, 'Need the callid, from tag,to tag and state');
  if (state < 1 || state > deleted) throw new RpcFault(500, 'Invalid state value');
  const record = registry.find(callId, fromTag, toTag);
  if (!record) throw new RpcFault(500, 'Dialog not found');
  record.setState(state as DialogState);
  return 'Done';
}

/** Returns when it has begun; how it went is in the log. */
function bridge({ registry, logger }: Subject, args: RpcArguments): undefined {
  const [from = '', to = '', asked = '.'] = [args.text(), args.text(), args.text()];
  const proxy = asked === '.' || asked === '' ? undefined : asked;
  // A body of Kamailio's: ours is that of a call with audio.
  args.text();
  const mode = args.text() ?? 'refer';
  if (![from, to, proxy ?? to].every((uri) => parseUri(uri).ok) || !isBridgeMode(mode))
    throw new RpcFault(500, 'Invalid parameters');
  registry.bridgeDlg(from, to, mode, proxy).then(
    () => logger.info({ from, to, mode }, 'bridged two addresses'),
    (error: unknown) => logger.warn({ from, to, mode, error: messageOf(error) }, 'could not bridge two addresses'),
  );
}

function isBridgeMode(mode: string): mode is BridgeMode {
  return mode === 'refer' || mode === 'call';
}

/** Lines that are written at once. */
const linesAtOnce = 200;

/** Adds a line of JSON for each call. */
async function dump({ registry, writeFolder }: Subject, name: string): Promise<void> {
  const file = await openToAppend(writeFolder, name);
  try {
    let lines: string[] = [];
    const write = async (): Promise<void> => {
      await file.appendFile(lines.join(''));
      lines = [];
    };
    for (const record of registry) {
      lines.push(`${JSON.stringify(dialogLine(record))}\n`);
      if (lines.length === linesAtOnce) await write();
    }
    if (lines.length > 0) await write();
  } finally {
    await file.close();
  }
}
