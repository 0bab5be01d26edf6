/** An INVITE of ours (RFC 3261 §13.2): its provisional responses, its forks and its end. */
import { token } from '../base/random.ts';
import type { SipCore } from './core.ts';
import { Dialog } from './dialog.ts';
import { contactOf, recordedRoute } from './dialog-data.ts';
import { writeRequest } from './dialog-snapshot.ts';
import { DigestClient } from './digest-client.ts';
import { type HeaderField, header, noBody, type SipRequest, type SipResponse, tagOf } from './message.ts';
import { requires } from './option-tags.ts';
import type { BodyOptions, InviteOptions, InviteResult } from './options.ts';
import { OutgoingRequest } from './outgoing.ts';
import { addContent, localResponse, tagged } from './response.ts';
import { applyRoute, withoutHeaders } from './route.ts';
import { flowName } from './transport/flow.ts';
import type { UnfinishedInvite } from './unfinished.ts';
import { isSips } from './uri.ts';

/**
 * Early dialogs of one INVITE, and dialogs whose 2xx came second: whoever is called invents as many To tags as he likes.
 * Provisional responses of one more have no dialog; its 2xx, unless it is the first, gets no ACK and ends by itself.
 */
const maxForks = 64;

/** A first request outside a dialog. */
export function composeRequest(
  core: SipCore,
  method: string,
  options: InviteOptions,
  localTag: string,
): { request: SipRequest; nextHop: string } {
  // An outbound proxy is loose unless it says otherwise in so many words: users write `sip:proxy.example.com`.
  const routes = (options.route ?? []).map((uri) => (/;lr(?![^;?])/i.test(uri) ? uri : `${uri};lr`));
  const { uri, route, nextHop } = applyRoute(withoutHeaders(options.uri), routes);
  const request: SipRequest = {
    kind: 'request',
    method,
    uri,
    headers: {
      via: [],
      from: tagged(options.from, localTag),
      to: options.to,
      callId: options.callId ?? token(core.random, 12),
      cseq: { seq: 1, method },
      maxForwards: options.maxForwards ?? 70,
      ...(route ? { route } : undefined),
      other: new Map(),
    },
    body: noBody,
  };
  addContent(request, options);
  core.introduce(request);
  return { request, nextHop };
}

/** @throws TandemError ERR_HEADER_INJECTION for a user name that no header can hold */
export function digestOf(core: SipCore, { credentials }: InviteOptions): DigestClient | undefined {
  if (credentials === undefined || credentials instanceof DigestClient) return credentials;
  return new DigestClient(credentials, core.random);
}

export class InviteClient {
  readonly callId: string;
  readonly localTag: string;
  /**
   * 101–199; with a To tag they come with the early dialog. One that is `reliable` (RFC 3262) comes once and in order, and is
   * acknowledged.
   */
  onProvisional: (response: SipResponse, dialog: Dialog | undefined, reliable: boolean) => void = () => {};
  /** An INVITE without SDP: a reliable response offers. What this resolves with goes into the PRACK. */
  onOffer: (response: SipResponse, dialog: Dialog) => Promise<BodyOptions> = async () => ({});
  /** What `unfinished` says is another thing now. */
  onChange: () => void = () => {};
  /** The first final response; never rejects. A 2xx comes with its dialog and is to be acknowledged. */
  readonly final: Promise<InviteResult<Dialog>>;
  readonly #core: SipCore;
  readonly #options: InviteOptions;
  readonly #digest: DigestClient | undefined;
  readonly #outgoing: OutgoingRequest;
  /** By remote tag: one per fork. */
  readonly #dialogs = new Map<string, Dialog>();
  /** RSeq of the last reliable response in each dialog. */
  readonly #acknowledged = new Map<Dialog, number>();
  readonly #settle: (result: InviteResult<Dialog>) => void;
  #settled = false;
  #cancelled = false;
  #expired = false;
  #seq = 1;

  /**
   * Sends at once.
   * @internal
   * @throws TandemError ERR_HEADER, ERR_HEADER_INJECTION
   */
  constructor(core: SipCore, options: InviteOptions) {
    this.#core = core;
    this.#options = options;
    this.localTag = core.newTag();
    const { promise, resolve } = Promise.withResolvers<InviteResult<Dialog>>();
    this.final = promise;
    this.#settle = resolve;
    const { request, nextHop } = composeRequest(core, 'INVITE', options, this.localTag);
    this.callId = request.headers.callId;
    const { transport, through, contactUser, responseTimeout } = options;
    this.#digest = digestOf(core, options);
    this.#outgoing = new OutgoingRequest(
      core,
      request,
      {
        ...{ nextHop, transport, through, contactUser, responseTimeout, digest: this.#digest },
        withContact: request.headers.contact === undefined,
      },
      {
        onResponse: (response, local) => this.#received(response, local),
        onExpire: () => {
          this.#expired = true;
        },
        onTerminated: () => this.#terminated(),
        onSent: () => this.onChange(),
        retry: (refusal) => options.retry?.(refusal),
        nextSeq: () => ++this.#seq,
      },
    );
    this.#outgoing.start();
  }

  /** The INVITE as it was sent last. */
  get request(): SipRequest {
    return this.#outgoing.request;
  }

