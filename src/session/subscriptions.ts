/** Who is on the phone, for those who subscribed to it (RFC 4235): they are told of each change. */
import type { Clock } from '../base/clock.ts';
import type { Observer } from '../base/events.ts';
import type { ServerRequest } from '../sip/endpoint.ts';
import type { SipRequest } from '../sip/message.ts';
import { uriUser } from '../sip/uri.ts';
import { dialogInfoType, printDialogInfo, UserDialogs } from './dialog-info.ts';
import { EventSubscriptions, type SubscriptionLimits } from './event-subscriptions.ts';
import type { TandemEvents } from './events.ts';

export interface DialogEventsOptions extends SubscriptionLimits {
  /** Who may know; default everybody who may call here. @param user whose calls */
  readonly allow?: (user: string, request: SipRequest) => boolean;
}

interface Ports {
  readonly clock: Clock;
  readonly observer: Observer<TandemEvents>;
}

export class DialogEvents {
  readonly #subscriptions: EventSubscriptions;
  readonly #dialogs = new UserDialogs();
  readonly #unsubscribe: (() => void)[];

  constructor({ allow = () => true, ...limits }: DialogEventsOptions, { clock, observer }: Ports) {
    this.#subscriptions = new EventSubscriptions(
      clock,
      {
        name: 'dialog',
        contentType: dialogInfoType,
        refusal: (user, request) => (allow(user, request) ? undefined : 403),
        print: (user, entity, version) => printDialogInfo(entity, version, this.#dialogs.of(user)),
      },
      limits,
    );
    this.#unsubscribe = [
      observer.on('call:created', ({ sessionId: id, direction, fromUri, toUri }) => {
        const user = uriUser(direction === 'inbound' ? fromUri : toUri);
        if (user === undefined) return;
        this.#dialogs.begin(user, {
          id,
          direction: direction === 'inbound' ? 'initiator' : 'recipient',
          state: 'trying',
        });
        this.#tell(user);
      }),
      observer.on('call:early', ({ sessionId }) => this.#tell(this.#dialogs.turn(sessionId, 'early'))),
      observer.on('call:answered', ({ sessionId }) => this.#tell(this.#dialogs.turn(sessionId, 'confirmed'))),
      observer.on('call:replaced', ({ sessionId: id, peer }) => {
        this.#tell(this.#dialogs.end(id));
        const user = uriUser(peer);
        if (user === undefined) return;
        this.#dialogs.begin(user, { id, direction: 'recipient', state: 'confirmed' });
        this.#tell(user);
      }),
      observer.on('call:ended', ({ sessionId }) => this.#tell(this.#dialogs.end(sessionId))),
    ];
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** A SUBSCRIBE outside of any dialog; it is answered here. */
  subscribe(incoming: ServerRequest): void {
    this.#subscriptions.subscribe(incoming);
  }

  /** Everybody is told that it is over. */
  async close(): Promise<void> {
    for (const stop of this.#unsubscribe) stop();
    await this.#subscriptions.close();
  }

  #tell(user: string | undefined): void {
    if (user !== undefined) this.#subscriptions.tell(user);
  }
}
