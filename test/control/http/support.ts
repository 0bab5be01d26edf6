/** A server on a free port over a subject that the test moves by hand. */
import { once } from 'node:events';
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Listener, Observer } from '../../../src/base/events.ts';
import { createLogger } from '../../../src/base/log.ts';
import { type Http, type HttpOptions, openHttp } from '../../../src/control/http/open.ts';
import type { HttpSubject, ObservedRegistry, TandemReport } from '../../../src/control/http/subject.ts';
import { type RpcMethod, RpcMethods } from '../../../src/control/rpc/methods.ts';
import type { DialogRegistryEvents } from '../../../src/registry/events.ts';
import type { TandemEvents } from '../../../src/session/events.ts';
import { createCounters } from '../../../src/sip/counters.ts';

export const quiet = createLogger('silent');

export const idleReport: TandemReport = {
  listeners: [{}],
  calls: 0,
  bindings: 0,
  draining: false,
  sip: {
    ...{ transactions: 0, clientTransactions: 0, serverTransactions: 0 },
    ...{ dialogs: 0, connections: 0, bans: 0, timers: 0 },
    counters: createCounters(),
  },
  media: { legs: 0, bridges: 0 },
  registrations: [],
  trunks: [],
};

export class TestSubject implements HttpSubject {
  report: TandemReport = idleReport;
  readonly methods = new RpcMethods(quiet);
  readonly observer = new Observer<TandemEvents>((_, error) => {
    throw error;
  });
  readonly tandem = { observer: this.observer, check: () => Promise.resolve(this.report) };
  readonly #dialogs = new Map<string, Listener<never>>();
  readonly registry: { statistics: ObservedRegistry['statistics']; readonly on: ObservedRegistry['on'] } = {
    statistics: { active: 0, early: 0, processed: 0, expired: 0, failed: 0 },
    on: (name, listener) => {
      this.#dialogs.set(name, listener as Listener<never>);
      return () => this.#dialogs.delete(name);
    },
  };

  constructor(...methods: readonly RpcMethod[]) {
    this.methods.add(...methods);
  }

  /** @param dialog what is looked at of a record */
  dialog(name: keyof DialogRegistryEvents, dialog: object): void {
    this.#dialogs.get(name)?.({ dialog, at: 0 } as never);
  }

  /** A conference's end: an event with nothing to it. */
  happens(name: string, times = 1): void {
    for (let i = 0; i < times; i++)
      this.observer.emit('conference:ended', { conference: name, reason: 'empty', at: i });
  }
}

export interface TestServer extends AsyncDisposable {
  readonly http: Http;
  /** `http://127.0.0.1:12345` */
  readonly base: string;
  readonly port: number;
}

export async function openServer(subject: HttpSubject, options: Partial<HttpOptions> = {}): Promise<TestServer> {
  const http = await openHttp(subject, { listen: '127.0.0.1:0', logger: quiet, ...options });
  const { port } = http.address;
  return { http, port, base: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => http.close() };
}

export interface Called {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
}

export async function post(base: string, body: string, headers: Record<string, string> = {}): Promise<Called> {
  const response = await fetch(`${base}/RPC`, { method: 'POST', body, headers });
  return { status: response.status, reason: response.statusText, text: await response.text() };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** With every header as it is given, which `fetch` does not do. */
export async function ask(
  base: string,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { readonly method?: string; readonly headers?: OutgoingHttpHeaders; readonly body?: string } = {},
): Promise<Answer> {
  const { hostname, port, protocol } = new URL(base);
  const options = { hostname, port, path, method, headers, rejectUnauthorized: false };
  const asking = protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
  asking.end(body);
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(pieces).toString() };
}

export const request = (method: string, params?: unknown, id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id });

/** A command for tests. */
export function method(name: string, run: RpcMethod['run'], changes = false): RpcMethod {
  return { name, help: '', changes, run };
}
