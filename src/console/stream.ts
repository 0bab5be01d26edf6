/** `/console/stream`: what happens, pushed to all pages that look on. Everything that costs is done once for all of them. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { EventLog } from '../control/events/log.ts';
import type { Admitted } from '../control/http/access.ts';
import type { SiteSocket } from '../control/http/site.ts';
import type { ProcessProbe } from '../control/metrics/node-probe.ts';
import { CallsFeed } from './calls-feed.ts';
import { Listening, listenRate } from './listening.ts';
import { PbxFeed } from './pbx-feed.ts';
import type { ClientMessage, ServerMessage } from './protocol.ts';
import { QualitySampler } from './quality.ts';
import { RegistrationsFeed } from './registrations-feed.ts';
import { rowId } from './rows.ts';
import { StreamClient } from './stream-client.ts';
import type { ConsoleSubject } from './subject.ts';
import { TotalsBook } from './totals.ts';
import { CallWatch } from './watch.ts';

export interface StreamDeps {
  readonly subject: ConsoleSubject;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly probe: Pick<ProcessProbe, 'cpuSeconds' | 'loopLag'>;
}

const mostClients = 200;
/** Of a message of a page, bytes. */
const mostPayload = 4_096;
const tickMs = 250;
const totalsMs = 1_000;
const pingMs = 15_000;
/** Legs that are measured in a tick: fifty a second. */
const measuredPerTick = 12;
const mostWatched = 50;
const mostWatchedPerClient = 4;
const mostListening = 20;
/** RFC 6455 §7.4.1 */
const goingAway = 1001;

interface Watched {
  readonly watch: CallWatch;
  readonly clients: Set<StreamClient>;
}

export class ConsoleStream implements SiteSocket {
  readonly path = '/console/stream';
  readonly #deps: StreamDeps;
  readonly #feed: CallsFeed;
  readonly #registrations: RegistrationsFeed;
  readonly #pbx: PbxFeed;
  readonly #quality: QualitySampler;
  readonly #totals: TotalsBook;
  readonly #sockets: WebSocketServer;
  readonly #clients = new Set<StreamClient>();
  readonly #watched = new Map<string, Watched>();
  readonly #listening = new Map<StreamClient, Listening>();
  readonly #stopHearing: () => void;
  readonly #timers = new Map<string, Timer>();
  #refreshing: Promise<void> | undefined;
  #closed = false;

