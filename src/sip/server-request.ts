/** A request of a peer outside any dialog that waits for its answer: REGISTER, MESSAGE, SUBSCRIBE and the like. */
import type { SipCore } from './core.ts';
import { Dialog } from './dialog.ts';
import type { SipRequest } from './message.ts';
import type { Flow, ResponseOptions, SipListener } from './options.ts';
import { createResponse } from './response.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { PeerFlow } from './transport/flow.ts';
import { uasDialog } from './uas-dialog.ts';
import { isSips, uriUser } from './uri.ts';

export class ServerRequest {
  readonly request: SipRequest;
  /** In every response, and in what a response makes, such as a subscription. */
  readonly localTag: string;
  readonly #core: SipCore;
  readonly #transaction: ServerTransaction;

  /** @internal */
  constructor(core: SipCore, transaction: ServerTransaction, request: SipRequest) {
    this.#core = core;
    this.#transaction = transaction;
    this.request = request;
    this.localTag = core.newTag();
  }

  /** The peer as it is seen from here. */
  get flow(): Flow {
    return this.#transaction.flow;
  }

  get listener(): SipListener {
    return this.#transaction.flow.listener;
  }

  /** @internal The way the request came. */
  get peerFlow(): PeerFlow {
    return this.#transaction.flow;
  }

  /**
   * The final response; what comes after it is dropped.
   * @param status 200–699
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION
   */
  respond(status: number, options: ResponseOptions = {}): void {
    if (!this.#transaction.pending) return;
    const response = createResponse(this.request, status, this.localTag, options);
    this.#core.introduce(response);
    this.#transaction.respond(response);
  }

  /**
   * Accepts a request that makes a dialog without an INVITE, as SUBSCRIBE does (RFC 6665 §4.4.1). Its Contact has been
   * checked. The dialog is its user's to `discard`; nothing ends it by itself.
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION
   */
  open(options: ResponseOptions = {}): Dialog {
    const { uri } = this.request;
    const { flow } = this.#transaction;
    const contact = this.#core.contact(flow, uriUser(uri), isSips(uri));
    const dialog = new Dialog(this.#core, uasDialog(this.request, this.localTag, contact), flow);
    const response = createResponse(this.request, 200, this.localTag, options);
    dialog.complete(response, this.request);
    dialog.confirm();
    this.#transaction.respond(response);
    return dialog;
  }
}
