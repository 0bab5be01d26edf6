/** `tandem trunk check <name>`: goes the way of a call step by step, and says at which it fails and why. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAbort, messageOf, TandemError } from '../base/errors.ts';
import {
  ConfigError,
  type DialogClientSession,
  RegisterResponseError,
  type Tandem,
  type TrunkOptions,
} from '../index.ts';
import type { ProcessReport } from './check.ts';
import { askCheckSocket } from './check-socket.ts';
import { untilInterrupted } from './interrupt.ts';
import { openOutgoing } from './outgoing.ts';
import { loadSettings } from './settings.ts';
import { adviceOf } from './trunk-advice.ts';

export interface TrunkCheckOptions {
  readonly number?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly listen?: string;
  readonly rtpPorts?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** One line of the result. */
interface Finding {
  readonly step: 'resolve' | 'options' | 'register' | 'call' | 'audio';
  readonly result: 'ok' | 'warn' | 'fail' | 'skip';
  readonly text: string;
  readonly status?: number;
}

interface Check {
  readonly tandem: Tandem;
  readonly name: string;
  readonly trunk: TrunkOptions;
  /** Of its gateways, the first one the registrar's too. */
  readonly uris: readonly string[];
  readonly options: TrunkCheckOptions;
  readonly signal: AbortSignal;
  /** Where a server that may be running tells of itself. */
  readonly socket: string;
  find(step: Finding['step'], result: Finding['result'], text: string, status?: number): void;
}

const audioMs = 2_000;
const registerMs = 8_000;
const askServerMs = 1_000;

/** @returns 0 when nothing failed, and more than the look-up worked */
export async function trunkCheck(name: string, options: TrunkCheckOptions): Promise<number> {
  const { config } = loadSettings(options.config === undefined ? {} : { config: options.config });
  const trunk = Object.hasOwn(config.trunks, name) ? config.trunks[name] : undefined;
  if (!trunk) {
    const names = Object.keys(config.trunks).join(', ');
    throw new ConfigError(`the configuration has no trunk ${JSON.stringify(name)}; it has: ${names || 'none'}`);
  }
  const findings: Finding[] = [];
  const find: Check['find'] = (step, result, text, status) => {
    findings.push({ step, result, text, ...(status === undefined ? {} : { status }) });
    if (!options.json) process.stdout.write(`${result.padEnd(4)}  ${step.padEnd(8)}  ${text}\n`);
  };
  const { signal, close } = untilInterrupted();
  const uris = [trunk.uri, ...(trunk.gateways ?? [])].map((uri) => asUri(uri, trunk.transport));
  let tandem: Tandem | undefined;
  try {
    // It is registered and asked here, step by step, and not behind our back.
    tandem = await openOutgoing([...uris, ...(trunk.proxy === undefined ? [] : [trunk.proxy])], options, {
      [name]: { ...trunk, register: false, qualify: 0 },
    });
    await run({ tandem, name, trunk, uris, options, signal, socket: config.socket, find });
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
    find('call', 'fail', 'given up');
  } finally {
    await tandem?.close();
    close();
  }
  const worked = findings.some(({ step, result }) => step !== 'resolve' && result === 'ok');
  const ok = worked && !findings.some(({ result }) => result === 'fail');
  if (options.json) process.stdout.write(`${JSON.stringify({ trunk: name, ok, steps: findings }, null, 2)}\n`);
  return ok ? 0 : 1;
}

async function run(check: Check): Promise<void> {
  if (!(await resolve(check))) return;
  await askGateways(check);
  check.signal.throwIfAborted();
  const release = await register(check);
  try {
    check.signal.throwIfAborted();
    await call(check);
  } finally {
    await release?.();
  }
}

/** @returns whether any gateway was found */
async function resolve({ tandem, trunk, uris, find }: Check): Promise<boolean> {
  let found = false;
  for (const uri of trunk.proxy === undefined ? uris : [trunk.proxy]) {
    try {
      const targets = await tandem.resolve(uri);
      const listed = targets.map(({ transport, address, port }) => `${transport} ${hostPort(address, port)}`);
      find('resolve', 'ok', `${uri}: ${listed.join(', ')}`);
      found = true;
    } catch (error) {
      find('resolve', 'fail', `${uri}: ${messageOf(error)}`);
    }
  }
  return found;
}

async function askGateways({ tandem, name, find }: Check): Promise<void> {
  for (const { uri, lastQualify } of await tandem.trunk(name).qualify()) {
    if (!lastQualify) continue;
    const { up, status, ms } = lastQualify;
    if (up) find('options', 'ok', `${uri}: ${status} in ${Math.round(ms)} ms`, status);
    else if (status === 408)
      find(
        'options',
        'warn',
        `${uri}: no answer; a firewall, or a provider that ignores OPTIONS: leave qualify out then`,
      );
    else find('options', 'warn', `${uri}: ${status}: it has no room, or is not there`, status);
  }
}

