/**
 * A request of ours from its URI to its final response: finds the addresses, goes on to the next one when the
 * transport fails, says 503 or says nothing (RFC 3263 §4.3), answers digest challenges (RFC 3261 §22.2) and makes the responses that nobody
 * sent: 408, 416, 503.
 */
import { cancelOf } from './cancel.ts';
import { printMessage } from './codec.ts';
import type { SipCore } from './core.ts';
import type { DigestClient, Tried } from './digest-client.ts';
import { isUnresolved, type Resolution } from './locate.ts';
import type { HeaderField, SipParams, SipRequest, SipResponse } from './message.ts';
import { withParams } from './name-addr.ts';
import type { SipTransportName } from './options.ts';
import { localResponse } from './response.ts';
import type { ClientTransaction, ClientUser } from './transaction/client.ts';
import type { QueuedTimer, TimerOwner } from './transaction/timer-queue.ts';
import { asPeerOf, type PeerFlow, serves, type Target } from './transport/flow.ts';
import { isSips } from './uri.ts';

/** A UDP request beyond this may be cut on its way (RFC 3261 §18.1.1). */
const largeRequest = 1_300;

export interface OutgoingUser {
  /** Provisional responses, the final one, further 2xx to an INVITE; never from within `start`. */
  onResponse(response: SipResponse, local: boolean): void;
  /** An INVITE rang for timer C: it has been cancelled. */
  onExpire?(): void;
  /** `request` and `flow` are others now. */
  onSent?(): void;
  /** Nothing more will come. */
  onTerminated?(): void;
  /** Headers to send the request again with, after a refusal. */
  retry?(refusal: SipResponse): readonly HeaderField[] | undefined;
  /** CSeq number of the request when it is sent again. */
  nextSeq(): number;
}

export interface OutgoingOptions {
  /** URI of the next hop. */
  readonly nextHop: string;
  readonly transport?: SipTransportName | undefined;
  /** The flow of the dialog: its connection and its listener are used again. */
  readonly flow?: PeerFlow | undefined;
  /** The only way, whatever `nextHop` says. */
  readonly through?: PeerFlow | undefined;
  readonly digest?: DigestClient | undefined;
  /** Contact of a request that makes a dialog: it depends on the flow. */
  readonly contactUser?: string | undefined;
  readonly contactParams?: SipParams | undefined;
  readonly withContact?: boolean;
  /** Silence after which a server is given up, ms. */
  readonly responseTimeout?: number | undefined;
}

export class OutgoingRequest implements ClientUser, TimerOwner {
  /** As it was sent last. */
  request: SipRequest;
  flow: PeerFlow | undefined;
  readonly #core: SipCore;
  readonly #options: OutgoingOptions;
  readonly #user: OutgoingUser;
  #targets: Target[] = [];
  #explicit = false;
  #transaction: ClientTransaction | undefined;
  #provisional = false;
  #final = false;
  #starting = false;
  #cancel: readonly HeaderField[] | undefined;
  #cancelSent = false;
  #silence: QueuedTimer | undefined;
  readonly #tried: Tried = new Set();

