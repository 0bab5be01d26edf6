/** HTTP for a Tandem: JSON-RPC, metrics, health, events and webhooks, with one end. */
import type { Clock } from '../../base/clock.ts';
import type { Fetch } from '../../base/io.ts';
import type { Logger } from '../../base/log.ts';
import { createLogger } from '../../base/log.ts';
import { createNodeRandom, nodeClock, nodeFetch } from '../../base/node.ts';
import { packageVersion } from '../../base/node-package.ts';
import type { WebSocketEntrance } from '../../sip/transport/network.ts';
import { EventLog, type EventLogLimits } from '../events/log.ts';
import { logEvents } from '../events/sources.ts';
import { type WebhookOptions, Webhooks } from '../events/webhook.ts';
import { type HttpAddress, printHttpAddress } from './address.ts';
import type { HttpDoor } from './door.ts';
import { defaultLimits, type HttpLimits } from './limits.ts';
import type { HttpUser } from './passwords.ts';
import type { Site } from './site.ts';
import type { HttpSubject } from './subject.ts';

export interface HttpOptions {
  /** `127.0.0.1:8080`; port 0 takes a free one. Other than loopback needs a token. */
  readonly listen: string;
  /** Needed for everything but `/healthz` and `/readyz`: `Authorization: Bearer …`, or `?token=` of `/events`. */
  readonly token?: string | undefined;
  /** May read, and call commands that change nothing. */
  readonly viewToken?: string | undefined;
  /** Who may log in with a password, by name. */
  readonly users?: Readonly<Record<string, HttpUser>>;
  /** Listeners of somebody else that HTTP comes in by as well, as that of SIP over `wss`. */
  readonly doors?: readonly HttpDoor[];
  /** Takes SIP that comes by WebSocket at `/ws`: what a listener for `ws` was given. */
  readonly sip?: WebSocketEntrance;
  /** Needed by who comes from elsewhere, where there is no `token` and nobody in `users`. */
  readonly strangersToken?: string | undefined;
  /** Pages, and what they ask for. */
  readonly site?: Site;
  readonly webhooks?: readonly WebhookOptions[];
  readonly limits?: Partial<HttpLimits>;
  /** How many events are kept for clients that come back. */
  readonly events?: EventLogLimits;
  /** Of somebody who reads it as well; default one of its own. */
  readonly log?: EventLog;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly fetch?: Fetch;
}

export interface Http extends AsyncDisposable {
  /** Where it listens. */
  readonly address: HttpAddress;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * Serves what `subject` has over HTTP until it is closed; close it before the Tandem. The command `ctl.http`, which is
 * added, tells clients of the control socket where that is.
 * @throws ConfigError, TandemError ERR_PORT_IN_USE, ERR_LISTEN
 */
export async function openHttp(subject: HttpSubject, options: HttpOptions): Promise<Http> {
  const { listen, token, viewToken, clock = nodeClock, fetch = nodeFetch, logger = createLogger() } = options;
  // Who opens no HTTP need not wait for what it is made of.
  const [{ HttpServer }, { Metrics }, { NodeProbe }] = await Promise.all([
    import('./server.ts'),
    import('../metrics/metrics.ts'),
    import('../metrics/node-probe.ts'),
  ]);
  const log = options.log ?? new EventLog(clock, options.events);
  const random = createNodeRandom();
  const webhooks = new Webhooks(options.webhooks ?? [], { log, clock, fetch, random, logger });
  const probe = new NodeProbe();
  const metrics = new Metrics(subject, { clock, probe, webhooks });
  const stopLogging = logEvents(subject, log, logger);
  const limits = { ...defaultLimits, ...options.limits };
  const end = async (): Promise<void> => {
    await server?.close();
    stopLogging();
    await webhooks.close();
    metrics.close();
    probe.close();
  };
  let server: InstanceType<typeof HttpServer> | undefined;
  try {
    server = new HttpServer(subject, {
      ...{ listen, token, viewToken, log, metrics, limits, clock, logger, random },
      users: options.users ?? {},
      strangersToken: options.strangersToken,
      doors: options.doors ?? [],
      site: options.site,
      sip: options.sip,
      version: packageVersion(),
    });
    await server.open();
  } catch (error) {
    await end();
    throw error;
  }
  const { address } = server;
  subject.methods?.add({
    name: 'ctl.http',
    help: 'where HTTP is served, which carries lists of any length',
    run: () => printHttpAddress(address),
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= end();
    return closing;
  };
  return { address, close, [Symbol.asyncDispose]: close };
}
