/**
 * The transactions of a lab phone (RFC 3261 §17, and RFC 6026 for 2xx): requests go out again until they are
 * answered, refusals of an INVITE and its 2xx until their ACK. Written apart from the server's.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { compose, type HeaderLine, type SipText } from './sip-text.ts';
import type { Destination } from './wire.ts';

const t1 = 500;
const t2 = 4000;
/** Timers B, F, H and L. */
const giveUpMs = 64 * t1;

export interface TransactionPorts {
  readonly clock: Clock;
  readonly send: (text: string, to: Destination) => void;
  /** A phone that sends nothing a second time, whatever gets lost. */
  readonly once: boolean;
}

/** Sends again and again: T1 after the first time, then twice as long each time, up to a longest interval. */
class Resender {
  readonly #clock: Clock;
  readonly #longest: number;
  readonly #send: () => void;
  #timer: Timer | undefined;
  #interval = t1;

  constructor(clock: Clock, longest: number, send: () => void) {
    this.#clock = clock;
    this.#longest = longest;
    this.#send = send;
    this.#arm();
  }

  #arm(): void {
    const fire = (): void => {
      this.#send();
      this.#interval = Math.min(2 * this.#interval, this.#longest);
      this.#arm();
    };
    this.#timer = this.#clock.setTimer(this.#interval, fire, 'phone');
  }

  /** From the next time on as seldom as may be. */
  slowDown(): void {
    this.#interval = this.#longest;
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

/** A request of ours. */
export class ClientTransaction {
  readonly request: SipText;
  readonly to: Destination;
  readonly #ports: TransactionPorts;
  readonly #onResponse: (response: SipText | undefined) => void;
  readonly #resender: Resender | undefined;
  #giveUp: Timer | undefined;
  #final = false;

  /** @param onResponse each response, copies of a 2xx to INVITE too; undefined when there is none in 32 s */
  constructor(
    ports: TransactionPorts,
    request: SipText,
    to: Destination,
    onResponse: (response: SipText | undefined) => void,
  ) {
    this.#ports = ports;
    this.request = request;
    this.to = to;
    this.#onResponse = onResponse;
    const send = (): void => ports.send(request.text, to);
    send();
    // Timer A doubles without end, timer E up to T2 (§17.1.1.2, §17.1.2.2).
    const longest = this.#isInvite ? giveUpMs : t2;
    if (to.transport === 'udp' && !ports.once) this.#resender = new Resender(ports.clock, longest, send);
    this.expire();
  }

  get #isInvite(): boolean {
    return this.request.method === 'INVITE';
  }

  /** Waits no longer than 64·T1 from now: timers B and F, and after CANCEL (§9.1). */
  expire(): void {
    this.#giveUp?.cancel();
    if (!this.#final) this.#giveUp = this.#ports.clock.setTimer(giveUpMs, () => this.#finish(undefined), 'phone');
  }

  receive(response: SipText): void {
    const { status } = response;
    // A refusal of an INVITE is acknowledged here, a 2xx by the call (§17.1.1.3).
    if (this.#isInvite && status >= 300)
      this.#ports.send(hopByHop('ACK', this.request, response.header('to')), this.to);
    if (this.#final) {
      if (this.#isInvite && status >= 200 && status < 300) this.#onResponse(response);
    } else if (status >= 200) this.#finish(response);
    else {
      // An INVITE may ring for ever; anything else is still asked for, but seldom.
      if (this.#isInvite) this.stop();
      else this.#resender?.slowDown();
      this.#onResponse(response);
    }
  }

  #finish(response: SipText | undefined): void {
    this.stop();
    this.#final = true;
    this.#onResponse(response);
  }

  /** Sends no more copies, and waits no longer. */
  stop(): void {
    this.#resender?.stop();
    this.#giveUp?.cancel();
  }
}

/** A request of the peer. */
export class ServerTransaction {
  readonly request: SipText;
  readonly from: Destination;
  readonly #ports: TransactionPorts;
  #response: string | undefined;
  #status = 0;
  #acked = false;
  #resender: Resender | undefined;
  #giveUp: Timer | undefined;
  /** The ACK of a final response never came. */
  onNoAck: () => void = () => {};

  constructor(ports: TransactionPorts, request: SipText, from: Destination) {
    this.#ports = ports;
    this.request = request;
    this.from = from;
  }

  /** Of the last response; 0 until there was one. */
  get status(): number {
    return this.#status;
  }

  /** The request once more: the last response again, unless it went out by itself, or is acknowledged. */
  again(): void {
    const answered = this.request.method === 'INVITE' && this.#status >= 200 && this.#status < 300;
    if (this.#response !== undefined && !answered && !this.#acked) this.#ports.send(this.#response, this.from);
  }

  respond(status: number, text: string): void {
    this.#status = status;
    this.#response = text;
    const send = (): void => this.#ports.send(text, this.from);
    send();
    if (this.request.method !== 'INVITE' || status < 200) return;
    const { clock, once } = this.#ports;
    // Timer G; a 2xx goes out again on every transport (§17.2.1, §13.3.1.4).
    if ((this.from.transport === 'udp' || status < 300) && !once) this.#resender = new Resender(clock, t2, send);
    const giveUp = (): void => {
      this.stop();
      this.onNoAck();
    };
    this.#giveUp = clock.setTimer(giveUpMs, giveUp, 'phone');
  }

  acked(): void {
    this.#acked = true;
    this.stop();
  }

  /** Sends no more copies, and waits for no ACK. */
  stop(): void {
    this.#resender?.stop();
    this.#giveUp?.cancel();
  }
}

/** CANCEL, and the ACK of a refusal, go the way of their INVITE (§9.1, §17.1.1.3). */
export function hopByHop(method: 'ACK' | 'CANCEL', invite: SipText, to = invite.header('to')): string {
  const routes = invite.headers.filter(([name]) => name === 'route').map(([, value]): HeaderLine => ['Route', value]);
  return compose(`${method} ${invite.uri} SIP/2.0`, [
    ['Via', invite.header('via')],
    ['Max-Forwards', '70'],
    ...routes,
    ['From', invite.header('from')],
    ['To', to],
    ['Call-ID', invite.callId],
    ['CSeq', `${invite.cseq.seq} ${method}`],
  ]);
}
