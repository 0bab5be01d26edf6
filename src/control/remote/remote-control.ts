/** Calls in the hands of programs that are not TypeScript: the commands `call.*` and the events of what they began. */
import type { Clock } from '../../base/clock.ts';
import { ConfigError } from '../../base/errors.ts';
import type { Observer } from '../../base/events.ts';
import { createLogger, type Logger } from '../../base/log.ts';
import { nodeClock } from '../../base/node.ts';
import type { RpcMethod } from '../rpc/methods.ts';
import { type NamedMethod, namedMethod, type ParamsSchema } from '../rpc/named.ts';
import { audioCommands } from './audio-commands.ts';
import { callRecordCommands } from './call-commands.ts';
import { connectionCommands } from './connection-commands.ts';
import { Desk, type Handlers } from './desk.ts';
import type { RemoteEvents } from './operations.ts';
import { type CallCommand, callCommands } from './params.ts';
import { signallingCommands } from './signalling-commands.ts';
import type { RemoteTandem } from './subject.ts';

export interface RemoteControlOptions {
  /** ms that the parked calls of a controller whose connection ended wait for another; default 10,000. */
  readonly grace?: number;
  /** What becomes of them then: they end (default), or go back to their script. */
  readonly whenLost?: 'hangup' | 'release';
  /** Where files to be played are; default the working directory. */
  readonly soundFolder?: string;
  /** The only folder that is recorded to. Without it nothing can be recorded. */
  readonly writeFolder?: string | undefined;
  /** A file that both sides hear before `call.record` begins. */
  readonly announcement?: string | undefined;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface RemoteControl {
  /** `call.*`, to be added to `RpcMethods`. */
  readonly methods: readonly RpcMethod[];
  /** For `openHttp`: its clients hear them. */
  readonly observer: Pick<Observer<RemoteEvents>, 'on'>;
  /** Forgets who looks after which call. Idempotent. */
  close(): void;
}

/** Lets remote controllers act on the calls of a Tandem. @throws ConfigError */
export function remoteControl(tandem: RemoteTandem, options: RemoteControlOptions = {}): RemoteControl {
  const { clock = nodeClock, logger = createLogger(), grace = 10_000, whenLost = 'hangup' } = options;
  if (!(grace >= 0)) throw new ConfigError(`remote.grace must be milliseconds, not ${grace}`);
  const { soundFolder = '.', writeFolder, announcement } = options;
  const desk = new Desk(tandem, { clock, logger, grace, whenLost, soundFolder, writeFolder, announcement });
  const handlers: Handlers = {
    ...callRecordCommands(desk),
    ...signallingCommands(desk),
    ...audioCommands(desk),
    ...connectionCommands(desk),
  };
  const methods = (Object.keys(callCommands) as CallCommand[]).map((name) =>
    // That each handler takes what its schema gives is checked by `Handlers`.
    namedMethod({ name, ...callCommands[name], run: handlers[name] } as unknown as NamedMethod<ParamsSchema>),
  );
  return { methods, observer: desk.operations.observer, close: () => desk.owners.close() };
}
