/** JSON-RPC 2.0 requests, read: what is none is said so by a value. https://www.jsonrpc.org/specification */
import { fail, ok, type Result } from '../../base/errors.ts';
import { isRpcScalar, type RpcInput } from '../rpc/value.ts';

export type RpcId = string | number | null;

export interface RpcRequest {
  readonly method: string;
  readonly params: RpcInput;
  /** Undefined for a notification: nobody wants to know how it went. */
  readonly id: RpcId | undefined;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly id: RpcId;
  /** For programs: the code of the error behind it, and the SIP status that says the same. */
  readonly data?: { readonly code: string; readonly status?: number };
}

export type ReadRequest = Result<RpcRequest, RpcError>;

export const parseError: RpcError = { code: -32700, message: 'Parse error', id: null };
export const invalidRequest: RpcError = { code: -32600, message: 'Invalid Request', id: null };

/** A batch is an array of one or more. */
export function readBody(body: string): Result<ReadRequest | readonly ReadRequest[], RpcError> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return fail(parseError);
  }
  if (!Array.isArray(value)) return ok(readRequest(value));
  return value.length === 0 ? fail(invalidRequest) : ok(value.map(readRequest));
}

function readRequest(value: unknown): ReadRequest {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(invalidRequest);
  const { jsonrpc, method, params, id } = value as Readonly<Record<string, unknown>>;
  if (!isId(id)) return fail(invalidRequest);
  if (jsonrpc !== '2.0' || typeof method !== 'string') return fail({ ...invalidRequest, id: id ?? null });
  const values = readParams(params);
  if (values) return ok({ method, params: values, id });
  return fail({ code: -32602, message: 'Invalid params', id: id ?? null });
}

function isId(id: unknown): id is RpcId | undefined {
  return id === undefined || id === null || typeof id === 'string' || Number.isFinite(id);
}

/** What the members of an object may be is the command's to say. */
function readParams(params: unknown): RpcInput | undefined {
  if (params === undefined) return [];
  if (typeof params !== 'object' || params === null) return undefined;
  if (!Array.isArray(params)) return params as RpcInput;
  return params.every(isRpcScalar) ? params : undefined;
}
