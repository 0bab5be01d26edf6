/** A lab phone's connection to the network: SIP messages in and out, each to the line and the exchange it is for. */
import type { Clock } from '../../base/clock.ts';
import { type Random, token } from '../../base/random.ts';
import type { LabHost } from '../network/host.ts';
import type { LabNetwork } from '../network/network.ts';
import type { EntryKind, TimeLine } from '../time-line.ts';
import type { PhoneCall } from './call.ts';
import { type ExchangePorts, IncomingExchange, OutgoingExchange } from './exchanges.ts';
import { Line, type LineOptions } from './line.ts';
import { SipText, targetOf } from './sip-text.ts';
import { type Destination, PhoneWire } from './wire.ts';

export interface StationOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: LabHost;
  readonly network: LabNetwork;
  readonly timeLine: TimeLine;
  readonly line: LineOptions;
}

interface Outgoing {
  readonly line: Line;
  readonly exchange: OutgoingExchange;
}

interface Incoming {
  readonly line: Line;
  readonly exchange: IncomingExchange;
}

export class Station {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: LabHost;
  readonly port: number;
  readonly lines: Line[] = [];
  readonly #options: StationOptions;
  readonly #wire: PhoneWire;
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #incoming = new Map<string, Incoming>();

  constructor(options: StationOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.random = options.random;
    this.host = options.host;
    this.#wire = new PhoneWire(options.host, (text, from) => this.#received(text, from));
    this.port = this.#wire.port;
  }

  /** Another line of this phone. */
  line(name: string): Line {
    const line = new Line(this, name, this.#options.line);
    this.lines.push(line);
    return line;
  }

  get wire(): PhoneWire {
    return this.#wire;
  }

  exchange(
    line: Line,
    request: SipText,
    to: Destination,
    onResponse: (response: SipText | undefined) => void,
  ): OutgoingExchange {
    const exchange = new OutgoingExchange(this.#ports(line), request, to, onResponse);
    this.#outgoing.set(`${request.branch} ${request.method}`, { line, exchange });
    return exchange;
  }

  #ports(line: Line): ExchangePorts {
    const once = line.misbehaviour.sendsOnce ?? false;
    return { clock: this.clock, once, send: (text, to) => line.send(text, to) };
  }

  transmit(text: string, to: Destination): void {
    this.#wire.send(text, to);
  }

  /** Where a URI leads: an address, or the name of a host of the lab. */
  resolve(uri: string): Destination | undefined {
    const target = targetOf(uri);
    if (!target) return undefined;
    const address = this.#options.network.addressOf(target.host);
    return address === undefined ? undefined : { address, port: target.port, transport: target.transport };
  }

  note(kind: EntryKind, who: string, text: string): void {
    this.#options.timeLine.add({ at: this.clock.now(), kind, who, text });
  }

  #received(text: string, from: Destination): void {
    if (text.trim() === '') return; // keep-alive
    const message = new SipText(text, this.clock.now());
    if (message.status > 0) this.#response(message);
    else this.#request(message, from);
  }

  #response(response: SipText): void {
    const found = this.#outgoing.get(`${response.branch} ${response.cseq.method}`);
    (found?.line ?? this.#lineOf(response))?.record(response);
    found?.exchange.receive(response);
  }

  #request(request: SipText, from: Destination): void {
    const { method } = request;
    const key = (of: string): string => `${request.branch} ${of} ${request.header('via').split(';')[0]}`;
    const known = this.#incoming.get(key(method === 'ACK' ? 'INVITE' : method));
    const line = known?.line ?? this.#lineOf(request) ?? this.#freeLine(method) ?? (this.lines[0] as Line);
    line.record(request);
    if (method === 'ACK') {
      if (known && known.exchange.status >= 300) known.exchange.acked();
      else line.call?.acked(request);
      return;
    }
    if (known) {
      known.exchange.again();
      return;
    }
    if (line.misbehaviour.ignores?.includes(method)) return;
    const exchange = new IncomingExchange(this.#ports(line), request, from);
    this.#incoming.set(key(method), { line, exchange });
    if (method === 'CANCEL') {
      const invite = this.#incoming.get(key('INVITE'));
      line.respond(exchange, invite ? 200 : 481, {});
      if (invite) invite.line.call?.cancelledBy(request);
    } else if (request.toTag !== '' || method === 'BYE') {
      const call = line.call?.owns(request) ? line.call : undefined;
      if (call) call.receive(exchange);
      else line.respond(exchange, 481, {});
    } else if (method === 'INVITE') this.#invited(line, exchange);
    else line.respond(exchange, 200, {});
  }

  #invited(line: Line, exchange: IncomingExchange): void {
    const replaced = this.#replaced(exchange.request.header('replaces'));
    if (replaced) {
      const { call } = replaced;
      replaced.incoming(exchange);
      replaced.call?.accept();
      void call?.bye();
    } else if (line.isBusy) line.respond(exchange, 486, { tag: token(this.random, 4) });
    else line.incoming(exchange);
  }

  /** RFC 3891 */
  #replaced(header: string): Line | undefined {
    const [callId = '', ...params] = header.split(';').map((part) => part.trim());
    const tag = (name: string): string =>
      params.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
    const matches = (call: PhoneCall | undefined): boolean =>
      call?.state === 'up' &&
      call.callId === callId &&
      call.localTag === tag('to-tag') &&
      call.remoteTag === tag('from-tag');
    return callId === '' ? undefined : this.lines.find(({ call }) => matches(call));
  }

  /** The line whose call a message belongs to. */
  #lineOf(message: SipText): Line | undefined {
    return this.lines.find(({ call }) => call?.callId === message.callId && call.owns(message, message.status === 0));
  }

  #freeLine(method: string): Line | undefined {
    return method === 'INVITE' ? this.lines.find((line) => !line.isBusy) : undefined;
  }

  /** Ends every call in the way its state asks for, and waits for nothing. */
  hangup(): void {
    for (const line of this.lines) {
      line.behave();
      const { call } = line;
      if (call?.state === 'calling') call.cancel();
      else if (call?.state === 'ringing') call.reject(480);
      else if (call?.state === 'up') void call.bye();
    }
  }

  close(): void {
    for (const { call } of this.lines) call?.drop();
    for (const { exchange } of this.#outgoing.values()) exchange.stop();
    for (const { exchange } of this.#incoming.values()) exchange.stop();
    this.#wire.close();
  }
}
