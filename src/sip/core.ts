/**
 * What the parts of one endpoint share: its layers, its timers and what it calls itself. Dialogs, clients and
 * servers are made with it.
 */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type Random, token } from '../base/random.ts';
import { printMessage } from './codec.ts';
import { type Counters, createCounters } from './counters.ts';
import { SipDefence } from './defence/defence.ts';
import { defenceSettings } from './defence/options.ts';
import type { Dialog } from './dialog.ts';
import type { DialogAcks } from './dialog-acks.ts';
import { DnsCache } from './dns-cache.ts';
import { newParams } from './grammar.ts';
import { isUnresolved, locate, type Resolution } from './locate.ts';
import type { NameAddr, SipHeaders, SipMessage, SipRequest, Via } from './message.ts';
import { noParams, tagOf } from './message.ts';
import type { SipEndpointOptions, SipTransportName } from './options.ts';
import { traceSettings } from './trace/options.ts';
import { Tap } from './trace/tap.ts';
import { TransactionLayer } from './transaction/layer.ts';
import { TimerQueue } from './transaction/timer-queue.ts';
import { type TimerSettings, timerSettings } from './transaction/timers.ts';
import { hostPort } from './transport/address.ts';
import { asPeerOf, type PeerFlow, serves } from './transport/flow.ts';
import { kinds } from './transport/kinds.ts';
import type { SipNetwork, SocketName } from './transport/network.ts';
import { defaultStreamLimits } from './transport/stream-flow.ts';
import { SipTransport } from './transport/transport.ts';

/** Handled by the endpoint itself, whatever its user adds. */
const ownMethods = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS'];

export class SipCore {
  readonly options: SipEndpointOptions;
  readonly logger: Logger;
  readonly random: Random;
  readonly counters: Counters = createCounters();
  readonly defence: SipDefence;
  readonly tap: Tap;
  readonly settings: TimerSettings;
  readonly timers: TimerQueue;
  readonly transport: SipTransport;
  readonly transactions: TransactionLayer;
  /** By `dialogKey`. */
  readonly dialogs = new Map<string, Dialog>();
  /** Of dialogs whose 2xx an earlier process sent and that has no ACK yet, by `originOf` their INVITE. */
  readonly answeredBefore = new Map<string, DialogAcks>();
  /** Methods that have a handler in a dialog. */
  readonly methods: Set<string>;
  /** And outside. */
  readonly outsideMethods: Set<string>;
  allow: string;
  readonly supported: readonly string[];
  /** INVITEs of peers without a final response. */
  pendingInvites = 0;
  closed = false;
  readonly #resolver: DnsCache;
  #nextTurn: (() => void)[] = [];

