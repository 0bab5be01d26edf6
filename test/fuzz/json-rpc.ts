/** One seed of the fuzz of JSON-RPC bodies: each gets an answer that is JSON-RPC, or none where none is due. */

import { createLogger } from '../../src/base/log.ts';
import { answerJsonRpc } from '../../src/control/jsonrpc/json-rpc.ts';
import { readBody } from '../../src/control/jsonrpc/request.ts';
import { RpcFault } from '../../src/control/rpc/fault.ts';
import { type RpcMethod, RpcMethods } from '../../src/control/rpc/methods.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';
import { mutate } from './mutate.ts';

export interface JsonRpcFuzzReport {
  readonly messages: number;
  /** Commands that ran, and answers that were errors. */
  readonly ran: number;
  readonly errors: number;
}

const request = (method: string, params: unknown, id: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id });

const corpus = [
  request('t.text', undefined, 1),
  request('t.echo', ['1-16363@127.0.0.1', 'a', 'b', -5, 1.5], 'x'),
  request('t.echo', { callid: '1', ftag: 2 }, null),
  request('t.int', [1573, '8651'], 2),
  request('t.list', [100], 3),
  request('t.fault', [], 4),
  request('t.none', [], 5),
  '{"jsonrpc":"2.0","method":"t.echo","params":["quiet"]}',
  '{"jsonrpc":"1.0","method":"t.text","id":1}',
  '{"jsonrpc":"2.0","method":"t.text","params":{"__proto__":1,"constructor":2},"id":1e308}',
  '{"id":"\\ud800","method":"t.text","jsonrpc":"2.0"}',
  '[]',
  '{}',
  '',
];
const tokens = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  'null',
  'true',
  '1e999',
  '-0',
  '"id":',
  '"params":[',
  '\\u0000',
  '\\',
];

const quiet = createLogger('silent');

/** @throws FuzzFinding */
export async function fuzzJsonRpc(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<JsonRpcFuzzReport> {
  const random = seededRandom(seed, 'json-rpc');
  let ran = 0;
  let errors = 0;
  const methods = new RpcMethods(quiet);
  const add = (name: string, run: RpcMethod['run']): void =>
    methods.add({
      name,
      help: '',
      run: (args, context) => {
        ran++;
        return run(args, context);
      },
    });
  add('t.text', () => 'Alive');
  add('t.echo', (args) => Array.from({ length: args.left }, () => args.string()));
  add('t.int', (args) => args.int() + args.int());
  add('t.list', (args) => ({
    list: Array.from({ length: Math.min(200, Math.max(0, args.int())) }, (_, i) => ({ i })),
  }));
  add('t.fault', () => {
    throw new RpcFault(404, 'Dialog not found');
  });
  const context = { who: 'fuzz', signal: new AbortController().signal };

  const one = (): string => {
    if (chance(random, 0.2))
      return `[${Array.from({ length: between(random, 0, 20) }, () => pick(random, corpus)).join()}]`;
    const text = pick(random, corpus);
    if (chance(random, 0.4)) return mutate(text, random, pick(random, corpus));
    const at = between(random, 0, text.length);
    const piece = pick(random, tokens);
    if (chance(random, 0.05)) return text.slice(0, at) + piece.repeat(between(random, 1, 20_000)) + text.slice(at);
    return text.slice(0, at) + piece + text.slice(at + between(random, 0, 3));
  };

  for (let message = 0; message < messages; message++) {
    const body = one();
    try {
      watch(() => readBody(body));
      const { status, body: pieces } = await answerJsonRpc(methods, body, context, chance(random, 0.5));
      let said = '';
      for await (const piece of pieces ?? []) said += piece;
      errors += checkAnswer(status, said);
    } catch (error) {
      throw new FuzzFinding(seed, message, Buffer.from(body), error);
    }
  }
  return { messages, ran, errors };
}

/** @returns how many errors are in it */
function checkAnswer(status: number, said: string): number {
  if (status === 204) {
    if (said !== '') throw new Error(`204 with a body: ${said}`);
    return 0;
  }
  if (status !== 200 && (status < 400 || status > 599)) throw new Error(`HTTP status ${status}`);
  const answer: unknown = JSON.parse(said);
  const answers = Array.isArray(answer) ? answer : [answer];
  if (answers.length === 0) throw new Error('an empty batch as answer');
  let errors = 0;
  for (const { jsonrpc, result, error, id } of answers) {
    if (jsonrpc !== '2.0') throw new Error(`no version in ${said}`);
    if ((result === undefined) === (error === undefined)) throw new Error(`neither result nor error: ${said}`);
    if (id !== null && typeof id !== 'string' && typeof id !== 'number') throw new Error(`no id in ${said}`);
    if (error === undefined) continue;
    if (!Number.isInteger(error.code) || typeof error.message !== 'string') throw new Error(`no error: ${said}`);
    errors++;
  }
  return errors;
}
