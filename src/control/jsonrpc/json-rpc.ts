/**
 * JSON-RPC 2.0 over the commands, in the shapes of Kamailio's jsonrpcs: a fault of a command is an error with its code,
 * nothing is `{}`, a list is an array. Its text is made in pieces, so that a list of any length takes no memory.
 */
import { TandemError } from '../../base/errors.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcContext, RpcMethods } from '../rpc/methods.ts';
import { isRpcList, type RpcList, type RpcReply, type RpcValue } from '../rpc/value.ts';
import { type ReadRequest, type RpcError, type RpcId, type RpcRequest, readBody } from './request.ts';

export interface JsonRpcAnswer {
  /** As an HTTP status: 200, 204 without a body, or that of the error. */
  readonly status: number;
  /** Of an error. */
  readonly reason: string | undefined;
  /** Undefined when there is nothing to say. Has to be read or returned from, once it was begun. */
  readonly body: AsyncGenerator<string, void, void> | undefined;
}

/** A piece is sent when it has so many characters, or so many records: neither takes long to make. */
const pieceLength = 32_768;
const pieceRecords = 64;

/**
 * @param mayChange false: commands that change something are refused with 403
 * @returns never rejects
 */
export async function answerJsonRpc(
  methods: RpcMethods,
  body: string,
  context: RpcContext,
  mayChange: boolean,
): Promise<JsonRpcAnswer> {
  const read = readBody(body);
  if (!read.ok) return errorAnswer(read.error);
  const batch = read.value;
  if ('ok' in batch) return single(await reply(methods, batch, context, mayChange));
  if (!batch.every(isNotification)) {
    return { status: 200, reason: undefined, body: batchBody(methods, batch, context, mayChange) };
  }
  for (const request of batch) await reply(methods, request, context, mayChange);
  return noAnswer;
}

/** What is said of a request that is not even tried. */
export function refusal(body: string, code: number, message: string): string {
  const read = readBody(body);
  const id = read.ok && 'ok' in read.value && read.value.ok ? (read.value.value.id ?? null) : null;
  return JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id });
}

const noAnswer: JsonRpcAnswer = { status: 204, reason: undefined, body: undefined };

/** What became of one request; undefined for a notification. */
type Outcome = { readonly error: RpcError } | { readonly result: Result; readonly id: RpcId } | undefined;
type Result = Exclude<RpcReply, RpcList> | OpenList;

function isNotification(request: ReadRequest): boolean {
  return request.ok && request.value.id === undefined;
}

async function reply(
  methods: RpcMethods,
  request: ReadRequest,
  context: RpcContext,
  mayChange: boolean,
): Promise<Outcome> {
  if (!request.ok) return { error: request.error };
  const { id } = request.value;
  try {
    const result = await run(methods, request.value, context, mayChange);
    if (id !== undefined) return { result, id };
    if (result instanceof OpenList) await result.close();
  } catch (error) {
    // The first record of a list can fail with anything.
    const { fault, message, cause } = error instanceof RpcFault ? error : new RpcFault(500, 'Internal error', error);
    if (id !== undefined) return { error: { code: fault, message, ...dataOf(cause), id } };
  }
  return undefined;
}

function dataOf(cause: unknown): Pick<RpcError, 'data'> {
  if (!(cause instanceof TandemError)) return {};
  const { code, status } = cause;
  return { data: { code, ...(status === undefined ? {} : { status }) } };
}

/** @throws RpcFault */
async function run(
  methods: RpcMethods,
  { method, params }: RpcRequest,
  context: RpcContext,
  mayChange: boolean,
): Promise<Result> {
  const known = methods.get(method);
  // Kamailio's text for it over HTTP is another than over BINRPC.
  if (!known) throw new RpcFault(500, 'Method Not Found');
  if (known.changes && !mayChange) methods.refuse(method, context);
  const result = await methods.call(method, params, context);
  return isRpcList(result) ? OpenList.open(result) : result;
}

function single(outcome: Outcome): JsonRpcAnswer {
  if (!outcome) return noAnswer;
  if ('error' in outcome) return errorAnswer(outcome.error);
  return { status: 200, reason: undefined, body: outcomeText(outcome) };
}

function errorAnswer(error: RpcError): JsonRpcAnswer {
  const { code } = error;
  // The specification's own codes are no HTTP status.
  const [status, reason] = code < 0 ? [400, undefined] : [code >= 400 && code < 600 ? code : 500, error.message];
  return { status, reason, body: outcomeText({ error }) };
}

async function* batchBody(
  methods: RpcMethods,
  batch: readonly ReadRequest[],
  context: RpcContext,
  mayChange: boolean,
): AsyncGenerator<string, void, void> {
  let before = '[';
  for (const request of batch) {
    const outcome = await reply(methods, request, context, mayChange);
    if (!outcome) continue;
    // Of one piece with it: a reader that leaves in between would leave its list open.
    yield* outcomeText(outcome, before);
    before = ',';
  }
  yield ']';
}

async function* outcomeText(outcome: NonNullable<Outcome>, before = ''): AsyncGenerator<string, void, void> {
  if ('error' in outcome) {
    const { id, ...error } = outcome.error;
    yield before + JSON.stringify({ jsonrpc: '2.0', error, id });
    return;
  }
  const { result, id } = outcome;
  if (!(result instanceof OpenList)) {
    yield before + JSON.stringify({ jsonrpc: '2.0', result: result ?? {}, id });
    return;
  }
  let text = `${before}{"jsonrpc":"2.0","result":[`;
  let records = 0;
  let first = true;
  for await (const record of result) {
    text += first ? JSON.stringify(record) : `,${JSON.stringify(record)}`;
    first = false;
    records++;
    if (records < pieceRecords && text.length < pieceLength) continue;
    yield text;
    text = '';
    records = 0;
  }
  yield `${text}],"id":${JSON.stringify(id)}}`;
}

/** A list whose first record was made: a command that cannot even do that has failed, and says so by a status. */
class OpenList implements AsyncIterableIterator<RpcValue> {
  readonly #records: Iterator<RpcValue> | AsyncIterator<RpcValue>;
  #first: IteratorResult<RpcValue> | undefined;

  private constructor(records: Iterator<RpcValue> | AsyncIterator<RpcValue>, first: IteratorResult<RpcValue>) {
    this.#records = records;
    this.#first = first;
  }

  static async open({ list }: RpcList): Promise<OpenList> {
    const records = Symbol.asyncIterator in list ? list[Symbol.asyncIterator]() : list[Symbol.iterator]();
    return new OpenList(records, await records.next());
  }

  async next(): Promise<IteratorResult<RpcValue>> {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#records.next();
  }

  async return(): Promise<IteratorResult<RpcValue>> {
    await this.#records.return?.();
    return { done: true, value: undefined };
  }

  async close(): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