  constructor(
    options: SipEndpointOptions,
    network: SipNetwork,
    onMessage: (message: SipMessage, bytes: Uint8Array, flow: PeerFlow) => void,
  ) {
    this.options = options;
    this.logger = options.logger;
    this.random = options.random;
    this.#resolver = new DnsCache(options.resolver, options.clock);
    this.settings = timerSettings(options.timers);
    this.methods = new Set([...ownMethods, ...(options.methods ?? ['INFO'])]);
    this.outsideMethods = new Set(['INVITE', 'OPTIONS', 'BYE', ...(options.outsideMethods ?? [])]);
    this.allow = this.#allowed();
    this.supported = options.supported ?? [];
    this.timers = new TimerQueue(options.clock, this.#caught);
    this.defence = new SipDefence(defenceSettings(options.defence), {
      clock: options.clock,
      counters: this.counters,
      logger: options.logger,
      trusts: options.trusts ?? (() => false),
      onBan: (ban) => {
        this.transport.disconnect(ban.address);
        const { onBan } = options;
        if (onBan) this.guard(() => onBan(ban));
      },
    });
    const { clock, resolver, logger } = options;
    const { counters } = this;
    this.tap = new Tap(traceSettings(options.trace), { clock, network, resolver, logger, counters });
    const { maxConnections, maxConnectionsPerSource } = this.defence.settings;
    this.transport = new SipTransport({
      network,
      listen: options.listen,
      timers: this.timers,
      counters: this.counters,
      logger: options.logger,
      limits: {
        ...defaultStreamLimits,
        connections: maxConnections,
        connectionsPerSource: maxConnectionsPerSource,
      },
      nextTurn: (call) => this.nextTurn(call),
      defence: this.defence,
      tls: options.tls,
      // The one way in from the sockets: what a message makes throw costs that message and nothing else.
      onMessage: (message, bytes, flow) => this.guard(() => onMessage(message, bytes, flow)),
    });
    this.transactions = new TransactionLayer({
      timers: this.timers,
      settings: this.settings,
      counters: this.counters,
      replyFlow: (flow, port) => this.transport.replyFlow(flow, port),
      onAnswered: (status, flow) => this.defence.answered(status, flow),
      onSend: (message, flow) => this.observe('out', message, flow),
      onTransmit: (callId, bytes, flow, begins) => this.tap.note('out', callId, bytes, flow, begins),
      onTimer: (timer) => {
        const { onTimer } = options;
        if (onTimer) this.guard(() => onTimer(timer));
      },
    });
  }

  /** From now on requests of this method are taken, or refused with 405, in dialogs and outside. */
  take(method: string, on: boolean): void {
    for (const methods of [this.methods, this.outsideMethods]) {
      if (on) methods.add(method);
      else methods.delete(method);
    }
    this.allow = this.#allowed();
  }

  #allowed(): string {
    return [...new Set([...this.methods, ...this.outsideMethods])].join(', ');
  }

  /** Counts and shows a message to the observer of the endpoint. */
  observe(direction: 'in' | 'out', message: SipMessage, flow: PeerFlow): void {
    if (direction === 'out') this.counters.sent++;
    if (message.kind === 'response' && message.status >= 200 && message.headers.cseq.method === 'INVITE')
      this.tap.trace.judge(message);
    const { onMessage } = this.options;
    if (onMessage) this.guard(() => onMessage(direction, message, flow));
  }

  /** Calls into the user's code: what it throws ends nothing but itself. @returns false if it threw */
  guard(call: () => void): boolean {
    try {
      call();
      return true;
    } catch (error) {
      this.#caught(error);
      return false;
    }
  }

