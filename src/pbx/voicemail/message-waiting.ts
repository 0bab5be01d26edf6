/** Tells phones how many messages wait (RFC 3842): those that subscribed, and those that are to be told anyway. */
import { messageOf } from '../../base/errors.ts';
import type { Unsubscribe } from '../../base/events.ts';
import type { Binding } from '../../registrar/location-store.ts';
import { EventSubscriptions } from '../../session/event-subscriptions.ts';
import type { ServerRequest } from '../../sip/endpoint.ts';
import type { PbxPorts } from '../ports.ts';
import type { Mailbox } from './mailbox.ts';
import { messageSummaryType, printMessageSummary } from './message-summary.ts';

export type MessageWaitingPorts = Pick<
  PbxPorts,
  'clock' | 'logger' | 'observer' | 'registrar' | 'ask' | 'background' | 'endpoint'
>;

const noMessages = { new: 0, saved: 0 };

export class MessageWaiting {
  readonly #ports: MessageWaitingPorts;
  readonly #boxes = new Map<string, Mailbox>();
  readonly #subscriptions: EventSubscriptions;
  /** Bindings that are being told, and whether there is more to tell. */
  readonly #telling = new Map<string, { again: boolean }>();
  readonly #unfollow: Unsubscribe;
  /** Whose SUBSCRIBE is being looked at: it is answered in the same turn. */
  #asking: string | undefined;
  #closed = false;

  constructor(ports: MessageWaitingPorts) {
    this.#ports = ports;
    this.#subscriptions = new EventSubscriptions(ports.clock, {
      name: 'message-summary',
      contentType: messageSummaryType,
      refusal: (user) => this.#refusal(user),
      print: (user, entity) => printMessageSummary(this.#boxes.get(user)?.counts ?? noMessages, entity),
    });
    ports.endpoint.take('SUBSCRIBE');
    this.#unfollow = ports.observer.on('registrar:changed', ({ what, user }) => {
      if (what === 'added')
        for (const box of this.#boxes.values()) if (box.owners.includes(user)) this.#push(box, user);
    });
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** From now on its phones are told. */
  add(box: Mailbox): void {
    this.#boxes.set(box.name, box);
    // The state that phones are told at once is that of the folder.
    const load = box.messages().then(
      () => this.tell(box),
      (error: unknown) =>
        this.#ports.logger.warn({ box: box.name, error: messageOf(error) }, 'a mailbox cannot be read'),
    );
    this.#ports.background(load);
  }

  /** It has more messages, or fewer. */
  tell(box: Mailbox): void {
    if (!this.#boxes.has(box.name) || this.#closed) return;
    this.#subscriptions.tell(box.name);
    for (const owner of box.owners) this.#push(box, owner);
  }

  /** A SUBSCRIBE; the user part of its URI is the mailbox. @param user who asks, where users have passwords */
  subscribe(request: ServerRequest, user: string | undefined): void {
    this.#asking = user;
    try {
      this.#subscriptions.subscribe(request);
    } finally {
      this.#asking = undefined;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unfollow();
    await this.#subscriptions.close();
  }

  #refusal(name: string): number | undefined {
    const box = this.#boxes.get(name);
    const { notify = true } = box?.options ?? {};
    // Whose mailbox it is not does not learn whether there is one.
    if (this.#asking !== undefined && !box?.owners.includes(this.#asking)) return 403;
    return box && notify !== false ? undefined : 404;
  }

  #push(box: Mailbox, user: string): void {
    if (box.options.notify !== 'unsolicited' || this.#closed) return;
    for (const binding of this.#ports.registrar?.lookup(user) ?? []) {
      const key = `${box.name} ${binding.uri}`;
      const telling = this.#telling.get(key);
      if (telling) telling.again = true;
      else this.#ports.background(this.#notify(box, binding, key));
    }
  }

  /** One at a time to each phone: what changes meanwhile is told in the next one. */
  async #notify(box: Mailbox, binding: Binding, key: string): Promise<void> {
    const telling = { again: true };
    this.#telling.set(key, telling);
    try {
      while (telling.again && !this.#closed) {
        telling.again = false;
        await this.#ports.ask(binding, { from: box.name }, 'NOTIFY', {
          headers: [
            ['Event', 'message-summary'],
            ['Subscription-State', 'terminated'],
          ],
          contentType: messageSummaryType,
          body: Buffer.from(printMessageSummary(box.counts), 'utf8'),
        });
      }
    } catch (error) {
      this.#ports.logger.debug({ box: box.name, error: messageOf(error) }, 'a phone was not told of its messages');
    } finally {
      this.#telling.delete(key);
    }
  }
}
