/** The way in for requests outside of any dialog: open to everybody, or to those who show a password. */
import type { Admission, Authenticator } from './authenticator.ts';
import type { Defence } from './defence/defence.ts';
import type { SipRequest } from './message.ts';
import type { Flow, ResponseOptions } from './options.ts';

/** Something that wants in. */
export interface Comer {
  readonly request: SipRequest;
  /** The way it came. */
  readonly flow: Flow;
}

/** It is in, with its user where that is known, or what to answer instead. */
export type Entry =
  | { readonly ok: true; readonly user: string | undefined }
  | ({ readonly ok: false; readonly status: number } & ResponseOptions);

/** As `Authenticator.admit`; passwords that are right or wrong count for the defence against whoever sends them. */
export function authenticate(
  authenticator: Authenticator,
  defence: Defence,
  { request, flow }: Comer,
): Admission | Promise<Admission> {
  const count = (verdict: Admission): Admission => {
    if (verdict.ok) defence.succeeded(flow);
    else if (verdict.why === 'wrong' || verdict.why === 'unknown-user') defence.failed(flow);
    return verdict;
  };
  const admission = authenticator.admit(request);
  return admission instanceof Promise ? admission.then(count) : count(admission);
}

export class Entrance {
  readonly #authenticator: Authenticator | undefined;
  readonly #defence: Defence;
  readonly #background: (work: Promise<void>) => void;

  /**
   * @param authenticator undefined: everybody may come in
   * @param background takes the look-up of a secret that does not end in the same turn
   */
  constructor(authenticator: Authenticator | undefined, defence: Defence, background: (work: Promise<void>) => void) {
    this.#authenticator = authenticator;
    this.#defence = defence;
    this.#background = background;
  }

  /** Tells `settle` what becomes of it: in the same turn, or when its secret has been looked up. */
  admit(comer: Comer, settle: (entry: Entry) => void): void {
    if (this.#authenticator?.isOpen(comer.request)) settle({ ok: true, user: undefined });
    else this.identify(comer, settle);
  }

  /** As `admit`, but wherever users have passwords it is one of them who gets in. */
  identify(comer: Comer, settle: (entry: Entry) => void): void {
    const authenticator = this.#authenticator;
    if (!authenticator) {
      settle({ ok: true, user: undefined });
      return;
    }
    const admission = authenticate(authenticator, this.#defence, comer);
    if (admission instanceof Promise) this.#background(admitLater(admission, settle));
    else settle(admission);
  }
}

async function admitLater(admission: Promise<Admission>, settle: (entry: Entry) => void): Promise<void> {
  try {
    settle(await admission);
  } catch (error) {
    settle({ ok: false, status: 500 });
    throw error;
  }
}
