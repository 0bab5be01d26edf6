/** A request inside a dialog that waits for the answer of the dialog's user. */
import type { Dialog, PendingInvite } from './dialog.ts';
import type { SipRequest } from './message.ts';
import type { ResponseOptions } from './options.ts';
import { createResponse, localResponse } from './response.ts';
import type { ServerTransaction, ServerUser } from './transaction/server.ts';

export class IncomingRequest implements ServerUser, PendingInvite {
  readonly request: SipRequest;
  /** Re-INVITE: the ACK of our 2xx. Without one in time the endpoint ends the dialog with BYE. */
  onAck: (ack: SipRequest) => void = () => {};
  /** Re-INVITE: the peer took it back; it has been answered 487. */
  onCancelled: () => void = () => {};
  /** Its final response was given. */
  onFinal: (status: number) => void = () => {};
  readonly #dialog: Dialog;
  readonly #transaction: ServerTransaction;
  #cancelled = false;

  constructor(dialog: Dialog, transaction: ServerTransaction, request: SipRequest) {
    this.#dialog = dialog;
    this.#transaction = transaction;
    this.request = request;
    transaction.user = this;
  }

  /** True when the peer took a re-INVITE back or the dialog ended: answers are dropped. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /**
   * Provisional responses and one final response; what comes after that is dropped, for it may have crossed a
   * CANCEL or the end of the dialog.
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION
   */
  respond(status: number, options: ResponseOptions = {}): void {
    if (!this.#transaction.pending) return;
    const response = createResponse(this.request, status, this.#dialog.localTag, options);
    this.#dialog.complete(response, this.request);
    this.#transaction.respond(response);
    if (status < 200) return;
    this.#dialog.answered(this, this.#transaction, response);
    this.onFinal(status);
  }

  onCancel(): void {
    this.terminate(487);
    this.#dialog.gate.run(() => this.onCancelled());
  }

  onExpire(): void {
    this.terminate(408);
  }

  onTransportError(): void {
    this.#cancelled = true;
    this.#dialog.answered(this, this.#transaction, localResponse(this.request, 500));
  }

  /** Answers in the user's place. */
  terminate(status: number): void {
    if (!this.#transaction.pending) return;
    this.#cancelled = true;
    this.respond(status);
  }
}