/** @returns how to take the registration back */
async function register({
  tandem,
  name,
  trunk,
  uris,
  socket,
  find,
}: Check): Promise<(() => Promise<void>) | undefined> {
  if (!trunk.register) {
    find('register', 'skip', 'it does not register: the provider has to know our address');
    return undefined;
  }
  if (await isRegisteredByServer(name, socket)) {
    // A second registration might take the place of the server's at the provider.
    find('register', 'ok', 'registered by the running server');
    return undefined;
  }
  const { username = '', password, proxy } = trunk;
  const uri = (uris[0] as string).replace(/^(sips?:)(.*@)?/i, `$1${encodeURIComponent(username)}@`);
  const { expires } = trunk.register === true ? {} : trunk.register;
  const transaction = await tandem.registerTransaction(uri, {
    responseTimeout: registerMs,
    ...(password === undefined ? {} : { password }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(expires === undefined ? {} : { expires }),
  });
  try {
    const { status, expires: granted, contact, seenAs } = await transaction.register();
    const seen = seenAs ? `, seen as ${hostPort(seenAs.host, seenAs.port)}` : '';
    const nat = transaction.behindNat ? ' (there is a NAT between)' : '';
    find('register', 'ok', `${status}, for ${granted} s, Contact ${contact}${seen}${nat}`, status);
    return () => transaction.unregister().catch(() => {});
  } catch (error) {
    if (!(error instanceof RegisterResponseError)) throw error;
    find('register', 'fail', withAdvice(error.message, adviceOf('register', error.status)), error.status);
    return undefined;
  }
}

async function isRegisteredByServer(name: string, socket: string): Promise<boolean> {
  if (socket === 'none') return false;
  try {
    const { trunks } = (await askCheckSocket(socket, askServerMs)) as ProcessReport;
    return trunks.find((one) => one.name === name)?.registration?.state === 'registered';
  } catch {
    return false;
  }
}

async function call({ tandem, name, trunk, options, signal, find }: Check): Promise<void> {
  const { number = trunk.testNumber } = options;
  if (number === undefined) {
    find('call', 'skip', 'no number to call: give --number, or set testNumber');
    return;
  }
  const start = performance.now();
  const after = (): string => `after ${Math.round(performance.now() - start)} ms`;
  try {
    const leg = await tandem.trunk(name).invite(number, {
      timeout: options.timeout * 1000,
      signal,
      onResponse: ({ status, reason }) => {
        if (status < 200) find('call', 'ok', `${status} ${reason} ${after()}`, status);
      },
    });
    const codec = leg.media.audio?.codec.name;
    find('call', 'ok', `answered ${after()}, ${codec ?? 'without audio'}`, 200);
    await listen(leg, signal, find);
    await leg.close();
  } catch (error) {
    if (isAbort(error, signal) || !(error instanceof TandemError)) throw error;
    const advice =
      error.code === 'ERR_TIMEOUT' ? 'the trunk works if it rang; nobody picked up' : adviceOf('call', error.status);
    find('call', 'fail', withAdvice(`${number}: ${error.message}`, advice), error.status);
  }
}

/** Sends a tone and counts what comes. */
async function listen(leg: DialogClientSession, signal: AbortSignal, find: Check['find']): Promise<void> {
  const over = AbortSignal.any([leg.signal, signal]);
  leg.ringtone().playBackground();
  await sleep(audioMs, undefined, { signal: over }).catch(() => {});
  signal.throwIfAborted();
  if (leg.signal.aborted) {
    find('audio', 'warn', 'the far end hung up before audio could be measured');
    return;
  }
  const { sent, received, rtcp } = await leg.stats();
  const counted = `${sent.packets} packets out, ${received.packets} in, in ${audioMs / 1000} s`;
  if (received.packets === 0)
    find('audio', 'fail', `${counted}: nothing comes in; check mediaExternalIp, rtpPorts and the firewall`);
  else if (rtcp.remoteLost !== undefined && rtcp.remoteLost >= sent.packets)
    find('audio', 'fail', `${counted}: nothing arrives there; check the firewall on the way out`);
  else if (received.lost > received.packets / 20) find('audio', 'warn', `${counted}, ${received.lost} lost on the way`);
  else find('audio', 'ok', counted);
}

function withAdvice(text: string, advice: string | undefined): string {
  return advice === undefined ? text : `${text}: ${advice}`;
}

function asUri(text: string, transport: string | undefined): string {
  const uri = /^sips?:/i.test(text) ? text : `sip:${text}`;
  return transport === undefined || /;transport=/i.test(uri) ? uri : `${uri};transport=${transport}`;
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
