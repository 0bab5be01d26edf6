/** What a command is asked with and answers, whatever carries it: BINRPC, JSON-RPC or the command line. */

/** A text or a number; a fraction is a double. */
export type RpcScalar = string | number;

/** What a command is given: scalars by their place, or (JSON-RPC) anything by its name. */
export type RpcInput = readonly RpcScalar[] | RpcNamed;

export interface RpcNamed {
  readonly [name: string]: unknown;
}

/** A structure keeps the order of its members, an array inside it has members without names. */
export type RpcValue = RpcScalar | RpcStruct | readonly RpcValue[];

export interface RpcStruct {
  readonly [name: string]: RpcValue;
}

/** Records one after the other, made while they are sent: a list of any length takes no memory. */
export interface RpcList {
  readonly list: Iterable<RpcValue> | AsyncIterable<RpcValue>;
}

/** Nothing, one value, or a list. */
export type RpcReply = undefined | RpcValue | RpcList;

export function isRpcList(reply: RpcReply): reply is RpcList {
  return typeof reply === 'object' && !Array.isArray(reply) && isIterable((reply as RpcList).list);
}

export function isRpcScalar(value: unknown): value is RpcScalar {
  return typeof value === 'string' || Number.isFinite(value);
}

function isIterable(list: unknown): boolean {
  return typeof list === 'object' && list !== null && (Symbol.iterator in list || Symbol.asyncIterator in list);
}
