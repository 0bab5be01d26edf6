/**
 * A SIP endpoint with a registrar and a user of every mood, in a network in memory. What is sent to it comes from
 * several addresses, by UDP, TCP and WebSocket; what it says is read, and what it keeps is gone in the end.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { Logger } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import { Registrar } from '../../src/registrar/registrar.ts';
import { Authenticator } from '../../src/sip/authenticator.ts';
import { parseMessage } from '../../src/sip/codec.ts';
import { type Dialog, type InviteServer, SipEndpoint } from '../../src/sip/endpoint.ts';
import { headerValues } from '../../src/sip/message.ts';
import type { StreamConnection } from '../../src/sip/transport/network.ts';
import { printHost, uriUser } from '../../src/sip/uri.ts';
import { between, chance, FakeClock, type LabHost, LabNetwork, pick, seededRandom } from '../../src/testing/index.ts';
import { address, type Received, read, reply, sdp, write } from '../sip/lab.ts';
import { isErrorReply, type Watch } from './parsers.ts';

/** Every fourth seed has IPv6. */
const places = {
  4: { ours: '10.0.0.1', theirs: ['10.0.0.2', '10.0.0.3', '10.0.0.4', '192.0.2.15'] },
  6: { ours: '2001:db8::10', theirs: ['2001:db8::9:1', '2001:db8::20', '::ffff:192.0.2.2'] },
} as const;
const ports = { udp: 5060, tcp: 5060, ws: 5066 } as const;
/** Longer than every timer of a transaction and a connection that nobody uses. */
const longestTimerMs = 800_000;
/** What was said last is what is answered. */
const remembered = 12;
const statuses = [100, 180, 183, 200, 200, 200, 302, 401, 407, 422, 486, 491, 503, 603, 699];
const inDialog = ['ACK', 'ACK', 'BYE', 'CANCEL', 'INFO', 'INVITE', 'OPTIONS', 'UPDATE', 'PRACK', 'NOTIFY'];

interface Said {
  readonly message: Received;
  readonly to: string;
}

export class FuzzEndpoint {
  readonly #clock = new FakeClock();
  readonly #ours: string;
  readonly #network: LabNetwork;
  readonly #watched: Clock;
  readonly #watch: Watch;
  readonly #host: LabHost;
  readonly #peers: readonly LabHost[];
  readonly #endpoint: SipEndpoint;
  readonly #registrar: Registrar;
  readonly #random: Random;
  readonly #connections = new Map<string, StreamConnection>();
  readonly #dialogs = new Set<Dialog>();
  readonly #errors: string[] = [];
  #said: Said[] = [];
  #written = 0;
  /** Nobody answers them. */
  readonly #ringing = new Set<InviteServer>();
  #ending = false;

