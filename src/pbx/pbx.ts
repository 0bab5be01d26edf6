/** The ring groups, queues, parking lots and mailboxes of one Tandem, by their names. */
import { ConfigError } from '../base/errors.ts';
import { Members } from './members.ts';
import { ParkingLot, type ParkingLotOptions } from './parking-lot.ts';
import type { PbxPorts } from './ports.ts';
import { Queue } from './queue.ts';
import type { QueueOptions } from './queue-options.ts';
import { RingGroup, type RingGroupOptions } from './ring-group.ts';
import { Mailbox } from './voicemail/mailbox.ts';
import { MessageWaiting } from './voicemail/message-waiting.ts';
import type { VoicemailOptions } from './voicemail/options.ts';

/** Has a name, and settings that may change while it is in use. */
interface Named<Options> {
  configure(options: Options): void;
}

export class Pbx {
  readonly #ports: PbxPorts;
  readonly #members: Members;
  readonly #groups = new Map<string, RingGroup>();
  readonly #queues = new Map<string, Queue>();
  readonly #lots = new Map<string, ParkingLot>();
  readonly #mailboxes = new Map<string, Mailbox>();
  #messageWaiting: MessageWaiting | undefined;

  /** Follows nothing and keeps nothing until something is made. */
  constructor(ports: PbxPorts) {
    this.#ports = ports;
    this.#members = new Members(ports);
  }

  /** See `Tandem.ringGroup`. */
  ringGroup(name: string, options: RingGroupOptions | undefined): RingGroup {
    return named('ring group', this.#groups, name, options, (one) => {
      return new RingGroup(name, one, this.#ports, this.#members);
    });
  }

  /** See `Tandem.queue`. */
  queue(name: string, options: QueueOptions | undefined): Queue {
    return named('queue', this.#queues, name, options, (one) => new Queue(name, one, this.#ports, this.#members));
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  /** See `Tandem.parkingLot`. */
  parkingLot(name: string, options: ParkingLotOptions | undefined): ParkingLot {
    return named('parking lot', this.#lots, name, options, (one) => {
      return new ParkingLot(name, one, this.#ports);
    });
  }

  get parkingLots(): readonly ParkingLot[] {
    return [...this.#lots.values()];
  }

  /** See `Tandem.voicemail`. */
  voicemail(name: string, options: VoicemailOptions | undefined): Mailbox {
    return named('voicemail', this.#mailboxes, name, options, (one) => {
      const box = new Mailbox(name, one, this.#ports, (changed) => this.#messageWaiting?.tell(changed));
      this.#messageWaiting ??= new MessageWaiting(this.#ports);
      this.#messageWaiting.add(box);
      return box;
    });
  }

  get mailboxes(): readonly Mailbox[] {
    return [...this.#mailboxes.values()];
  }

  /** Who may subscribe to mailboxes; undefined as long as there is none. */
  get messageWaiting(): MessageWaiting | undefined {
    return this.#messageWaiting;
  }

  /** Phones are told that nobody tells them any more. */
  async endSubscriptions(): Promise<void> {
    await this.#messageWaiting?.close();
  }

  /** No timer is left. Idempotent. */
  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#members.close();
  }
}

/** The one of this name, with these settings from now on; or a new one. @throws ConfigError when there is none */
function named<Options, T extends Named<Options>>(
  kind: string,
  all: Map<string, T>,
  name: string,
  options: Options | undefined,
  make: (options: Options) => T,
): T {
  const known = all.get(name);
  if (known) {
    if (options) known.configure(options);
    return known;
  }
  if (!options) throw new ConfigError(`there is no ${kind} ${JSON.stringify(name)}: give its options the first time`);
  const made = make(options);
  all.set(name, made);
  return made;
}
