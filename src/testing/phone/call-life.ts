/** The life of a call of a lab phone: its dialog and audio, the state it is in, what it waits for, and its end. */
import type { Timer } from '../../base/clock.ts';
import { CallMedia } from './call-media.ts';
import { type PhoneDialog, type RequestContent, SentAcks } from './dialog.ts';
import type { Line } from './line.ts';
import type { HeaderLine, SipText } from './sip-text.ts';
import type { ServerTransaction } from './transactions.ts';

/**
 * `calling`: we wait for an answer; `ringing`: the peer waits for ours; `answered`: we answered, and wait for the ACK
 * of it.
 */
export type PhoneCallState = 'calling' | 'ringing' | 'answered' | 'up' | 'over';

export interface ResponseExtras {
  readonly headers?: readonly HeaderLine[] | undefined;
  /** SDP. */
  readonly body?: string;
  readonly reason?: string | undefined;
}

/** A 2xx of ours that waits for its ACK. */
interface Unacknowledged {
  readonly transaction: ServerTransaction;
  readonly onAck: (ack: SipText) => void;
}

export abstract class CallLife {
  abstract readonly role: 'caller' | 'callee';
  /** The INVITE that made it. */
  abstract readonly invite: SipText;
  readonly dialog: PhoneDialog;
  readonly media: CallMedia;
  /** Final status of the INVITE; 0 until there was one, 408 when there was none. */
  status = 0;
  /** Who ended it. */
  endedBy: 'local' | 'remote' | 'nobody' | undefined;
  /** The request or response that ended it, if the peer did. */
  lastWord: SipText | undefined;
  protected readonly line: Line;
  /** Of 2xx to our INVITEs. */
  protected readonly acks: SentAcks;
  #state: PhoneCallState;
  readonly #settled = Promise.withResolvers<void>();
  readonly #timers = new Set<Timer>();
  #unacknowledged: Unacknowledged | undefined;
  #bye: Promise<SipText | undefined> | undefined;

  protected constructor(line: Line, dialog: PhoneDialog, state: 'calling' | 'ringing') {
    this.line = line;
    this.dialog = dialog;
    this.acks = new SentAcks(line, dialog, (ms, act) => this.later(ms, act));
    this.#state = state;
    const { clock, random, host, payloads, talks } = line;
    this.media = new CallMedia({ clock, random, host, payloads, talks, onDigit: (digit) => this.heard(digit) });
  }

  get state(): PhoneCallState {
    return this.#state;
  }

  get callId(): string {
    return this.dialog.callId;
  }

  /** Resolves when the call is up, or over before that. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** A 2xx of ours has no ACK yet. */
  protected get awaitsAck(): boolean {
    return this.#unacknowledged !== undefined;
  }

  protected abstract heard(digits: string): void;

  // ---- requests and responses

  /** Any request in the dialog. Resolves with its final response; undefined when there was none in 32 s. */
  request(method: string, content: RequestContent = {}): Promise<SipText | undefined> {
    return this.send(this.dialog.compose(method, content));
  }

  protected send(request: SipText): Promise<SipText | undefined> {
    return new Promise((resolve) => {
      this.line.send(request, this.dialog.to, (response) => {
        const { status } = response ?? { status: 408 };
        if (status < 200) return;
        if (request.method === 'INVITE' && status < 300 && this.acks.again(request.cseq.seq)) return;
        resolve(response);
        // RFC 3261 §12.2.1.2: the peer knows nothing of this call. Of NOTIFY it may just not want any more, and what
        // PRACK is for may be over.
        const { method } = request;
        if ((status === 481 || status === 408) && method !== 'NOTIFY' && method !== 'PRACK') this.#lost(response);
      });
    });
  }

  #lost(response: SipText | undefined): void {
    if (this.#state === 'over') return;
    if (response?.status !== 481) void this.request('BYE');
    this.over('nobody', response);
  }

  protected respond(
    transaction: ServerTransaction,
    status: number,
    { headers = [], body = '', reason }: ResponseExtras = {},
  ): void {
    const tag = this.dialog.localTag;
    this.line.respond(transaction, status, { tag, headers, body, ...(reason === undefined ? {} : { reason }) });
  }

  /** To be called before a 2xx to INVITE is sent. */
  protected awaitAck(transaction: ServerTransaction, onAck: (ack: SipText) => void, onNoAck: () => void): void {
    this.#unacknowledged = { transaction, onAck };
    transaction.onNoAck = () => {
      this.#unacknowledged = undefined;
      this.line.note('phone', 'got no ACK');
      onNoAck();
    };
  }

  /** ACK of a 2xx. */
  acked(ack: SipText): void {
    const { transaction, onAck } = this.#unacknowledged ?? {};
    if (transaction?.request.cseq.seq !== ack.cseq.seq) return;
    this.#unacknowledged = undefined;
    transaction.acked();
    onAck?.(ack);
  }

  // ---- its states

  /** Does it so much later, unless the call is over by then. */
  later(ms: number, act: () => void): void {
    if (this.#state === 'over') return;
    const fire = (): void => {
      this.#timers.delete(timer);
      act();
    };
    const timer = this.line.clock.setTimer(ms, fire, 'phone');
    this.#timers.add(timer);
  }

  /** Our 2xx is sent. */
  protected answered(): void {
    this.#state = 'answered';
  }

  protected up(): void {
    this.#state = 'up';
    this.#settled.resolve();
  }

  protected over(by: 'local' | 'remote' | 'nobody', word?: SipText, status?: number): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.endedBy = by;
    this.lastWord = word;
    if (status !== undefined) this.status = status;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#unacknowledged?.transaction.stop();
    this.#unacknowledged = undefined;
    this.media.close();
    this.#settled.resolve();
  }

  // ---- its end

  /** Ends it in the way its state asks for. Resolves with the response to a BYE. */
  abstract hangup(): Promise<SipText | undefined>;

  /** BYE. Resolves with its response; undefined when there was none, or the peer's BYE came first. */
  bye(headers: readonly HeaderLine[] = []): Promise<SipText | undefined> {
    this.#bye ??= this.#sayBye(headers);
    return this.#bye;
  }

  async #sayBye(headers: readonly HeaderLine[]): Promise<SipText | undefined> {
    // RFC 3261 §15: a callee's BYE waits for the ACK, or until there is none to come.
    if (this.#state === 'answered') await this.#settled.promise;
    if (this.#state === 'over') return undefined;
    const done = this.request('BYE', { headers });
    this.over('local');
    return done;
  }

  /** Gone without a word. */
  drop(): void {
    this.over('local');
  }
}