  constructor(deps: StreamDeps) {
    this.#deps = deps;
    const { subject, clock, probe } = deps;
    this.#feed = new CallsFeed(subject.registry, ({ callId }, error) =>
      deps.logger.error({ callId, error: messageOf(error), err: error }, 'a call cannot be shown in the console'),
    );
    this.#registrations = new RegistrationsFeed(subject, clock);
    this.#pbx = new PbxFeed(subject, clock);
    this.#quality = new QualitySampler(subject.registry, (session, mos) => this.#feed.heard(session, mos));
    this.#totals = new TotalsBook(subject, probe);
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: mostPayload,
      perMessageDeflate: false,
    });
    this.#stopHearing = subject.registry.on('destroyed', ({ dialog }) => this.#unwatchAll(rowId(dialog)));
    this.#every(totalsMs, 'console totals', () => this.#tellTotals());
    this.#every(pingMs, 'console ping', () => {
      for (const client of this.#clients) client.ping();
    });
  }

  get full(): boolean {
    return this.#closed || this.#clients.size >= mostClients;
  }

  get size(): number {
    return this.#clients.size;
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer, who: Admitted): void {
    const from = request.socket.remoteAddress ?? '';
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.join(webSocket, who, from));
  }

  /** @param from address, for the log */
  join(socket: WebSocket, who: Admitted, from: string): void {
    const owner = {
      asked: (asking: StreamClient, message: ClientMessage) => this.#asked(asking, message),
      allRows: () => this.#feed.all(),
      closed: (gone: StreamClient) => this.#leave(gone),
    };
    const client = new StreamClient(socket, who, from, owner, this.#deps.clock);
    this.#welcome(client).catch((error: unknown) => {
      this.#deps.logger.error({ error: messageOf(error), err: error }, 'a page could not be told of the calls');
      client.terminate();
    });
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#stopHearing();
    this.#registrations.close();
    this.#pbx.close();
    for (const client of [...this.#clients]) {
      client.close(goingAway, 'closing');
      this.#leave(client);
    }
    this.#feed.stop();
  }

  // ---- what everybody gets

  async #welcome(client: StreamClient): Promise<void> {
    this.#clients.add(client);
    if (!this.#feed.isOn) {
      this.#feed.start();
      this.#every(tickMs, 'console tick', () => void this.#tick());
    }
    const now = Math.round(this.#deps.clock.wallclock());
    client.send({ type: 'hello', now, history: this.#totals.history });
    client.sendText(this.#registrations.all());
    this.#sendPbx(client);
    await this.#refresh();
    client.sendAllRows();
  }

  async #tick(): Promise<void> {
    try {
      await this.#refresh();
      const registrations = this.#registrations.next();
      if (registrations !== undefined) this.#shareAll([registrations]);
      const pbx = this.#pbx.next();
      if (pbx !== undefined) this.#shareAll([pbx]);
      for (const { watch } of this.#watched.values()) watch.flush();
      for (const client of this.#clients) if (client.catchesUp()) this.#sendAnew(client);
      void this.#quality.sample(measuredPerTick);
    } catch (error) {
      this.#deps.logger.error({ error: messageOf(error), err: error }, 'the console could not be told what changed');
    }
  }

  /** Tells all pages which rows changed; who comes while that is done waits for it. */
  #refresh(): Promise<void> {
    const share = async (): Promise<void> => {
      for await (const message of this.#feed.changes()) this.#shareAll([message]);
    };
    this.#refreshing ??= share().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** A page that was behind has room again. */
  #sendAnew(client: StreamClient): void {
    client.sendText(this.#registrations.all());
    this.#sendPbx(client);
    for (const id of client.watched) this.#sendDetail(client, id);
    client.sendAllRows();
  }

  #sendPbx(client: StreamClient): void {
    const pbx = this.#pbx.all();
    if (pbx !== undefined) client.sendText(pbx);
  }

  #shareAll(messages: readonly string[]): void {
    for (const message of messages) {
      const bytes = Buffer.from(message);
      for (const client of this.#clients) client.share(bytes);
    }
  }

  #tellTotals(): void {
    const at = Math.round(this.#deps.clock.wallclock());
    const totals = this.#totals.take(at, this.#quality.mos);
    if (this.#clients.size > 0) this.#shareAll([JSON.stringify({ type: 'totals', totals } satisfies ServerMessage)]);
  }

  // ---- what one asks for

  #asked(client: StreamClient, message: ClientMessage): void {
    switch (message.type) {
      case 'watch':
        this.#watch(client, message.id);
        break;
      case 'unwatch':
        this.#unwatch(client, message.id);
        break;
      case 'listen':
        this.#listen(client, message.sessionId);
        break;
      case 'unlisten':
        this.#unlisten(client);
        break;
      default:
        message satisfies never;
    }
  }

  #watch(client: StreamClient, id: string): void {
    if (!this.#watched.has(id) && !this.#open(id)) {
      client.send({ type: 'call', id, detail: undefined });
      return;
    }
    if (!client.watched.has(id) && client.watched.size >= mostWatchedPerClient) {
      client.send({ type: 'error', error: `${mostWatchedPerClient} calls at once can be watched` });
      this.#closeUnwatched(id);
      return;
    }
    this.#sendDetail(client, id);
    client.watched.add(id);
    this.#watched.get(id)?.clients.add(client);
  }

  #sendDetail(client: StreamClient, id: string): void {
    const detail = this.#watched.get(id)?.watch.detail();
    client.send({ type: 'call', id, detail });
  }

  /** @returns false when there is no such call, or too many are watched */
  #open(id: string): boolean {
    const [, hEntry, hId] = /^(\d{1,10}):(\d{1,10})$/.exec(id) ?? [];
    const { registry } = this.#deps.subject;
    const record = hEntry === undefined ? undefined : registry.get(Number(hEntry), Number(hId));
    if (!record || this.#watched.size >= mostWatched) return false;
    const clients = new Set<StreamClient>();
    const send = (message: ServerMessage): void => {
      const bytes = Buffer.from(JSON.stringify(message));
      for (const client of clients) client.share(bytes);
    };
    const watch = new CallWatch(record, { ...this.#deps, rows: this.#feed.context, send });
    this.#watched.set(id, { watch, clients });
    return true;
  }

  #unwatch(client: StreamClient, id: string): void {
    client.watched.delete(id);
    this.#watched.get(id)?.clients.delete(client);
    this.#closeUnwatched(id);
  }

  #closeUnwatched(id: string): void {
    const watched = this.#watched.get(id);
    if (!watched || watched.clients.size > 0) return;
    watched.watch.close();
    this.#watched.delete(id);
  }

  /** The call is over. */
  #unwatchAll(id: string): void {
    const watched = this.#watched.get(id);
    if (!watched) return;
    watched.watch.flush();
    for (const client of [...watched.clients]) this.#unwatch(client, id);
  }

  #listen(client: StreamClient, sessionId: string): void {
    const { subject, logger } = this.#deps;
    const session = subject.findCall(sessionId);
    const who = { user: client.who.who, from: client.from, sessionId, callId: session?.callId };
    this.#unlisten(client);
    const leg = session?.mediaLeg;
    if (client.who.role !== 'control') {
      logger.warn(who, 'may not listen in');
      client.send({ type: 'error', error: 'listening in takes the role control' });
      return;
    }
    if (!leg || session.state === 'ended' || this.#listening.size >= mostListening) {
      const error = leg ? 'too many listen in already' : 'there is no audio of that call';
      client.send({ type: 'error', error });
      return;
    }
    try {
      const listening = new Listening({
        leg,
        send: (frame) => client.audio(frame),
        onOver: () => {
          if (this.#listening.get(client) !== listening) return;
          this.#listening.delete(client);
          logger.warn(who, 'listening in is over');
        },
      });
      this.#listening.set(client, listening);
      logger.warn(who, 'listened in');
      client.send({ type: 'listening', sessionId, sampleRate: listenRate });
    } catch (error) {
      client.send({ type: 'error', error: messageOf(error) });
    }
  }

  #unlisten(client: StreamClient): void {
    this.#listening.get(client)?.close();
  }

  #leave(client: StreamClient): void {
    if (!this.#clients.delete(client)) return;
    for (const id of [...client.watched]) this.#unwatch(client, id);
    this.#unlisten(client);
    if (this.#clients.size > 0) return;
    this.#feed.stop();
    this.#timers.get('console tick')?.cancel();
  }

  #every(ms: number, label: string, work: () => void): void {
    const fire = (): void => {
      this.#every(ms, label, work);
      work();
    };
    this.#timers.set(label, this.#deps.clock.setTimer(ms, fire, label));
  }
}