  /** As it is told to a later process that finds it without an answer; undefined before it was sent. */
  get unfinished(): UnfinishedInvite | undefined {
    const { flow, request } = this.#outgoing;
    if (!flow || this.#settled) return undefined;
    const early = [...this.#dialogs.values()].map((dialog) => dialog.snapshot());
    return { request: writeRequest(request), flow: flowName(flow), localTag: this.localTag, early };
  }

  /** Idempotent; after the final response it does nothing. The outcome comes with `final`. */
  cancel(headers: readonly HeaderField[] = []): void {
    if (this.#settled || this.#cancelled) return;
    this.#cancelled = true;
    this.#outgoing.cancel(headers);
  }

  #received(response: SipResponse, local: boolean): void {
    const { status } = response;
    if (status === 100) return;
    if (status < 200) {
      if (this.#settled) return;
      const dialog = this.#dialogOf(response);
      const rseq = dialog && reliableNumber(response);
      if (rseq !== undefined && dialog) this.#reliable(response, dialog, rseq);
      else this.#core.guard(() => this.onProvisional(response, dialog, false));
    } else if (status < 300 && !local) this.#accepted(response);
    else {
      const status = this.#cancelled ? 487 : this.#expired ? 408 : undefined;
      // What a timeout or a failed transport means depends on what was wanted.
      const told = status !== undefined && (local || this.#expired) ? localResponse(this.request, status) : response;
      this.#finish({ response: told, dialog: undefined, local: local || told !== response });
    }
  }

  /** RFC 3262 §4: copies were acknowledged, and one that comes too early will come again. */
  #reliable(response: SipResponse, dialog: Dialog, rseq: number): void {
    const last = this.#acknowledged.get(dialog);
    if (last !== undefined && rseq !== last + 1) return;
    this.#acknowledged.set(dialog, rseq);
    const { request } = this;
    if (response.body.length > 0) dialog.offers.respond('ours', request, response);
    const isOffer = dialog.offers.waiting('ours', 'INVITE') === 'theirs';
    this.#core.guard(() => this.onProvisional(response, dialog, true));
    if (!isOffer) {
      dialog.prack(rseq, request, {});
      return;
    }
    const acknowledge = (content: BodyOptions): void =>
      void this.#core.guard(() => dialog.prack(rseq, request, content));
    // Whoever could not answer ends the call; the response has arrived all the same.
    this.onOffer(response, dialog).then(acknowledge, () => acknowledge({}));
  }

  #accepted(response: SipResponse): void {
    const dialog = this.#dialogOf(response);
    const { flow, request } = this.#outgoing;
    if (!dialog || !flow) return;
    if (dialog.state !== 'early') {
      dialog.acks.sendAgain(request.headers.cseq.seq);
      return;
    }
    dialog.accepted(request, response, flow);
    if (!this.#settled && !this.#cancelled && !this.#expired) {
      dialog.gate.shut();
      this.#finish({ response, dialog, local: false });
      return;
    }
    // Another fork was first, or nobody wants the call any more: take it and end it (RFC 3261 §13.2.2.4).
    dialog.ack();
    void dialog.bye();
    if (!this.#settled) {
      const status = this.#cancelled ? 487 : 408;
      this.#finish({ response: localResponse(request, status), dialog: undefined, local: true });
    }
  }

  #finish(result: InviteResult<Dialog>): void {
    if (this.#settled) return;
    this.#settled = true;
    // The transaction keeps this client for half a minute more, which must not keep the user's call.
    this.onProvisional = () => {};
    this.onChange = () => {};
    this.onOffer = async () => ({});
    for (const dialog of this.#dialogs.values()) if (dialog !== result.dialog) dialog.forget();
    this.#settle(result);
    // After a 2xx other forks may still answer; after anything else no dialog is left.
    if (result.response.status >= 300 && !this.#awaitsForks()) this.#discardEarly();
  }

  #awaitsForks(): boolean {
    return [...this.#dialogs.values()].some((dialog) => dialog.state !== 'early');
  }

  #terminated(): void {
    const { seq } = this.request.headers.cseq;
    for (const dialog of this.#dialogs.values()) dialog.acks.forget(seq);
    this.#discardEarly();
    this.#dialogs.clear();
    this.#acknowledged.clear();
  }

  #discardEarly(): void {
    for (const dialog of this.#dialogs.values()) if (dialog.state === 'early') dialog.discard();
  }

  #dialogOf(response: SipResponse): Dialog | undefined {
    const remoteTag = tagOf(response.headers.to);
    const { flow, request } = this.#outgoing;
    if (!flow || (remoteTag === undefined && response.status < 200)) return undefined;
    const known = this.#dialogs.get(remoteTag ?? '');
    if (known) return known;
    if (this.#dialogs.size >= maxForks && (response.status < 200 || this.#settled)) return undefined;
    const { from, to, callId, cseq, contact } = request.headers;
    const dialog = new Dialog(
      this.#core,
      {
        role: 'uac',
        callId,
        localTag: this.localTag,
        remoteTag,
        local: tagged(from, undefined),
        remote: tagged(to, undefined),
        remoteTarget: contactOf(response.headers) ?? this.#options.uri,
        routeSet: recordedRoute(response.headers).reverse(),
        localSeq: cseq.seq,
        remoteSeq: undefined,
        byFlow: this.#options.through !== undefined,
        contact:
          contact === undefined || contact === '*' ? this.#core.contact(flow, undefined, isSips(request.uri)) : contact,
      },
      flow,
      this.#digest,
    );
    dialog.learn(response);
    dialog.offers.begin('ours', 'INVITE');
    this.#dialogs.set(remoteTag ?? '', dialog);
    dialog.onChange = () => this.onChange();
    this.onChange();
    return dialog;
  }
}

/** RSeq of a provisional response that asks for a PRACK. */
function reliableNumber(response: SipResponse): number | undefined {
  const rseq = /^\d{1,10}$/.exec(header(response, 'rseq') ?? '')?.[0];
  return rseq !== undefined && requires(response, '100rel') ? Number(rseq) : undefined;
}
