/** A request packet becomes the packet that answers it: a reply, or a fault. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../base/log.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcContext, RpcMethods } from '../rpc/methods.ts';
import { isRpcList, type RpcReply, type RpcScalar } from '../rpc/value.ts';
import { bodyLimit, type Packet, writeFault, writePacket } from './packet.ts';
import { type BinrpcRecord, RecordWriter, readRecords } from './records.ts';

export interface Response {
  readonly bytes: Uint8Array;
  /** The peer speaks something else: nothing more is read from it. */
  readonly last: boolean;
}

export interface ResponderOptions {
  readonly methods: RpcMethods;
  readonly logger: Logger;
}

/** How the fault begins that stands for a reply that no packet holds. */
export const tooLong = 'the reply is longer than BINRPC carries';
/** As many as `kamcmd` sends. */
const maxArguments = 256;
/** Records of a list that are made before others have their turn. */
const recordsPerTurn = 50;

/** To what is no packet. */
export const notUnderstood: Response = {
  bytes: writeFault(0, 400, 'bad request: corrupted packet'),
  last: true,
};

/** @param maxBytes of the reply; a longer one becomes a fault that says how many records there are */
export async function respond(
  { kind, cookie, body }: Packet,
  context: RpcContext,
  maxBytes: number,
  { methods, logger }: ResponderOptions,
): Promise<Response> {
  if (kind !== 'request') return notUnderstood;
  const malformed = (text: string): Response => ({ bytes: writeFault(cookie, 400, text), last: true });
  const records = readRecords(body);
  if (!records.ok) return malformed(`bad request: ${records.error}`);
  const [method, ...rest] = records.value;
  if (!method) return malformed('bad request method: end of packet encountered');
  if (method.type !== 'string') return malformed("bad request method: record doesn't match type");
  try {
    const reply = await methods.call(method.value, scalars(rest), context);
    return { bytes: writePacket('reply', cookie, await bodyOf(reply, maxBytes, context.signal)), last: false };
  } catch (error) {
    if (context.signal.aborted) return { bytes: writeFault(cookie, 500, 'the server closes'), last: true };
    if (!(error instanceof RpcFault)) logger.error({ command: method.value, err: error }, 'a list broke');
    const { fault, message } = error instanceof RpcFault ? error : { fault: 500, message: 'Internal error' };
    return { bytes: writeFault(cookie, fault, message), last: false };
  }
}

function scalars(records: readonly BinrpcRecord[]): RpcScalar[] {
  if (records.length > maxArguments) throw new RpcFault(400, `more than ${maxArguments} arguments`);
  return records.map((record, index) => {
    if (record.type !== 'struct') return record.value;
    throw new RpcFault(400, `error at parameter ${index}: expected any type but record doesn't match type`);
  });
}

/** @throws RpcFault when it does not fit; whatever a list throws */
async function bodyOf(reply: RpcReply, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const writer = new RecordWriter(bodyLimit(maxBytes));
  let count = 0;
  if (isRpcList(reply))
    for await (const record of reply.list) {
      count++;
      if (!writer.full) writer.add(record);
      if (count % recordsPerTurn > 0) continue;
      await nextTurn();
      signal.throwIfAborted();
    }
  else if (reply !== undefined) {
    count = 1;
    writer.add(reply);
  }
  if (!writer.full) return writer.bytes;
  throw new RpcFault(
    500,
    `${tooLong} (${Math.floor(maxBytes / 1024)} KiB; records: ${count}): ` +
      'ask for fewer with dlg.list_match <key> <op> <value> <limit>, or over HTTP',
  );
}
