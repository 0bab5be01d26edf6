/** What a B2BUA can do with a call beyond Kamailio's commands. Each names its call by `h_entry` and `h_id`. */
import { within } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { DialogRecord } from '../../registry/record.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { Recording } from '../../session/recording.ts';
import type { RpcArguments } from '../rpc/arguments.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod } from '../rpc/methods.ts';
import { soundSource } from '../sound-folder.ts';
import { recordById } from './dlg.ts';
import { writablePath } from './files.ts';
import { mute } from './mute.ts';
import type { Subject } from './subject.ts';

/** Recordings that were begun by a command. */
type Recordings = WeakMap<DialogSession, Recording>;

export function moreDialogCommands(subject: Subject): readonly RpcMethod[] {
  const { registry } = subject;
  const recordings: Recordings = new WeakMap();
  return [
    {
      name: 'dlg.set_timeout',
      help: 'Give a dialog so many seconds from now: h_entry, h_id, seconds (0 is for ever)',
      changes: true,
      run: (args) => {
        recordById(subject, args).setTimeout(args.int());
        return undefined;
      },
    },
    {
      name: 'dlg.get_var',
      help: 'Print a variable of a dialog: h_entry, h_id, name',
      run: (args) => {
        const { variables } = recordById(subject, args);
        const value = variables.get(args.string());
        if (value === undefined) throw new RpcFault(404, 'Variable not found');
        return value;
      },
    },
    {
      name: 'dlg.set_var',
      help: 'Set a variable of a dialog, or take it away: h_entry, h_id, name, [value]',
      changes: true,
      run: (args) => {
        const { variables } = recordById(subject, args);
        const name = args.string();
        const value = args.optionalString();
        if (value === undefined) variables.delete(name);
        else variables.set(name, value);
        return undefined;
      },
    },
    {
      name: 'dlg.profiles',
      help: 'List the profiles and how many dialogs are in each',
      run: () => ({
        list: registry.profiles
          .sizes()
          .map(({ name, hasValue, size }) => ({ name, has_value: hasValue ? 1 : 0, size })),
      }),
    },
    {
      name: 'dlg.refer',
      help: 'Ask a side to call somebody else, and hang it up when it did: h_entry, h_id, caller|callee, uri',
      changes: true,
      run: async (args) => {
        const record = recordById(subject, args);
        const side = sideOf(args.string());
        if (side === 'all') throw new RpcFault(500, 'Invalid parameters');
        const { status, reason } = await record.refer(side, args.string());
        return { status, reason };
      },
    },
    {
      name: 'dlg.hold',
      help: 'Put a dialog on hold: h_entry, h_id, [caller|callee|all], [music]',
      changes: true,
      run: async (args) => {
        const legs = legsOf(subject, args);
        const music = args.optionalString();
        await Promise.all(
          legs.map((leg) => leg.hold(music === undefined ? {} : { music: soundSource(subject.soundFolder, music) })),
        );
        return undefined;
      },
    },
    {
      name: 'dlg.unhold',
      help: 'Take a dialog off hold: h_entry, h_id, [caller|callee|all]',
      changes: true,
      run: async (args) => {
        await Promise.all(legsOf(subject, args).map((leg) => leg.unhold()));
        return undefined;
      },
    },
    {
      name: 'dlg.play',
      help: 'Play a file or URL to a dialog: h_entry, h_id, source, [caller|callee|all]',
      changes: true,
      run: async (args) => {
        const record = recordById(subject, args);
        const source = soundSource(subject.soundFolder, args.string());
        await Promise.all(upLegs(record, args).map((leg) => begun(subject, leg, leg.playback().play(source))));
        return undefined;
      },
    },
    {
      name: 'dlg.record',
      help: 'Record a dialog, both directions: h_entry, h_id, start, file, [caller|callee] or h_entry, h_id, stop',
      changes: true,
      run: (args) => record(subject, recordings, args),
    },
    {
      name: 'dlg.mute',
      help: 'Let a side be heard no more, or again: h_entry, h_id, caller|callee|all, [1|0]',
      changes: true,
      run: async (args) => {
        const legs = legsOf(subject, args);
        const on = (args.optionalInt() ?? 1) !== 0;
        await Promise.all(legs.map((leg) => mute(leg, on)));
        return undefined;
      },
    },
  ];
}

function sideOf(text: string): 'caller' | 'callee' | 'all' {
  if (text === 'caller' || text === 'callee' || text === 'all') return text;
  throw new RpcFault(500, `a side is caller, callee or all, not ${text}`);
}

/** Of the call that the next arguments name, the legs that the one behind them means. */
function legsOf(subject: Subject, args: RpcArguments): readonly DialogSession[] {
  return upLegs(recordById(subject, args), args);
}

/** The legs of the side that the next argument names; default all. @throws RpcFault 500 where none is up */
function upLegs(dialog: DialogRecord, args: RpcArguments): readonly DialogSession[] {
  const side = sideOf(args.optionalString() ?? 'all');
  const meant = side === 'all' ? dialog.sessions : [dialog.leg(side)];
  const legs = meant.filter((leg) => leg?.state === 'confirmed') as DialogSession[];
  if (legs.length === 0) throw new RpcFault(500, 'Dialog not in confirmed state');
  return legs;
}

/** How long a failure is waited for, ms: what is wrong with a file shows at once. */
const failureMs = 500;

/** Returns when it has begun; what goes wrong later is in the log. */
async function begun({ clock, logger }: Subject, { callId }: DialogSession, work: Promise<unknown>): Promise<void> {
  let isBegun = false;
  work.catch((error: unknown) => {
    if (isBegun) logger.warn({ callId, error: messageOf(error) }, 'a command failed after it had begun');
  });
  await within(clock, failureMs, work);
  isBegun = true;
}

async function record(subject: Subject, recordings: Recordings, args: RpcArguments): Promise<undefined> {
  const dialog = recordById(subject, args);
  const verb = args.string();
  if (verb === 'stop') {
    const running = dialog.sessions.flatMap((leg) => recordings.get(leg) ?? []);
    if (running.length === 0) throw new RpcFault(404, 'Recording not found');
    for (const leg of dialog.sessions) recordings.delete(leg);
    await Promise.all(running.map((one) => one.close()));
    return;
  }
  if (verb !== 'start') throw new RpcFault(500, `start or stop, not ${verb}`);
  const path = await writablePath(subject.writeFolder, args.string());
  const leg = dialog.leg(sideOf(args.optionalString() ?? 'caller') === 'callee' ? 'callee' : 'caller');
  if (!leg || recordings.has(leg)) throw new RpcFault(500, 'this side is being recorded already');
  const recording = leg.recording(path);
  recordings.set(leg, recording);
  const over = (): void => {
    if (recordings.get(leg) === recording) recordings.delete(leg);
  };
  recording.done.then(over, over);
  await begun(subject, leg, recording.done);
}
