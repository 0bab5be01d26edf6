/** Who waits in queues and parking lots, which agents there are, and what is in mailboxes. */
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod } from '../rpc/methods.ts';
import type { RpcStruct, RpcValue } from '../rpc/value.ts';

/** A `Tandem` is one. */
export interface PbxSubject {
  readonly queues: readonly WatchedQueue[];
  readonly parkingLots: readonly WatchedLot[];
  readonly mailboxes: readonly WatchedMailbox[];
}

interface WatchedQueue {
  readonly name: string;
  readonly state: {
    readonly callers: readonly {
      readonly callId: string;
      readonly fromUser: string | undefined;
      readonly position: number;
      readonly priority: number;
      readonly waitedMs: number;
      readonly ringing: readonly string[];
    }[];
    readonly agents: readonly {
      readonly name: string;
      readonly state: string;
      readonly taken: number;
      readonly missed: number;
    }[];
    readonly left: Readonly<Record<string, number>>;
  };
  pause(agent: string): void;
  resume(agent: string): void;
}

interface WatchedLot {
  readonly name: string;
  readonly calls: readonly {
    readonly slot: number;
    readonly callId: string;
    readonly fromUser: string | undefined;
    readonly parker: string | undefined;
    readonly parkedMs: number;
  }[];
}

type MessageState = 'new' | 'saved';

interface WatchedMailbox {
  readonly name: string;
  messages(): Promise<
    readonly {
      readonly id: string;
      readonly at: number;
      readonly durationMs: number;
      readonly from: string | undefined;
      readonly state: MessageState;
    }[]
  >;
  mark(id: string, state: MessageState): Promise<void>;
  delete(id: string): Promise<void>;
}

/** `queue.*`, `parking.*` and `voicemail.*`, to be added to `RpcMethods`. Times are seconds. */
export function pbxCommands(subject: PbxSubject): readonly RpcMethod[] {
  return [
    {
      name: 'queue.list',
      help: 'Lists queues, their callers and agents; one alone by its name',
      run: (args) => ({ list: chosen(subject.queues, 'queue', args.optionalString()).map(queueStruct) }),
    },
    {
      name: 'queue.pause',
      help: 'The agent gets no calls of the queue: queue, agent',
      changes: true,
      run: (args) => {
        named(subject.queues, 'queue', args.string('any')).pause(args.string('any'));
        return undefined;
      },
    },
    {
      name: 'queue.resume',
      help: 'The agent gets calls again, and its wrap-up is over: queue, agent',
      changes: true,
      run: (args) => {
        named(subject.queues, 'queue', args.string('any')).resume(args.string('any'));
        return undefined;
      },
    },
    {
      name: 'parking.list',
      help: 'Lists parking lots and the calls in them; one alone by its name',
      run: (args) => ({ list: chosen(subject.parkingLots, 'parking lot', args.optionalString()).map(lotStruct) }),
    },
    {
      name: 'voicemail.list',
      help: 'Lists mailboxes and their messages; one alone by its name',
      run: async (args) => {
        const boxes = chosen(subject.mailboxes, 'mailbox', args.optionalString());
        return { list: await Promise.all(boxes.map(mailboxStruct)) };
      },
    },
    {
      name: 'voicemail.mark',
      help: 'Marks a message: mailbox, id, new or saved',
      changes: true,
      run: async (args) => {
        const box = named(subject.mailboxes, 'mailbox', args.string('any'));
        const [id, state] = [args.string('any'), args.string()];
        if (state !== 'new' && state !== 'saved') throw new RpcFault(400, 'a message is new or saved');
        await box.mark(id, state);
        return undefined;
      },
    },
    {
      name: 'voicemail.delete',
      help: 'Deletes a message: mailbox, id',
      changes: true,
      run: async (args) => {
        await named(subject.mailboxes, 'mailbox', args.string('any')).delete(args.string('any'));
        return undefined;
      },
    },
  ];
}

/** @throws RpcFault 404 for a name that none has */
function named<T extends { readonly name: string }>(all: readonly T[], kind: string, name: string): T {
  const found = all.find((one) => one.name === name);
  if (found) return found;
  throw new RpcFault(404, `There is no ${kind} ${name}`);
}

function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  kind: string,
  name: string | undefined,
): readonly T[] {
  return name === undefined ? all : [named(all, kind, name)];
}

const seconds = (ms: number): number => Math.round(ms / 1000);

function queueStruct({ name, state: { callers, agents, left } }: WatchedQueue): RpcStruct {
  return {
    name,
    callers: callers.map(
      ({ callId, fromUser = '', position, priority, waitedMs, ringing }): RpcValue => ({
        ...{ position, from: fromUser, waited: seconds(waitedMs), priority },
        ...{ ringing: ringing.join(','), call_id: callId },
      }),
    ),
    agents: agents.map((agent): RpcValue => ({ ...agent })),
    left: { ...left },
  };
}

function lotStruct({ name, calls }: WatchedLot): RpcStruct {
  return {
    name,
    calls: calls.map(
      ({ slot, callId, fromUser = '', parker = '', parkedMs }): RpcValue => ({
        ...{ slot, from: fromUser, parker, parked: seconds(parkedMs), call_id: callId },
      }),
    ),
  };
}

async function mailboxStruct(box: WatchedMailbox): Promise<RpcStruct> {
  const messages = await box.messages();
  return {
    name: box.name,
    messages: messages.map(
      ({ id, at, durationMs, from = '', state }): RpcValue => ({
        ...{ id, state, from, at: seconds(at), duration: seconds(durationMs) },
      }),
    ),
  };
}
