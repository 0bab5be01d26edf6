/** One call on its way through the plan: from a number to a target, from there to another, until it is over. */
import type { DialogServerSession, Tandem } from '../../index.ts';
import { filled, filledUri, rewritten, type Words } from '../../routes/numbers.ts';
import type { CallFacts } from '../../routes/table.ts';
import { kindOf, type Target } from '../../routes/target.ts';
import { runMenu } from './menu.ts';
import { done, type Outcome, over, refused } from './outcome.ts';
import { People, phonesOf } from './people.ts';
import type { Plan } from './plan.ts';
import { joinRoom } from './rooms.ts';
import { pickUp, services } from './services.ts';

/** Targets that lead to targets: more is a circle. */
const deepest = 64;
/** ms that a phone rings where a fallback waits and nobody says how long. */
const ringMs = 30_000;

export class Course {
  readonly #plan: Plan;
  readonly #call: DialogServerSession;
  readonly #tandem: Tandem;
  readonly #people: People;
  #words: Words;
  #depth = 0;

  constructor(plan: Plan, call: DialogServerSession, tandem: Tandem) {
    this.#plan = plan;
    this.#call = call;
    this.#tandem = tandem;
    this.#people = new People(call, tandem, plan.users);
    this.#words = { groups: [call.toUser ?? ''], caller: call.fromUser ?? '', user: call.user };
  }

  /** @throws what the caller is told: an error with its SIP status */
  async run(): Promise<void> {
    const outcome = await this.dial(this.#call.toUser ?? '');
    if ('error' in outcome) throw outcome.error;
  }

  /**
   * What the routes say of a number.
   * @param how.inside it was dialled here, in a menu or by a route: the way that the call came by counts no more, and
   * whoever calls may have what the routes have for known callers
   * @param how.remote whether a remote controller may get the call
   */
  async dial(number: string, how: { readonly inside?: boolean; readonly remote?: boolean } = {}): Promise<Outcome> {
    const { fromUser = '', user, trunk } = this.#call;
    const { inside = false, remote = true } = how;
    const facts: CallFacts = { called: number, caller: fromUser, user, ...(inside ? { known: true } : { trunk }) };
    const match = this.#plan.routes.match(facts, this.#plan.now(), ({ route }) => remote || !isRemote(route.to));
    if (!match) return refused(404, `no route leads to ${number}`);
    const before = this.#words;
    this.#words = { groups: match.groups, caller: fromUser, user };
    try {
      return await this.go(match.route.to);
    } finally {
      this.#words = before;
    }
  }

  async go(target: Target): Promise<Outcome> {
    if (this.#depth >= deepest) return refused(482, 'the routes lead round in a circle');
    this.#depth++;
    try {
      const outcome = await this.#reach(target);
      const next = fallbackOf(target, outcome);
      return next && !this.#call.signal.aborted ? await this.go(next) : outcome;
    } finally {
      this.#depth--;
    }
  }

  async #reach(target: Target): Promise<Outcome> {
    const call = this.#call;
    const { prompts } = this.#plan;
    const text = (given: string | undefined): string => filled(given ?? '', this.#words);
    const timeout = target.timeout ?? (target.onNoAnswer ? ringMs : undefined);
    switch (kindOf(target)) {
      case 'menu':
        return this.#menu(text(target.menu));
      case 'user':
        return this.#user(text(target.user), timeout);
      case 'trunk': {
        const number = rewritten(text(target.number ?? '$0'), target.strip, text(target.add));
        return this.#people.trunk(text(target.trunk), number, timeout);
      }
      case 'uri':
        return this.#people.uri(filledUri(target.uri ?? '', this.#words), timeout);
      case 'script':
        await this.#plan.scripts.run(target.script ?? '', call, this.#tandem);
        return done;
      case 'conference':
        await joinRoom(call, prompts, this.#tandem, text(target.conference));
        return done;
      case 'service': {
        const prompt = target.prompt === undefined ? undefined : prompts.source(target.prompt);
        await services[target.service ?? 'echo'](call, prompts, { prompt, until: target.until });
        return done;
      }
      case 'play':
        await pickUp(call);
        await prompts.play(call, target.play ?? '');
        return done;
      case 'reject':
        if (call.isAnswered) return over;
        await call.reject(target.reject ?? 403, target.reason);
        return over;
      case 'remote':
        return this.#remote(target);
      case 'dial':
        return this.dial(text(target.dial), { inside: true });
      default:
        return this.#plan.exchange.reach(target, {
          ...{ call, text, tandem: this.#tandem, people: this.#people },
          dial: (number) => this.dial(number, { inside: true }),
        });
    }
  }

  async #menu(name: string): Promise<Outcome> {
    const { menus, prompts } = this.#plan;
    if (!Object.hasOwn(menus, name)) return refused(404, `there is no menu ${name}`);
    return runMenu(this.#call, name, {
      menus,
      prompts,
      go: (target) => this.go(target),
      dial: (number) => this.dial(number, { inside: true }),
    });
  }

  async #user(name: string, timeout: number | undefined): Promise<Outcome> {
    // A GRUU has been called, if anything, by the number that it stands under.
    const called = name === this.#call.toUser ? this.#call.inviteRequest.uri : '';
    const phones = phonesOf(this.#tandem, called, name);
    const user = phones[0]?.user ?? name;
    if (!this.#plan.users.has(user)) return refused(404, `there is no user ${name}`);
    return this.#people.user(user, phones, timeout);
  }

  /** The number that the controller gives back is called next. */
  async #remote({ remote = '', timeout, answer }: Target): Promise<Outcome> {
    const { result = '' } = await this.#tandem.park(this.#call, {
      name: filled(remote, this.#words),
      ...(timeout === undefined ? {} : { timeout }),
      ...(answer === undefined ? {} : { answer }),
    });
    return result === '' ? done : this.dial(result, { inside: true, remote: false });
  }
}

function isRemote(target: Target): boolean {
  return target.remote !== undefined;
}

function fallbackOf(target: Target, outcome: Outcome): Target | undefined {
  if (outcome.end === 'key') return target.onKey;
  if (outcome.end !== 'failed') return undefined;
  const { onBusy, onNoAnswer, onUnavailable } = target;
  return { busy: onBusy, 'no-answer': onNoAnswer, unavailable: onUnavailable }[outcome.why];
}
