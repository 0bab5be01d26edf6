/** Ring groups, queues, mailboxes and parking lots, as routes lead to them. */
import { type MailboxConfig, type ParkingLotConfig, slotsOf } from '../../config/pbx-schema.ts';
import type { Config } from '../../config/schema.ts';
import {
  type DialogServerSession,
  type ParkingLotOptions,
  type QueueOptions,
  type QueueResult,
  type RingGroupOptions,
  type RingGroupResult,
  type Tandem,
  TandemError,
  type VoicemailOptions,
} from '../../index.ts';
import { kindOf, type Target } from '../../routes/target.ts';
import { done, failedBy, type Outcome, over, refusal, refused } from './outcome.ts';
import type { People } from './people.ts';
import type { Prompts } from './prompts.ts';
import { callerIdOf } from './users.ts';

export type ExchangeConfig = Pick<Config, 'ringGroups' | 'queues' | 'voicemail' | 'parking'>;

/** A call on its way to one of them. */
export interface Reach {
  readonly call: DialogServerSession;
  readonly tandem: Tandem;
  readonly people: People;
  /** Puts into a text what the call says. */
  readonly text: (given: string | undefined) => string;
  readonly dial: (number: string) => Promise<Outcome>;
}

export class Exchange {
  readonly #groups: ReadonlyMap<string, RingGroupOptions>;
  readonly #queues: ReadonlyMap<string, QueueOptions>;
  readonly #boxes: ReadonlyMap<string, VoicemailOptions>;
  readonly #lots: ReadonlyMap<string, ParkingLotOptions>;

  constructor({ ringGroups, queues, voicemail, parking }: ExchangeConfig, prompts: Prompts, timeZone: string) {
    const audio = ({ music }: Pick<ParkingLotConfig, 'music'>): { readonly music?: QueueOptions['music'] & {} } => {
      if (music === undefined) return {};
      return { music: music === false ? false : prompts.source(music) };
    };
    this.#groups = mapped(ringGroups, ({ callerId, music, ...group }) => ({
      ...group,
      ...(music === undefined ? {} : { music: prompts.source(music) }),
      ...shown(callerId),
    }));
    this.#queues = mapped(queues, ({ callerId, music, ...queue }) => ({
      ...defined(queue),
      ...audio({ music }),
      ...shown(callerId),
    }));
    this.#boxes = mapped(voicemail.boxes, ({ greeting, ...box }: MailboxConfig) => ({
      ...defined(box),
      folder: voicemail.folder,
      timeZone,
      ...(greeting === undefined ? {} : { greeting: prompts.source(greeting) }),
    }));
    this.#lots = mapped(parking, ({ slots, music, ...lot }) => ({
      ...lot,
      slots: slotsOf(slots),
      ...audio({ music }),
    }));
  }

  /** Makes them, so that agents are followed and phones are told of messages before a call comes. @throws ConfigError */
  open(tandem: Tandem): void {
    for (const [name, options] of this.#groups) tandem.ringGroup(name, options);
    for (const [name, options] of this.#queues) tandem.queue(name, options);
    for (const [name, options] of this.#boxes) tandem.voicemail(name, options);
    for (const [name, options] of this.#lots) tandem.parkingLot(name, options);
  }

  async reach(target: Target, reach: Reach): Promise<Outcome> {
    const { call, tandem, people, text } = reach;
    call.onRefer = people.onRefer;
    const kind = kindOf(target);
    const name = text(target[kind] as string);
    switch (kind) {
      case 'ringGroup':
        if (!this.#groups.has(name)) return refused(404, `there is no ring group ${name}`);
        if (!people.admitCaller()) return tooMany;
        return ofGroup(await tandem.ringGroup(name).connect(call), name);
      case 'queue': {
        if (!this.#queues.has(name)) return refused(404, `there is no queue ${name}`);
        if (!people.admitCaller()) return tooMany;
        const { priority } = target;
        return ofQueue(await tandem.queue(name).enter(call, priority === undefined ? {} : { priority }), name);
      }
      case 'voicemail':
        if (!this.#boxes.has(name)) return refused(404, `there is no mailbox ${name}`);
        await tandem.voicemail(name).record(call);
        return over;
      case 'messages':
        if (!this.#boxes.has(name)) return refused(404, `there is no mailbox ${name}`);
        return this.#listen(name, reach);
      case 'park':
        if (!this.#lots.has(name)) return refused(404, `there is no parking lot ${name}`);
        return this.#park(name, reach);
      default: {
        const slot = text(target.slot ?? '$1');
        if (!this.#lots.has(name)) return refused(404, `there is no parking lot ${name}`);
        return this.#retrieve(name, slot, reach);
      }
    }
  }

  async #listen(name: string, { call, tandem, dial }: Reach): Promise<Outcome> {
    const { end, number = '' } = await tandem.voicemail(name).listen(call);
    return end === 'call-back' ? dial(number) : done;
  }

  async #park(name: string, { call, tandem }: Reach): Promise<Outcome> {
    const { end } = await tandem.parkingLot(name).park(call);
    if (end === 'full') return failedBy('busy', `the parking lot ${name} is full`);
    return end === 'timeout' ? done : over;
  }

  async #retrieve(name: string, slot: string, { call, tandem }: Reach): Promise<Outcome> {
    try {
      await tandem.parkingLot(name).retrieve(Number(slot), call);
      return over;
    } catch (error) {
      if (error instanceof TandemError && error.code === 'ERR_PARKING') return { end: 'refused', error };
      throw error;
    }
  }
}

const tooMany = failedBy('busy', 'the caller has as many calls as it may');

function ofGroup({ end }: RingGroupResult, name: string): Outcome {
  return end === 'answered' || end === 'abandoned' ? over : failedBy(end, `nobody took the call to ${name}`);
}

function ofQueue({ end }: QueueResult, name: string): Outcome {
  switch (end) {
    case 'timeout':
      return failedBy('no-answer', `nobody of ${name} took the call in time`);
    case 'full':
      return failedBy('busy', `the queue ${name} is full`);
    case 'no-agents':
      return failedBy('unavailable', `nobody is there for ${name}`);
    case 'key':
      return { end: 'key', error: refusal(480, `the caller left the queue ${name}`) };
    default:
      return over;
  }
}

/** What the members see. */
function shown(callerId: string | undefined): Pick<RingGroupOptions, 'invite'> {
  return callerId === undefined ? {} : { invite: callerIdOf(callerId) };
}

function mapped<From, To>(from: Readonly<Record<string, From>>, to: (one: From) => To): ReadonlyMap<string, To> {
  return new Map(Object.entries(from).map(([name, one]) => [name, to(one)]));
}

/** Without what is not set. */
function defined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}