  /** @param request without Via. */
  constructor(core: SipCore, request: SipRequest, options: OutgoingOptions, user: OutgoingUser) {
    this.#core = core;
    this.request = options.digest?.authorize(request, this.#tried) ?? request;
    this.#options = options;
    this.#user = user;
  }

  /** @throws TandemError ERR_HEADER_INJECTION when the request cannot be written; nothing is sent then */
  start(): void {
    const { through } = this.#options;
    if (through) {
      this.#starting = true;
      this.#goThrough(through);
      this.#starting = false;
      return;
    }
    const resolution = this.#core.locate(this.#options.nextHop, this.#options.transport);
    if (!(resolution instanceof Promise)) {
      this.#starting = true;
      this.#resolved(resolution);
      this.#starting = false;
      return;
    }
    // What cannot be written is the caller's fault and must be thrown to it, not after the look-up.
    printMessage({ ...this.request, headers: { ...this.request.headers, via: [] } });
    resolution.then((found) => {
      if (this.#final) return;
      if (!this.#core.guard(() => this.#resolved(found))) this.#local(500);
    });
  }

  /** CANCEL of an INVITE, held back until a provisional response came (RFC 3261 §9.1). */
  cancel(headers: readonly HeaderField[] = []): void {
    if (this.#final || this.#cancel) return;
    this.#cancel = headers;
    // Nothing has gone out, so there is nothing to wait for.
    if (!this.#transaction) this.#local(487);
    else if (this.#provisional) this.#sendCancel();
  }

  /** The server has been silent for too long. */
  onTimer(): void {
    const transaction = this.#transaction;
    if (this.#final || this.#cancel || !transaction) return;
    // It is dead: the transaction tells so by `onTransportError` to whom it must not matter any more.
    this.#transaction = undefined;
    transaction.close(new Error('no response'));
    this.onTimeout();
  }

  onResponse(response: SipResponse): void {
    this.#core.timers.cancel(this.#silence);
    if (response.status < 200) {
      if (!this.#provisional) {
        this.#provisional = true;
        if (this.#cancel) this.#sendCancel();
      }
    } else {
      if (!this.#final && (this.#authorize(response) || this.#retry(response) || this.#failsOver(response.status)))
        return;
      // Not of copies: they would begin the count of a nonce again.
      if (!this.#final && response.status < 300) this.#options.digest?.renew(response);
      this.#final = true;
    }
    this.#user.onResponse(response, false);
  }

  onTimeout(): void {
    if (!this.#failsOver(503)) this.#local(408);
  }

  /** RFC 3263 §4.3: a server that is down or says so leaves the request to the next one. @returns whether there is one */
  #failsOver(status: number): boolean {
    if (status !== 503 || this.#cancel || this.#core.closed || this.#targets.length === 0) return false;
    this.#provisional = false;
    this.#attempt();
    return true;
  }

  onExpire(): void {
    this.cancel();
    this.#user.onExpire?.();
  }

  onTransportError(error: Error): void {
    this.#core.logger.debug(
      { error: error.message, transport: this.flow?.transport, method: this.request.method },
      'cannot send a request',
    );
    // The transaction of an attempt before this one may still fail to send its ACK.
    if (this.#final || this.#transaction?.state !== 'terminated') return;
    if (this.#cancel) this.#local(487);
    else if (this.#core.closed || this.#targets.length === 0) this.#local(this.#options.through ? 430 : 503);
    else this.#attempt();
  }

  onTerminated(): void {
    if (this.#final && this.#transaction?.state === 'terminated') this.#user.onTerminated?.();
  }

  #resolved(resolution: Resolution): void {
    if (!resolution.ok) {
      // A browser cannot be found by its Contact, which ends in `.invalid` (RFC 7118 §5): it is where it is connected.
      if (isUnresolved(resolution) && this.#viaFlow()) return;
      this.#core.logger.debug({ code: resolution.error.code, error: resolution.error.message }, 'no way to a target');
      this.#local(resolution.error.status ?? 503);
      return;
    }
    this.#targets = [...resolution.targets];
    this.#explicit = resolution.explicit;
    this.#attempt();
  }

  #goThrough(flow: PeerFlow): void {
    const request = this.#addressed(flow);
    const bytes = printMessage(request);
    if (flow.open) this.#send(request, bytes, flow);
    else this.#local(430);
  }

  /** Sends to the next target that there is a flow to. */
  #attempt(): void {
    for (let target = this.#targets.shift(); target; target = this.#targets.shift()) {
      const flow = this.#flowTo(target);
      if (!flow) continue;
      if (!flow.sentBy && flow.open) {
        this.#waitFor(flow, target);
        return;
      }
      const request = this.#addressed(flow);
      const bytes = printMessage(request);
      if (bytes.length > largeRequest && !this.#explicit && flow.transport === 'udp') {
        if (this.#core.transport.hasTcp(target.address)) {
          // A peer without TCP refuses the connection and gets it by UDP after all (RFC 3261 §18.1.1).
          this.#explicit = true;
          this.#targets.unshift({ ...target, transport: 'tcp' }, target);
          continue;
        }
      }
      this.#send(request, bytes, flow);
      return;
    }
    if (!this.#viaFlow()) this.#local(503);
  }

  /** The last way: the peer's connection, while it is open. @returns whether there is one that was not tried */
  #viaFlow(): boolean {
    const { flow } = this.#options;
    if (!flow?.open || !flow.reliable || this.flow === flow) return false;
    const request = this.#addressed(flow);
    this.#send(request, printMessage(request), flow);
    return true;
  }

  /** A connection that has no name yet: it comes about, or the next target is tried. */
  #waitFor(flow: PeerFlow, target: Target): void {
    flow.whenNamed(() => {
      if (this.#final) return;
      if (this.#cancel) this.#local(487);
      else if (!this.#core.guard(() => this.#connected(flow, target))) this.#local(500);
    });
  }

  #connected(flow: PeerFlow, target: Target): void {
    if (flow.open) this.#targets.unshift(target);
    this.#attempt();
  }

  #send(request: SipRequest, bytes: Uint8Array, flow: PeerFlow): void {
    this.request = request;
    this.flow = flow;
    const { responseTimeout } = this.#options;
    this.#core.timers.cancel(this.#silence);
    if (responseTimeout !== undefined) this.#silence = this.#core.timers.set(this, 'silence', responseTimeout);
    this.#transaction = this.#core.transactions.request(request, bytes, flow, this);
    this.#user.onSent?.();
  }

  #flowTo(named: Target): PeerFlow | undefined {
    const { flow } = this.#options;
    const target = asPeerOf(flow, named);
    if (flow?.open && flow.reliable && serves(flow, target)) return flow;
    return this.#core.transport.flowTo(target, flow?.listener);
  }

  #addressed(flow: PeerFlow): SipRequest {
    const { withContact, contactUser, contactParams } = this.#options;
    const headers = { ...this.request.headers, via: [this.#core.newVia(flow)] };
    if (withContact) {
      const contact = this.#core.contact(flow, contactUser, isSips(this.request.uri));
      headers.contact = contactParams ? contact.map((one) => withParams(one, contactParams)) : contact;
    }
    return { ...this.request, headers };
  }

  #local(status: number): void {
    if (this.#final) return;
    this.#final = true;
    this.#core.timers.cancel(this.#silence);
    const tell = (): void => {
      this.#user.onResponse(localResponse(this.request, status), true);
      if (!this.#transaction) this.#user.onTerminated?.();
    };
    // Whoever starts a request has not set its callbacks yet.
    if (this.#starting) queueMicrotask(() => this.#core.guard(tell));
    else tell();
  }

  #sendCancel(): void {
    const transaction = this.#transaction;
    if (!transaction || this.#cancelSent) return;
    this.#cancelSent = true;
    const cancel = cancelOf(transaction.request, this.#core.options.userAgent, this.#cancel);
    this.#core.transactions.request(cancel, printMessage(cancel), transaction.flow, unheard);
    transaction.cancelled();
  }

  /** Sends the request again with answers to its challenges. @returns false when there is nothing to answer with */
  #authorize(response: SipResponse): boolean {
    const { digest } = this.#options;
    const { status } = response;
    if (!digest || this.#cancel || (status !== 401 && status !== 407)) return false;
    if (!digest.learn(response, this.#tried)) return false;
    this.#sendAgain([]);
    return true;
  }

  /** Sends the request again as its user wants it. @returns false when it does not */
  #retry(response: SipResponse): boolean {
    const headers = response.status >= 300 && !this.#cancel ? this.#user.retry?.(response) : undefined;
    if (!headers) return false;
    // It is another request: who challenged the one before may challenge this one.
    this.#tried.clear();
    this.#sendAgain(headers);
    return true;
  }

  #sendAgain(changed: readonly HeaderField[]): void {
    const { headers, method } = this.request;
    const other = new Map(headers.other);
    for (const [name, value] of changed) other.set(name.toLowerCase(), [value]);
    const again = { ...this.request, headers: { ...headers, cseq: { seq: this.#user.nextSeq(), method }, other } };
    this.request = this.#options.digest?.authorize(again, this.#tried) ?? again;
    this.#provisional = false;
    const { flow } = this;
    if (!flow?.open) {
      this.start();
      return;
    }
    const request = this.#addressed(flow);
    this.#send(request, printMessage(request), flow);
  }
}

/** What becomes of a CANCEL changes nothing: the INVITE's own response and timers decide. */
export const unheard: ClientUser = {
  onResponse() {},
  onTimeout() {},
  onTransportError() {},
  onExpire() {},
  onTerminated() {},
};
