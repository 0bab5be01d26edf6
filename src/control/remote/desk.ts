/** What the commands share: which call is meant, whose it is, whose turn it is, and how a long one replies. */
import type { Clock } from '../../base/clock.ts';
import { TandemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcContext } from '../rpc/methods.ts';
import type { RpcStruct } from '../rpc/value.ts';
import { type Operation, Operations, type OperationWork } from './operations.ts';
import { Owners, type OwnersOptions } from './owners.ts';
import type { CallCommand, Params } from './params.ts';
import { SoundReader } from './sounds.ts';
import type { RemoteTandem } from './subject.ts';
import { Turns } from './turns.ts';

export interface DeskOptions extends OwnersOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly soundFolder: string;
  readonly writeFolder: string | undefined;
  /** A file that is heard before anything is recorded. */
  readonly announcement?: string | undefined;
}

/** Of every command the one function that does it. */
export type Handlers<N extends CallCommand = CallCommand> = {
  readonly [K in N]: (params: Params<K>, context: RpcContext) => RemoteReply | Promise<RemoteReply>;
};
export type RemoteReply = RpcStruct | undefined | { readonly list: Iterable<RpcStruct> };

export class Desk {
  readonly tandem: RemoteTandem;
  readonly logger: Logger;
  readonly owners: Owners;
  readonly operations: Operations;
  readonly sounds: SoundReader;
  readonly writeFolder: string | undefined;
  readonly announcement: string | undefined;
  readonly #turns = new Turns();

  constructor(tandem: RemoteTandem, { clock, logger, soundFolder, writeFolder, announcement, ...owners }: DeskOptions) {
    this.tandem = tandem;
    this.logger = logger;
    this.owners = new Owners(clock, logger, tandem.parking, owners);
    this.operations = new Operations(clock, logger, this.#turns);
    this.sounds = new SoundReader(soundFolder);
    this.writeFolder = writeFolder;
    this.announcement = announcement;
  }

  /** @throws RpcFault 404 */
  find(name: string): DialogSession {
    const call = this.tandem.findCall(name);
    if (call) return call;
    const message = `there is no call ${name}`;
    throw new RpcFault(404, message, new TandemError('ERR_CALL_UNKNOWN', message, { status: 481 }));
  }

  /** The call that a controller does something to. @throws RpcFault 404, TandemError ERR_CALL_TAKEN */
  use(name: string, context: RpcContext): DialogSession {
    const call = this.find(name);
    this.owners.use(call, context);
    return call;
  }

  /** Something short, in its turn, that those behind it wait for. */
  async inTurn(call: DialogSession, work: () => Promise<unknown>): Promise<undefined> {
    await this.#turns.run([call], work);
    return undefined;
  }

  /** Something that may take long. @param wait false: the reply says no more than which operation it is */
  async operate(call: DialogSession, wait: boolean, work: OperationWork): Promise<RpcStruct> {
    return this.reply(this.operations.begin(call, work), wait);
  }

  async reply({ id, call, done }: Operation, wait: boolean): Promise<RpcStruct> {
    return { operation: id, call: call.id, ...(wait ? await done : {}) };
  }
}
