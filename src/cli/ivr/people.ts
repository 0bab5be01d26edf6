/** Calls to users, through trunks, and to URIs: all that a bridge may connect the caller with. */
import type {
  Binding,
  CallInviteOptions,
  DialogClientSession,
  DialogServerSession,
  IncomingRefer,
  Tandem,
} from '../../index.ts';
import { failedBy, failureOf, type Outcome, over, refused } from './outcome.ts';
import type { Users } from './users.ts';

/** Who calls, and what rings. */
export class People {
  readonly #call: DialogServerSession;
  readonly #tandem: Tandem;
  readonly #users: Users;

  constructor(call: DialogServerSession, tandem: Tandem, users: Users) {
    this.#call = call;
    this.#tandem = tandem;
    this.#users = users;
  }

  /** All phones of a user ring, the first that answers gets the call. @param timeout ms */
  async user(name: string, phones: readonly Binding[], timeout: number | undefined): Promise<Outcome> {
    const { user } = this.#call;
    if (!this.admitCaller()) return failedBy('busy', 'the caller has as many calls as it may');
    if (name !== user && !this.#users.admit(name, this.#call)) return failedBy('busy', `${name} has enough calls`);
    const outcome =
      phones.length === 0
        ? failedBy('unavailable', `${name} is not registered`)
        : await this.#connect((options) => this.#call.invite(phones, options), timeout);
    // Whoever leaves a message now does not keep the line.
    if (outcome.end === 'failed' && name !== user) this.#users.release(name, this.#call);
    return outcome;
  }

  async trunk(name: string, number: string, timeout: number | undefined): Promise<Outcome> {
    if (number === '') return refused(404, `there is no number for the trunk ${name}`);
    if (!this.admitCaller()) return failedBy('busy', 'the caller has as many calls as it may');
    const trunk = this.#tandem.trunk(name);
    return this.#connect((options) => trunk.inviteFor(this.#call, number, options), timeout);
  }

  async uri(uri: string, timeout: number | undefined): Promise<Outcome> {
    if (!this.admitCaller()) return failedBy('busy', 'the caller has as many calls as it may');
    return this.#connect((options) => this.#call.invite(uri, options), timeout);
  }

  /** Counts the call for the user that makes it. */
  admitCaller(): boolean {
    const { user } = this.#call;
    return user === undefined || this.#users.admit(user, this.#call);
  }

  /** What the called see. */
  get callerId(): { readonly from?: string; readonly displayName?: string } {
    const { user } = this.#call;
    return user === undefined ? {} : this.#users.callerId(user);
  }

  /** Users may transfer each other's calls to users, and to whom they have in another call. */
  readonly onRefer = async (refer: IncomingRefer): Promise<void> => {
    const phones = phonesOf(this.#tandem, refer.target, refer.targetUser ?? '');
    const name = phones[0]?.user ?? refer.targetUser ?? '';
    if (!refer.replaces && !this.#users.has(name)) return refer.reject(404);
    if (phones.length > 0 && !this.#users.admit(name, this.#call)) return refer.reject(486);
    await refer.execute({ to: phones });
  };

  /** Until either hangs up. */
  async #connect(
    invite: (options: CallInviteOptions) => Promise<DialogClientSession>,
    timeout: number | undefined,
  ): Promise<Outcome> {
    const call = this.#call;
    call.onRefer = this.onRefer;
    let leg: DialogClientSession;
    // Who is answered hears nothing of a 180.
    const quiet = call.isAnswered ? call.ringtone().playBackground() : undefined;
    try {
      leg = await invite({
        transcode: true,
        ...this.callerId,
        ...(timeout === undefined ? {} : { timeout }),
      });
    } catch (error) {
      if (call.signal.aborted) throw error;
      return failureOf(error);
    } finally {
      quiet?.();
    }
    leg.onRefer = call.onRefer;
    await using bridge = await this.#tandem.bridge(call, leg, { transcode: true });
    await bridge.ended;
    return over;
  }
}

/** Where a user is registered; a GRUU is one phone of a user, whose name it need not tell. */
export function phonesOf(tandem: Tandem, uri: string, number: string): readonly Binding[] {
  return tandem.registrar?.lookup(isGruu(uri) ? uri : number) ?? [];
}

export function isGruu(uri: string): boolean {
  return /;gr\b/i.test(uri);
}