  constructor(seed: number, watch: Watch) {
    const clock = this.#clock;
    const { ours, theirs } = places[seed % 4 === 0 ? 6 : 4];
    this.#ours = ours;
    this.#watch = watch;
    this.#random = seededRandom(seed, 'user');
    this.#watched = {
      now: () => clock.now(),
      wallclock: () => clock.wallclock(),
      setTimer: (delayMs, fire, label) => clock.setTimer(delayMs, () => watch(fire), label),
    };
    this.#network = new LabNetwork(this.#watched, seed);
    this.#network.set({ delayMs: 0, split: 0.3 });
    this.#host = this.#network.host('endpoint', ours);
    this.#peers = theirs.map((at, index) => this.#network.host(`peer${index}`, at));
    const logger = this.#logger();
    this.#endpoint = new SipEndpoint({
      listen: (['udp', 'tcp', 'ws'] as const).map((transport) => ({
        transport,
        bindHost: ours,
        bindPort: ports[transport],
      })),
      clock: this.#watched,
      random: seededRandom(seed, 'endpoint'),
      resolver: this.#network.resolver,
      logger,
      userAgent: 'Fuzzed',
      network: this.#host.sip,
      methods: ['INFO', 'UPDATE', 'REFER', 'NOTIFY'],
      outsideMethods: ['REGISTER', 'MESSAGE', 'SUBSCRIBE'],
      supported: ['path', 'outbound', 'gruu', 'timer'],
      maxPendingInvites: 200,
    });
    const shared = { clock: this.#watched, random: seededRandom(seed, 'registrar'), logger };
    const users = new Authenticator({ users: { bob: { password: 'x' } } }, shared.clock, shared.random);
    this.#registrar = new Registrar(
      { maxContacts: 5 },
      {
        ...shared,
        admit: ({ request }) =>
          headerValues(request, 'authorization').length > 0
            ? users.admit(request)
            : { ok: true, user: uriUser(request.headers.to.uri) ?? '' },
      },
    );
    this.#endpoint.onInvite = (invite) => this.#answer(invite);
    this.#endpoint.onRequest = (request) => {
      if (request.request.method === 'REGISTER') this.#registrar.handle(request);
      else request.respond(pick(this.#random, [200, 202, 489]));
    };
    this.#network.onSight = ({ from, to, bytes }) => {
      if (from.address !== ours) return;
      if (to.port < 1 || to.port > 65_535) this.#errors.push(`the endpoint sent something to port ${to.port}`);
      this.#hear(bytes, to.address);
    };
  }

  open(): Promise<void> {
    return this.#endpoint.open();
  }

  /** A message, or what is left of one, reaches the endpoint by whatever way. */
  take(bytes: Uint8Array, random: Random): void {
    const peer = pick(random, this.#peers);
    const way = pick(random, ['udp', 'udp', 'udp', 'tcp', 'ws'] as const);
    if (way === 'udp') {
      const from = { address: peer.address, port: between(random, 0, 3) === 0 ? between(random, 0, 65_535) : 5070 };
      this.#watch(() => this.#host.deliver(ports.udp, Uint8Array.from(bytes), from));
    } else this.#connection(peer, way).write(bytes, () => {});
    if (chance(random, 0.05)) this.#call(peer);
  }

  /** What somebody could say next to the endpoint: an answer, or a request in a dialog; undefined if there is nothing. */
  reaction(random: Random): string | undefined {
    if (this.#said.length === 0) return undefined;
    const { message } = pick(random, this.#said);
    if (!/^\d/.test(message.what)) {
      const status = pick(random, statuses);
      const challenge = 'Digest realm="r", nonce="n", qop="auth"';
      const headers = status === 401 ? [`WWW-Authenticate: ${challenge}`] : [`Proxy-Authenticate: ${challenge}`];
      return reply(message, status, {
        tag: pick(random, ['a', 'b', 'c']),
        headers: status === 401 || status === 407 ? headers : [],
        contact: pick(random, [
          '<sip:peer@10.0.0.3:5070>',
          '<sip:x@10.0.0.4;transport=tcp>',
          '<sip:nobody.invalid>',
          '',
        ]),
        body: status === 200 || status === 183 ? sdp : '',
      });
    }
    const method = pick(random, inDialog);
    const [, number = '1'] = /(\d+)/.exec(message.get('CSeq')) ?? [];
    const again = method === 'ACK' || method === 'CANCEL';
    return write({
      method,
      seq: again ? Number(number) : Number(number) + between(random, 0, 3),
      branch: `z9hG4bKnext${this.#written++}`,
      ...(again && chance(random, 0.5) ? { via: message.get('Via') } : {}),
      from: message.get('From'),
      to: message.get('To'),
      callId: message.get('Call-ID'),
      body: method === 'INVITE' ? sdp : '',
    });
  }

  wait(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  /** @throws for what went wrong since the last time */
  check(): void {
    const [first] = this.#errors;
    if (first !== undefined) throw new Error(first);
  }

  /** Ends every call and waits until nothing is left. @throws for what is */
  async end(): Promise<{ readonly received: number; readonly sent: number }> {
    this.#ending = true;
    for (const invite of this.#ringing) invite.reject(480);
    for (const dialog of this.#dialogs) void dialog.bye();
    for (const connection of this.#connections.values()) connection.destroy();
    this.#registrar.close();
    await this.#clock.advance(longestTimerMs);
    this.check();
    const { transactions, dialogs, connections, timers, counters } = this.#endpoint.stats;
    const left = { transactions, dialogs, connections, timers };
    if (Object.values(left).some((count) => count > 0)) throw new Error(`there is left: ${JSON.stringify(left)}`);
    if (counters.internalErrors > 0) throw new Error(`internal errors: ${counters.internalErrors}`);
    return counters;
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
    this.#network.close();
  }

  #hear(bytes: Uint8Array, to: string): void {
    const text = Buffer.from(bytes).toString('latin1');
    if (text === '\r\n') return;
    const parsed = parseMessage(Uint8Array.from(bytes), 'datagram');
    if (parsed.ok) this.#said = [{ message: read(text), to }, ...this.#said].slice(0, remembered);
    else if (!isErrorReply(text) && !parsed.error.includes('longer than'))
      this.#errors.push(`the endpoint sent what cannot be read (${parsed.error}): ${JSON.stringify(text)}`);
  }

  #connection(peer: LabHost, way: 'tcp' | 'ws'): StreamConnection {
    const key = `${peer.address} ${way}`;
    const open = this.#connections.get(key);
    if (open) return open;
    const made = peer.connectStream(
      { address: this.#ours, port: ports[way] },
      {
        onOpen() {},
        onData() {},
        onClose: () => this.#connections.delete(key),
      },
      way,
    );
    this.#connections.set(key, made);
    return made;
  }

  // ---- the user of the endpoint

  #later(work: () => void): void {
    this.#watched.setTimer(between(this.#random, 1, 4000), () => {
      if (!this.#ending) work();
    });
  }

  #answer(invite: InviteServer): void {
    const random = this.#random;
    this.#keep(invite.dialog);
    invite.onAckTimeout = () => void invite.dialog.bye();
    invite.onCancel = () => {
      this.#dialogs.delete(invite.dialog);
      this.#ringing.delete(invite);
    };
    const accept = (): void => invite.accept({ contentType: 'application/sdp', body: Buffer.from(sdp) });
    const reject = (): void => invite.reject(pick(random, [404, 486, 503, 603]));
    switch (between(random, 0, 4)) {
      case 0:
        reject();
        break;
      case 1:
        accept();
        this.#later(() => void invite.dialog.bye());
        break;
      case 2:
        invite.provisional(183, { contentType: 'application/sdp', body: Buffer.from(sdp) });
        this.#later(pick(random, [accept, reject]));
        break;
      case 3:
        accept();
        break;
      default:
        this.#ringing.add(invite);
        invite.provisional(180);
    }
  }

  #keep(dialog: Dialog): void {
    this.#dialogs.add(dialog);
    dialog.onEnd = () => this.#dialogs.delete(dialog);
    dialog.onRequest = (request) => request.respond(pick(this.#random, [200, 200, 488]));
    if (chance(this.#random, 0.3)) this.#later(() => void dialog.request(pick(this.#random, ['INFO', 'INVITE'])));
  }

  #call(peer: LabHost): void {
    const random = this.#random;
    const options = {
      uri: `sip:callee@${printHost(peer.address)}:5070${pick(random, ['', '', ';transport=tcp'])}`,
      from: address(`sip:me@${printHost(this.#ours)}`),
      to: address(`sip:callee@${printHost(peer.address)}`),
      credentials: { username: 'me', password: 'secret' },
    };
    if (chance(random, 0.3)) {
      void this.#endpoint.request({ ...options, method: 'OPTIONS' });
      return;
    }
    const invite = this.#endpoint.invite({ ...options, contentType: 'application/sdp', body: Buffer.from(sdp) });
    void invite.final.then(({ dialog }) => {
      if (!dialog) return;
      dialog.ack();
      this.#keep(dialog);
      if (this.#ending) void dialog.bye();
    });
    this.#later(() => invite.cancel());
  }

  /** What the endpoint calls an error is a finding. */
  #logger(): Logger {
    const ignore = (): void => {};
    const logger: Logger = {
      trace: ignore,
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (fields, message) => this.#errors.push(`${message}: ${JSON.stringify(fields)}`),
      child: () => logger,
    };
    return logger;
  }
}
