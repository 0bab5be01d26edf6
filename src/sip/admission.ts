/** Whether a new request of a peer gets a transaction. */
import { printMessage } from './codec.ts';
import type { SipCore } from './core.ts';
import type { SipRequest, Via } from './message.ts';
import { createResponse } from './response.ts';
import { type PeerFlow, replyPort } from './transport/flow.ts';

/** How far over the limits requests of calls that there are may go: what ends something must have a chance. */
const reserve = 1.25;
export const retryLater = { headers: [['Retry-After', '5']] } as const;

/** @param known it is for a call that there is: a CANCEL of an INVITE, a request in a dialog */
export function isAdmitted(core: SipCore, request: SipRequest, flow: PeerFlow, known: boolean): boolean {
  const { transactions, defence, counters } = core;
  if (!known && defence.drops(request, flow)) return false;
  const { maxTransactions, maxTransactionsPerSource } = defence.settings;
  const room = known ? reserve : 1;
  const isFull =
    transactions.servers >= maxTransactions * room ||
    defence.isOverShare(flow, transactions.shares, maxTransactionsPerSource * room);
  if (!isFull) return true;
  counters.overTransactions++;
  refuse(core, request, flow);
  return false;
}

/** Whether an INVITE would be a dialog too many. */
export function isFullOfDialogs({ dialogs, defence }: SipCore, flow: PeerFlow): boolean {
  const { maxDialogs, maxDialogsPerSource } = defence.settings;
  return dialogs.size >= maxDialogs || defence.isOverShare(flow, defence.dialogs, maxDialogsPerSource);
}

/** A 503 that nothing is kept for: a copy of the request gets another one (RFC 3261 §8.2.7). */
function refuse(core: SipCore, request: SipRequest, flow: PeerFlow): void {
  const response = createResponse(request, 503, core.newTag(), retryLater);
  core.introduce(response);
  core.observe('out', response, flow);
  const port = replyPort(flow, request.headers.via[0] as Via);
  core.transport.replyFlow(flow, port).send(printMessage(response), () => {});
}
