/**
 * Serves the built pages and says to them what src/console/protocol.ts promises, with calls that it makes up:
 * `node test/console/fake-server.ts --calls 500 --port 8090 [--login] [--role view] [--pbx]`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type WebSocket, WebSocketServer } from 'ws';
import type {
  CallDetail,
  CallRow,
  ClientMessage,
  FinishedPage,
  FinishedRow,
  RegistrationRow,
  ServerMessage,
  SessionInfo,
  Totals,
} from '../../src/console/protocol.ts';
import { FakeCalls, fakeRecording } from './fake-calls.ts';
import { FakePbx } from './fake-pbx.ts';

export interface FakeOptions {
  readonly calls: number;
  readonly port?: number;
  readonly login?: boolean;
  readonly role?: 'view' | 'control';
  /** With queues and mailboxes. */
  readonly pbx?: boolean;
  /** Unix ms: of a stopped clock, for pictures that are the same every time. */
  readonly now?: number;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; media-src 'self' blob:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";

export class FakeServer {
  /** What the page asked for: JSON-RPC methods with their parameters, and `listen …`. */
  readonly asked: { method: string; params: unknown }[] = [];
  readonly #options: FakeOptions;
  readonly #fake: FakeCalls;
  readonly #pbx: FakePbx | undefined;
  readonly #calls = new Map<string, CallRow>();
  readonly #registrations: RegistrationRow[];
  readonly #finished: FinishedRow[];
  readonly #history: Totals[];
  readonly #pages = new Map<string, Buffer>();
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #watched = new Map<WebSocket, Set<string>>();
  readonly #listening = new Map<WebSocket, string>();
  readonly #timers: NodeJS.Timeout[] = [];
  #server: Server | undefined;
  #loggedIn: boolean;
  #phase = 0;

  constructor(options: FakeOptions) {
    this.#options = options;
    const now = this.#now();
    this.#fake = new FakeCalls(options.calls + 7, () => this.#now());
    this.#pbx = options.pbx ? new FakePbx(now) : undefined;
    for (let i = 0; i < options.calls; i += 1) {
      let call = this.#fake.call(i === 0 ? 95_000 : i === 1 ? 4_200 : undefined);
      // The first is one that shows all there is.
      while (i === 0 && (call.legs.length < 2 || call.state !== 'confirmed')) call = this.#fake.call(95_000);
      this.#calls.set(call.id, call);
    }
    this.#registrations = this.#fake.registrations(Math.min(options.calls, 300));
    this.#finished = options.calls === 0 ? [] : this.#fake.finished(230);
    this.#history = Array.from({ length: 600 }, (_, i) => this.#fake.totals(now - (600 - i) * 1_000, options.calls));
    this.#loggedIn = !options.login;
    const folder = join(root, 'dist-pages');
    if (!existsSync(folder)) throw new Error('no pages: npm run build:pages');
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      if (extname(name) in types) this.#pages.set(`/${name.replaceAll('\\', '/')}`, readFileSync(join(folder, name)));
  }

