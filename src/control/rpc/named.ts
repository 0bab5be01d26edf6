/**
 * Commands whose parameters have names and types. JSON-RPC gives them as an object. BINRPC and the command line have
 * words alone: `name=value`, or the value in the place of its parameter, or one text of JSON.
 */
import type { z } from 'zod';
import { isByPlace } from './arguments.ts';
import { RpcFault } from './fault.ts';
import type { RpcContext, RpcMethod } from './methods.ts';
import type { RpcInput, RpcReply, RpcScalar } from './value.ts';

export type ParamsSchema = z.ZodObject;

export interface NamedMethod<S extends ParamsSchema> extends Omit<RpcMethod, 'params' | 'run'> {
  readonly params: S;
  /** @throws RpcFault, TandemError */
  run(params: z.output<S>, context: RpcContext): RpcReply | Promise<RpcReply>;
}

/** `run` of the method throws RpcFault 400 for parameters that the schema does not take. */
export function namedMethod<S extends ParamsSchema>(method: NamedMethod<S>): RpcMethod {
  const { params, run, ...rest } = method;
  return { ...rest, params, run: ({ input }, context) => run(check(params, named(params, input)), context) };
}

function check<S extends ParamsSchema>(schema: S, values: object): z.output<S> {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const where = first && first.path.length > 0 ? `${first.path.join('.')}: ` : '';
  throw new RpcFault(400, `${where}${first?.message ?? 'wrong parameters'}`);
}

function named({ shape }: ParamsSchema, input: RpcInput): object {
  if (!isByPlace(input)) return input;
  const [first] = input;
  if (input.length === 1 && typeof first === 'string' && first.startsWith('{')) return parsed(first);
  const values = new Map<string, unknown>();
  for (const word of input) {
    const [name, text] = nameOf(word, shape) ?? [Object.keys(shape).find((one) => !values.has(one)), String(word)];
    if (name === undefined) throw new RpcFault(400, 'more parameters than it takes');
    values.set(name, readWord(shape[name] as z.ZodType, text));
  }
  return Object.fromEntries(values);
}

function parsed(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new RpcFault(400, `no JSON: ${(error as Error).message}`);
  }
}

/** A URI has a `=`, too: the name counts only when there is such a parameter. */
function nameOf(word: RpcScalar, shape: ParamsSchema['shape']): readonly [string, string] | undefined {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(String(word)) ?? [];
  return Object.hasOwn(shape, name) ? [name, value] : undefined;
}

/** A text where one is taken, else what it is in JSON: a number, true, a list. */
function readWord(schema: z.ZodType, text: string): unknown {
  if (schema.safeParse(text).success) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
