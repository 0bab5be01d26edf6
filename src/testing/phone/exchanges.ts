/**
 * The transactions of a lab phone: requests go out again until they are answered, answers are given again to copies
 * of a request, and final answers to INVITE until the ACK (RFC 3261 §17). Written apart from the server's.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { SipText } from './sip-text.ts';
import type { Destination } from './wire.ts';

const t1 = 500;
const t2 = 4000;
const giveUpMs = 64 * t1;

export interface ExchangePorts {
  readonly clock: Clock;
  readonly send: (text: string, to: Destination) => void;
  /** A phone that sends nothing a second time, whatever gets lost. */
  readonly once: boolean;
}

/** A request of ours. */
export class OutgoingExchange {
  readonly request: SipText;
  readonly to: Destination;
  readonly #ports: ExchangePorts;
  readonly #onResponse: (response: SipText | undefined) => void;
  #timer: Timer | undefined;
  #giveUp: Timer | undefined;
  #interval = t1;
  /** What a copy of the final response is answered with: ours to send once more. */
  ack: string | undefined;
  #final = false;

  /** @param onResponse each response; undefined when there is none in 32 s */
  constructor(
    ports: ExchangePorts,
    request: SipText,
    to: Destination,
    onResponse: (response: SipText | undefined) => void,
  ) {
    this.#ports = ports;
    this.request = request;
    this.to = to;
    this.#onResponse = onResponse;
    ports.send(request.text, to);
    this.#giveUp = ports.clock.setTimer(giveUpMs, () => this.#finish(undefined), 'phone');
    if (to.transport === 'udp' && !ports.once) this.#again();
  }

  #again(): void {
    const resend = (): void => {
      this.#ports.send(this.request.text, this.to);
      this.#interval *= 2;
      if (this.request.method !== 'INVITE') this.#interval = Math.min(this.#interval, t2);
      this.#again();
    };
    this.#timer = this.#ports.clock.setTimer(this.#interval, resend, 'phone');
  }

  receive(response: SipText): void {
    if (this.#final) {
      if (this.ack !== undefined) this.#ports.send(this.ack, this.to);
      if (response.status < 300 && this.request.method === 'INVITE') this.#onResponse(response);
    } else if (response.status >= 200) this.#finish(response);
    else {
      if (this.request.method === 'INVITE') this.stop();
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
    this.#timer?.cancel();
    this.#giveUp?.cancel();
    this.#giveUp = undefined;
  }
}

/** A request of the peer. */
export class IncomingExchange {
  readonly request: SipText;
  readonly from: Destination;
  readonly #ports: ExchangePorts;
  #last: string | undefined;
  #timer: Timer | undefined;
  #giveUp: Timer | undefined;
  #interval = t1;
  #status = 0;
  /** The ACK of a final response never came. */
  onNoAck: () => void = () => {};

  constructor(ports: ExchangePorts, request: SipText, from: Destination) {
    this.#ports = ports;
    this.request = request;
    this.from = from;
  }

  /** 0 until there was a response. */
  get status(): number {
    return this.#status;
  }

  /** The request once more. */
  again(): void {
    if (this.#last !== undefined) this.#ports.send(this.#last, this.from);
  }

  respond(status: number, text: string): void {
    this.#status = status;
    this.#last = text;
    this.#ports.send(text, this.from);
    if (this.request.method !== 'INVITE' || status < 200) return;
    this.#giveUp = this.#ports.clock.setTimer(giveUpMs, () => this.#end(true), 'phone');
    // A 2xx goes out again on every transport (RFC 3261 §13.3.1.4).
    if ((this.from.transport === 'udp' || status < 300) && !this.#ports.once) this.#again();
  }

  #again(): void {
    const resend = (): void => {
      this.again();
      this.#interval = Math.min(2 * this.#interval, t2);
      this.#again();
    };
    this.#timer = this.#ports.clock.setTimer(this.#interval, resend, 'phone');
  }

  acked(): void {
    this.#end(false);
  }

  #end(noAck: boolean): void {
    this.stop();
    if (noAck) this.onNoAck();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#giveUp?.cancel();
  }
}