  get calls(): readonly CallRow[] {
    return [...this.#calls.values()];
  }

  /** @returns where the console is. */
  async open(): Promise<string> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/console/stream' || !this.#loggedIn) return void socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#greet(client));
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.#options.port ?? 0, '127.0.0.1', resolve));
    if (this.#options.now === undefined) {
      this.#timers.push(
        setInterval(() => this.#second(), 1_000),
        setInterval(() => this.#churn(), 250),
      );
    }
    this.#timers.push(setInterval(() => this.#sound(), 20));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Who waits in a queue changes, and pages are told. */
  wait(...change: Parameters<FakePbx['wait']>): void {
    this.#pbx?.wait(...change);
    this.#tellPbx();
  }

  end(id: string): void {
    this.#change([], [id]);
  }

  /** As when the login has expired. */
  logOut(): void {
    this.#loggedIn = false;
    this.dropConnections();
  }

  /** As a server that is killed: open pages lose their connection. */
  dropConnections(): void {
    for (const client of this.#sockets.clients) client.terminate();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.dropConnections();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #now(): number {
    return this.#options.now ?? Date.now();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    const name = { '/': '/index.html', '/phone': '/phone.html' }[url.pathname] ?? url.pathname;
    const page = this.#pages.get(name);
    if (page) {
      response.writeHead(200, {
        'content-type': types[extname(name)]!,
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'content-encoding': 'gzip',
      });
      response.end(gzipSync(page));
      return;
    }
    const json = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (url.pathname === '/console/session') return json(this.#session());
    if (url.pathname === '/console/login') {
      const { user, password, token } = await bodyOf<{ user?: string; password?: string; token?: string }>(request);
      this.#loggedIn = (user === 'operator' && password === 'secret') || token === 'secret';
      return this.#loggedIn ? json(this.#session()) : json({ error: 'wrong user or password' }, 401);
    }
    if (!this.#loggedIn) return json({ error: 'log in first' }, 401);
    if (request.method === 'POST' && request.headers['x-tandem-csrf'] !== 'fake-csrf')
      return json({ error: 'x-tandem-csrf is missing' }, 403);
    if (url.pathname === '/console/logout') {
      this.#loggedIn = false;
      for (const client of this.#sockets.clients) client.close();
      return json({});
    }
    const finished = this.#finished.find(({ id }) => url.pathname === `/console/finished/${encodeURIComponent(id)}`);
    if (finished) return json(this.#past(finished));
    if (url.pathname === '/console/finished') return json(this.#page(url.searchParams));
    if (url.pathname === '/RPC') return json(this.#rpc(await bodyOf(request)));
    if (url.pathname === '/phone/config')
      return json({ servers: ['ws://127.0.0.1:5066'], domain: '127.0.0.1', iceServers: [] });
    const recording = /^\/console\/recordings\/rec-(\d+)$/.exec(url.pathname);
    if (recording)
      return sendRange(request, response, fakeRecording(12 + (Number(recording[1]) % 40), Number(recording[1])));
    if (url.pathname === '/console/voicemail') return json(this.#pbx?.page ?? { boxes: [] });
    const [, box = '', id = ''] = /^\/console\/voicemail\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    const seconds = this.#pbx?.lengthOf(decodeURIComponent(box), id);
    if (seconds !== undefined && this.#options.role === 'view') return json({ error: 'takes the role control' }, 403);
    if (seconds !== undefined) return sendRange(request, response, fakeRecording(seconds, seconds));
    json({ error: 'not found' }, 404);
  }

  #session(): SessionInfo {
    const { role = 'control', login = false } = this.#options;
    return {
      role: this.#loggedIn ? role : undefined,
      user: this.#loggedIn && login ? 'operator' : undefined,
      csrf: 'fake-csrf',
      loginNeeded: login,
      server: { name: 'pbx.example.net', version: '0.1.0' },
    };
  }

  #page(query: URLSearchParams): FinishedPage {
    const search = (query.get('search') ?? '').toLowerCase();
    const from = Number(query.get('before') ?? 0);
    const limit = Number(query.get('limit') ?? 50);
    const found = this.#finished.filter((row) => `${row.from} ${row.to} ${row.callId}`.toLowerCase().includes(search));
    const more = found.length > from + limit;
    return { rows: found.slice(from, from + limit), more, ...(more && { next: String(from + limit) }) };
  }

  #past({ id, from, to, startedAt, answeredAt, callId }: FinishedRow): CallDetail {
    const call = { ...this.#fake.call(60_000), id, from, to, startedAt, answeredAt, callId };
    const detail = this.#fake.detail(call);
    return { ...detail, call: { ...call, state: 'deleted', profiles: {} }, events: [], flags: {}, media: {} };
  }

  #rpc({ id, method, params }: { id: number; method: string; params: unknown }): unknown {
    this.asked.push({ method, params });
    if (this.#options.role === 'view')
      return { jsonrpc: '2.0', id, error: { code: -32001, message: 'needs the role control' } };
    if (this.#pbx?.run(method, params)) {
      this.#tellPbx();
      return { jsonrpc: '2.0', id, result: {} };
    }
    const byId = Array.isArray(params) ? params.join(':') : undefined;
    const sessionId = (params as { call?: string }).call;
    const call = this.calls.find((one) => one.id === byId || one.legs.some((leg) => leg.sessionId === sessionId));
    if (!call) return { jsonrpc: '2.0', id, error: { code: -32000, message: 'no such call' } };
    if (method === 'dlg.end_dlg' || method === 'call.hangup') this.#change([], [call.id]);
    const { file, wait } = params as { file?: string; wait?: boolean };
    if (method === 'call.record' && file === 'nowhere.wav')
      return wait
        ? { jsonrpc: '2.0', id, error: { code: 500, message: 'no folder is set that files may be written to' } }
        : { jsonrpc: '2.0', id, result: { operation: 'op-2' } };
    if (method === 'call.get')
      return { jsonrpc: '2.0', id, result: { operations: call.recording ? [{ operation: 'op-1' }] : [] } };
    if (method === 'call.hold' || method === 'call.unhold') {
      const legs = call.legs.map((leg) =>
        leg.sessionId === sessionId ? { ...leg, held: method === 'call.hold' } : leg,
      );
      this.#change([{ ...call, legs }], []);
    }
    if (method === 'call.record' || method === 'call.stop')
      this.#change([{ ...call, recording: method === 'call.record' }], []);
    return { jsonrpc: '2.0', id, result: method === 'call.record' ? { operation: 'op-1' } : {} };
  }

  #greet(client: WebSocket): void {
    this.#watched.set(client, new Set());
    const say = (message: ServerMessage): void => client.send(JSON.stringify(message));
    say({ type: 'hello', now: this.#now(), history: this.#history });
    if (this.#pbx) say(this.#pbx.message);
    say({ type: 'calls', full: true, changed: this.calls, gone: [] });
    say({ type: 'registrations', rows: this.#registrations });
    client.on('close', () => {
      this.#watched.delete(client);
      this.#listening.delete(client);
    });
    client.on('message', (data) => {
      const message = JSON.parse(String(data)) as ClientMessage;
      if (message.type === 'watch') {
        this.#watched.get(client)?.add(message.id);
        const call = this.#calls.get(message.id);
        say({ type: 'call', id: message.id, detail: call && this.#fake.detail(call) });
      } else if (message.type === 'unwatch') this.#watched.get(client)?.delete(message.id);
      else if (message.type === 'listen') {
        this.asked.push({ method: 'listen', params: message.sessionId });
        this.#listening.set(client, message.sessionId);
        say({ type: 'listening', sessionId: message.sessionId, sampleRate: 8_000 });
      } else this.#listening.delete(client);
    });
  }

  #tellPbx(): void {
    if (this.#pbx) this.#say(this.#pbx.message);
  }

  #say(message: ServerMessage): void {
    const text = JSON.stringify(message);
    for (const client of this.#sockets.clients) client.send(text);
  }

  #change(changed: readonly CallRow[], gone: readonly string[]): void {
    for (const call of changed) this.#calls.set(call.id, call);
    for (const id of gone) this.#calls.delete(id);
    this.#say({ type: 'calls', full: false, changed, gone });
    for (const [client, ids] of this.#watched)
      for (const id of ids) {
        const call = changed.find((one) => one.id === id);
        if (call) client.send(JSON.stringify({ type: 'call-more', id, call } satisfies ServerMessage));
        else if (gone.includes(id)) client.send(JSON.stringify({ type: 'call', id, detail: undefined }));
      }
  }

  #second(): void {
    const totals = this.#fake.totals(Date.now(), this.#options.calls);
    this.#history.push(totals);
    this.#history.shift();
    this.#say({ type: 'totals', totals });
    for (const [client, ids] of this.#watched)
      for (const id of ids) {
        const call = this.#calls.get(id);
        if (call?.answeredAt === undefined) continue;
        const media = Object.fromEntries(call.legs.map((leg) => [leg.sessionId, this.#fake.media(Date.now(), leg)]));
        client.send(JSON.stringify({ type: 'call-more', id, media } satisfies ServerMessage));
      }
  }

  /** One per cent of the calls get other figures; of many, one in a while ends and another begins. */
  #churn(): void {
    const all = this.calls;
    if (all.length === 0) return;
    const step = Math.max(1, Math.floor(all.length / 100));
    const changed: CallRow[] = all.slice(this.#phase, this.#phase + step).map((call) => ({
      ...call,
      legs: call.legs.map((leg) => (leg.mos ? { ...leg, mos: Math.max(1, leg.mos - 0.01) } : leg)),
    }));
    this.#phase = (this.#phase + step) % all.length;
    const young = all.filter(({ state }) => state === 'unconfirmed' || state === 'early');
    changed.push(...young.map((call) => ({ ...call, ...older(call) })));
    const gone: string[] = [];
    if (all.length > 100) {
      const fresh = new FakeCalls(this.#phase + Date.now(), Date.now).call(0);
      changed.push({ ...fresh, id: `1:${Date.now() % 1e9}` });
      gone.push(all[this.#phase]!.id);
    }
    this.#change(
      changed.filter(({ id }) => !gone.includes(id)),
      gone,
    );
  }

  #sound(): void {
    for (const client of this.#listening.keys()) {
      const frame = new Int16Array(160).map((_, i) => Math.sin((i * 2 * Math.PI * 400) / 8_000) * 6_000);
      client.send(new Uint8Array(frame.buffer));
    }
  }
}

/** What rings is answered after six seconds. */
function older({ state, startedAt }: CallRow): Partial<CallRow> {
  const age = Date.now() - startedAt;
  if (state === 'unconfirmed' && age > 1_500) return { state: 'early' };
  return state === 'early' && age > 6_000 ? { state: 'confirmed', answeredAt: Date.now() } : {};
}

async function bodyOf<T>(request: IncomingMessage): Promise<T> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text || '{}') as T;
}

function sendRange(request: IncomingMessage, response: ServerResponse, file: Uint8Array): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = range ? Number(range[1]) : 0;
  const to = range?.[2] ? Number(range[2]) : file.length - 1;
  response.writeHead(range ? 206 : 200, {
    'content-type': 'audio/wav',
    'accept-ranges': 'bytes',
    'content-length': to - from + 1,
    ...(range && { 'content-range': `bytes ${from}-${to}/${file.length}` }),
  });
  response.end(file.subarray(from, to + 1));
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      calls: { type: 'string', default: '3' },
      port: { type: 'string', default: '8090' },
      login: { type: 'boolean', default: false },
      pbx: { type: 'boolean', default: false },
      role: { type: 'string', default: 'control' },
    },
  });
  const fake = new FakeServer({
    calls: Number(values.calls),
    port: Number(values.port),
    login: values.login,
    pbx: values.pbx,
    role: values.role === 'view' ? 'view' : 'control',
  });
  console.log(await fake.open());
}
