/** One leg of a call, as its record knows it: what the leg tells goes to the record. */
import type { LegBirth, LegReport } from '../session/call-data.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { EndCause } from '../session/errors.ts';
import type { SipRequest } from '../sip/message.ts';

export interface LegOwner {
  legAdvanced(leg: RecordLeg, state: 'early' | 'answered' | 'confirmed', status: number): void;
  legReplaced(leg: RecordLeg): void;
  legChanged(): void;
  legRequest(leg: RecordLeg, method: string): void;
  legResponse(leg: RecordLeg, method: string, status: number): void;
  legLeft(leg: RecordLeg, cause: EndCause, over: Promise<void>): void;
}

export class RecordLeg implements LegReport {
  readonly session: DialogSession;
  readonly birth: LegBirth;
  isOver = false;
  /** Its peer knows that, too. */
  isTold = false;
  /** It was answered once. */
  wasUp = false;
  readonly #owner: LegOwner;

  constructor(owner: LegOwner, session: DialogSession, birth: LegBirth) {
    this.#owner = owner;
    this.session = session;
    this.birth = birth;
  }

  /** Answered, and not over. */
  get isUp(): boolean {
    return this.wasUp && !this.isOver;
  }

  advanced(state: 'early' | 'answered' | 'confirmed', status: number): void {
    this.wasUp ||= state !== 'early';
    this.#owner.legAdvanced(this, state, status);
  }

  replaced(): void {
    this.#owner.legReplaced(this);
  }

  changed(): void {
    this.#owner.legChanged();
  }

  request({ method }: SipRequest): void {
    this.#owner.legRequest(this, method);
  }

  response({ method }: SipRequest, status: number): void {
    this.#owner.legResponse(this, method, status);
  }

  left(cause: EndCause, over: Promise<void>): void {
    this.isOver = true;
    this.#owner.legLeft(this, cause, over);
  }
}
