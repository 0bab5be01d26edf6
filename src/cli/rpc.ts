/** `tandem dlg.list` and all other commands of a running server: asked over its control socket, or over HTTP. */
import { randomInt } from 'node:crypto';
import { TandemError } from '../base/errors.ts';
import { nearestNames } from '../base/nearest.ts';
import { parseControlAddress, printControlAddress } from '../control/binrpc/address.ts';
import { askBinrpc } from '../control/binrpc/client.ts';
import { resultOf } from '../control/binrpc/json.ts';
import type { Answer } from '../control/binrpc/packet.ts';
import { printFault, printRecords } from '../control/binrpc/print.ts';
import { tooLong } from '../control/binrpc/respond.ts';
import { askHttp } from '../control/http-client.ts';
import type { RpcScalar } from '../control/rpc/value.ts';
import { quickReferences } from './quickref.ts';

export interface RpcCommandOptions {
  readonly server?: string;
  readonly format?: 'kamcmd' | 'json' | 'quickref';
  readonly json?: boolean;
}

/** Where a server is looked for when none is named. */
const places = ['unixs:./run/tandem_ctl', 'unixs:/var/run/kamailio/kamailio_ctl'];
const timeoutMs = 10_000;
/** Over HTTP lists have any length. */
const httpTimeoutMs = 60_000;

export type Ask = (method: string, args: readonly RpcScalar[]) => Promise<Answer>;

/** @returns the exit status: 1 on a fault */
export async function rpc(method: string, words: readonly string[], options: RpcCommandOptions): Promise<number> {
  const format = options.json ? 'json' : (options.format ?? 'kamcmd');
  const quick = format === 'quickref' ? quickReferences[method] : undefined;
  const question = quick?.ask ?? { method, args: words };
  const { answer, ask } = await askFirst(options.server, process.env, question.method, question.args.map(argument));
  if ('fault' in answer) {
    const { code, text } = answer.fault;
    if (code === 500 && text === `command ${question.method} not found`) await suggest(question.method, ask);
    if (format !== 'kamcmd') throw new TandemError('ERR_RPC', `${code} ${text}`);
    process.stdout.write(printFault(answer.fault));
    return 1;
  }
  const { records } = answer;
  if (quick) process.stdout.write(quick.print(resultOf(question.method, records), words));
  else if (format === 'json') process.stdout.write(`${JSON.stringify(resultOf(method, records), null, 2)}\n`);
  else process.stdout.write(printRecords(records));
  return 0;
}

/**
 * As `kamcmd` takes it: what looks like a number is one, `s:` before it makes it a text. But a number that would be
 * written otherwise (`0049…`, `+49…`, `12e5`, `2.0`), or is larger than 32 bits, stays the text it is.
 */
export function argument(word: string): RpcScalar {
  if (word.startsWith('s:')) return word.slice(2);
  const number = Number(word);
  const fits = (number | 0) === number || /^-?\d{1,6}\.\d{1,3}$/.test(word);
  return fits && String(number) === word ? number : word;
}

/** Of several places the first where somebody answers. @throws TandemError ERR_CONTROL */
export async function askFirst(
  server: string | undefined,
  environment: NodeJS.ProcessEnv,
  method: string,
  args: readonly RpcScalar[],
): Promise<{ answer: Answer; ask: Ask }> {
  const named = server ?? environment.TANDEM_CTL;
  const tried: string[] = [];
  for (const place of named === undefined ? places : [named]) {
    const ask = askAt(place, environment);
    try {
      return { answer: await ask(method, args), ask };
    } catch (error) {
      if (!(error instanceof TandemError) || error.code !== 'ERR_CONTROL' || named !== undefined) throw error;
      const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
      tried.push(`${place} (${code === 'ENOENT' ? 'no such file' : 'nobody listens'})`);
    }
  }
  throw new TandemError('ERR_CONTROL', `no server answers: tried ${tried.join(', ')}; name one with -s or TANDEM_CTL`);
}

function askAt(place: string, environment: NodeJS.ProcessEnv): Ask {
  if (/^https?:\/\//.test(place)) {
    if (!URL.canParse(place)) throw new TandemError('ERR_ARGUMENT', `"${place}" is no URL`);
    const token = environment.TANDEM_HTTP_TOKEN;
    return (method, args) =>
      askHttp(new URL(place), { method, args, timeoutMs: httpTimeoutMs, ...(token === undefined ? {} : { token }) });
  }
  const address = parseControlAddress(place);
  if (!address.ok) throw new TandemError('ERR_ARGUMENT', address.error);
  if (address.value.transport === 'unixd')
    throw new TandemError('ERR_ARGUMENT', `${printControlAddress(address.value)} is for kamcmd: ask unixs: here`);
  const ask: Ask = (method, args) => askBinrpc(address.value, { method, args, timeoutMs, cookie: randomInt(2 ** 32) });
  return async (method, args) => {
    const answer = await ask(method, args);
    if (!('fault' in answer) || !answer.fault.text.startsWith(tooLong)) return answer;
    const url = await httpOf(ask);
    return url ? askAt(url, environment)(method, args) : answer;
  };
}

/** Where the server serves HTTP, if it does. */
async function httpOf(ask: Ask): Promise<string | undefined> {
  const answer = await ask('ctl.http', []);
  const place = 'fault' in answer ? undefined : answer.records[0];
  if (place?.type !== 'string') return undefined;
  // Who listens everywhere listens here.
  return `http://${place.value.replace(/^(0\.0\.0\.0|\[::\]):/, '127.0.0.1:')}`;
}

async function suggest(method: string, ask: Ask): Promise<void> {
  const answer = await ask('system.listMethods', []);
  if ('fault' in answer) return;
  const names = answer.records.flatMap((record) => (record.type === 'string' ? [record.value] : []));
  const near = nearestNames(method, names);
  if (near.length > 0) process.stderr.write(`tandem: did you mean ${near.join(', ')}?\n`);
}
