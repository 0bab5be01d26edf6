/** What `call` and `bridge` share: a small Tandem on free ports, and its invite options. */
import { readFileSync } from 'node:fs';
import { ConfigError, TandemError } from '../base/errors.ts';
import { listenersOf } from '../config/listeners.ts';
import {
  createLogger,
  type InviteOptions,
  type LogLevel,
  Tandem,
  type TandemOptions,
  type TransportOptions,
} from '../index.ts';
import { clientTls, serverTls } from './certificates.ts';
import { loadSettings, parsePorts } from './settings.ts';

export interface OutgoingOptions {
  readonly config?: string;
  readonly user?: string;
  readonly password?: string;
  readonly from?: string;
  readonly proxy?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly listen?: string;
  readonly rtpPorts?: string;
  /** Take any certificate of the peer. */
  readonly insecure?: boolean;
}

/** Below a server's default range, so that a call can be made beside a running server. */
const freeRange = { min: 10_000, max: 16_383, size: 32 } as const;

/** Opens a Tandem that can call `uris`. The caller closes it. */
export async function openOutgoing(
  uris: readonly string[],
  options: OutgoingOptions,
  trunks: TandemOptions['trunks'] = {},
): Promise<Tandem> {
  const { config } = loadSettings({
    ...(options.config === undefined ? {} : { config: options.config }),
    ...(options.rtpPorts === undefined ? {} : { rtpPorts: options.rtpPorts }),
    ...(process.env.TANDEM_LOG_LEVEL === undefined ? { logLevel: 'error' } : {}),
  });
  const transports =
    options.listen === undefined
      ? transportsFor([...uris, ...(options.proxy === undefined ? [] : [options.proxy])])
      : listenersOf({ ...config, listen: [options.listen] }, serverTls(config.tls));
  const tls = { ...clientTls(config.tls), ...(options.insecure ? { insecure: true } : {}) };
  const ranges = options.rtpPorts === undefined ? freeRanges() : [parsePorts(options.rtpPorts)];
  for (const rtpPorts of ranges) {
    const tandem = new Tandem({
      transports,
      tls,
      // One or two calls need no thread of their own, and start sooner without.
      media: {
        rtpPorts,
        workers: 0,
        io: config.media.io,
        codecs: config.media.codecs,
        srtp: config.media.srtp,
      },
      trunks,
      // Who is called may hand the call on.
      transfer: 'execute',
      userAgent: config.userAgent,
      reliable: config.reliable,
      sessionTimers: config.sessionTimers,
      logger: createLogger(config.log.level as LogLevel, true),
    });
    try {
      await tandem.open();
      return tandem;
    } catch (error) {
      await tandem.close();
      const taken = error instanceof TandemError && error.code === 'ERR_RTP_PORTS_IN_USE';
      if (!taken || options.rtpPorts !== undefined) throw error;
    }
  }
  throw new TandemError(
    'ERR_RTP_PORTS_IN_USE',
    'no free ports for RTP from 10000 to 16383: name some with --rtp-ports',
  );
}

export function inviteOptions(options: OutgoingOptions): InviteOptions {
  const { user, password = environmentPassword(), from, proxy, timeout } = options;
  return {
    timeout: timeout * 1000,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(from === undefined ? {} : { from }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** A password on the command line is there for everybody to see (`ps`). */
function environmentPassword(): string | undefined {
  const { TANDEM_PASSWORD: password, TANDEM_PASSWORD_FILE: file } = process.env;
  if (password !== undefined || file === undefined) return password;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigError(`TANDEM_PASSWORD_FILE: cannot read ${file}`, { cause: error });
  }
}

/** A listener on a free port for each transport and address family that the targets ask for; TLS and WebSocket need none. */
function transportsFor(uris: readonly string[]): TransportOptions[] {
  const wanted = new Map<string, TransportOptions>();
  for (const uri of uris) {
    const transport = /;transport=tcp\b/i.test(uri) ? 'tcp' : 'udp';
    const bindHost = /[@:]\[/.test(uri) ? '::' : '0.0.0.0';
    wanted.set(`${transport} ${bindHost}`, { transport, bindHost, bindPort: 0 });
  }
  return [...wanted.values()];
}

function* freeRanges(): Generator<{ min: number; max: number }> {
  const { min, max, size } = freeRange;
  const slices = Math.floor((max + 1 - min) / size);
  const first = Math.floor(Math.random() * slices);
  for (let step = 0; step < slices; step++) {
    const start = min + ((first + step) % slices) * size;
    yield { min: start, max: start + size - 1 };
  }
}
