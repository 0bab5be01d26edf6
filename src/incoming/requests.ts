/** Requests that come outside of any call: REGISTER, MESSAGE and SUBSCRIBE. */
import type { Registrar } from '../registrar/registrar.ts';
import { eventOf } from '../session/event-subscriptions.ts';
import type { DialogEvents } from '../session/subscriptions.ts';
import type { ServerRequest } from '../sip/endpoint.ts';
import type { Entrance } from '../sip/entrance.ts';

export interface RequestTakers {
  readonly entrance: Entrance;
  readonly registrar: Registrar | undefined;
  readonly dialogEvents: DialogEvents | undefined;
  /** Who waits for messages; undefined as long as there is no mailbox that tells. */
  readonly messageWaiting: () => SubscriptionTaker | undefined;
  message(request: ServerRequest): void;
}

/** Takes SUBSCRIBEs of one package. */
interface SubscriptionTaker {
  /** @param user who asks, where that was proved */
  subscribe(request: ServerRequest, user: string | undefined): void;
}

export function serveRequest(
  { entrance, registrar, dialogEvents, messageWaiting, message }: RequestTakers,
  request: ServerRequest,
): void {
  const { method } = request.request;
  /** Who may not call here may not send other things, either. */
  const ifAdmitted = (serve: (request: ServerRequest, user: string | undefined) => void): void =>
    entrance.admit(request, (entry) => {
      if (entry.ok) serve(request, entry.user);
      else request.respond(entry.status, entry);
    });
  if (registrar && method === 'REGISTER') registrar.handle(request);
  else if (method === 'MESSAGE') ifAdmitted(message);
  else if (method === 'SUBSCRIBE') subscribe();
  else request.respond(405);

  function subscribe(): void {
    const waiting = messageWaiting();
    const event = eventOf(request.request);
    const packages = [...(dialogEvents ? ['dialog'] : []), ...(waiting ? ['message-summary'] : [])];
    if (packages.length === 0) request.respond(405);
    // What is in a mailbox is nobody's business but its owner's, whoever may call here.
    else if (waiting && event === 'message-summary')
      entrance.identify(request, (entry) => {
        if (entry.ok) waiting.subscribe(request, entry.user);
        else request.respond(entry.status, entry);
      });
    else if (dialogEvents && event === 'dialog') ifAdmitted(() => dialogEvents.subscribe(request));
    else request.respond(489, { headers: [['Allow-Events', ['refer', ...packages].join(', ')]] });
  }
}
