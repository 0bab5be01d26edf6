/** A lab phone's connection to the network: SIP messages in and out, each to the line and transaction it is for. */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { LabHost } from '../network/host.ts';
import type { LabNetwork } from '../network/network.ts';
import type { EntryKind, TimeLine } from '../time-line.ts';
import { IncomingCall } from './incoming-call.ts';
import { Line, type LineOptions } from './line.ts';
import { isMeantBy } from './refer.ts';
import { SipText, targetOf } from './sip-text.ts';
import { ClientTransaction, ServerTransaction, type TransactionPorts } from './transactions.ts';
import { type Destination, PhoneWire } from './wire.ts';

export interface StationOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: LabHost;
  readonly network: LabNetwork;
  readonly timeLine: TimeLine;
  readonly line: LineOptions;
}

interface Of<Transaction> {
  readonly line: Line;
  readonly transaction: Transaction;
}

export class Station {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: LabHost;
  readonly wire: PhoneWire;
  readonly lines: Line[] = [];
  readonly #options: StationOptions;
  /** By branch and method; none is forgotten, so that no copy is ever taken for something new. */
  readonly #clients = new Map<string, Of<ClientTransaction>>();
  readonly #servers = new Map<string, Of<ServerTransaction>>();

  constructor(options: StationOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.random = options.random;
    this.host = options.host;
    this.wire = new PhoneWire(options.host, (text, from) => this.#received(text, from));
  }

  get port(): number {
    return this.wire.port;
  }

  /** Another line of this phone. */
  line(name: string): Line {
    const line = new Line(this, name, this.#options.line);
    this.lines.push(line);
    return line;
  }

  // ---- what goes out

  send(
    line: Line,
    request: SipText,
    to: Destination,
    onResponse: (response: SipText | undefined) => void,
  ): ClientTransaction {
    const transaction = new ClientTransaction(this.#ports(line), request, to, onResponse);
    this.#clients.set(`${request.branch} ${request.method}`, { line, transaction });
    return transaction;
  }

  #ports(line: Line): TransactionPorts {
    const once = line.misbehaviour.sendsOnce ?? false;
    return { clock: this.clock, once, send: (text, to) => line.transmit(text, to) };
  }

  transmit(text: string, to: Destination): void {
    this.wire.send(text, to);
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

  // ---- what comes in

  #received(text: string, from: Destination): void {
    if (text.trim() === '') return; // keep-alive
    const message = new SipText(text, this.clock.now());
    if (message.status > 0) this.#response(message);
    else if (message.method !== '') this.#request(message, from);
    else this.note('phone', this.host.name, `got something that is no SIP: ${message.startLine.slice(0, 60)}`);
  }

  #response(response: SipText): void {
    const found = this.#clients.get(`${response.branch} ${response.cseq.method}`);
    const line = found?.line ?? this.#lineOf(response);
    line.received.push(response);
    found?.transaction.receive(response);
  }

  #request(request: SipText, from: Destination): void {
    const { method } = request;
    const key = (of: string): string => `${request.branch} ${of} ${request.header('via').split(';')[0]}`;
    const invited = this.#servers.get(key('INVITE'));
    const known = method === 'ACK' ? invited : this.#servers.get(key(method));
    const line = known?.line ?? invited?.line ?? this.#lineOf(request);
    line.received.push(request);
    if (line.misbehaviour.ignores?.includes(method)) return;
    if (method === 'ACK') {
      if (known && known.transaction.status >= 300) known.transaction.acked();
      else line.callOf(request)?.acked(request);
      return;
    }
    if (known) {
      known.transaction.again();
      return;
    }
    const transaction = new ServerTransaction(this.#ports(line), request, from);
    this.#servers.set(key(method), { line, transaction });
    const refusal = line.misbehaviour.refuses?.[method];
    if (refusal !== undefined) line.respond(transaction, refusal, { ...tagOf(line.callOf(request)) });
    else if (method === 'CANCEL') this.#cancel(transaction, invited);
    else if (request.toTag !== '' || method === 'BYE') {
      const call = line.callOf(request);
      if (call) call.receive(transaction);
      else line.respond(transaction, 481);
    } else if (method === 'INVITE') this.#invite(line, transaction);
    else line.respond(transaction, method === 'OPTIONS' ? 200 : 405);
  }

  /** RFC 3261 §9.2 */
  #cancel(transaction: ServerTransaction, invited: Of<ServerTransaction> | undefined): void {
    const { request } = transaction;
    const line = invited?.line ?? this.#lineOf(request);
    const call = invited && [...line.calls].find(({ invite }) => invite === invited.transaction.request);
    line.respond(transaction, invited ? 200 : 481, { ...tagOf(call) });
    if (call instanceof IncomingCall) call.cancelled(request);
  }

  #invite(line: Line, transaction: ServerTransaction): void {
    const replaces = transaction.request.header('replaces');
    if (replaces !== '') {
      const replaced = this.lines.find(({ call }) => call?.state === 'up' && isMeantBy(replaces, call));
      if (replaced) replaced.replace(transaction);
      else line.respond(transaction, 481);
    } else if (line.isBusy) line.respond(transaction, 486);
    else line.incoming(transaction);
  }

  /** The line whose call a message belongs to, or a free one for a new call, or the first. */
  #lineOf(message: SipText): Line {
    const [first] = this.lines;
    const found = this.lines.find((line) => line.callOf(message));
    const isNew = message.method === 'INVITE' && message.toTag === '';
    return found ?? (isNew ? this.lines.find((line) => !line.isBusy) : undefined) ?? (first as Line);
  }

  // ---- its end

  /** Ends every call in the way its state asks for, and waits for nothing. */
  hangup(): void {
    for (const line of this.lines) {
      line.behave();
      for (const call of line.calls) void call.hangup();
    }
  }

  close(): void {
    for (const line of this.lines) line.close();
    for (const { transaction } of this.#clients.values()) transaction.stop();
    for (const { transaction } of this.#servers.values()) transaction.stop();
    this.wire.close();
  }
}

function tagOf(call: { readonly dialog: { readonly localTag: string } } | undefined): { readonly tag?: string } {
  return call ? { tag: call.dialog.localTag } : {};
}
