/** Requests that come outside of any call: REGISTER, MESSAGE and SUBSCRIBE. */
import type { Registrar } from '../registrar/registrar.ts';
import type { DialogEvents } from '../session/subscriptions.ts';
import type { ServerRequest } from '../sip/endpoint.ts';
import type { Entrance } from '../sip/entrance.ts';

export interface RequestTakers {
  readonly entrance: Entrance;
  readonly registrar: Registrar | undefined;
  readonly dialogEvents: DialogEvents | undefined;
  message(request: ServerRequest): void;
}

export function serveRequest(
  { entrance, registrar, dialogEvents, message }: RequestTakers,
  request: ServerRequest,
): void {
  const { method } = request.request;
  /** Who may not call here may not send other things, either. */
  const ifAdmitted = (serve: (request: ServerRequest) => void): void =>
    entrance.admit(request, (entry) => {
      if (entry.ok) serve(request);
      else request.respond(entry.status, entry);
    });
  if (registrar && method === 'REGISTER') registrar.handle(request);
  else if (method === 'MESSAGE') ifAdmitted(message);
  else if (dialogEvents && method === 'SUBSCRIBE') ifAdmitted(() => dialogEvents.subscribe(request));
  else request.respond(405);
}