  /** Runs on the next turn of the event loop, in the order asked for. */
  nextTurn(call: () => void): void {
    if (this.#nextTurn.push(call) === 1) this.timers.set(this, 'turn', 0);
  }

  onTimer(): void {
    const calls = this.#nextTurn;
    this.#nextTurn = [];
    for (const call of calls) this.guard(call);
  }

  newTag(): string {
    return token(this.random, 8);
  }

  /** Via of a request of ours that takes this flow; its branch is new (RFC 3261 §8.1.1.7). */
  newVia(flow: PeerFlow): Via {
    const { host, port } = nameOf(flow);
    const params = newParams();
    params.branch = `z9hG4bK${token(this.random, 10)}`;
    // Answer to where I am seen, not to where I think I am (RFC 3581 §3).
    if (flow.transport === 'udp') params.rport = null;
    return { protocol: kinds[flow.transport].via, host, port, params };
  }

  /** Where the peer of this flow reaches us. @param secure as a sips URI (RFC 3261 §8.1.1.8, §12.1.1) */
  contact(flow: PeerFlow, user: string | undefined, secure: boolean): NameAddr[] {
    const { host, port } = nameOf(flow);
    const at = user === undefined || user === '' ? '' : `${encodeURIComponent(user)}@`;
    const kind = kinds[flow.transport];
    const sips = secure && kind.secure;
    // A sips URI means TLS by itself, and `transport=tls` has no place in it (RFC 3261 §26.2.2).
    const param = sips && kind.param === 'tls' ? undefined : kind.param;
    const transport = param === undefined ? '' : `;transport=${param}`;
    const uri = `${sips ? 'sips' : 'sip'}:${at}${hostPort(host, port)}${transport}`;
    return [{ displayName: undefined, uri, params: noParams }];
  }

  /** Says who we are, and what we can do where that is asked for (RFC 3261 §20.5, §20.35, §20.37, §20.41). */
  introduce(message: SipMessage): void {
    const { other, cseq } = message.headers;
    const name = message.kind === 'request' ? 'user-agent' : 'server';
    if (!other.has(name)) other.set(name, [this.options.userAgent]);
    if (cseq.method !== 'INVITE' && cseq.method !== 'UPDATE') return;
    if (message.kind === 'response' && (message.status < 200 || message.status >= 300)) return;
    if (!other.has('allow')) other.set('allow', [this.allow]);
    if (!other.has('supported') && this.supported.length > 0) other.set('supported', [this.supported.join(', ')]);
  }

  /** Where a URI leads from here. @param transport overrides the URI's */
  locate(uri: string, transport: SipTransportName | undefined): Resolution | Promise<Resolution> {
    const { transports } = this.transport;
    return locate(uri, transport, { resolver: this.#resolver, random: this.random, transports });
  }

  /** Sends the ACK of a 2xx, which is a transaction to nobody but the far end (RFC 3261 §13.2.2.4). */
  sendAck(
    request: SipRequest,
    nextHop: string,
    prefer: PeerFlow,
    through: PeerFlow | undefined,
    sent: (bytes: Uint8Array, flow: PeerFlow) => void,
  ): void {
    const send = (found: Resolution): void => {
      const flow = this.#wayOf(found, prefer);
      if (flow) sendBy(flow);
      else {
        if (!found.ok) this.logger.debug({ code: found.error.code, error: found.error.message }, 'no way for an ACK');
        this.counters.transportErrors++;
      }
    };
    const sendBy = (flow: PeerFlow): void => {
      flow.whenNamed(() => {
        const ack = { ...request, headers: { ...request.headers, via: [this.newVia(flow)] } };
        const bytes = printMessage(ack);
        sent(bytes, flow);
        this.observe('out', ack, flow);
        this.tap.note('out', ack.headers.callId, bytes, flow, false);
        flow.send(bytes, () => {
          this.counters.transportErrors++;
        });
      });
    };
    if (through) {
      sendBy(through);
      return;
    }
    const found = this.locate(nextHop, undefined);
    if (!(found instanceof Promise)) send(found);
    else {
      printMessage(request);
      found.then((resolution) => this.guard(() => send(resolution)));
    }
  }

  /** The first target that there is a flow to, else the peer's connection where its name leads nowhere. */
  #wayOf(found: Resolution, prefer: PeerFlow): PeerFlow | undefined {
    const connected = prefer.open && prefer.reliable;
    if (!found.ok) return connected && isUnresolved(found) ? prefer : undefined;
    for (const named of found.targets) {
      const target = asPeerOf(prefer, named);
      const flow = connected && serves(prefer, target) ? prefer : this.transport.flowTo(target, prefer.listener);
      if (flow) return flow;
    }
    return undefined;
  }

  readonly #caught = (error: unknown): void => {
    this.counters.internalErrors++;
    this.logger.error(
      { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined },
      'a SIP handler threw',
    );
  };
}

function nameOf(flow: PeerFlow): SocketName {
  return flow.sentBy ?? flow.listener.advertise(flow.address);
}

/** What an INVITE and its copies have in common. */
export function originOf({ callId, from, cseq }: SipHeaders): string {
  return `${callId}|${tagOf(from) ?? ''}|${cseq.seq}`;
}

export function dialogKey(callId: string, localTag: string, remoteTag: string | undefined): string {
  return `${callId}|${localTag}|${remoteTag ?? ''}`;
}
